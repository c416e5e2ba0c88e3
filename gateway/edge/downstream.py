"""One connection to the mailbox server: plain SMTP, pipelined where offered, one write for a body.

It knows nothing of pools and of who may lease it. Replies are kept as the server gave them, with all their lines.
"""

import asyncio
import re
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from gateway.edge.settings import Downstream, split_host_port
from gateway.edge.smtp_line_ends import bare_line_ends
from gateway.errors import DownstreamFailed
from gateway.values import Reply

CONNECT_SECONDS = 10.0
_REPLY_LIMIT = 65_536
"""Octets of one reply; more than that is no SMTP server."""
_BLOCK = 262_144
"""Bodies up to this go in one write, larger ones in blocks, so that a slow server is seen by its lack of progress."""

_MOST_REFUSALS = 5
_MOST_RESETS = 50
"""Postfix makes each reply wait a second after 10 errors without an accepted mail, hangs up after 20, and counts RSET from 100 on."""

_REPLY_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: (.*)|$)", re.DOTALL)
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Extensions:
    """What a server's EHLO reply offers.

    Attributes:
        keywords: the EHLO keywords, upper-cased.
        size: the limit of SIZE, 0 when none was said (RFC 1870).
        xforward: the attributes of XFORWARD.
    """

    keywords: frozenset[str] = frozenset()
    size: int = 0
    xforward: frozenset[str] = frozenset()

    @classmethod
    def read(cls, lines: Sequence[str]) -> "Extensions":
        """Read the lines of an EHLO reply after its first."""
        offers = {words[0].upper(): words[1:] for line in lines if (words := line.split())}
        size = offers.get("SIZE", [])
        return cls(
            keywords=frozenset(offers),
            size=int(size[0]) if size and size[0].isascii() and size[0].isdigit() else 0,
            xforward=frozenset(word.upper() for word in offers.get("XFORWARD", [])),
        )


def parse_reply(lines: Sequence[bytes]) -> Reply:
    """Make a reply of its lines, each with its code.

    The enhanced code is taken off when all lines carry the same one, so that writing the reply gives these lines again.
    """
    code = int(lines[0][:3])
    texts = [_UNFIT.sub("?", line[4:].decode("utf-8", "replace")) for line in lines]
    found = [_ENHANCED.match(text) for text in texts]
    first = found[0]
    if first and first[1][0] == str(code)[0] and all(match and match[1] == first[1] for match in found):
        return Reply(code, "\n".join((match[2] or "") if match else "" for match in found), first[1])
    return Reply(code, "\n".join(texts))


def stuffed(message: bytes) -> bytes:
    """A message as it goes over the wire: dots doubled at line starts (RFC 5321 section 4.5.2), end of data behind it.

    Raises:
        DownstreamFailed: a bare CR or LF in it; a lax server could take what follows for commands.
    """
    if bare_line_ends(message):
        raise DownstreamFailed("a message with bare CR or LF is never sent on")
    end = b".\r\n" if not message or message.endswith(b"\r\n") else b"\r\n.\r\n"
    start = b"." if message.startswith(b".") else b""
    return b"".join((start, message.replace(b"\r\n.", b"\r\n.."), end))


class Connection(asyncio.Protocol):
    """One SMTP connection to the mailbox server; use `open_connection` to get one that has said EHLO.

    Attributes:
        extensions: what the server offers.
        opened: loop time at which it was opened.
        idle_since: loop time of the last reply.
        dirty: a transaction was begun and not ended; RSET goes before the next one.
        silent: it gave no reply in time, so that another try would only be as slow.
        refusals: negative replies since the last accepted mail.
        resets: transactions undone since then.
    """

    def __init__(self, seconds: float) -> None:
        self.extensions = Extensions()
        self.opened = self.idle_since = 0.0
        self.dirty = self.silent = False
        self.refusals = self.resets = 0
        self._seconds = seconds
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._failure = ""
        self._closed: asyncio.Future[None] | None = None

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; small writes go at once."""
        # uvloop's transports are no subclasses of asyncio's, so an isinstance check would refuse them
        self._transport = cast(asyncio.Transport, transport)
        self._closed = asyncio.get_running_loop().create_future()
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in {socket.AF_INET, socket.AF_INET6}:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Take in reply lines."""
        self._buffer += data
        if len(self._buffer) + sum(map(len, self._lines)) > _REPLY_LIMIT:
            self._fail("an endless reply")
            return
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            match = _REPLY_LINE.fullmatch(line)
            if not match or (self._lines and self._lines[0][:3] != match[1]):
                self._fail("something that is no SMTP reply")
                return
            self._lines.append(line)
            if match[2] != b"-":
                self._replies.append(parse_reply(self._lines))
                self._lines = []
        self._wake()

    def eof_received(self) -> None:
        """The server said good-bye."""
        self._failure = self._failure or "the server closed the connection"
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._failure = self._failure or (f"connection lost: {type(exc).__name__}" if exc else "the server closed the connection")
        self._wake()
        self.resume_writing()
        if self._closed and not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        """The server reads more slowly than we write."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._writable and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, what: str) -> None:
        self._failure = self._failure or what
        if self._transport:
            self._transport.abort()
        self._wake()

    def _overdue(self) -> None:
        self.silent = True
        self._fail("no reply in time")

    # --- what the pool and transactions call

    @property
    def usable(self) -> bool:
        """Whether it is open and nothing unasked-for came (an idle server says 421 before it closes)."""
        return not (self._failure or self._replies or self._buffer or self._lines)

    @property
    def worn(self) -> bool:
        """Whether the server may hold earlier clients' errors against the next one, who has nothing to do with them."""
        return self.refusals > _MOST_REFUSALS or self.resets > _MOST_RESETS

    def close(self) -> None:
        """Say QUIT and close; nobody waits for the answer."""
        if self._transport and not self._transport.is_closing():
            if self.usable and self._writable is None:
                self._transport.write(b"QUIT\r\n")
            self._transport.close()
        self._failure = self._failure or "closed by us"

    def abort(self) -> None:
        """Drop the connection at once, so that the server gets no end of data."""
        self._fail("dropped by us")

    async def closed(self) -> None:
        """Wait until the transport is gone."""
        if self._closed:
            await self._closed

    async def ask(self, *commands: str) -> list[Reply]:
        """Send commands and read a reply for each; in one write where the server offers PIPELINING (RFC 2920).

        Args:
            commands: without line ends.

        Returns:
            list[Reply]: one for each command.

        Raises:
            DownstreamFailed: the connection broke or the server says 421; it is not to be used again.
        """
        for command in commands:
            if _UNFIT.search(command):
                raise DownstreamFailed("a command with a control character is never sent on")
        if not self.usable:
            raise DownstreamFailed(self._failure or "the server spoke out of turn")
        self.resets += commands.count("RSET")
        lines = [f"{command}\r\n".encode("utf-8", "surrogateescape") for command in commands]
        if "PIPELINING" in self.extensions.keywords:
            self._write(b"".join(lines))
            return [await self.reply() for _ in lines]
        replies = []
        for line in lines:
            self._write(line)
            replies.append(await self.reply())
        return replies

    async def data(self, message: bytes) -> Reply:
        """Send DATA and a message in the open transaction.

        Args:
            message: complete, CRLF lines, not dot-stuffed.

        Returns:
            Reply: the server's final word.

        Raises:
            DownstreamFailed: see `ask`; nobody knows then whether the server has the mail.
        """
        body = stuffed(message)
        (go,) = await self.ask("DATA")
        if go.code != 354:
            if go.positive:
                self._fail(f"{go.code} to DATA")
                raise DownstreamFailed(self._failure)
            return go
        try:
            for start in range(0, len(body), _BLOCK):
                self._write(body if len(body) <= _BLOCK else body[start : start + _BLOCK])
                if self._writable is not None:
                    async with asyncio.timeout(self._seconds):
                        await self._writable
        except TimeoutError:
            self._fail("it stopped reading in the middle of a message")
            raise DownstreamFailed(self._failure) from None
        except BaseException:
            self.abort()
            raise
        reply = await self.reply()
        self.dirty = False
        if reply.positive:
            self.refusals = self.resets = 0
        return reply

    async def reply(self) -> Reply:
        """Read the next reply.

        Raises:
            DownstreamFailed: none came in time, the connection broke, or it was 421.
        """
        if not self._replies:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._seconds, self._overdue)
            try:
                while not self._replies and not self._failure:
                    self._waiter = loop.create_future()
                    await self._waiter
            except BaseException:
                self.abort()
                raise
            finally:
                timer.cancel()
        if not self._replies:
            raise DownstreamFailed(self._failure)
        reply = self._replies.popleft()
        self.idle_since = asyncio.get_running_loop().time()
        self.refusals += reply.code >= 400
        if reply.code == 421:
            self.close()
            raise DownstreamFailed(f"the server says {reply}")
        return reply

    def _write(self, data: bytes) -> None:
        if self._failure or self._transport is None:
            raise DownstreamFailed(self._failure or "not connected")
        self._transport.write(data)

    async def greeting(self) -> None:
        """Wait for the server's greeting."""
        said = await self.reply()
        if said.code != 220:
            raise DownstreamFailed(f"the server greets with {said}")

    async def start_tls(self, context: ssl.SSLContext | None, host: str) -> None:
        """Turn the connection into TLS (RFC 3207); never go on without."""
        if context is None or "STARTTLS" not in self.extensions.keywords:
            raise DownstreamFailed("the server offers no STARTTLS")
        (go,) = await self.ask("STARTTLS")
        if go.code != 220 or self._transport is None or not self.usable:
            raise DownstreamFailed(f"STARTTLS: {go}")
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self, context, server_hostname=host)
        if transport is None or not self.usable:
            raise DownstreamFailed("STARTTLS failed")
        self._transport = transport

    async def hello(self, hostname: str) -> None:
        """Say EHLO, or HELO to a server that knows none, and learn what is offered."""
        (said,) = await self.ask(f"EHLO {hostname}")
        if said.positive:
            self.extensions = Extensions.read(said.text.split("\n")[1:])
            return
        (said,) = await self.ask(f"HELO {hostname}")
        self.extensions = Extensions()
        if not said.positive:
            raise DownstreamFailed(f"the server refuses us: {said}")


def client_tls(verify: bool) -> ssl.SSLContext:  # noqa: FBT001 - the setting's own name and value
    """The TLS context for a server of ours."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def open_connection(route: Downstream, hostname: str, tls: ssl.SSLContext | None) -> Connection:
    """Connect, secure as the settings say, and say EHLO.

    Args:
        route: address, TLS mode and timeout.
        hostname: our own name.
        tls: the context when the mode is not "none".

    Returns:
        Connection: ready for MAIL.

    Raises:
        DownstreamFailed: it can't be reached, or not as asked.
    """
    host, port = split_host_port(route.address)
    loop = asyncio.get_running_loop()
    connection = Connection(route.timeout_seconds)
    implicit = route.tls == "implicit"
    try:
        async with asyncio.timeout(min(CONNECT_SECONDS, route.timeout_seconds)):
            await loop.create_connection(
                lambda: connection, host, port, ssl=tls if implicit else None, server_hostname=host if implicit else None
            )
            await connection.greeting()
            await connection.hello(hostname)
            if route.tls == "starttls":
                await connection.start_tls(tls, host)
                await connection.hello(hostname)
    except DownstreamFailed:
        connection.abort()
        raise
    except (OSError, TimeoutError, ssl.SSLError) as error:
        connection.abort()
        raise DownstreamFailed(f"{route.address}: {type(error).__name__}: {error}") from error
    except BaseException:
        connection.abort()
        raise
    connection.opened = connection.idle_since = loop.time()
    return connection
