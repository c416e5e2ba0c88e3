"""Trace header work on received bytes."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.smtp_line_ends import bare_line_ends
from gateway.mail.trace import count_received, delivery_key, prepend, received_field
from gateway.values import Envelope

WHEN = datetime(2026, 11, 24, 9, 5, 7, tzinfo=UTC)
MESSAGE = b"From: a@b.example\r\nSubject: x\r\n\r\nbody \xff\r\n.\r\n"


def envelope(**changes):
    values = {
        "sender": "a@b.example",
        "recipients": ("s@shop.example",),
        "client": "192.0.2.7",
        "helo": "mail.b.example",
        "protocol": "ESMTPS",
    }
    return Envelope(**{**values, **changes})


def test_the_received_field():
    assert received_field(envelope(), "gw.shop.example", "C4711", WHEN) == (
        "Received: from mail.b.example ([192.0.2.7])\r\n\tby gw.shop.example with ESMTPS id C4711\r\n\tfor <s@shop.example>;\r\n\t"
        "Tue, 24 Nov 2026 09:05:07 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("changes", "present", "absent"),
    [
        ({"client": "2001:db8::7"}, "([IPv6:2001:db8::7])", None),
        ({"client": "[IPv6:2001:db8::7]"}, "([IPv6:2001:db8::7])", None),
        ({"client": "evil\r\nBcc: x"}, "from mail.b.example\r\n\tby", "Bcc"),
        ({"helo": "x\r\nBcc: y@z"}, "from unknown ([192.0.2.7])", "Bcc"),
        ({"helo": ""}, "from unknown ", None),
        ({"helo": "a b"}, "from unknown ", None),
        ({"helo": "[192.0.2.9]"}, "from [192.0.2.9] ", None),
        ({"helo": "[IPv6:2001:db8::9]"}, "from [IPv6:2001:db8::9] ", None),
        ({"helo": "under_score.example."}, "from under_score.example. ", None),
        ({"helo": "пример.рф"}, "from unknown ", None),
        ({"protocol": "utf8smtps"}, "with UTF8SMTPS id", None),
        ({"protocol": "HTTP"}, "with ESMTP id", "HTTP"),
        ({"recipients": ("a@x.example", "b@x.example")}, "id C4711;", "for <"),
        ({"recipients": ("ü@x.example",)}, "id C4711;", "for <"),
        ({"recipients": ("ü@x.example",), "protocol": "UTF8SMTP"}, "for <ü@x.example>", None),
        ({"recipients": ("a>\r\nBcc: x",)}, "id C4711;", "Bcc"),
        ({"recipients": ()}, "id C4711;", "for <"),
    ],
)
def test_nothing_of_the_client_gets_into_the_field_unchecked(changes, present, absent):
    field = received_field(envelope(**changes), "gw.shop.example", "C4711", WHEN)
    assert present in field
    assert absent is None or absent not in field
    assert re.fullmatch(r"Received: [^\r\n]+(\r\n\t[^\r\n]+)+\r\n", field)


def test_a_reference_is_a_token():
    assert "id C-4711.x;" in received_field(envelope(recipients=()), "gw.shop.example", "C-47\r\n11.x", WHEN)


@given(st.text(max_size=80), st.text(max_size=80), st.lists(st.text(max_size=40), max_size=2), st.text(max_size=20))
def test_the_field_is_always_one_field(helo, client, recipients, reference):
    field = received_field(envelope(helo=helo, client=client, recipients=tuple(recipients)), "gw.shop.example", reference, WHEN)
    assert re.fullmatch(r"Received: [^\r\n]+(\r\n\t[^\r\n]+)+\r\n", field)


# --- prepending ---------------------------------------------------------------------------------------------------


def test_our_fields_stand_in_front_and_the_rest_is_byte_for_byte():
    received = received_field(envelope(), "gw.shop.example", "C1", WHEN)
    result = prepend(MESSAGE, received, "level=clean; points=0; id=C1; rules=abc")
    assert result == received.encode() + b"X-Courtesy: level=clean; points=0; id=C1; rules=abc\r\n" + MESSAGE
    assert prepend(MESSAGE, received, None) == received.encode() + MESSAGE


def test_a_value_of_ours_is_one_line():
    assert b"X-Courtesy: a??Bcc: x?\r\n" in prepend(MESSAGE, "", "a\r\nBcc: xü")


@pytest.mark.parametrize(
    ("message", "renamed"),
    [
        (b"X-Courtesy: level=clean\r\nA: b\r\n\r\nx", b"X-Courtesy-Incoming: level=clean\r\nA: b\r\n\r\nx"),
        (b"A: b\r\nx-COURTESY : level=clean;\r\n\tpoints=0\r\n\r\nx", b"A: b\r\nX-Courtesy-Incoming : level=clean;\r\n\tpoints=0\r\n\r\nx"),
        (b"X-Courtesy: 1\r\nX-Courtesy: 2\r\n\r\nx", b"X-Courtesy-Incoming: 1\r\nX-Courtesy-Incoming: 2\r\n\r\nx"),
        (b"A: b\r\n X-Courtesy: folded\r\n\r\nx", None),
        (b"A: b\r\n\r\nX-Courtesy: body\r\n", None),
        (b"X-Courtesy-Incoming: 1\r\nX-Courtesyx: 2\r\nY-X-Courtesy: 3\r\n\r\nx", None),
        (b"no header\r\nX-Courtesy: 1", b"no header\r\nX-Courtesy-Incoming: 1"),
        (b"\r\nX-Courtesy: 1", None),
        (b"", None),
    ],
)
def test_incoming_copies_of_our_field_are_renamed(message, renamed):
    assert prepend(message, "", None) == (message if renamed is None else renamed)


@given(st.binary(max_size=300).filter(lambda data: b"x-courtesy" not in data.lower()))
def test_any_message_follows_untouched(message):
    assert prepend(message, "Received: x\r\n", "v") == b"Received: x\r\nX-Courtesy: v\r\n" + message


# --- the rest -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "bare"),
    [
        (MESSAGE, False),
        (b"", False),
        (b"\r\n\r\n", False),
        (b"a\n", True),
        (b"a\r", True),
        (b"\r\r\n", True),
        (b"\n\r", True),
        (b"a\r\nb\nc\r\n", True),
    ],
)
def test_bare_line_ends(message, bare):
    assert bare_line_ends(message) == bare


def test_the_same_mail_has_the_same_key_whatever_hops_wrote_on_it():
    traced = (
        b"Return-Path: <a@b.example>\r\nReceived: from a by b\r\n\twith SMTP; x\r\nAuthentication-Results: mx; spf=pass\r\nreceived: y\r\n"
        + MESSAGE
    )
    keys = {
        delivery_key(envelope(), MESSAGE),
        delivery_key(envelope(), traced),
        delivery_key(envelope(client="192.0.2.99", helo="other", protocol="SMTP"), MESSAGE),
    }
    assert len(keys) == 1
    assert re.fullmatch("[0-9a-f]{64}", keys.pop())
    assert delivery_key(envelope(recipients=("a@x", "b@x")), MESSAGE) == delivery_key(envelope(recipients=("b@x", "a@x")), MESSAGE)


def test_other_mails_have_other_keys():
    keys = [
        delivery_key(envelope(), MESSAGE),
        delivery_key(envelope(), MESSAGE + b"\r\n"),
        delivery_key(envelope(), b"X: y\r\n" + MESSAGE),
        delivery_key(envelope(), MESSAGE.replace(b"Subject: x", b"Subject: x\r\nReceived: below")),
        delivery_key(envelope(sender=""), MESSAGE),
        delivery_key(envelope(recipients=("other@shop.example",)), MESSAGE),
        delivery_key(envelope(recipients=("s@shop.example", "t@shop.example")), MESSAGE),
        delivery_key(envelope(sender="a", recipients=("b", "c")), MESSAGE),
        delivery_key(envelope(sender="ab", recipients=("c",)), MESSAGE),
        delivery_key(envelope(sender="", recipients=("a", "b", "c")), MESSAGE),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "message", [b"", b"Received: x", b"Received: x\r\n", b"Received: x\r\n\ty", b"Received: x\r\n\r\nbody", b"\xff", b":"]
)
def test_a_key_for_any_bytes(message):
    assert len(delivery_key(envelope(sender="\udcff"), message)) == 64


@pytest.mark.parametrize(
    ("message", "count"),
    [
        (MESSAGE, 0),
        (b"Received: x\r\nA: b\r\nRECEIVED : y\r\n\treceived: folded\r\nX-Received: z\r\n\r\nReceived: body\r\n", 2),
        (b"Received: x\r\n" * 100, 100),
        (b"", 0),
    ],
)
def test_received_fields_are_counted(message, count):
    assert count_received(message) == count
