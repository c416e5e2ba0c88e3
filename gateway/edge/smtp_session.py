"""One client's connection: its command loop, its limits, its end. It knows verbs only as methods `smtp_VERB`.

aiosmtpd brings the protocol object, TLS and the PROXY header; its loop is replaced, as it has no limit on errors or time
that fits us and says what a client sent back to it.
"""

import asyncio
import logging
import socket
from typing import Any, cast

from aiosmtpd.proxy_protocol import get_proxy
from aiosmtpd.smtp import SMTP, TLSSetupException
from aiosmtpd.smtp import Session as State

from gateway import replies
from gateway.edge.smtp_service import Service
from gateway.values import Reply

log = logging.getLogger(__name__)
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd logs every line there, with addresses, at INFO

LONGEST_COMMAND = 2_048
"""Octets of a command line; RFC 5321 section 4.5.3.1.4 wants 512, with all extensions of ours 1,048."""
PROXY_SECONDS = 10.0
LINGER_SECONDS = 2.0
"""How long a closed connection may take to flush its last reply, or to say good-bye in TLS."""

BAD_COMMAND = Reply(500, "Command not recognized", "5.5.2")
LONG_COMMAND = Reply(500, "Command line too long", "5.5.2")
TOO_MANY_COMMANDS = Reply(421, "Too many commands, closing", "4.7.0")
NOT_SMTP = Reply(421, "This is a mail server, closing", "4.7.0")
HELLO_FIRST = Reply(503, "Say EHLO first", "5.5.1")

_NO_HOOKS = object()
"""aiosmtpd's handler; ours is the service, which has no hooks to be looked for."""

_OTHER_PROTOCOLS = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH"})
"""Verbs of HTTP: a browser was tricked into speaking to us, and what follows is not meant as commands."""


class Session(SMTP):
    """A client's connection.

    Attributes:
        client: address of the client, as far as a trusted host says another than the peer's.
        helo: the name that the client gave.
        secured: TLS is active.
    """

    line_length_limit = 65_536
    """Limit of the stream reader: twice as much is buffered at most before the socket is left alone."""

    def __init__(self, service: Service) -> None:
        super().__init__(
            _NO_HOOKS,
            hostname=service.settings.hostname,
            ident="ESMTP",
            enable_SMTPUTF8=True,  # decodes UTF-8 in commands; what is offered is decided elsewhere
            tls_context=service.tls,
            loop=asyncio.get_running_loop(),
        )
        self.service = service
        self.limits = service.settings.limits
        self.client = ""
        self.helo = ""
        self.secured = False
        self._counted: str | None = None
        self._refused = self._gone = False
        self._errors = 0
        self._commands = 0
        self._deadline: float | None = None
        self._ends = self.loop.time() + self.limits.total_seconds

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in, or tell it that there are too many; after STARTTLS, begin anew."""
        if self.session is None:
            sock = transport.get_extra_info("socket")
            if sock is not None and sock.family in {socket.AF_INET, socket.AF_INET6}:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = transport.get_extra_info("peername")
            self.client = str(peer[0]).removeprefix("::ffff:") if isinstance(peer, tuple) else "local"
            if not self._enter(self.client):
                self._refused = True
                self.service.replied(replies.TOO_BUSY)
                # uvloop's transports are no subclasses of asyncio's, so an isinstance check would fail
                cast(asyncio.WriteTransport, transport).write(f"{replies.TOO_BUSY}\r\n".encode())
                transport.close()
                return
            self.service.sessions.add(self)
        else:
            self.secured = True
        self.helo = ""
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take in what the client sends, unless it was not let in."""
        if not self._refused:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        """The client has no more to say."""
        if self._refused or self.session is None:
            return False
        stays: bool | None = super().eof_received()
        # a client that was gone before the session's first step (uvloop tells it then) has no session that would close
        self.hang_up()
        return stays

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone; whatever it had begun is undone."""
        if self._gone:
            return
        self._gone = True
        if self._counted is not None:
            self.service.doors.leave(self._counted)
            self._counted = None
        self.service.sessions.discard(self)
        if self._refused or self.session is None:
            return
        self._set_post_data_state()
        super().connection_lost(error)

    def _set_post_data_state(self) -> None:
        """Forget the mail that was begun; aiosmtpd calls this wherever one ends."""
        self.envelope = self._create_envelope()

    def _set_rset_state(self) -> None:
        self._set_post_data_state()

    @property
    def state(self) -> State:
        """What aiosmtpd keeps of a session; it is there from the first byte on."""
        if self.session is None:
            raise AttributeError("no connection yet")  # aiosmtpd looks at all attributes when it is made
        return self.session

    @property
    def resting(self) -> bool:
        """Whether no mail was begun."""
        return True

    def _enter(self, address: str) -> bool:
        if not self.service.doors.enter(address):
            log.warning("too many connections, %s not let in", address)
            return False
        self._counted = address
        return True

    # --- time: one timer that looks at a deadline, as a new timer for each command costs more than the command

    def _reset_timeout(self, duration: float | None = None) -> None:
        self._deadline = min(self.loop.time() + (duration or self.limits.idle_seconds), self._ends)
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)
        elif self._timeout_handle.when() > self._deadline:
            self._timeout_handle.cancel()
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)

    def pause_timeout(self) -> None:
        """The client waits for us; that is no idling."""
        self._deadline = None

    def _timeout_cb(self) -> None:
        now = self.loop.time()
        if self._deadline is None or now < self._deadline:
            self._timeout_handle = self.loop.call_at(self._deadline or now + self.limits.idle_seconds, self._timeout_cb)
            return
        self.farewell(replies.IDLE)

    def farewell(self, reply: Reply) -> None:
        """Say 421 and close."""
        if self.transport is not None and not self.transport.is_closing():
            self.service.replied(reply)
            cast(asyncio.WriteTransport, self.transport).write(f"{reply}\r\n".encode("ascii", "replace"))
            self.hang_up()

    def hang_up(self) -> None:
        """Close when the last reply is flushed, and soon in any case: a client may not read, or not end its TLS."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()
            self.loop.call_later(LINGER_SECONDS, self.cut)

    def cut(self) -> None:
        """Close at once."""
        for transport in (self.transport, self._original_transport):
            if transport is not None:
                cast(asyncio.WriteTransport, transport).abort()

    # --- replies

    async def say(self, reply: Reply, *, utf8: bool = False) -> None:
        """Send a reply in one piece.

        Args:
            reply: ours or downstream's.
            utf8: the client asked for SMTPUTF8, so a reply may have more than ASCII in it (RFC 6531 section 3.7.4).
        """
        if reply.code >= 400:
            self.service.replied(reply)
        if reply.code >= 500:
            self._errors += 1
        await self._send(str(reply), utf8=utf8)

    async def push(self, status: Any) -> None:
        """Send a reply of aiosmtpd's."""
        await self._send(status if isinstance(status, str) else status.decode("ascii", "replace"), utf8=False)

    async def _send(self, text: str, *, utf8: bool) -> None:
        self._reset_timeout()
        if self.transport is None:
            raise ConnectionResetError
        self._writer.write(f"{text}\r\n".encode("utf-8" if utf8 else "ascii", "replace"))
        await self._writer.drain()

    # --- the command loop

    async def _handle_client(self) -> None:
        try:
            if await self._proxy_header():
                await self.say(self.service.welcome())
                await self._converse()
        except (ConnectionError, asyncio.IncompleteReadError):
            log.debug("a client left")
        except TLSSetupException:
            self._tls_failed()
        except Exception as error:  # noqa: BLE001 - a session's end must not be the end of others
            self.trouble(error)
        finally:
            self.hang_up()

    def _tls_failed(self) -> None:
        """Close after a failed handshake, of which the protocol below tells us nothing more."""
        log.info("TLS handshake with %s failed", self.client)
        self.cut()
        self.connection_lost(None)

    async def _proxy_header(self) -> bool:
        """Read the PROXY header where one is agreed on; whether the session may begin."""
        if not self.service.settings.listen.proxy_protocol:
            return True
        self._reset_timeout(PROXY_SECONDS)
        data = await get_proxy(self._reader)
        if not data:
            log.warning("no valid PROXY header from %s", self.client)
            return False
        if data.src_addr:
            self.service.doors.leave(self.client)
            self._counted = None
            self.client = str(data.src_addr).removeprefix("::ffff:")
            if not self._enter(self.client):
                self.farewell(replies.TOO_BUSY)
                return False
        self._reset_timeout()
        return True

    async def _converse(self) -> None:
        while self.transport is not None and not self.transport.is_closing():
            if closing := self._enough():
                self.farewell(closing)
                return
            line = await self._command_line()
            self._commands += 1
            if line is None:
                await self.say(LONG_COMMAND)
                continue
            verb, _, argument = line.decode("utf-8", "surrogateescape").partition(" ")
            verb = verb.upper()
            method = self._smtp_methods.get(verb) if verb.isascii() else None
            if verb in _OTHER_PROTOCOLS:
                self.farewell(NOT_SMTP)
                return
            if method is None:
                await self.say(BAD_COMMAND)
                continue
            self._reset_timeout()
            try:
                await method(argument.strip())
            except (ConnectionError, asyncio.IncompleteReadError, TLSSetupException):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the client is asked to come back
                await self.say(self.trouble(error))

    def _enough(self) -> Reply | None:
        if self._errors > self.limits.errors:
            return replies.TOO_MANY_ERRORS
        if self._commands >= self.limits.commands:
            return TOO_MANY_COMMANDS
        return replies.CLOSING if self.service.closing and self.resting else None

    async def _command_line(self) -> bytes | None:
        """The next line without its end; None when it was too long."""
        too_long = False
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                await self._reader.readexactly(error.consumed)
                too_long = True
                continue
            return None if too_long or len(line) > LONGEST_COMMAND else line.rstrip(b"\r\n")

    def trouble(self, error: Exception) -> Reply:
        """The reply to an unexpected error: 451 and nothing of its text (RFC 5321 section 4.2.1)."""
        log.error("unexpected %s in a session", type(error).__name__, exc_info=error)
        return replies.TROUBLE

    async def handle_exception(self, error: Exception) -> str:
        """What aiosmtpd's own code would say."""
        return str(self.trouble(error))
