"""A small real SMTP server on loopback that keeps what it gets and misbehaves on request.

async with Sink() as sink:
    sink.replies["rcpt"] = "550 5.1.1 unknown"        # at a step: connect ehlo helo mail rcpt data message rset noop quit
    sink.recipients["joe@shop.example"] = "452 4.2.2 full"
    sink.delays["message"] = 0.5
    sink.close_at = "data"                            # hangs up instead of a reply; a step or None
    ...
    sink.mails[0].sender, .recipients, .message, .mail_options, .recipient_options, .xforward

with ThreadedSink() as sink:                          # the same in a thread, for tests that block
    sink.wait_for(1)
"""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Self

EXTENSIONS = (
    "PIPELINING",
    "SIZE 50000000",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "CHUNKING",
    "XFORWARD NAME ADDR PROTO HELO SOURCE",
)


@dataclass
class SunkMail:
    sender: str
    recipients: tuple[str, ...]
    message: bytes
    mail_options: tuple[str, ...] = ()
    recipient_options: tuple[tuple[str, ...], ...] = ()
    xforward: str = ""
    connection: int = 0


@dataclass
class _Transaction:
    sender: str | None = None
    options: tuple[str, ...] = ()
    recipients: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    xforward: str = ""


def _path(argument: str) -> tuple[str, tuple[str, ...]]:
    inside, _, rest = argument.partition(":")[2].strip().removeprefix("<").partition(">")
    return inside, tuple(rest.split())


class Sink:
    """The server as an async context manager; `port` is known inside."""

    def __init__(self, port: int = 0, extensions: tuple[str, ...] = EXTENSIONS, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.extensions = extensions
        self.tls = tls
        self.mails: list[SunkMail] = []
        self.commands: list[str] = []
        self.replies: dict[str, str] = {}
        self.recipients: dict[str, str] = {}
        self.delays: dict[str, float] = {}
        self.close_at: str | None = None
        self.connections = 0
        self.open_connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task] = set()
        self._arrived = threading.Condition()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 26)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Close the socket and every connection, as a server does that dies."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def arrived(self, count: int, seconds: float = 5.0) -> list[SunkMail]:
        """Wait until so many mails are here."""
        async with asyncio.timeout(seconds):
            while len(self.mails) < count:  # noqa: ASYNC110 - the sink may be in another thread
                await asyncio.sleep(0.005)
        return self.mails

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        self.open_connections += 1
        try:
            await self._converse(reader, writer, self.connections)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self.open_connections -= 1
            self._tasks.discard(task)
            writer.transport.abort()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                async with asyncio.timeout(0.2):  # after a failed handshake asyncio never says that it is closed
                    await writer.wait_closed()

    async def _say(self, writer: asyncio.StreamWriter, step: str, usual: str, mail: SunkMail | None = None) -> str:
        if delay := self.delays.get(step):
            await asyncio.sleep(delay)
        if self.close_at == step:
            raise ConnectionResetError
        reply = self.replies.get(step, usual)
        if mail and reply.startswith("2"):  # whoever reads the reply may look for the mail at once
            with self._arrived:
                self.mails.append(mail)
                self._arrived.notify_all()
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()
        return reply

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        await self._say(writer, "connect", "220 sink ESMTP")
        now = _Transaction()
        while line := await reader.readline():
            text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            self.commands.append(text)
            verb, _, argument = text.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    now = _Transaction()
                    starttls = ["STARTTLS"] if self.tls and not writer.get_extra_info("sslcontext") else []
                    lines = ["sink", *self.extensions, *starttls] if verb.upper() == "EHLO" else ["sink"]
                    await self._say(
                        writer, verb.lower(), "\r\n".join(f"250{'-' if n < len(lines) - 1 else ' '}{x}" for n, x in enumerate(lines))
                    )
                case "STARTTLS":
                    writer.write(b"220 go\r\n")
                    await writer.start_tls(self.tls)
                case "XFORWARD":
                    now.xforward = argument
                    writer.write(b"250 2.0.0 Ok\r\n")
                case "MAIL" if now.sender is not None:
                    writer.write(b"503 5.5.1 nested MAIL\r\n")
                case "MAIL":
                    sender, options = _path(argument)
                    if (await self._say(writer, "mail", "250 2.1.0 Ok")).startswith("2"):
                        now.sender, now.options = sender, options
                case "RCPT" if now.sender is None:
                    writer.write(b"503 5.5.1 MAIL first\r\n")
                case "RCPT":
                    recipient, options = _path(argument)
                    if (await self._say(writer, "rcpt", self.recipients.get(recipient, "250 2.1.5 Ok"))).startswith("2"):
                        now.recipients.append((recipient, options))
                case "DATA" if not now.recipients:
                    writer.write(b"554 5.5.1 no valid recipients\r\n")
                case "DATA":
                    if (await self._say(writer, "data", "354 go ahead")).startswith("3"):
                        await self._message(reader, writer, now, connection)
                        now = _Transaction()
                case "RSET":
                    now = _Transaction()
                    await self._say(writer, "rset", "250 2.0.0 Ok")
                case "QUIT":
                    await self._say(writer, "quit", "221 2.0.0 Bye")
                    return
                case _:
                    await self._say(writer, "noop", "250 2.0.0 Ok" if verb.upper() == "NOOP" else "502 5.5.2 what?")

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, now: _Transaction, connection: int) -> None:
        first = await reader.readline()
        raw = first if first == b".\r\n" else first + await self._until_end(reader, first)
        message = raw.removesuffix(b".\r\n")
        if message.startswith(b"."):
            message = message[1:]
        message = message.replace(b"\r\n.", b"\r\n")
        recipients, options = tuple(r for r, _ in now.recipients), tuple(o for _, o in now.recipients)
        mail = SunkMail(now.sender or "", recipients, message, now.options, options, now.xforward, connection)
        await self._say(writer, "message", "250 2.0.0 Ok: sunk", mail)

    @staticmethod
    async def _until_end(reader: asyncio.StreamReader, before: bytes) -> bytes:
        """Everything up to the line "." behind CRLF, wherever that begins."""
        lines = [before]
        while True:
            line = await reader.readuntil(b"\n")
            lines.append(line)
            if line == b".\r\n" and lines[-2].endswith(b"\r\n"):
                return b"".join(lines[1:])

    def wait_for(self, count: int, seconds: float = 5.0) -> list[SunkMail]:
        """Wait until so many mails are here, blocking; for another thread than the sink's."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.mails) >= count, seconds):
                raise AssertionError(f"{len(self.mails)} of {count} mails arrived")
        return self.mails


class ThreadedSink(Sink):
    """The same in a thread of its own, as a plain context manager."""

    def __enter__(self) -> Self:
        ready = threading.Event()

        def run() -> None:
            self._loop = asyncio.new_event_loop()
            self._loop.run_until_complete(self.start())
            ready.set()
            self._loop.run_forever()
            self._loop.run_until_complete(self.stop())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def settle(condition, seconds: float = 5.0) -> None:
    """Wait, blocking, until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it never came true")
        time.sleep(0.005)
