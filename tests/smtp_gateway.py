"""A gateway's SMTP side on loopback: the real listener and pool before a sink, with a handler of the test's choice."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.edge.downstream_pool import Pool
from gateway.edge.settings import Settings, parse_settings
from gateway.edge.smtp_listener import Listener
from gateway.edge.smtp_service import Handler

DATA = Path(__file__).parent / "data" / "smtp"


async def verbatim(envelope, message, delivery):
    """The simplest path: everything is delivered as it came."""
    return await delivery.deliver(envelope.recipients, message)


def settings_for(
    downstream: str,
    *,
    recipients: Sequence[str] = ("support@gateway.test",),
    listen: str = "",
    limits: str = "",
    route: str = "",
    addresses: str = "",
) -> Settings:
    listed = ", ".join(f'"{recipient}"' for recipient in recipients)
    return parse_settings(
        f"""
hostname = "gw.test"
[listen]
address = "127.0.0.1:0"
{listen}
[downstream]
address = "{downstream}"
{route}
[accept]
recipients = [{listed}]
[addresses]
support = "Support <support@gateway.test>"
{addresses}
[limits]
{limits}
""",
        "test.toml",
    )


TLS = f'tls_cert = "{DATA / "cert-one.pem"}"\ntls_key = "{DATA / "key-one.pem"}"'


class Client:
    """A client that speaks bytes and reads whole replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, seconds: float = 8) -> str:
        """The next reply with | between its lines; CLOSE when there is none any more."""
        lines = []
        try:
            async with asyncio.timeout(seconds):
                while line := await self.reader.readline():
                    lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
                    if lines[-1][3:4] != "-":
                        return "|".join(lines)
        except ConnectionError:
            pass
        return "|".join([*lines, "CLOSE"])

    async def say(self, line: str) -> str:
        await self.send(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return await self.reply()

    async def hello(self) -> str:
        assert (await self.reply()).startswith("220")
        return await self.say("EHLO client.test")

    async def mail(self, message: bytes, sender: str = "a@client.test", recipients: Sequence[str] = ("support@gateway.test",)) -> str:
        """A whole mail whose recipients must be accepted; the final reply. The message is to be dot-stuffed already."""
        assert (await self.say(f"MAIL FROM:<{sender}>")).startswith("250")
        for recipient in recipients:
            assert (await self.say(f"RCPT TO:<{recipient}>")).startswith("250")
        assert (await self.say("DATA")).startswith("354")
        await self.send(message + b".\r\n")
        return await self.reply()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Leave with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.writer.transport.abort()


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something has become true that nobody tells of."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.005)


@dataclass
class Gateway:
    settings: Settings
    pool: Pool
    listener: Listener
    host: str
    port: int

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        client = Client(*await asyncio.open_connection(self.host, self.port))
        try:
            yield client
        finally:
            await client.close()

    async def quiet(self, seconds: float = 5) -> None:
        """Wait until no session and no mail is in progress."""
        await until(lambda: not self.listener.service.sessions and not self.listener.service.work, seconds)


@asynccontextmanager
async def gateway(settings: Settings, handler: Handler = verbatim, grace: float = 2.0) -> AsyncIterator[Gateway]:
    """Run the SMTP side; at the end everything must be given back."""
    pool = Pool(settings.downstream, settings.hostname)
    await pool.start()
    listener = Listener(settings, handler, pool)
    host, port = await listener.start()
    try:
        yield Gateway(settings, pool, listener, host, port)
    finally:
        await listener.stop(grace)
        await pool.stop()
        assert listener.service.doors.connections == 0
        assert listener.service.memory.taken == 0
        assert pool.connections == 0
