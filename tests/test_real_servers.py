"""Beside real servers: swaks and a customer's Postfix, ours before and behind the gateway, Dovecot's mailboxes."""

import base64
import email
import email.policy
import json
import os
import re
import signal
import smtplib
import subprocess
import time
from collections import Counter

import pytest
from gateway_process import mail, wait_until
from real_house import houses, missing

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def world():
    if reason := missing():
        pytest.skip(reason)
    with houses() as everything:
        yield everything


DATE = "Date: Tue, 24 Nov 2026 10:00:00 +0100\r\n"
"""A customer's own Postfix adds a missing one."""


def civil(number, body="Guten Tag,\r\n\r\nwo bleibt meine Bestellung 4711? Viele Gr\u00fc\u00dfe\r\n.\r\n..\r\nAnna", **more):
    return mail(body, number=number, verified=False, more=DATE, **more)


def parsed(message):
    return email.message_from_bytes(message, policy=email.policy.default)


def crlf(message):
    """A mail out of a Maildir as it was on the wire."""
    return message.replace(b"\n", b"\r\n")


def test_postfix_understands_every_line_of_the_documents(world):
    for site in (world.shop, world.desk):
        for listed in ("-n", "-M", "-P"):
            done = subprocess.run(["postconf", "-c", str(site.postfix.config), listed], capture_output=True, text=True, timeout=60, check=True)
            assert not done.stderr


# --- before the queue: customer -> his Postfix -> our Postfix -> gateway -> our Postfix -> Dovecot ---------------------


def test_civil_mail_arrives_byte_for_byte_and_its_signature_verifies(world):
    sent = world.signer.sign(civil(1))
    world.customers.write("anna@client.example", "support@shop.example", sent)
    arrived = world.shop.arrived("support", b"<m1@client.example>")
    assert arrived.endswith(sent)
    assert world.signer.verifies(arrived)
    assert not world.signer.verifies(arrived.replace(b"4711", b"4712"))
    assert parsed(arrived)["X-Courtesy"].startswith("level=clean")
    ours = next(received for received in parsed(arrived).get_all("Received") if "by gw.shop.example" in received)
    assert ours.startswith("from mail.client.example ([127.0.0.2])")
    assert "Verified TLS connection established to 127.0.0.1" in world.customers.postfix.log
    assert not world.customers.inbox("anna")


def test_what_our_postfix_logs_behind_the_gateway_names_the_customers_server(world):
    world.customers.write("anna@client.example", "support@shop.example", civil(14))
    world.shop.arrived("support", b"<m14@client.example>")
    assert re.search(r"postfix/reinject/smtpd\[\d+\]: \w+: client=unknown\[127\.0\.0\.1\], orig_client=unknown\[127\.0\.0\.2\]", world.shop.postfix.log)


def test_8bitmime_goes_through_unconverted(world):
    body = "\u041f\u0440\u0438\u0432\u0435\u0442, \u0433\u0434\u0435 \u043c\u043e\u0439 \u0437\u0430\u043a\u0430\u0437?".encode("koi8-r") + bytes(range(0xA0, 0x100))
    text = b"From: Bert <bert@client.example>\r\nTo: support@shop.example\r\nSubject: Zakaz\r\nMessage-ID: <m2@client.example>\r\n" + DATE.encode() + b"MIME-Version: 1.0\r\n"
    sent = world.signer.sign(text + b"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body + b"\r\n")
    world.customers.write("bert@client.example", "support@shop.example", sent)
    arrived = world.shop.arrived("support", b"<m2@client.example>")
    assert arrived.endswith(sent)
    assert world.signer.verifies(arrived)


def test_smtputf8_addresses_on_both_sides(world):
    sent = (
        f"From: J\u00f6rg <j\u00f6rg@client.example>\r\nTo: \u00fcgyf\u00e9l@shop.example\r\nSubject: Gr\u00fc\u00dfe\r\nMessage-ID: <m3@client.example>\r\n{DATE}"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nJ\u00f3 napot, hol a csomagom?\r\n"
    ).encode()
    with smtplib.SMTP("127.0.0.1", world.customers.port, local_hostname="pc.client.example", timeout=60) as client:
        client.sendmail("j\u00f6rg@client.example", ["\u00fcgyf\u00e9l@shop.example"], sent, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    arrived = world.shop.arrived("international", b"<m3@client.example>")
    assert arrived.endswith(sent)
    assert parsed(arrived)["Return-Path"] == "<j\u00f6rg@client.example>"
    ours = next(received for received in parsed(arrived).get_all("Received") if "by gw.shop.example" in received)
    assert "with UTF8SMTP" in ours
    abusive = sent.replace(b"<m3@", b"<m15@").replace("J\u00f3 napot, hol a csomagom?".encode(), b"You are an idiot.")
    with smtplib.SMTP("127.0.0.1", world.customers.port, local_hostname="pc.client.example", timeout=60) as client:
        client.sendmail("j\u00f6rg@client.example", ["\u00fcgyf\u00e9l@shop.example"], abusive, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    assert abusive in world.shop.arrived("international", b"<m15@client.example>")
    assert parsed(world.customers.heard("joerg", b"Auto-Submitted: auto-replied"))["To"] == "j\u00f6rg@client.example"


def test_a_bounce_to_support_goes_through_and_is_answered_by_nobody(world):
    waiting = len(world.customers.postfix.queue())
    text = "From: MAILER-DAEMON@client.example\r\nTo: support@shop.example\r\nSubject: Undelivered\r\nMessage-ID: <m16@client.example>\r\n"
    sent = f"{text}{DATE}Auto-Submitted: auto-replied\r\n\r\nYou are an idiot.\r\n".encode()
    world.customers.write("<>", "support@shop.example", sent)
    arrived = world.shop.arrived("support", b"<m16@client.example>")
    assert arrived.startswith(b"Return-Path: <>\r\n")
    assert sent in arrived
    assert len(world.customers.postfix.queue()) == waiting


@pytest.mark.slow
def test_a_mail_of_40_megabytes(world):
    blob = base64.encodebytes(os.urandom(7_500) * 4_000).replace(b"\n", b"\r\n")
    head = civil(4, body="Das Bild h\u00e4ngt an.").replace(b"Content-Type: text/plain; charset=utf-8", b'Content-Type: multipart/mixed; boundary="=b"')
    header, _, body = head.partition(b"\r\n\r\n")
    part = b"--=b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body
    sent = header + b"\r\n\r\n" + part + b"--=b\r\nContent-Type: image/tiff\r\nContent-Transfer-Encoding: base64\r\n\r\n" + blob + b"--=b--\r\n"
    assert 40_000_000 < len(sent) < 50_000_000
    world.customers.write("anna@client.example", "support@shop.example", sent)
    assert world.shop.arrived("support", b"<m4@client.example>").endswith(sent)


def test_abuse_is_folded_and_the_notice_leaves_by_our_postfix(world):
    sent = world.signer.sign(civil(5, body="You are an idiot.\r\n\r\nPlease send the parcel to Leeds."))
    world.customers.write("anna@client.example", "support@shop.example", sent)
    folded = world.shop.arrived("support", b"<m5@client.example>")
    assert sent in folded
    assert parsed(folded).get_content_type() == "multipart/mixed"
    (inside,) = [part for part in parsed(folded).walk() if part.get_content_type() == "message/rfc822"]
    assert inside.get_payload(0)["Message-ID"] == "<m5@client.example>"
    assert world.signer.verifies(folded[folded.index(b"DKIM-Signature:") : folded.index(sent) + len(sent)])
    notice = parsed(world.customers.heard("anna", b"Auto-Submitted: auto-replied"))
    assert notice["Return-Path"] == "<>"
    assert notice["From"].addresses[0].addr_spec == "support@shop.example"
    assert "ESMTPS" in str(notice.get_all("Received")[1]) + str(notice.get_all("Received")[-1])


def test_a_reply_to_a_notice_is_taken_by_the_gateway_and_reaches_the_manager(world):
    address = parsed(world.customers.heard("anna", b"Auto-Submitted: auto-replied"))["Reply-To"].addresses[0].addr_spec
    assert address.startswith("support+appeals")
    world.customers.write("anna@client.example", address, civil(6, body="I am sorry. May I explain?"))
    assert world.shop.arrived("boss", b"May I explain?")


def test_a_threat_is_held_the_manager_alerted_and_the_mail_released(world):
    sent = civil(7, sender="bert@client.example", body="I will kill you tomorrow when you leave the office.")
    world.customers.write("bert@client.example", "support@shop.example", sent)
    (held,) = wait_until(lambda: [one for one in json.loads(world.shop_gateway.courtesy("held", "list", "--json")) if "bert" in one["sender"]])
    assert world.shop.arrived("boss", held["id"].encode())
    assert not any(b"<m7@client.example>" in message for message in world.shop.inbox("support"))
    world.shop_gateway.courtesy("held", "release", held["id"])
    assert world.shop.arrived("support", b"<m7@client.example>").endswith(sent)


def test_a_blocked_senders_bounce_comes_from_his_own_server(world):
    world.shop_gateway.courtesy("sender", "block", "anna@client.example")
    try:
        world.customers.write("anna@client.example", "support@shop.example", civil(8, body="Hello, one more question."))
        bounce = world.customers.heard("anna", b"<m8@client.example>")
        assert parsed(bounce).get_content_type() == "multipart/report"
        assert b"\nReceived: by mail.client.example (Postfix)" in bounce
        assert b"Reporting-MTA: dns; mail.client.example" in bounce
        assert b"550 5.7.1" in bounce
        assert b"support+appeals@shop.example" in bounce.replace(b"\n    ", b" ")
        assert not any(b"<m8@client.example>" in message for message in world.shop.inbox("support"))
    finally:
        world.shop_gateway.courtesy("sender", "pardon", "anna@client.example")
    log = world.shop.postfix.log
    assert "status=bounced" not in log
    assert "non-delivery notification" not in log
    world.customers.write("anna@client.example", "support@shop.example", civil(9, body="Hello again, thank you."))
    world.shop.arrived("support", b"<m9@client.example>")


def test_a_customer_who_asks_for_a_delivery_report_gets_it_with_his_own_envelope_id(world):
    with smtplib.SMTP("127.0.0.1", world.customers.port, local_hostname="pc.client.example", timeout=60) as client:
        asked, wanted = ["RET=HDRS", "ENVID=Order+3D4711"], ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Support@shop.example"]
        client.sendmail("anna@client.example", ["support@shop.example"], civil(12), mail_options=asked, rcpt_options=wanted)
    world.shop.arrived("support", b"<m12@client.example>")
    report = world.customers.heard("anna", b"Original-Envelope-Id: Order=4711")
    assert b"Original-Recipient: rfc822;Support@shop.example" in report


def test_one_recipient_of_two_is_refused_and_the_other_gets_the_mail(world):
    with smtplib.SMTP("127.0.0.1", world.shop.ports["border"], local_hostname="pc.client.example", timeout=60) as client:
        refused = client.sendmail("bert@client.example", ["nobody@shop.example", "support@shop.example"], civil(13))
    assert refused["nobody@shop.example"][0] == 550
    assert world.shop.arrived("support", b"<m13@client.example>").endswith(civil(13))


@pytest.mark.slow
def test_of_two_hundred_mails_in_ten_sessions_each_arrives_once(world):
    """Postfix's own smtp-source; what it writes is one civil text with a Message-ID of its own each."""
    to = ["-f", "bert@client.example", "-t", "boss@shop.example", f"127.0.0.1:{world.shop.ports['border']}"]
    before = len(world.shop.inbox("boss"))
    subprocess.run(["smtp-source", "-s", "10", "-m", "200", "-d", *to], capture_output=True, timeout=120, check=True)
    wait_until(lambda: len(world.shop.inbox("boss")) >= before + 200)
    marks = [parsed(message)["X-Courtesy"] for message in world.shop.inbox("boss")[before:]]
    assert len(marks) == len(set(marks)) == 200
    # the same text two hundred times is flooding, which is rude and delivered all the same (R14)
    levels = [mark.partition(";")[0] for mark in marks]
    assert set(levels) == {"level=clean", "level=rude"}


def test_an_unknown_mailbox_is_refused_in_session_too(world):
    world.customers.write("bert@client.example", "nobody@shop.example", civil(10, sender="bert@client.example"))
    bounce = world.customers.heard("bert", b"<m10@client.example>")
    assert b"Reporting-MTA: dns; mail.client.example" in bounce
    assert b"550 5.1.1" in bounce


@pytest.mark.slow
def test_a_gateway_that_is_killed_loses_nothing_and_the_customers_server_keeps_what_it_cant_give(world):
    gateway = world.shop_gateway
    before = len(world.shop.inbox("boss"))
    to = ["-f", "bert@client.example", "-t", "boss@shop.example", f"127.0.0.1:{world.customers.port}"]
    subprocess.run(["smtp-source", "-s", "10", "-m", "100", "-d", *to], capture_output=True, timeout=60, check=True)
    gateway.stop(signal.SIGKILL)
    world.customers.write("anna@client.example", "support@shop.example", civil(11))
    waiting = wait_until(lambda: [entry for entry in world.customers.postfix.queue() if entry["queue_name"] == "deferred"])
    assert all(re.search(r"\b4[25]1 |lost connection", entry["recipients"][0]["delay_reason"]) for entry in waiting)
    with world.trusted():
        gateway.start()
    assert gateway.port == world.shop.ports["gateway"]
    world.customers.postfix.flush()
    assert world.shop.arrived("support", b"<m11@client.example>").endswith(civil(11))
    wait_until(lambda: not world.shop.postfix.queue())
    times = Counter(parsed(message)["Message-ID"] for message in world.shop.inbox("boss")[before:])
    assert len(times) == 100
    assert max(times.values()) <= 2  # RFC 1047: twice when the 250 was lost


# --- in front of a mailbox server: the customer's Postfix speaks TLS with the gateway itself -----------------------------


def test_in_front_of_a_mailbox_server_with_tls_on_both_sides(world):
    sent = world.signer.sign(civil(20))
    world.customers.write("anna@client.example", "support@desk.example", sent)
    arrived = world.desk.arrived("support", b"<m20@client.example>")
    assert arrived.endswith(sent)
    assert world.signer.verifies(arrived)
    received = parsed(arrived).get_all("Received")
    assert any("by gw.desk.example with ESMTPS" in hop for hop in received)
    assert any("by mx.desk.example" in hop and "with ESMTPS" in hop for hop in received)


def test_a_recipient_whom_the_mailbox_server_refuses_is_refused_to_the_customers_server(world):
    world.customers.write("bert@client.example", "nobody@desk.example", civil(21, sender="bert@client.example"))
    bounce = world.customers.heard("bert", b"<m21@client.example>")
    assert b"550 5.1.1" in bounce
    assert b"Reporting-MTA: dns; mail.client.example" in bounce


def test_a_client_who_guesses_addresses_doesnt_slow_down_the_next_mail(world):
    """Postfix lets a session with ten errors wait a second for each reply: it must not be the next customer's."""
    begun = time.monotonic()
    with smtplib.SMTP("127.0.0.1", world.desk.ports["gateway"], local_hostname="pc.client.example", timeout=60) as client:
        client.ehlo()
        client.mail("bert@client.example")
        assert [client.rcpt(f"guess{number}@desk.example")[0] for number in range(12)] == [550] * 12
    with smtplib.SMTP("127.0.0.1", world.desk.ports["gateway"], local_hostname="pc.client.example", timeout=60) as client:
        client.sendmail("anna@client.example", ["support@desk.example"], civil(22))
    assert time.monotonic() - begun < 4
    world.desk.arrived("support", b"<m22@client.example>")


def test_while_the_mailbox_server_is_away_the_customers_server_keeps_the_mail(world):
    world.desk.postfix.stop()
    world.customers.write("anna@client.example", "support@desk.example", civil(23))
    (waiting,) = wait_until(lambda: [entry for entry in world.customers.postfix.queue() if entry["queue_name"] == "deferred"])
    assert "451 4.3.0" in waiting["recipients"][0]["delay_reason"]
    world.desk.postfix.start()
    world.customers.postfix.flush()
    assert world.desk.arrived("support", b"<m23@client.example>").endswith(civil(23))


# --- after the queue: our Postfix sends only the support mailbox through the gateway -----------------------------------


def test_after_the_queue_the_milters_word_reaches_the_gateway_and_a_forged_one_does_not(world):
    forged = mail("Hello, where is my parcel?", number=30, sender="bert@client.example", more=DATE).replace(b"mx.shop.example", b"mx.desk.example")
    assert forged.startswith(b"Authentication-Results: mx.desk.example; dmarc=pass")
    world.customers.write("bert@client.example", "support@desk.example", forged, through=world.desk.ports["border"])
    arrived = world.desk.arrived("support", b"<m30@client.example>")
    assert b"dmarc=pass" not in arrived
    (result,) = parsed(arrived).get_all("Authentication-Results")
    assert result.startswith("mx.desk.example; dkim=none")

    sent = world.signer.sign(civil(31))
    world.customers.write("anna@client.example", "support@desk.example", sent, through=world.desk.ports["border"])
    arrived = world.desk.arrived("support", b"<m31@client.example>")
    assert arrived.endswith(sent)
    assert world.signer.verifies(arrived)
    (result,) = parsed(arrived).get_all("Authentication-Results")
    assert result.startswith("mx.desk.example;")
    assert "dkim=pass" in result
    names = [name for name in parsed(arrived).keys() if name in {"X-Courtesy", "Authentication-Results"}]  # noqa: SIM118 - a mail isn't a dict
    assert names == ["X-Courtesy", "Authentication-Results"]
    assert any("from pc.client.example" in hop and "by gw.desk.example" in hop for hop in parsed(arrived).get_all("Received"))


def test_after_the_queue_other_mailboxes_dont_take_the_way_through_the_gateway(world):
    world.customers.write("anna@client.example", "boss@desk.example", civil(32), through=world.desk.ports["border"])
    assert b"X-Courtesy" not in world.desk.arrived("boss", b"<m32@client.example>")


def test_before_the_queue_no_milter_sees_a_mail_in_front_of_the_gateway(world):
    """Why docs/install.md says that nobody vouches there: the same OpenDKIM adds nothing."""
    world.customers.write("anna@client.example", "support@shop.example", world.signer.sign(civil(33)))
    assert b"dkim=" not in world.shop.arrived("support", b"<m33@client.example>")
