"""Mail in a mail, as colleagues forward it: found whatever wraps it, and nothing hostile raises."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.attached import attached_mails, named_references

INNER = (
    b"Return-Path: <anna@client.example>\r\nX-Courtesy: level=clean; points=0; id=K7Q29MXAB; rules=-\r\nFrom: Anna <anna@client.example>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <m1@client.example>\r\n\r\nFrom here on.\r\n.dot\r\ntr\xc3\xa4ge\r\n"
)


def wrapped(part: bytes, boundary: bytes = b"b") -> bytes:
    head = b"From: eva@shop.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=" + boundary + b"\r\n\r\n"
    mark = b"--" + boundary
    return head + mark + b"\r\nContent-Type: text/plain\r\n\r\nLook.\r\n" + mark + b"\r\n" + part + b"\r\n" + mark + b"--\r\n"


ENCODED = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(INNER)


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: message/rfc822\r\n\r\n" + INNER,
        b"Content-Type: message/rfc822\r\n" + ENCODED,
        b"Content-Type: message/global\r\n\r\n" + INNER,
        b'Content-Type: application/octet-stream; name="a.EML"\r\n' + ENCODED,
    ],
    ids=["rfc822", "base64", "global", "eml file"],
)
def test_the_bytes_of_an_attached_mail_are_kept(part):
    (found,) = attached_mails(wrapped(part))
    assert found.message == INNER
    assert (found.references, found.return_path) == (("K7Q29MXAB",), "anna@client.example")


def test_a_folded_mail_comes_before_the_one_inside_it():
    folded = wrapped(b"Content-Type: message/rfc822\r\n\r\n" + INNER).replace(
        b"From: eva@shop.example", b"Message-ID: <fold.H4TRW2KX8.0a1b@gw.shop.example>\r\nFrom: courtesy@gw.shop.example"
    )
    outer, inner = attached_mails(wrapped(b"Content-Type: message/rfc822\r\n\r\n" + folded, b"outer"))
    assert (outer.references, inner.message) == (("H4TRW2KX8",), INNER)


def test_a_mail_without_an_attachment_has_none():
    assert attached_mails(INNER) == ()
    assert attached_mails(b"") == ()


def test_what_is_nested_deep_is_cut_off():
    part = INNER
    for _ in range(60):
        part = b"Content-Type: message/rfc822\r\n\r\n" + part
    assert len(attached_mails(wrapped(part))) == 10


@pytest.mark.parametrize("depth", [500, 5_000])
def test_no_depth_raises(depth):
    assert isinstance(attached_mails(wrapped(b"Content-Type: message/rfc822\r\n\r\n" * depth + INNER)), tuple)


def test_references_in_a_text():
    assert named_references("Re: [K7Q29MXAB] and (H4TRW2KX8), not K7Q29MXABC or k7q29mxab") == ("K7Q29MXAB", "H4TRW2KX8")


_PIECES = st.sampled_from(
    [b"Content-Type: message/rfc822\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Transfer-Encoding: base64\r\n", b"\r\n", b"--b\r\n", b"--b--\r\n",
     b"QUJD\r\n", b"\x00\xff", b'Content-Disposition: attachment; filename="x.eml"\r\n', INNER, b"=?utf-8?b?/w==?=", b"Content-Type: ;;\r\n"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(_PIECES, max_size=25))
def test_no_mail_raises(pieces):
    assert isinstance(attached_mails(b"".join(pieces)), tuple)
