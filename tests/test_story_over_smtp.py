"""A sender's whole story over SMTP with the real process, a restart in the middle and a forger beside it."""

import email
import email.policy
import json

import pytest
from gateway_process import GatewayProcess, mail, settings, wait_until
from smtp_sink import ThreadedSink

RUDE_WORDS = "You are an idiot."


@pytest.fixture
def sink():
    with ThreadedSink() as server:
        yield server


def subjects(sink, recipient):
    return [email.message_from_bytes(m.message, policy=email.policy.default)["Subject"] for m in sink.mails if recipient in m.recipients]


def notices(sink, address="anna@client.example"):
    return [m for m in sink.mails if address in m.recipients]


def test_the_whole_story(tmp_path, sink):
    config = settings(tmp_path, sink.port)
    gateway = GatewayProcess(config)
    gateway.start()
    try:
        # civil mail: byte for byte behind the prepended fields, no reply from us
        civil = mail("Hello,\n\nwhere is my order?".replace("\n", "\r\n"), number=1)
        assert gateway.send(civil, "anna@client.example")[0] == 250
        assert sink.mails[0].message.endswith(civil)
        assert sink.mails[0].message.startswith(b"Received: ")
        assert not notices(sink)

        # first warning, folded; the received bytes lie inside
        first = mail(f"{RUDE_WORDS}\r\n\r\nPlease send the parcel to Leeds.", number=2)
        assert gateway.send(first, "anna@client.example")[0] == 250
        folded = email.message_from_bytes(sink.mails[1].message, policy=email.policy.default)
        assert folded.get_content_type() == "multipart/mixed"
        assert first in sink.mails[1].message
        assert folded["Reply-To"].addresses[0].addr_spec == "anna@client.example"
        assert "Leeds" in folded.get_body(("plain",)).get_content()
        warning = wait_until(lambda: notices(sink))[0]
        assert warning.sender == ""
        assert b"Auto-Submitted: auto-replied" in warning.message

        # a client that resends the same mail gets the same answer and no second strike
        assert gateway.send(first, "anna@client.example")[0] == 250
        assert len(subjects(sink, "support@shop.example")) == 2
        assert json.loads(gateway.courtesy("sender", "show", "anna@client.example", "--json"))["active_strikes"] == 1

        # a forger in her name changes nothing
        forged = mail(f"{RUDE_WORDS} Send money.", number=3, verified=False)
        assert gateway.send(forged, "anna@client.example")[0] == 250
        assert json.loads(gateway.courtesy("sender", "show", "anna@client.example", "--json"))["active_strikes"] == 1

        # final warning, then a restart: the ledger remembers
        assert gateway.send(mail(f"{RUDE_WORDS} Again.", number=4), "anna@client.example")[0] == 250
        wait_until(lambda: len(notices(sink)) == 2)
        gateway.stop()
        gateway.start()
        shown = json.loads(gateway.courtesy("sender", "show", "anna@client.example", "--json"))
        assert (shown["standing"], shown["active_strikes"]) == ("final_warned", 2)

        # suspension: held, one notice, clean mail still gets through
        before = len(subjects(sink, "support@shop.example"))
        held_mail = mail(f"{RUDE_WORDS} And again.", number=5)
        assert gateway.send(held_mail, "anna@client.example")[0] == 250
        wait_until(lambda: len(notices(sink)) == 3)
        assert len(subjects(sink, "support@shop.example")) == before
        held = json.loads(gateway.courtesy("held", "list", "--json"))
        assert len(held) == 1
        assert gateway.send(mail("Sorry. Could you look at my order, please?", number=6), "anna@client.example")[0] == 250
        assert len(subjects(sink, "support@shop.example")) == before + 1

        # a person releases the held mail; it isn't judged again
        gateway.courtesy("held", "release", held[0]["id"])
        assert sink.mails[-1].message.endswith(held_mail)
        assert json.loads(gateway.courtesy("held", "list", "--json")) == []

        # a person blocks: refused in session, and postmaster still hears her
        gateway.courtesy("sender", "block", "anna@client.example")
        code, text = gateway.send(mail("Hello, one more question.", number=7), "anna@client.example")
        assert (code, text[:5]) == (550, "5.7.1")
        assert "support+appeals@shop.example" in text
        assert gateway.send(mail("Hello postmaster.", number=8), "anna@client.example", ["postmaster@shop.example"])[0] == 250
        forged = mail("Hello, a clean mail in her name.", number=9, verified=False)
        assert gateway.send(forged, "anna@client.example")[0] == 250
        assert len(json.loads(gateway.courtesy("held", "list", "--json"))) == 1

        # pardoned: from the next mail on
        gateway.courtesy("sender", "pardon", "anna@client.example")
        last = mail("Hello again, thank you.", number=10)
        assert gateway.send(last, "anna@client.example")[0] == 250
        assert sink.mails[-1].message.endswith(last) or wait_until(lambda: any(m.message.endswith(last) for m in sink.mails))
    finally:
        gateway.stop()


def test_observe_records_and_changes_nothing(tmp_path, sink):
    with GatewayProcess(settings(tmp_path, sink.port, mode="observe")) as gateway:
        abusive = mail(RUDE_WORDS, number=1)
        for _ in range(2):
            assert gateway.send(abusive, "anna@client.example")[0] == 250
        assert gateway.send(mail(f"{RUDE_WORDS} Again.", number=2), "anna@client.example")[0] == 250
        assert all(m.message.endswith((abusive, mail(f"{RUDE_WORDS} Again.", number=2))) for m in sink.mails)
        incidents = json.loads(gateway.courtesy("incident", "list", "--json"))
        assert {(i["state"], i["disposition"]) for i in incidents} == {("would_be", "fold")}
        assert json.loads(gateway.courtesy("sender", "list", "--json")) == []
        assert not notices(sink)


def test_pass_is_straight_through(tmp_path, sink):
    with GatewayProcess(settings(tmp_path, sink.port, mode="pass")) as gateway:
        abusive = mail(RUDE_WORDS, number=1)
        assert gateway.send(abusive, "anna@client.example")[0] == 250
        assert sink.mails[0].message.endswith(abusive)
        assert b"X-Courtesy" not in sink.mails[0].message


def test_the_service_refuses_to_start_on_bad_input(tmp_path):
    import subprocess
    import sys

    config = settings(tmp_path, 1025)
    config.write_text(config.read_text().replace('mode = "enforce"', 'mode = "enfroce"').replace("workers = 1", "wrokers = 1"))
    done = subprocess.run([sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"{config}:1: error: mode must be" in done.stderr
    assert "limits.wrokers is not a known key" in done.stderr
    rules = tmp_path / "rules" / "en"
    rules.mkdir(parents=True)
    (rules / "bad.toml").write_text('[[rule]]\nid = "en.x.y"\ncategory = "insult"\npoints = 99\nwords = ["a b)"]\n')
    good = settings(tmp_path, 1025)
    good.write_text(f'rules_dir = "{tmp_path / "rules"}"\n' + good.read_text())
    done = subprocess.run([sys.executable, "-m", "gateway.cli", "serve", "--config", str(good)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"{rules / 'bad.toml'}:4: error: " in done.stderr
    assert f"{rules / 'bad.toml'}:5: error: " in done.stderr
    assert "Traceback" not in done.stderr
