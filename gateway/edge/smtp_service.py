"""What all sessions share: settings, pool, handler, counters, and the work that outlives its client."""

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway import replies
from gateway.edge.downstream import Extensions
from gateway.edge.downstream_pool import Pool
from gateway.edge.settings import Settings
from gateway.edge.smtp_extensions import Offers
from gateway.edge.smtp_limits import Doors, Memory
from gateway.edge.smtp_recipients import Recipients
from gateway.ports import Delivery
from gateway.values import Envelope, Reply

Handler = Callable[[Envelope, bytes, Delivery], Awaitable[Reply]]
"""Takes a mail from its end of data to its reply: the path, gateway.gate."""


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _ignore(_: Reply) -> None:
    """Nobody wants to know."""


class OpenSession(Protocol):
    """A client's connection as a graceful stop sees it."""

    @property
    def resting(self) -> bool:
        """Whether no mail was begun."""
        ...

    def farewell(self, reply: Reply) -> None:
        """Say 421 and close."""
        ...

    def cut(self) -> None:
        """Close at once."""
        ...


@dataclass(slots=True, eq=False)
class Service:
    """What all sessions share.

    Attributes:
        trusted: hosts that may say who their client is (XCLIENT, XFORWARD).
        tls: the context of STARTTLS, None when it isn't offered.
        closing: a graceful stop has begun.
        replied: is told of every reply of 400 and above, for the metrics.
        sessions: the open ones.
        work: mails being handled; they are finished when their client has left, too.
    """

    settings: Settings
    pool: Pool
    handler: Handler
    recipients: Recipients
    doors: Doors
    memory: Memory
    trusted: tuple[Network, ...] = ()
    tls: ssl.SSLContext | None = None
    closing: bool = False
    replied: Callable[[Reply], None] = _ignore
    sessions: set[OpenSession] = field(default_factory=set)
    work: set[asyncio.Task[Reply]] = field(default_factory=set)
    _offers: tuple[Extensions | None, Offers] | None = None

    @property
    def offers(self) -> Offers:
        """What a client is offered now."""
        downstream = self.pool.extensions
        if self._offers is None or self._offers[0] is not downstream:
            self._offers = (downstream, Offers.of(downstream, self.settings.limits.size))
        return self._offers[1]

    @property
    def answer_seconds(self) -> float:
        """The longest that a client waits for the reply to its mail; Postfix as a client of a filter waits 100 s."""
        return self.settings.limits.weighing_seconds + self.settings.downstream.timeout_seconds + 5

    def welcome(self) -> Reply:
        """The greeting."""
        return replies.CLOSING if self.closing else Reply(220, f"{self.settings.hostname} ESMTP")

    def trusts(self, address: str) -> bool:
        """Whether a host may say who its client is."""
        try:
            host = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(host in network for network in self.trusted)

    def begin(self, job: Coroutine[Any, Any, Reply]) -> asyncio.Task[Reply]:
        """Start handling a mail; it goes on when the client leaves."""
        task = asyncio.create_task(job)
        self.work.add(task)
        task.add_done_callback(self.work.discard)
        return task
