"""Who is accountable, told over SMTP by the real process that is itself the border: real signatures, a DNS server on loopback."""

import json
import time

import pytest
import tiny_rules
from dns_server import SILENCE, DnsServer
from gateway_process import GatewayProcess, settings, wait_until
from signed_mails import key_zone, signed
from smtp_sink import ThreadedSink

ANNA = "anna@client.example"
WORDS = "You are an idiot."
ZONE = {
    ("_dmarc.client.example", "TXT"): ["v=DMARC1; p=none"],
    ("client.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.spf.example", "TXT"): ["v=DMARC1; p=reject"],
    ("spf.example", "TXT"): ["v=spf1 ip4:127.0.0.1 -all"],
    ("mailer.example", "TXT"): ["v=spf1 ip4:127.0.0.1 -all"],
    ("list.example", "TXT"): ["v=spf1 ip4:127.0.0.1 -all"],
    **key_zone("client.example", "list.example"),
}


@pytest.fixture
def sink():
    with ThreadedSink() as server:
        yield server


@pytest.fixture
def dns():
    with DnsServer(ZONE) as server:
        yield server


@pytest.fixture
def gateway(tmp_path, sink, dns):
    config = settings(tmp_path, sink.port)
    own = f'own_checks = true\nnameservers = ["{dns.address}"]\ndns_seconds = 2.0\n'
    config.write_text(config.read_text().replace('trusted_authserv_ids = ["mx.shop.example"]\n', own))
    with GatewayProcess(config, rules=tiny_rules.write(tmp_path / "rules")) as running:
        yield running


def mail(body, number, author=ANNA, more=""):
    return (
        f"{more}From: Anna <{author}>\r\nTo: support@shop.example\r\nSubject: Order\r\nMessage-ID: <m{number}@client.example>\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    ).encode()


def incidents(gateway):
    return json.loads(gateway.courtesy("incident", "list", "--json"))


def shown(gateway, address=ANNA):
    return json.loads(gateway.courtesy("sender", "show", address, "--json"))


def to(sink, address):
    return [mail for mail in sink.mails if address in mail.recipients]


def test_a_verified_customer_and_one_who_is_forged(gateway, sink, dns):
    # clean mail never asks DNS, whoever sends it
    for number in (1, 2):
        clean = mail("Where is my order, please?", number)
        assert gateway.send(clean, ANNA)[0] == 250
        assert sink.mails[-1].message.endswith(clean)
    assert dns.asked == []

    # somebody writes in her name: staff is protected, she isn't touched
    assert gateway.send(mail(WORDS, 3), ANNA)[0] == 250
    (incident,) = incidents(gateway)
    assert (incident["verified"], incident["strikes"], incident["disposition"]) == (False, 0, "fold")
    assert "own checks: dmarc=fail (p=none)" in gateway.courtesy("incident", "show", incident["id"])
    assert shown(gateway)["active_strikes"] == 0

    # a forged word of a trusted host is nobody's
    forged = mail(WORDS + " Twice.", 4, more="Authentication-Results: mx.shop.example; dmarc=pass header.from=client.example\r\n")
    assert gateway.send(forged, ANNA)[0] == 250
    assert shown(gateway)["active_strikes"] == 0
    assert not to(sink, ANNA)

    # she herself: a strike, and she is told
    assert gateway.send(signed(mail(WORDS + " Really.", 5), "client.example"), ANNA)[0] == 250
    (warning,) = wait_until(lambda: to(sink, ANNA))
    assert warning.sender == ""
    assert shown(gateway)["active_strikes"] == 1
    assert "own checks: dmarc=pass, dkim of client.example" in gateway.courtesy("incident", "show", incidents(gateway)[0]["id"])

    # her other spelling isn't she
    assert shown(gateway)["also_writes_as"] == []

    # blocked: refused when it is she, held when it may be anybody
    gateway.courtesy("sender", "block", ANNA)
    assert gateway.send(signed(mail("Hello, a question.", 6), "client.example"), ANNA)[0] == 550
    assert gateway.send(mail("Hello, a question in her name.", 7), ANNA)[0] == 250
    assert len(json.loads(gateway.courtesy("held", "list", "--json"))) == 1


def test_a_customer_whom_spf_verifies(gateway, sink):
    bob = "bob@spf.example"
    assert gateway.send(mail(WORDS, 1, author=bob), bob)[0] == 250
    assert shown(gateway, bob)["active_strikes"] == 1
    wait_until(lambda: to(sink, bob))


def test_a_mailing_list(gateway, sink):
    """The list has changed the mail and signed it itself: nobody is struck and nobody is answered."""
    posted = signed(mail(WORDS, 1), "client.example").replace(b"\r\n\r\n" + WORDS.encode(), b"\r\nList-Id: <shop.list.example>\r\n\r\n" + WORDS.encode() + b"\r\n--\r\nleave here")
    assert gateway.send(signed(posted, "list.example"), "shop-bounces@list.example")[0] == 250
    (incident,) = incidents(gateway)
    assert (incident["sender"], incident["strikes"], incident["notice"]) == (ANNA, 0, None)
    time.sleep(0.5)
    assert not to(sink, ANNA)
    assert not to(sink, "shop-bounces@list.example")


def test_a_mailing_service_with_a_path_of_its_own(gateway, sink):
    """She is verified and can't be told: one strike stays, then the managers decide."""
    path = "0100018d4711-000000@eu.mailer.example"
    for number, more in enumerate(("", " Where is my parcel? I want it today.", " Nobody answers the telephone in your shop, for weeks now.")):
        assert gateway.send(signed(mail(WORDS + more, number), "client.example"), path)[0] == 250
    third, second, first = incidents(gateway)
    assert (first["strikes"], first["proposal"], first["state"]) == (1, "", "done")
    assert [(i["strikes"], i["proposal"], i["state"], i["disposition"]) for i in (second, third)] == [(0, "strike", "open", "fold")] * 2
    row = shown(gateway)
    assert (row["active_strikes"], row["standing"], row["strikes"][0]["told"]) == (1, "good", False)
    assert len(wait_until(lambda: len(to(sink, "boss@shop.example")) >= 2 and to(sink, "boss@shop.example"))) == 2
    assert not to(sink, ANNA)
    assert not to(sink, path)


def test_silent_dns_delays_nobody_who_is_clean(gateway, sink, dns):
    dns.zone[("_dmarc.client.example", "TXT")] = SILENCE
    began = time.monotonic()
    assert gateway.send(mail("Where is my order, please?", 1), ANNA)[0] == 250
    assert time.monotonic() - began < 1.5
    assert gateway.send(signed(mail(WORDS, 2), "client.example"), ANNA)[0] == 250
    assert time.monotonic() - began < 8
    (incident,) = incidents(gateway)
    assert (incident["verified"], incident["strikes"], incident["disposition"]) == (False, 0, "fold")


def test_other_spellings_and_shared_mailboxes(gateway, sink):
    for number, address in enumerate(("anna.smith@gmail.com", "annasmith+shop@googlemail.com", "info@client.example")):
        assert gateway.send(mail(WORDS, number, author=address), address)[0] == 250
    assert shown(gateway, "anna.smith@gmail.com")["also_writes_as"] == ["annasmith+shop@googlemail.com"]
    gateway.courtesy("sender", "block", "anna.smith@gmail.com")
    assert shown(gateway, "annasmith+shop@googlemail.com")["standing"] == "good"
    told = gateway.courtesy("sender", "block", "info@client.example", check=False)
    assert "shared mailbox" in told
    assert "--really" in told
    assert shown(gateway, "info@client.example")["standing"] == "good"
    assert shown(gateway, "info@client.example")["many_people"] == "shared mailbox"
    gateway.courtesy("sender", "block", "info@client.example", "--really")
    assert shown(gateway, "info@client.example")["standing"] == "blocked"
