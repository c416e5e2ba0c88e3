"""Whatever is sent, reading ends soon, with a Reading or with ReadingFailed."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_mails import FORMS, SHARED, mail, raw, reading

from gateway.errors import ReadingFailed
from gateway.mail.message import read

M = 1_000_000
PLAIN = "Content-Type: text/plain; charset=utf-8"


def body(unit):
    return raw(f"Subject: hi\n{PLAIN}", unit * (M // len(unit)))


HOSTILE = {
    "blank lines": body(b"\r\n"),
    "spaces": body(b" "),
    "quote marks": body(b">"),
    "quoted lines": body(b"> a\r\n"),
    "colons": body(b"a:\r\n"),
    "attributions": body(b"On 3 Mar wrote:\r\n\r\n"),
    "half attributions": body(b"On 3 Mar 2025 x wrote\r\n"),
    "header lines": body(b"x\r\nFrom: a\r\n\r\n"),
    "separators": body(b"-----Original Message-----\r\n> a\r\nb\r\n"),
    "rules": body(b"_____\r\n"),
    "signatures": body(b"-- \r\n"),
    "footers": body(b"x\r\n\r\nthis message is confidential to you\r\n\r\n"),
    "chat": body(b"[16:04] Agent: x\r\n"),
    "log": body(b"2024-10-08 09:14:02 INFO x\r\n"),
    "fences": body(b"```\r\n"),
    "tables": body(b"a\tb\tc\r\n"),
    "one word": body(b"a"),
    "symbols": body(b"{;"),
    "armour": body(b"-----BEGIN PGP MESSAGE-----\r\nA: b\r\n"),
    "encoded words": b"Subject: " + b"=?utf-8?B?0KLRiw==?= " * (M // 22) + b"\r\n\r\nx",
    "broken encoded words": b"Subject: " + b"=?utf-8?q?" * (M // 10) + b"\r\n\r\nx",
    "recipients": b"To: " + b"a@b.example, " * (M // 13) + b"\r\n\r\nx",
    "parentheses": b"From: " + b"(" * M + b"\r\nTo: " + b"(" * M + b"\r\n\r\nx",
    "From fields": b"From: a@b.example\r\n" * 50_000 + b"\r\nx",
    "names": b"".join(b"X-%d: a\r\n" % n for n in range(60_000)) + b"\r\nx",
    "hops": b"Received: from a by b ((((; x\r\n" * 4_000 + b"\r\nx",
    "references": b"References: " + b"<a@b> " * (M // 6) + b"\r\n\r\nx",
    "parameters": b"Content-Type: text/plain; " + b"a*0=b; " * (M // 7) + b"\r\n\r\nx",
    "delimiters": raw("Content-Type: multipart/mixed; boundary=b", b"--\r\n" * (M // 4)),
    "folded nothing": b" x\r\n" * (M // 4),
    "zeros": b"\0" * M,
    "returns": b"\r" * M,
    "flowed": raw("Content-Type: text/plain; format=flowed", b"> a \r\n" * (M // 6)),
    "enriched": raw("Content-Type: text/enriched", b"<param>" * (M // 7)),
    "html": raw("Content-Type: text/html", b"<!--<a <blockquote>" * (M // 19)),
    "koi8": raw("Content-Type: text/plain", "ты идиот ".encode("koi8-r") * (M // 9)),
    "utf-7": raw("Content-Type: text/plain; charset=utf-7", b"+AOQ-" * (M // 5)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_million_bytes_of_anything_are_read_soon(name):
    begun = time.process_time()
    read(HOSTILE[name], FORMS)
    assert time.process_time() - begun < 10  # far below a second where nothing else runs; quadratic would be minutes


FRAGMENTS = [
    b"From: a@b.example\r\n", b"Subject: =?utf-8?q?=FF?=\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: text/html\r\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Type: text/plain; charset=utf-7; format=flowed\r\n", b"Content-Type: ;;\r\n", b"\r\n", b"--b\r\n",
    b"--b--\r\n", b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: x-uuencode\r\n", b"begin 644 a\r\n", b"<div style='display:none'>",
    b"<blockquote>", b"&#x110000;", b"> quoted\r\n", b"On 3 Mar 2025, A <a@b.example> wrote:\r\n", b"-- \r\n", b"-----Original Message-----\r\n",
    b"From: ", b"Date: ", b"\xff\xfe", b"\0", b"\r", b"\n", b" ", b"you idiot", "ты".encode("koi8-r"), b"Content-Disposition: attachment; filename*=x''%\r\n",
    b"Content-Type: text/plain; name*0*=\xff; name*1=x\r\n", b"In-Reply-To: <\r\n", b"[16:04] Agent: x\r\n", b"```\r\n", b"Content-Type: text/calendar\r\n",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=20)), max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_arrangement_of_pieces_is_read(pieces):
    message = b"".join(pieces)
    try:
        result = read(message, FORMS)
    except ReadingFailed:
        return
    for segment in result.segments:
        segment.text.encode("utf-8")
        assert segment.text.strip()
    assert result == read(message, FORMS)
    assert all(ord(character) >= 32 for character in result.subject)


@given(st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_no_word_of_a_plain_text_is_lost(text):
    message = mail(text, fields="X: y\n")
    result = read(message, FORMS)
    everything = "".join(segment.text for segment in result.segments)
    for word in text.split():
        if word.isalpha():
            assert word in everything


@pytest.mark.shared
def test_every_real_message_is_read_within_a_second():
    folder = SHARED / "real-mail"
    if not folder.is_dir():
        pytest.skip("needs ../shared/real-mail")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(paths) > 600
    for path in paths:
        begun = time.process_time()
        reading(path.read_bytes())
        assert time.process_time() - begun < 1, path
