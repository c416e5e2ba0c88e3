"""Header fields as bytes: found, cut to a bearable size, decoded without giving up on anything (RFC 5322 section 2.2, RFC 2047)."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.mail import charset

_FIELD = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")
_ENCODED = re.compile(rb"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,60})?\?([bBqQ])\?([^?]*)\?=")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_NO_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_LONGEST_FIELD = 65_536
_MOST_FIELDS = 2_000
_MOST_REFERENCES = 20


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: its name in lower case and its value unfolded, still as bytes."""

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """A header section: its fields, where the body begins, and what was cut from it."""

    fields: tuple[Field, ...]
    body: int
    defects: tuple[str, ...] = ()

    def all(self, name: str) -> list[bytes]:
        """The values of every field of a name, topmost first."""
        return [field.value for field in self.fields if field.name == name]

    def first(self, name: str) -> bytes:
        """The topmost value of a name, empty when there is none."""
        return next((field.value for field in self.fields if field.name == name), b"")

    def encoded(self) -> bytes:
        """The section in a form on whose end and fields no two parsers disagree, with the blank line."""
        return b"".join(field.name.title().encode() + b": " + field.value + b"\r\n" for field in self.fields) + b"\r\n"


def section(message: bytes, start: int = 0, most: int = 1_000_000) -> Header:
    """Find the header section of a message or of a part.

    Args:
        message: where it stands.
        start: where it begins.
        most: so many bytes of it are kept; the rest of the section is skipped and noted.

    Returns:
        Header: a line that is no field ends it, as every mail program has it; a bare CR ends no line.
    """
    return _Section(message, start, most).read()


class _Section:
    """One walk over the lines of a header section."""

    def __init__(self, message: bytes, start: int, most: int) -> None:
        self._message = message
        self._start = start
        self._left = most
        self._fields: list[Field] = []
        self._defects: dict[str, None] = {}
        self._name = ""
        self._value = bytearray()

    def read(self) -> Header:
        position = self._start
        while position < len(self._message):
            end = self._message.find(b"\n", position) + 1 or len(self._message)
            line = self._message[position : min(end, position + _LONGEST_FIELD)].rstrip(b"\r\n")
            if not line:
                position = end
                break
            if not self._takes(line, first=position == self._start):
                self._defects["the header has no blank line after it"] = None
                break
            position = end
        self._finish()
        return Header(tuple(self._fields), position, tuple(self._defects))

    def _takes(self, line: bytes, *, first: bool) -> bool:
        """Take a line into the section, or say that it isn't of it."""
        if line.startswith((b" ", b"\t")) and (self._name or not _FIELD.match(line.lstrip())):
            self._value += line[: max(0, _LONGEST_FIELD - len(self._value))]
            return bool(self._name) or first
        found = _FIELD.match(line.lstrip())
        if not found:
            return first and line.startswith((b"From ", b">From "))
        self._finish()
        self._name = found[0][:-1].strip().lower().decode("ascii")
        self._value = bytearray(line.lstrip()[found.end() :])
        return True

    def _finish(self) -> None:
        if self._name and (self._left <= 0 or len(self._fields) >= _MOST_FIELDS):
            self._defects["the header is too long"] = None
        elif self._name:
            if len(self._value) >= _LONGEST_FIELD:
                self._defects["a header field is too long"] = None
            self._left -= len(self._value)
            value = bytes(self._value).translate(_NO_BREAKS).replace(b"\0", b"")
            self._fields.append(Field(self._name, value.strip()))
        self._name, self._value = "", bytearray()


def text(value: bytes) -> str:
    """Decode an unstructured field: encoded words, also broken ones, and bytes in whatever charset they are.

    Args:
        value: unfolded.

    Returns:
        str: one line without control characters.
    """
    decoded: list[str] = []
    pending, pending_charset = b"", ""
    position = 0
    for found in _ENCODED.finditer(value):
        between = value[position : found.start()]
        name = found[1].decode("ascii", "replace").lower()
        if pending_charset and (between.strip() or name != pending_charset):
            decoded.append(charset.decode(pending, pending_charset)[0])
            pending, pending_charset = b"", ""
        if between.strip() or (not decoded and not pending):
            decoded.append(charset.decode(between, None)[0])
        pending += _word(found[2], found[3])
        pending_charset = name
        position = found.end()
    if pending_charset:
        decoded.append(charset.decode(pending, pending_charset)[0])
    decoded.append(charset.decode(value[position:], None)[0])
    return one_line("".join(decoded))


def one_line(value: str) -> str:
    """A text without control characters on a single line (RFC 5322 section 2.2: nothing of it may break a header)."""
    return " ".join("".join(character if character.isprintable() or character > "\xa0" else " " for character in value).split())


def _word(encoding: bytes, data: bytes) -> bytes:
    if encoding in b"qQ":
        return _HEX.sub(lambda found: bytes([int(found[1], 16)]), data.replace(b"_", b" "))
    return lenient_base64(data)


def lenient_base64(data: bytes) -> bytes:
    """Decode base64 whatever stands between its letters and however it ends."""
    letters = data.translate(
        None, delete=bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
    )
    whole = bytearray()
    for piece in letters.split(b"="):
        if piece:
            usable = piece[: len(piece) - (len(piece) % 4 == 1)]
            try:
                whole += base64.b64decode(usable + b"=" * (-len(usable) % 4))
            except (binascii.Error, ValueError):
                continue
    return bytes(whole)


def message_ids(values: Sequence[bytes]) -> tuple[str, ...]:
    """The message ids in some fields, cleaned of all else, the first and the latest kept (RFC 5322 section 3.6.4)."""
    found: list[str] = []
    for value in values:
        found.extend(_MESSAGE_ID.findall(value.decode("ascii", "replace")))
    if len(found) > _MOST_REFERENCES:
        return (found[0], *found[1 - _MOST_REFERENCES :])
    return tuple(found)
