"""A small inbox on loopback: the mailbox server of the demo."""

import asyncio
import socket
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail that came to the inbox."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes


@dataclass(eq=False)
class Inbox:
    """Takes every mail and keeps it."""

    mails: list[Arrived] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it so
        """Keep a mail."""
        del server, session
        content = envelope.original_content or b""
        sender = (envelope.mail_from or "").removeprefix("<>")  # aiosmtpd keeps the null path as it was written
        self.mails.append(Arrived(sender, tuple(envelope.rcpt_tos), content))
        return "250 2.0.0 Ok: kept"

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        listening = socket.create_server(("127.0.0.1", 0))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, enable_SMTPUTF8=True, hostname="inbox.shop.example"), sock=listening)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
