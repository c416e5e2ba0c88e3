"""The message after DATA: read in blocks, ended by CRLF.CRLF and by nothing else (RFC 5321 sections 2.3.8 and 4.1.1.4)."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway import replies
from gateway.edge.smtp_limits import Reservation
from gateway.edge.smtp_line_ends import bare_line_ends
from gateway.values import Reply

_END = b"\r\n.\r\n"
_BLOCK = 1 << 24
"""More than the reader ever holds, so that a read empties it and what belongs to the next command can be fed back."""
_DOT_SLACK = 64
"""One in so many octets may be a stuffed dot before reading gives up; the exact size is checked at the end."""
_RECEIVED = re.compile(rb"^received:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Received:
    """What came after DATA.

    Attributes:
        message: with its dots unstuffed; empty when refused.
        refusal: why it isn't taken, None when it is.
    """

    message: bytes = field(repr=False)
    refusal: Reply | None = None


async def read_data(reader: asyncio.StreamReader, size_limit: int, memory: Reservation, alive: Callable[[], None]) -> Received:
    """Read a message up to its end, whatever is wrong with it.

    Args:
        reader: the session's; what follows the end of data stays in it.
        size_limit: octets of a message (RFC 1870).
        memory: grows with what is kept.
        alive: called for each block, so that the session's idle time begins again.

    Returns:
        Received: the message, or the reply to give instead.

    Raises:
        asyncio.IncompleteReadError: the client left.
    """
    # The CRLF of the DATA command counts as the one before a first line ".".
    data = bytearray(b"\r\n")
    seen = 0
    refusal: Reply | None = None
    while True:
        block = await reader.read(_BLOCK)
        if not block:
            raise asyncio.IncompleteReadError(b"", None)
        alive()
        if refusal is None and not memory.grow(len(block)):
            refusal = replies.MEMORY_FULL
        data += block
        end = data.find(_END, seen)
        if end >= 0:
            break
        if refusal is None and len(data) > size_limit + size_limit // _DOT_SLACK + len(_END):
            refusal = replies.TOO_BIG
        if refusal is not None:
            memory.release()
            del data[: -len(_END)]
        seen = max(0, len(data) - len(_END) + 1)
    if rest := data[end + len(_END) :]:
        reader.feed_data(bytes(rest))
    if refusal is not None:
        memory.release()
        return Received(b"", refusal)
    message = bytes(data[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]
    return Received(message, _objection(message, size_limit))


def _objection(message: bytes, size_limit: int) -> Reply | None:
    if len(message) > size_limit:
        return replies.TOO_BIG
    return replies.BARE_LINE_ENDS if bare_line_ends(message) else None


def hops(message: bytes) -> int:
    """How many Received fields the header has (RFC 5321 section 6.3)."""
    end = message.find(b"\r\n\r\n")
    return len(_RECEIVED.findall(message if end < 0 else message[:end]))
