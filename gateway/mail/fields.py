"""Header fields and text parts of mails that we write: ASCII-safe, short lines, nothing that a sender could inject."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime

from gateway.values import Mailbox

LINE = 76
"""Lines of header fields are folded at about this many octets (RFC 5322 section 2.1.1 recommends 78)."""

MOST_REFERENCES = 20

_MESSAGE_ID = re.compile(r"<[^\s<>@\x00-\x20\x7f-\U0010ffff]{1,200}@[^\s<>@\x00-\x20\x7f-\U0010ffff]{1,200}>")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+")
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]+")
_BOUNDARY = re.compile(r"[A-Za-z0-9'+_./:=?-]{1,60}")


def one_line(text: str, limit: int = 200) -> str:
    """A text without line ends, control, format and bidirectional characters, cut to a length.

    Args:
        text: from anywhere.
        limit: the most characters to keep.

    Returns:
        str: fit for a header field or a cell (traps: header injection, bidi override, zero width).
    """
    # Look at a bounded piece only: this meets whatever a sender wrote.
    shown = "".join(
        " " if character.isspace() or unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character
        for character in text[: 4 * limit]
        if unicodedata.category(character) not in {"Cf", "Cs", "Co", "Cn"}
    )
    return " ".join(shown.split())[:limit].rstrip()


def paragraph_text(text: str, limit: int = 20_000) -> str:
    """A text with its line ends as LF and without other control, format and bidirectional characters."""
    joined = text[:limit].replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in joined if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"})


def _encoded_words(text: str) -> list[str]:
    """RFC 2047 encoded words in base64, each within 75 octets and never splitting a character (section 2, section 5)."""
    words, piece = [], b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > 45:
            words.append(piece)
            piece = b""
        piece += octets
    words.append(piece)
    return [f"=?utf-8?B?{base64.b64encode(word).decode('ascii')}?=" for word in words]


def _folded(name: str, words: Sequence[str]) -> str:
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > LINE and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line])


def _text_words(text: str) -> list[str]:
    safe = text.isascii() and "=?" not in text and all(len(word) <= LINE for word in text.split(" "))
    return (text.split() or [""]) if safe else _encoded_words(text)


def unstructured(name: str, text: str) -> str:
    """An unstructured field such as Subject (RFC 5322 section 2.2.1), encoded where it isn't plain ASCII."""
    return _folded(name, _text_words(one_line(text)))


def structured(name: str, *tokens: str) -> str:
    """A field whose tokens are our own ASCII.

    Raises:
        ValueError: a token has something in it that may not stand in a field.
    """
    for token in tokens:
        if not token.isascii() or any(ord(character) < 32 or ord(character) == 127 for character in token):
            raise ValueError(f"not fit for {name}: {token!r}")
    return _folded(name, tokens)


def date_field(at: datetime) -> str:
    """Date (RFC 5322 section 3.6.1).

    Raises:
        ValueError: the time is naive.
    """
    if at.tzinfo is None:
        raise ValueError("a naive time can't be a Date")
    return structured("Date", format_datetime(at))


def is_message_id(text: str) -> bool:
    """Whether a text is one message id with its angle brackets, plain ASCII and of sane length."""
    return _MESSAGE_ID.fullmatch(text) is not None


def message_ids(candidates: Iterable[str]) -> tuple[str, ...]:
    """The message ids in some strings, each once where it stands last; of too many the first and the latest are kept."""
    every = [made for text in candidates for made in _MESSAGE_ID.findall(text[:20_000])]
    found = tuple(reversed(dict.fromkeys(reversed(every))))
    return found if len(found) <= MOST_REFERENCES else (found[0], *found[1 - MOST_REFERENCES :])


def threading(in_reply_to: Iterable[str], references: Iterable[str]) -> list[str]:
    """In-Reply-To and References, cleaned and capped (RFC 5322 section 3.6.4); no field where nothing is left."""
    fields = []
    for name, ids in (("In-Reply-To", message_ids(in_reply_to)), ("References", message_ids(references))):
        if ids:
            fields.append(_folded(name, ids))
    return fields


def _domain(domain: str) -> str | None:
    """A domain as A-labels (RFC 5890); None when that can't be."""
    try:
        ascii_form = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    literal = re.fullmatch(r"\[[0-9A-Za-z:.]+\]", ascii_form)
    return ascii_form if literal or _ATOM.fullmatch(ascii_form) else None


def addr_spec(address: str, *, utf8: bool = False) -> str | None:
    """An address as it may stand in a field.

    Args:
        address: an addr-spec, possibly a sender's.
        utf8: the mail travels with SMTPUTF8, so a local part may have any letters (RFC 6532 section 3.2).

    Returns:
        str | None: quoted where RFC 5322 section 3.4.1 asks for it; None when it can't stand in a field.
    """
    local, at, domain = address.rpartition("@")
    host = _domain(domain)
    if not at or not local or len(local) > 256 or len(domain) > 255 or host is None or one_line(local, 256) != local:
        return None
    if not local.isascii() and not utf8:
        return None
    if local.startswith('"') and local.endswith('"') and len(local) > 1:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    bare = "".join(character for character in local if character.isascii())
    dotted = not local.startswith(".") and not local.endswith(".") and ".." not in local
    if dotted and (not bare or _ATOM.fullmatch(bare)):
        return f"{local}@{host}"
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + f'"@{host}'


def address_words(mailbox: Mailbox, *, utf8: bool = False) -> list[str]:
    """A mailbox as words of an address field.

    An address with other letters than ASCII in a mail without SMTPUTF8 becomes an empty group that shows it, as
    RFC 6857 section 3.1.8 downgrades it.

    Raises:
        ValueError: it is no address at all.
    """
    spec = addr_spec(mailbox.address, utf8=utf8)
    if spec is None:
        if "@" not in mailbox.address or mailbox.address.isascii():
            raise ValueError("not a mail address")
        return [*_encoded_words(one_line(mailbox.address, 320)), ":;"]
    display = one_line(mailbox.display, 120)
    if not display:
        return [spec]
    if _PLAIN_PHRASE.fullmatch(display) and "=?" not in display:
        words = display.split()
    elif display.isascii() and "=?" not in display and all(len(word) < 60 for word in display.split()):
        words = ('"' + re.sub(r'(["\\])', r"\\\1", display) + '"').split(" ")
    else:
        words = _encoded_words(display)
    return [*words, f"<{spec}>"]


def address_field(name: str, mailboxes: Sequence[Mailbox], *, utf8: bool = False) -> str:
    """An address field such as From, To, Reply-To.

    Raises:
        ValueError: there is no mailbox or one of them is no address.
    """
    if not mailboxes:
        raise ValueError(f"{name} needs a mailbox")
    words: list[str] = []
    for index, mailbox in enumerate(mailboxes):
        part = address_words(mailbox, utf8=utf8)
        if index < len(mailboxes) - 1:
            part[-1] += ","
        words.extend(part)
    return _folded(name, words)


def checked_boundary(boundary: str, *contents: bytes) -> str:
    """A boundary that occurs in none of the parts (RFC 2046 section 5.1.1).

    Args:
        boundary: 1 to 60 of the characters that a boundary may have; the caller made it unguessable.
        contents: the parts that it must not occur in.

    Raises:
        ValueError: the boundary isn't well formed.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise ValueError("a boundary is 1 to 60 of the characters that RFC 2046 allows")
    candidate, number = boundary, 0
    while any(candidate.encode("ascii") in content for content in contents):
        number += 1
        candidate = f"{boundary}_{number}"
    return candidate


def text_part(subtype: str, text: str, language: str) -> bytes:
    """A text part with its header: 7bit where it can be, else the shorter of quoted-printable and base64.

    Args:
        subtype: "plain" or "html".
        text: LF lines.
        language: for Content-Language (RFC 3282).
    """
    octets = paragraph_text(text, 2_000_000).encode("utf-8")
    if octets.isascii() and all(len(line) <= 200 for line in octets.split(b"\n")):
        encoding, body = "7bit", octets
    else:
        quoted = binascii.b2a_qp(octets, istext=True)
        packed = base64.encodebytes(octets.replace(b"\n", b"\r\n"))
        encoding, body = ("quoted-printable", quoted) if len(quoted) <= len(packed) else ("base64", packed)
    charset = "us-ascii" if encoding == "7bit" else "utf-8"
    header = [
        structured("Content-Type", f"text/{subtype};", f"charset={charset}"),
        structured("Content-Transfer-Encoding", encoding),
        structured("Content-Language", language),
    ]
    return "\r\n".join(header).encode("ascii") + b"\r\n\r\n" + body.rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def multipart(kind: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    """A multipart with its header; every part's octets stand in it as given.

    Raises:
        ValueError: the boundary isn't well formed.
    """
    mark = checked_boundary(boundary, *parts)
    start = b"\r\n--" + mark.encode("ascii")
    head = structured("Content-Type", f"multipart/{kind};", f'boundary="{mark}"').encode("ascii") + b"\r\n"
    return head + b"".join(start + b"\r\n" + part for part in parts) + start + b"--\r\n"
