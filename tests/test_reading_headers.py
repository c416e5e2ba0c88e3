"""Header fields: decoded without giving up, cleaned of what could be injected, bounded."""

import pytest
from reading_mails import FORMS, mail, multipart, raw, reading

from gateway.errors import ReadingFailed
from gateway.mail import headers
from gateway.mail.message import ReadingLimits, read
from gateway.mail.skeleton import lighten
from gateway.values import Mailbox


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?B?0KLRiyA=?==?utf-8?B?0LjQtNC40L7Rgg==?=", "Ты идиот"),
        (b"=?utf-8?B?0KLRi9A=?= =?utf-8?B?uNC00LjQvtGC?=", "Тыидиот"),
        (b"=?utf-8?Q?you fucking idiot?=", "you fucking idiot"),
        (b"=?utf-8?Q?you_are_an_id=C3=AFot\xff?=", "you are an idïot\ufffd"),
        ("ты идиот".encode(), "ты идиот"),
        ("ты идиот".encode("koi8-r"), "ты идиот"),
        ("hülye".encode("cp1252"), "hülye"),
        (b"=?iso-8859-1*de?q?gr=FC=DFe?= you", "grüße you"),
        (b"a =?utf-8?q?b?= c", "a b c"),
        (b"=?x-unknown?q?idiot?=", "idiot"),
        (b"=?utf-8?q?a?= =?iso-8859-1?q?=FC?=", "aü"),
        (b"=?utf-8?b?eW91IGlkaW90", "=?utf-8?b?eW91IGlkaW90"),
        (b"a\r\n b\t\x00\x07c", "a b c"),
        (b"=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
        (b"", ""),
    ],
)
def test_unstructured_text(value, text):
    assert headers.text(value) == text


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        ("Subject: hi", "hi"),
        ("Subject: nice\nSubject: you idiot", "nice you idiot"),
        ("Subject: same\nSubject: same", "same"),
        ("Subject:\n  folded\n\tsubject", "folded subject"),
        ("subject : hi", "hi"),
        ("X: y", ""),
    ],
)
def test_subject(header, subject):
    result = reading(raw(header, b"x"))
    assert result.subject == subject
    assert [s.text for s in result.segments if s.kind == "subject"] == ([subject] if subject else [])


@pytest.mark.parametrize(
    ("fields", "authors", "count"),
    [
        ("From: Jane Roe <jane@Example.ORG>", (Mailbox("Jane Roe", "jane@example.org"),), 1),
        ("From: jane@example.org", (Mailbox("", "jane@example.org"),), 1),
        ('From: "Roe, Jane" <J.Roe@example.org>, x@y.example', (Mailbox("Roe, Jane", "J.Roe@example.org"), Mailbox("", "x@y.example")), 1),
        ("From: a@b.example\nFrom: c@d.example", (Mailbox("", "a@b.example"), Mailbox("", "c@d.example")), 2),
        ("From: =?utf-8?B?0KLRiw==?= <t@x.example>", (Mailbox("Ты", "t@x.example"),), 1),
        ("From: Иван <иван@Пример.рф>", (Mailbox("Иван", "иван@пример.рф"),), 1),
        ("From: joe", (), 1),
        ("From: <>", (), 1),
        ("X: y", (), 0),
    ],
)
def test_authors(fields, authors, count):
    result = reading(f"{fields}\r\nSubject: x\r\n\r\nhello".encode())
    assert result.authors == authors
    assert result.from_fields == count


def test_a_display_name_in_raw_koi8_is_read():
    message = b'From: "' + "Тупица".encode("koi8-r") + b'" <t@x.example>\r\nSubject: x\r\n\r\nhello'
    assert reading(message).authors == (Mailbox("Тупица", "t@x.example"),)


def test_ids_are_cleaned_and_capped():
    ids = [f"<{n}@x.example>" for n in range(50)]
    fields = f"Message-ID: <m@x.example> (x)\nIn-Reply-To: Your message of Monday <a@b.example>\nReferences: {' junk '.join(ids)}\n"
    result = reading(mail("x", fields=fields))
    assert result.message_id == "<m@x.example>"
    assert result.in_reply_to == ("<a@b.example>",)
    assert result.references == (ids[0], *ids[-19:])


@pytest.mark.parametrize("bad", ["<a b@x>", "<a\x01@x>", "<ä@x>", "<>", "no id", "<" + "a" * 300 + "@x>"])
def test_what_is_no_message_id_is_left_out(bad):
    assert reading(mail("x", fields=f"Message-ID: {bad}\nReferences: {bad}\n")).references == ()


def test_authentication_results_are_unfolded_topmost_first():
    fields = "Authentication-Results: mx.shop.example;\n\tspf=pass\nAuthentication-Results: evil.example; dkim=pass\n"
    assert reading(mail("x", fields=fields)).authentication_results == ("mx.shop.example; spf=pass", "evil.example; dkim=pass")


def test_reply_to_and_received():
    fields = "Reply-To: Other <o@X.example>\nReceived: from a by b; x\nreceived: from c\n by d; y\n"
    result = reading(mail("x", fields=fields))
    assert result.reply_to == (Mailbox("Other", "o@x.example"),)
    assert result.received == 2


@pytest.mark.parametrize(
    ("message", "own"),
    [
        (b"From: a@b.example\r\nthis is body you idiot\r\nmore", "this is body you idiot\nmore"),
        (b">From x\r\nFrom: a@b.example\r\nSubject: x\r\n\r\nyou idiot", "you idiot"),
        (b"From x Mon Jan 1\nFrom: a@b.example\nSubject: x\n\nyou idiot", "you idiot"),
        (b" From: a@b.example\r\nSubject: x\r\n\r\nyou idiot", "you idiot"),
        (b"From: a@b.example\nSubject: x\n\nyou idiot", "you idiot"),
        (b"you idiot", "you idiot"),
        (b"\r\nyou idiot", "you idiot"),
        (b"", ""),
        (b"\r\n", ""),
        (b"Subject: only", ""),
    ],
)
def test_broken_header_sections(message, own):
    assert reading(message).own_text == own


# --- limits -------------------------------------------------------------------------------------------------------


def test_a_long_header_is_cut_and_the_body_still_read():
    result = reading(b"From: a@b.example\r\nSubject: x\r\n" + b"X-Fill: y\r\n" * 100_000 + b"\r\nyou idiot")
    assert result.own_text == "you idiot"
    assert "the header is too long" in result.defects


def test_a_long_subject_is_cut_and_the_body_still_read():
    result = reading(b"From: a@b.example\r\nSubject: " + b"=?utf-8?B?0KLRiw==?= " * 50_000 + b"\r\n\r\nyou idiot")
    assert result.own_text == "you idiot"
    assert len(result.subject) <= 10_000


@pytest.mark.parametrize(
    "message",
    [
        b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 501,
        b"From: a@b.example\r\n"
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(40))
        + b"\r\nx",
        b"Content-Type: message/rfc822\r\n\r\n" * 40 + b"\r\nx",
    ],
)
def test_bombs_are_refused_before_any_parser_runs(message):
    with pytest.raises(ReadingFailed):
        reading(message)


def test_the_beginning_and_the_end_of_a_long_text_are_read():
    result = read(mail("first idiot\n" + "filler words here\n" * 1000 + "last idiot"), FORMS, ReadingLimits(text_characters=2_000))
    assert result.own_text.startswith("first idiot")
    assert result.own_text.endswith("last idiot")
    assert len(result.own_text) <= 2_000
    assert "a text is too long to be read whole" in result.defects


def test_blank_lines_do_not_push_words_out_of_the_text():
    result = read(mail("one" + "\n" * 50_000 + "you idiot" + "\n" * 50_000 + "two"), FORMS)
    assert "you idiot" in result.own_text


def test_attachments_never_reach_the_parser():
    part = "Content-Type: application/pdf\nContent-Transfer-Encoding: base64"
    message = multipart("mixed", ("Content-Type: text/plain", "hello"), (part, "AAAA\n" * 200_000), ("Content-Type: text/plain", "bye"))
    assert len(message) > 1_000_000
    assert len(lighten(message, ReadingLimits()).message) < 2_000
    assert reading(message).own_text == "hello\nbye"


def test_the_parser_logs_nothing(caplog):
    caplog.set_level("DEBUG")
    reading(
        multipart("mixed", ("Content-Type: text/x-unknown", "x"), ("Content-Type: text/calendar", "x"), header="Subject: =?x?q?secret?=\n")
    )
    assert [record.name for record in caplog.records if record.name.startswith("mailparser")] == []
