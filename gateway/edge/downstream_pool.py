"""The pool of connections to the mailbox server: who may lease one, how long it is kept, what the server offers."""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Protocol

from gateway.edge.downstream import Connection, Extensions, client_tls, open_connection
from gateway.edge.downstream_transaction import Transaction
from gateway.edge.settings import Downstream
from gateway.errors import DownstreamFailed
from gateway.values import Envelope, Reply

log = logging.getLogger(__name__)

IDLE_SECONDS = 30.0
"""A connection that idled longer is not trusted any more; servers close theirs after a minute or a few."""
AGE_SECONDS = 300.0
"""A connection is renewed after this time, so that a changed EHLO is learned and a load balancer can balance."""
REFRESH_SECONDS = 60.0
"""The offers are learned again after this time without a new connection."""
PATIENCE_SECONDS = 1.0
"""A client who dawdles longer in the middle of a transaction gives its connection up to whoever is ready and finds none."""
_START_SECONDS = 3.0
"""How long a start waits for the server's offers; a server that is away must not keep our greeting back."""
_KEEP_SECONDS = 5.0


class Parked(Protocol):
    """A transaction that waits for its client while it holds a connection."""

    def surrender(self) -> Connection | None:
        """Give the connection up; the transaction is begun anew when it is needed."""
        ...


class Pool:
    """Leases connections to the mailbox server, at most as many as the settings allow."""

    def __init__(self, route: Downstream, hostname: str) -> None:
        """Keep what is needed; nothing is opened before `start`.

        Args:
            route: where the server is and how many connections it may get.
            hostname: our own name.
        """
        self._route = route
        self._hostname = hostname
        self._tls = None if route.tls == "none" else client_tls(route.tls_verify)
        self._idle: deque[Connection] = deque()
        self._count = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._parked: dict[Parked, float] = {}
        self._extensions: Extensions | None = None
        self._learned = 0.0
        self._away = False
        self._reached = False
        self._keeper: asyncio.Task[None] | None = None

    @property
    def extensions(self) -> Extensions | None:
        """What the server offered last; None while it was never reached."""
        return self._extensions

    @property
    def connections(self) -> int:
        """How many connections are open or being opened."""
        return self._count

    @property
    def idle(self) -> int:
        """How many connections are open and used by nobody."""
        return len(self._idle)

    @property
    def waited_for(self) -> int:
        """How many transactions wait for a connection."""
        return len(self._waiters)

    @property
    def reachable(self) -> bool:
        """Whether the last try to open a connection succeeded, so that the server was there lately."""
        return self._reached

    async def start(self) -> None:
        """Learn the server's offers, if it is there, and go on learning them."""
        learned = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep(learned))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                await learned.wait()

    async def stop(self) -> None:
        """Close what is idle; leased connections are closed when they come back."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._route = self._route.model_copy(update={"connections": 0})
        closing = list(self._idle)
        while self._idle:
            self.discard(self._idle.pop())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                for connection in closing:
                    await connection.closed()

    def transaction(self, envelope: Envelope) -> Transaction:
        """Begin a transaction; the server hears of it with the first recipient.

        Args:
            envelope: sender, MAIL parameters and client; its recipients don't count.
        """
        return Transaction(self, envelope)

    async def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Deliver a mail in a transaction of its own, as for mail that a person released.

        Args:
            envelope: as it was received.
            message: complete, CRLF lines, not dot-stuffed.

        Returns:
            Reply: the server's own final reply.

        Raises:
            DownstreamFailed: it is away, broke the dialogue, or refuses only some of the recipients.
        """
        transaction = self.transaction(envelope)
        try:
            transaction.expect(envelope)
            return await transaction.deliver(envelope.recipients, message)
        finally:
            transaction.close()

    # --- leasing

    async def lease(self, *, fresh: bool = False) -> Connection:
        """Get a connection that nobody else uses.

        Args:
            fresh: open a new one, as one from the pool has just turned out to be dead.

        Raises:
            DownstreamFailed: the server is away, or all connections are busy for too long.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._route.timeout_seconds
        if fresh:
            while self._idle:
                self.discard(self._idle.pop())
        while True:
            while self._idle:
                connection = self._idle.pop()
                if (
                    connection.usable
                    and loop.time() - connection.idle_since < IDLE_SECONDS
                    and loop.time() - connection.opened < AGE_SECONDS
                ):
                    return connection
                self.discard(connection)
            if self._count < self._route.connections:
                return await self._open()
            if taken := self._take_from_dawdler(loop.time()):
                return taken
            if self._count < self._route.connections:  # what the dawdlers had was dead
                continue
            if not await self._wait(min(PATIENCE_SECONDS, deadline - loop.time())) and loop.time() >= deadline:
                raise DownstreamFailed("all connections to the server are busy")

    def release(self, connection: Connection) -> None:
        """Bring a connection back, between transactions or marked dirty."""
        if not connection.usable or connection.worn or self._count > self._route.connections:
            self.discard(connection)
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)
        self._wake()

    def discard(self, connection: Connection) -> None:
        """Close a leased connection that is not to be used again."""
        connection.close()
        self._count -= 1
        self._wake()

    def park(self, transaction: Parked) -> None:
        """Note that a transaction holds a connection while its client is thinking."""
        self._parked[transaction] = asyncio.get_running_loop().time()

    def unpark(self, transaction: Parked) -> None:
        """The transaction goes on, or is over."""
        self._parked.pop(transaction, None)

    async def _wait(self, seconds: float) -> bool:
        """Wait until a connection may be free; whether one may."""
        if seconds <= 0:
            return False
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return False
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self._wake()
            raise
        finally:
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)
        return True

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _take_from_dawdler(self, now: float) -> Connection | None:
        for transaction, since in list(self._parked.items()):
            if now - since < PATIENCE_SECONDS:
                return None
            self.unpark(transaction)
            connection = transaction.surrender()
            if connection is None:
                continue
            if connection.usable and not connection.worn:
                return connection
            self.discard(connection)
        return None

    async def _open(self) -> Connection:
        self._count += 1
        try:
            connection = await open_connection(self._route, self._hostname, self._tls)
        except BaseException as error:
            self._reached = self._reached and not isinstance(error, DownstreamFailed)
            self._count -= 1
            self._wake()
            raise
        self._reached = True
        self._extensions = connection.extensions
        self._away = False
        self._learned = asyncio.get_running_loop().time()
        return connection

    # --- learning

    async def _learn(self) -> None:
        if self._count >= self._route.connections:
            return
        try:
            self.release(await self._open())
        except DownstreamFailed as error:
            if not self._away:
                log.warning("downstream can't be reached: %s", error)
            self._away = True

    async def _keep(self, learned: asyncio.Event) -> None:
        """Close what grew old, and learn the offers now and then."""
        loop = asyncio.get_running_loop()
        await self._learn()
        learned.set()
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            lost = False
            for connection in list(self._idle):
                lost = lost or not connection.usable
                if not connection.usable or loop.time() - connection.idle_since >= IDLE_SECONDS:
                    self._idle.remove(connection)
                    self.discard(connection)
            if lost or self._extensions is None or loop.time() - self._learned >= REFRESH_SECONDS:
                await self._learn()
