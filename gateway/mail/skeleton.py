"""The message without the weight: header sections cleaned, large attachments left empty, everything counted before any parser runs.

Only what is read is kept, so that a mail of 50 MB costs a parser no more than one of 50 kB, and no bomb reaches it (traps 44, D3).
"""

import email
import re
from dataclasses import dataclass

from gateway.errors import ReadingFailed
from gateway.mail.headers import Header, section

_DELIMITER = re.compile(rb"^--([^\r\n]{0,998})\r?$", re.MULTILINE)
_SMALL = 4_096


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What a mail may ask of the reader.

    Attributes:
        header_bytes: of the header, and of each part's; what is beyond isn't read.
        parts: a mail with more of them isn't read at all; nor is one nested deeper than `depth`.
        text_characters: of all text; the middle of a longer text isn't read.
    """

    header_bytes: int = 262_144
    parts: int = 500
    depth: int = 30
    text_characters: int = 400_000


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The header of a message, the lightened message for the parser, and what was wrong with its form."""

    header: Header
    message: bytes
    defects: tuple[str, ...]


def lighten(message: bytes, limits: ReadingLimits) -> Skeleton:
    """Make the skeleton of a message.

    Args:
        message: as received.
        limits: what it may ask of us.

    Returns:
        Skeleton: linear in the size of the message.

    Raises:
        ReadingFailed: it has too many parts or is nested too deeply.
    """
    return _Lightener(message, limits).run()


class _Lightener:
    def __init__(self, message: bytes, limits: ReadingLimits) -> None:
        self._message = message
        self._limits = limits
        self._depths: dict[bytes, int] = {}
        self._pieces: list[bytes] = []
        self._defects: list[str] = []
        self._parts = 0
        self._text_left = limits.text_characters * 10
        """Bytes of text that are kept; entities and transfer encodings make a character of up to ten of them."""

    def run(self) -> Skeleton:
        header = section(self._message, most=self._limits.header_bytes)
        self._defects.extend(header.defects)
        position = header.body
        keep = self._part_begins(header, 0)
        position, keep = self._inner_header(position, keep, 0)
        if self._depths:
            for found in _DELIMITER.finditer(self._message, position):
                if found.start() < position:
                    continue
                name = found[1].rstrip()
                closing = name not in self._depths
                if closing and not (name.endswith(b"--") and name[:-2] in self._depths):
                    continue
                self._body(position, found.start(), keep=keep)
                self._pieces.append(found[0].rstrip() + b"\r\n")
                position = min(found.end() + 1, len(self._message))
                keep = True
                if not closing:
                    position, keep = self._part(position, self._depths[name])
        self._body(position, len(self._message), keep=keep)
        return Skeleton(header, b"".join(self._pieces), tuple(self._defects))

    def _part(self, position: int, depth: int) -> tuple[int, bool]:
        header = section(self._message, position, most=self._limits.header_bytes)
        return self._inner_header(header.body, self._part_begins(header, depth), depth)

    def _inner_header(self, position: int, keep: "bool | str", depth: int) -> tuple[int, bool]:
        """An attached message begins with a header of its own, in which a boundary may be declared."""
        while keep == "message":
            depth += 1
            header = section(self._message, position, most=self._limits.header_bytes)
            keep = self._part_begins(header, depth)
            position = header.body
        return position, bool(keep)

    def _part_begins(self, header: Header, depth: int) -> "bool | str":
        """Count a part, learn its boundary, and say whether its body is kept ("message": another header follows)."""
        self._parts += 1
        if self._parts > self._limits.parts:
            raise ReadingFailed(f"more than {self._limits.parts} parts")
        if depth > self._limits.depth:
            raise ReadingFailed(f"parts are nested deeper than {self._limits.depth}")
        self._pieces.append(header.encoded())
        kind, boundary, encoded = _content(header)
        if boundary is not None:
            self._depths.setdefault(boundary, depth + 1)
        if kind in {"message/rfc822", "message/global"} and not encoded:
            return "message"
        main = kind.partition("/")[0]
        return main in {"text", "multipart", "message"} or (depth == 0 and main not in {"image", "audio", "video"})

    def _body(self, start: int, end: int, *, keep: bool) -> None:
        size = end - start
        if size <= _SMALL or (keep and size <= self._text_left):
            self._pieces.append(self._message[start:end])
            self._text_left -= size if keep else 0
        elif keep:
            self._pieces.append(self._message[start : start + max(0, self._text_left)] + b"\r\n")
            self._text_left = 0
            self._defects.append("a text is too long to be read whole")
        else:
            self._pieces.append(b"\r\n")


def _content(header: Header) -> tuple[str, bytes | None, bool]:
    """Content type, boundary as a parser will have it, and whether a transfer encoding other than plain is declared."""
    fields = b"".join(
        b"%s: %s\r\n" % (field.name.encode(), field.value[:4_000]) for field in header.fields if field.name.startswith("content-t")
    )
    try:
        message = email.message_from_bytes(fields + b"\r\n")
        boundary = message.get_boundary() if message.get_content_maintype() == "multipart" else None
        encoding = str(message.get("content-transfer-encoding", "")).strip().lower()
        raw = None if boundary is None else boundary.encode("utf-8", "surrogateescape")
        return message.get_content_type(), raw, encoding.startswith(("base64", "quoted", "x-uu", "uu"))
    except Exception:  # noqa: BLE001 - the library's parameter parsing raises many kinds on hostile input; such a part is plain text
        return "text/plain", None, False
