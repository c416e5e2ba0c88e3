"""The part tree: whose text which part is, and every encoding trick of it."""

import base64

import pytest
from reading_mails import multipart, of_kind, raw, reading

TEXT = "Content-Type: text/plain"
IDIOT64 = base64.b64encode(b"you idiot").decode()


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ('Content-Type: text/plain; name="x.txt"', b"you idiot"),
        ("Content-Type: text/plain\nContent-Disposition: attachment; filename=x.txt", b"you idiot"),
        ("Content-Type: text/html\nContent-Disposition: attachment", b"<p>you idiot</p>"),
        ("Content-Type: application/octet-stream", b"you idiot"),
        ("Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64", IDIOT64.encode()),
        ("Content-Type: text/enriched", b"<bold>you <param>red</param>id</bold>iot << 3"),
        ("Content-Type: text", b"you idiot"),
        ("Content-Type: nonsense nonsense", b"you idiot"),
        ("Content-Type: multipart/mixed; boundary=abc", b"hello you idiot"),
        ("Content-Type: multipart/mixed", b"--b\r\n\r\nyou idiot\r\n--b--"),
        ("Content-Type: multipart/mixed; boundary=o", b"--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\nyou idiot\r\n--o--"),
        ("Content-Type: multipart/mixed; boundary*0=b; boundary*1=c", b"--bc\r\n\r\nyou idiot\r\n--bc--"),
        ("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64", b"--b\r\n\r\nyou idiot\r\n--b--"),
        ("Content-Type: multipart/mixed; boundary=b", b"--b  \r\n\r\nyou idiot\r\n--b--"),
        ("Content-Type: multipart/mixed; boundary=b", b"--b\n\nyou idiot\n--b--"),
        ("Content-Transfer-Encoding: base64 ", IDIOT64.encode()),
        ("Content-Transfer-Encoding: base64 (really)", IDIOT64.encode()),
        ('Content-Transfer-Encoding: "base64"', IDIOT64.encode()),
        ("Content-Transfer-Encoding: BASE64", b"eW91I\r\nGlka*W90"),
        ("Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64", IDIOT64.encode()),
        ("Content-Transfer-Encoding: base64", b"eW91IGlkaW90\r\nplain trailing words"),
        ("Content-Transfer-Encoding: base64", b"eQ==" + base64.b64encode(b"ou idiot")),
        ("Content-Transfer-Encoding: quoted-printable", b"you id=\r\niot"),
        ("Content-Transfer-Encoding: quoted-printable", b"you =69=64=69ot =ZZ"),
        ("Content-Transfer-Encoding: x-uuencode", b"begin 644 a.txt\r\n)>6]U(&ED:6]T\r\n`\r\nend"),
        ("Content-Transfer-Encoding: x-unknown", b"you idiot"),
        ("Content-Type: text/plain", b"you id\0iot"),
        ("Content-Type: text/calendar", b"BEGIN:VEVENT\r\nDESCRIPTION:you id\r\n iot\\, really\r\nEND:VEVENT"),
    ],
)
def test_bodies_that_a_naive_reader_misses(header, body):
    assert "you idiot" in reading(raw(f"Subject: hi\n{header}", body)).own_text


def test_a_binary_root_is_no_text():
    assert reading(raw("Content-Type: application/octet-stream", bytes(range(256)) * 8)).own_text == ""
    assert reading(raw("Content-Type: image/png", b"you idiot")).own_text == ""


@pytest.mark.parametrize("subtype", ["mixed", "related", "alternative", "signed", "report", "x-unknown", "parallel"])
def test_the_first_part_is_the_senders(subtype):
    assert "you idiot" in reading(multipart(subtype, (TEXT, "you idiot"), (TEXT, "more"))).own_text


def test_an_attached_mail_is_evidence():
    inner = "From: troll@x.example\nSubject: =?utf-8?q?you_fool?=\n\nyou idiot"
    result = reading(multipart("mixed", (TEXT, "Look what I got."), ("Content-Type: message/rfc822", inner)))
    assert result.own_text == "Look what I got."
    assert "you idiot" in of_kind(result, "forwarded")
    assert "you fool" in of_kind(result, "forwarded")


def test_an_attached_mail_in_base64_is_evidence_too():
    inner = base64.b64encode(b"From: troll@x.example\r\nSubject: x\r\n\r\nyou idiot").decode()
    result = reading(multipart("mixed", (TEXT, "Look."), ("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64", inner)))
    assert "you idiot" in of_kind(result, "forwarded")
    assert result.own_text == "Look."


def test_a_multipart_inside_an_attached_mail_stays_inside():
    inner = "Content-Type: multipart/mixed; boundary=i\n\n--i\n\nyou idiot\n--i--"
    result = reading(multipart("mixed", (TEXT, "Look."), ("Content-Type: message/rfc822", inner), (TEXT, "Thanks for your help.")))
    assert result.own_text == "Look.\nThanks for your help."
    assert "you idiot" in of_kind(result, "forwarded")


@pytest.mark.parametrize(
    "fields", ["Content-Type: text/plain\nContent-Disposition: attachment; filename=log.txt", "Content-Type: text/x-log; name=a.log"]
)
def test_an_attached_text_is_not_the_senders_words(fields):
    result = reading(multipart("mixed", (TEXT, "The log is attached."), (fields, "you idiot")))
    assert result.own_text == "The log is attached."
    assert "you idiot" in of_kind(result, "forwarded")


def test_an_attached_text_is_read_as_the_mail_when_there_is_no_other():
    fields = "Content-Type: text/plain\nContent-Disposition: attachment; filename=letter.txt"
    assert reading(multipart("mixed", (TEXT, " "), ("Content-Type: image/png", "x"), (fields, "you idiot"))).own_text == "you idiot"


def test_texts_between_attachments_are_the_senders():
    image = "Content-Type: image/png; name=a.png\nContent-Disposition: inline"
    assert reading(multipart("mixed", (TEXT, "one"), (image, "x"), (TEXT, "two"))).own_text == "one\ntwo"


@pytest.mark.parametrize(
    "message",
    [
        multipart("encrypted; protocol=application/pgp-encrypted", ("Content-Type: application/pgp-encrypted", "Version: 1"), (TEXT, "x")),
        raw("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64", b"MIIB"),
        raw("Content-Type: application/x-pkcs7-mime; name=smime.p7m", b"\x30\x82"),
        raw(
            "Subject: x",
            b"-----BEGIN PGP MESSAGE-----\r\nVersion: 1\r\n\r\n" + (b"A" * 64 + b"\r\n") * 3 + b"=abcd\r\n-----END PGP MESSAGE-----\r\n",
        ),
    ],
)
def test_what_is_encrypted_is_said_to_be(message):
    result = reading(message)
    assert result.encrypted
    assert result.own_text == ""


def test_words_beside_pgp_armour_are_read():
    body = b"you idiot\r\n-----BEGIN PGP MESSAGE-----\r\n\r\n" + (b"A" * 64 + b"\r\n") * 3 + b"=abcd\r\n-----END PGP MESSAGE-----\r\n"
    assert reading(raw("Subject: x", body)).own_text == "you idiot"


def test_signed_mail_is_read():
    result = reading(
        multipart("signed; protocol=application/pgp-signature", (TEXT, "you idiot"), ("Content-Type: application/pgp-signature", "x"))
    )
    assert result.own_text == "you idiot"
    assert not result.encrypted


def test_reports_have_no_own_words_beside_their_first_part():
    status = ("Content-Type: message/delivery-status", "Reporting-MTA: dns; x\n\nAction: failed")
    result = reading(multipart("report", (TEXT, "It failed."), status, ("Content-Type: text/rfc822-headers", "Subject: you idiot")))
    assert result.own_text == "It failed."
    assert "idiot" not in of_kind(result, "forwarded")


@pytest.mark.parametrize(
    ("flowed", "plain"),
    [
        (b"one \r\ntwo\r\n", "one two"),
        (b" space-stuffed\r\n", "space-stuffed"),
        (b"> quoted \r\n> on\r\nown words of me\r\n", "own words of me"),
        (b"hello there all \r\n-- \r\nx\r\n", "hello there all"),
    ],
)
def test_format_flowed(flowed, plain):
    result = reading(raw("Subject: Re: x\nIn-Reply-To: <1@x.example>\nContent-Type: text/plain; format=flowed", flowed))
    assert plain in result.own_text
