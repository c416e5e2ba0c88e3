"""Our own mail is signed and the signature verifies at whoever gets it; what passes through is never touched."""

import base64
import subprocess

import dkim
import pytest
import tiny_rules
from click.testing import CliRunner
from gateway_inside import gateway_inside
from gateway_process import mail, settings
from pydantic import ValidationError

from gateway.cli.main import main
from gateway.edge import scorer, shipped
from gateway.edge.dkim_signer import load_signer
from gateway.edge.settings import DkimSettings, load_settings
from gateway.errors import BadInput

ANNA = "anna@client.example"


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    file = tmp_path_factory.mktemp("dkim") / "dkim.pem"
    openssl("genrsa", "-out", file, "2048")
    return file


@pytest.fixture(scope="module")
def record(key):
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(openssl("rsa", "-in", key, "-pubout", "-outform", "der"))


@pytest.fixture
def verifies(record):
    def check(message):
        asked = []

        def dns(name, **_):
            asked.append(name)
            return record

        good = dkim.verify(message, dnsfunc=dns)
        assert asked in ([], [b"s1._domainkey.shop.example."])
        return good

    return check


def section(key):
    return f'[dkim]\ndomain = "shop.example"\nselector = "s1"\nkey_file = "{key}"\n'


async def test_notice_alert_and_folded_mail_are_signed_and_nothing_else(tmp_path, monkeypatch, key, verifies):
    rules = tiny_rules.write(tmp_path / "rules")
    monkeypatch.setattr(scorer, "folder", lambda name: rules if name == "rules" else shipped.folder(name))
    async with gateway_inside(tmp_path, more=section(key)) as inside:
        civil = mail("Where is my order?", number=1)
        await inside.send(civil, ANNA)
        abusive = mail("You are an idiot.\r\n\r\nПожалуйста, send the parcel to Leeds.", number=2)
        await inside.send(abusive, ANNA)
        threat = mail("I will kill you.", sender="bert@client.example", number=3)
        await inside.send(threat, "bert@client.example")
        await inside.outbox_empty()
        delivered, folded = (sunk.message for sunk in inside.sink.mails if "support@shop.example" in sunk.recipients)
        (notice,) = (sunk.message for sunk in inside.sink.mails if ANNA in sunk.recipients)
        alerts = [sunk.message for sunk in inside.sink.mails if "boss@shop.example" in sunk.recipients]
    assert b"DKIM-Signature" not in delivered
    assert delivered.endswith(civil)
    assert abusive in folded
    assert len(alerts) == 1
    for ours in (notice, folded, *alerts):
        assert verifies(ours)
        assert not verifies(ours.replace(b"Subject: ", b"Subject: Re: ", 1))
        # a second From or Subject above ours breaks it (RFC 6376 section 8.15)
        assert not verifies(b"From: boss@bank.example\r\n" + ours)
        assert not verifies(b"Subject: You won\r\n" + ours)
        assert not verifies(ours.replace(b"</html>", b"</html><p>more", 1) if b"</html>" in ours else ours + b"more\r\n")


def test_a_signature_adds_a_field_and_leaves_every_byte(key, verifies):
    signer = load_signer(DkimSettings(domain="shop.example", selector="s1", key_file=str(key)))
    message = b"From: a@shop.example\r\nTo: b@client.example\r\nSubject: x\r\n\r\n\xff\xfe 8 bit\r\n.\r\n"
    signed = signer.signed(message)
    assert signed.startswith(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=shop.example;")
    assert signed.endswith(message)
    assert verifies(signed)
    assert str(key.read_bytes()) not in repr(signer)


def test_what_cant_be_signed_leaves_unsigned_and_the_log_says_so(key, caplog):
    signer = load_signer(DkimSettings(domain="shop.example", selector="s1", key_file=str(key)))
    message = b"no header at all"
    assert signer.signed(message) == message
    assert "leaves unsigned" in caplog.text


def test_without_a_key_nothing_is_signed():
    assert load_signer(DkimSettings()) is None


@pytest.mark.parametrize("missing", ["domain", "selector", "key_file"])
def test_all_three_or_none(missing):
    given = {"domain": "shop.example", "selector": "s1", "key_file": "/dkim.pem"}
    with pytest.raises(ValidationError, match="all three or none"):
        DkimSettings(**{name: value for name, value in given.items() if name != missing})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "is not an RSA private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not an RSA private key"),
        ("ec", "is not an RSA private key"),
        ("short", "has 512 bits"),
    ],
)
def test_config_check_and_serve_say_what_is_wrong_with_a_key(tmp_path, content, said):
    file = tmp_path / "dkim.pem"
    if content == "ec":
        openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", file)
    elif content == "short":
        openssl("genrsa", "-out", file, "512")
    elif content is not None:
        file.write_bytes(content)
    config = settings(tmp_path, 1, more=section(file))
    checked = CliRunner().invoke(main, ["config", "check", str(config)])
    assert checked.exit_code == 1
    assert f"{file}: error: dkim.key_file {said}" in checked.output
    with pytest.raises(BadInput):
        load_signer(load_settings(config).dkim)


def test_config_check_is_content_with_a_key_and_warns_of_a_strange_domain(tmp_path, key):
    good = CliRunner().invoke(main, ["config", "check", str(settings(tmp_path, 1, more=section(key)))])
    assert (good.exit_code, good.output) == (0, "")
    strange = section(key).replace("shop.example", "notshop.example")
    warned = CliRunner().invoke(main, ["config", "check", str(settings(tmp_path, 1, more=strange))])
    assert warned.exit_code == 0
    assert "warning: dkim.domain notshop.example isn't that of shop.example" in warned.output
