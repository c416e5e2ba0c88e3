"""The listening socket: it opens, renews its certificate, and closes with grace."""

import asyncio
import ipaddress
import logging
import socket
import ssl

from gateway import replies
from gateway.edge.downstream_pool import Pool
from gateway.edge.settings import Settings, split_host_port
from gateway.edge.smtp_limits import Doors, Memory
from gateway.edge.smtp_recipients import Recipients
from gateway.edge.smtp_server import Server
from gateway.edge.smtp_service import Handler, Network, Service
from gateway.errors import BadInput, Problem

log = logging.getLogger(__name__)

BACKLOG = 512
_LAST_SECONDS = 0.5
"""For last replies to be flushed when the grace is over."""


def _load(context: ssl.SSLContext, settings: Settings) -> None:
    file = settings.listen.tls_cert
    try:
        context.load_cert_chain(file, settings.listen.tls_key)
    except OSError as error:  # ssl.SSLError is one
        raise BadInput((Problem(file, 0, f"tls_cert and tls_key can't be used: {error.strerror or error}"),)) from None


def _networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    """Read listen.xclient_hosts."""
    found, problems = [], []
    for name in names:
        try:
            found.append(ipaddress.ip_network(name, strict=False))
        except ValueError:
            problems.append(Problem("listen.xclient_hosts", 0, f'"{name}" is no address or network; write for example "10.0.0.0/24"'))
    if problems:
        raise BadInput(tuple(problems))
    return tuple(found)


def server_tls(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context for clients, None when no certificate is set.

    Raises:
        BadInput: the certificate can't be used.
    """
    if not settings.listen.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, settings)
    return context


class Listener:
    """Accepts clients and hands their mail to the path."""

    def __init__(self, settings: Settings, handler: Handler, pool: Pool) -> None:
        """Prepare; nothing is opened before `start`.

        Args:
            settings: all settings in force.
            handler: the path from the end of data to the reply.
            pool: connections to the mailbox server; started and stopped by its owner.

        Raises:
            BadInput: the certificate can't be used, or a trusted host isn't an address.
        """
        self._settings = settings
        self.service = Service(
            settings=settings,
            pool=pool,
            handler=handler,
            recipients=Recipients(settings),
            doors=Doors(settings.limits),
            memory=Memory(settings.limits.memory),
            trusted=_networks(settings.listen.xclient_hosts),
            tls=server_tls(settings),
        )
        self._server: asyncio.Server | None = None

    async def start(self, inherited: socket.socket | None = None) -> tuple[str, int]:
        """Begin to accept clients.

        Args:
            inherited: a listening socket that somebody else opened (systemd), None to open the one of the settings.

        Returns:
            tuple[str, int]: the host and port that clients reach; the path and 0 for a Unix socket.
        """
        loop = asyncio.get_running_loop()
        if inherited is not None:
            inherited.setblocking(False)
            self._server = await loop.create_server(self._protocol, sock=inherited, backlog=BACKLOG)
        else:
            host, port = split_host_port(self._settings.listen.address)
            self._server = await loop.create_server(self._protocol, host, port, backlog=BACKLOG)
        name = self._server.sockets[0].getsockname()
        return (str(name), 0) if isinstance(name, str | bytes) else (str(name[0]), int(name[1]))

    @property
    def serving(self) -> bool:
        """Whether clients are accepted."""
        return self._server is not None and self._server.is_serving() and not self.service.closing

    def reload_tls(self) -> bool:
        """Read the certificate again; open sessions keep theirs, new handshakes get the new one.

        Returns:
            bool: whether there is one.

        Raises:
            BadInput: it can't be used; the old one stays.
        """
        if self.service.tls is None:
            return False
        server_tls(self._settings)  # a broken pair must not reach the context in use
        _load(self.service.tls, self._settings)
        return True

    async def stop(self, grace_seconds: float) -> None:
        """Accept no more clients, let mails in progress finish, close.

        Args:
            grace_seconds: how long to wait for them; what is unfinished then gets no reply, and its client comes back.
        """
        self.service.closing = True
        if self._server is not None:
            self._server.close()
        for session in list(self.service.sessions):
            if session.resting:
                session.farewell(replies.CLOSING)
        if not await self._empty(grace_seconds):
            log.warning("%d sessions and %d mails were not finished in time", len(self.service.sessions), len(self.service.work))
        for session in list(self.service.sessions):
            session.farewell(replies.CLOSING)
        for work in list(self.service.work):
            work.cancel()
        if not await self._empty(_LAST_SECONDS):
            for session in list(self.service.sessions):
                session.cut()
            await self._empty(_LAST_SECONDS)

    def _protocol(self) -> Server:
        return Server(self.service)

    async def _empty(self, seconds: float) -> bool:
        """Wait until no session and no mail is left; whether that came true."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self.service.sessions or self.service.work:
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(0.01)
        return True
