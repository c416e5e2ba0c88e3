"""One mail's transaction with the mailbox server: recipients are asked for live, then the message follows.

The connection may be lost or taken away between recipients and message; then the transaction is begun anew on another
connection, as long as nothing but MAIL and RCPT was sent.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway import replies
from gateway.edge.downstream import Connection, Extensions
from gateway.edge.smtp_trace import xforward
from gateway.errors import DownstreamFailed
from gateway.values import Envelope, Reply

_DSN = ("RET", "ENVID", "NOTIFY", "ORCPT")


class Lessor(Protocol):
    """Where connections come from; the pool."""

    async def lease(self, *, fresh: bool = False) -> Connection:
        """Get a connection that nobody else uses."""
        ...

    def release(self, connection: Connection) -> None:
        """Bring a connection back."""
        ...

    def discard(self, connection: Connection) -> None:
        """Close a connection that is not to be used again."""
        ...

    def park(self, transaction: "Transaction") -> None:
        """Note that the transaction holds a connection while its client is thinking."""
        ...

    def unpark(self, transaction: "Transaction") -> None:
        """The transaction goes on, or is over."""
        ...


def _keyword(option: str) -> str:
    return option.partition("=")[0].upper()


class Transaction:
    """A `gateway.ports.Delivery` that asks for recipients first."""

    def __init__(self, pool: Lessor, envelope: Envelope) -> None:
        """Remember whose mail it is; nothing is sent yet.

        Args:
            pool: where connections come from.
            envelope: sender, MAIL parameters and client; its recipients don't count.
        """
        self._pool = pool
        self._envelope = envelope
        self._options: dict[str, tuple[str, ...]] = {}
        self._connection: Connection | None = None
        self._talking = False
        self._standing: tuple[str, ...] = ()
        """The recipients that the server has accepted in the transaction that stands open on the connection."""

    async def ask(self, recipient: str, options: tuple[str, ...]) -> Reply:
        """Ask the server whether it takes a recipient.

        Args:
            recipient: the address as the client gave it.
            options: its RCPT parameters, unchanged.

        Returns:
            Reply: the server's own answer; to MAIL when it refused the sender.

        Raises:
            DownstreamFailed: it is away.
        """
        self._pool.unpark(self)
        self._options[recipient] = options
        self._talking = True
        try:
            reply = await self._ask(recipient)
        finally:
            self._talking = False
        if not reply.positive:
            del self._options[recipient]
        if self._connection is not None:
            self._pool.park(self)
        return reply

    async def _ask(self, recipient: str) -> Reply:
        reply = None
        if self._connection is not None and self._standing:
            try:
                (reply,) = await self._connection.ask(self._rcpt(self._connection.extensions, recipient))
            except DownstreamFailed:
                if self._drop():
                    raise
            except BaseException:
                self._drop()
                raise
        if reply is None:
            *_, reply = (await self._begin((*self._standing, recipient)))[1]
        elif reply.positive:
            self._standing = (*self._standing, recipient)
        return reply

    def expect(self, envelope: Envelope) -> None:
        """Name recipients with their parameters without asking for them; `deliver` will."""
        options = dict(zip(envelope.recipients, envelope.recipient_options, strict=False))
        self._options = {recipient: options.get(recipient, ()) for recipient in envelope.recipients}

    async def deliver(self, recipients: Sequence[str], message: bytes) -> Reply:
        """Send a message; see `gateway.ports.Delivery`."""
        self._pool.unpark(self)
        wanted = tuple(dict.fromkeys(recipients))
        if not wanted:
            raise DownstreamFailed("a message needs a recipient")
        connection = self._connection
        if connection is None or not connection.usable or sorted(self._standing) != sorted(wanted):
            connection, said = await self._begin(wanted)
            refused = [reply for reply in said if not reply.positive]
            if len(refused) == len(wanted):
                return refused[0]
            if refused or connection is None:
                raise DownstreamFailed(f"{len(refused)} of {len(wanted)} recipients are refused now: {refused[0]}")
        self._standing = ()
        try:
            return await connection.data(message)
        except BaseException:
            self._drop()
            raise

    def close(self) -> None:
        """End the transaction and bring the connection back; an unfinished one is undone by RSET before the next."""
        self._pool.unpark(self)
        self._standing = ()
        if self._talking:  # the client left while the server's answer is on its way; nobody else may take it for his
            self._drop()
        if self._connection is not None:
            self._pool.release(self._connection)
            self._connection = None

    def surrender(self) -> Connection | None:
        """Give the connection up to somebody in a hurry; `deliver` begins anew."""
        connection, self._connection = self._connection, None
        return connection

    # --- the dialogue

    async def _begin(self, wanted: Sequence[str]) -> tuple[Connection | None, list[Reply]]:
        """Open a transaction for these recipients; once more on a fresh connection when the first one is dead."""
        if self._connection is not None and self._connection.worn:
            self._pool.release(self._connection)
            self._connection = None
        try:
            connection = self._connection or await self._pool.lease()
            self._connection = connection
            return await self._open(connection, wanted)
        except DownstreamFailed:
            if self._connection is None or self._drop():
                raise
        except BaseException:
            self._drop()
            raise
        connection = self._connection = await self._pool.lease(fresh=True)
        try:
            return await self._open(connection, wanted)
        except BaseException:
            self._drop()
            raise

    async def _open(self, connection: Connection, wanted: Sequence[str]) -> tuple[Connection | None, list[Reply]]:
        offers = connection.extensions
        if trouble := self._unsendable(offers, wanted):
            self._pool.release(connection)
            self._connection = None
            return None, [trouble] * len(wanted)
        before = ["RSET"] if connection.dirty else []
        if trace := self._trace(offers):
            before.append(trace)
        connection.dirty = True
        said = await connection.ask(*before, self._mail(offers), *(self._rcpt(offers, recipient) for recipient in wanted))
        mail, answers = said[len(before)], said[len(before) + 1 :]
        if not mail.positive:
            self._standing = ()
            self._pool.release(connection)
            self._connection = None
            return None, [mail] * len(wanted)
        self._standing = tuple(recipient for recipient, reply in zip(wanted, answers, strict=True) if reply.positive)
        return connection, answers

    def _drop(self) -> bool:
        """Discard the connection; whether another try would only be as slow."""
        connection, self._connection = self._connection, None
        if connection is None:
            return False
        connection.abort()
        self._pool.discard(connection)
        return connection.silent

    def _trace(self, offers: Extensions) -> str:
        envelope = self._envelope
        if not envelope.client or "XFORWARD" not in offers.keywords:
            return ""
        protocol = "SMTP" if envelope.protocol == "SMTP" else "ESMTP"
        told = {"NAME": envelope.client_name, "ADDR": envelope.client, "PROTO": protocol, "HELO": envelope.helo, "SOURCE": "REMOTE"}
        return xforward(offers.xforward, told)

    def _mail(self, offers: Extensions) -> str:
        options = [option for option in self._envelope.mail_options if _keyword(option) != "SIZE" or "SIZE" in offers.keywords]
        return " ".join((f"MAIL FROM:<{self._envelope.sender}>", *options))

    def _rcpt(self, offers: Extensions, recipient: str) -> str:  # noqa: ARG002 - beside _mail, which needs them
        return " ".join((f"RCPT TO:<{recipient}>", *self._options.get(recipient, ())))

    def _unsendable(self, offers: Extensions, wanted: Sequence[str]) -> Reply | None:
        """The reply when the server can't be given what the client asked for (RFC 6531 3.5, RFC 6152 3, RFC 3461 5)."""
        given = {_keyword(option): option for option in self._envelope.mail_options}
        if "SMTPUTF8" in given and "SMTPUTF8" not in offers.keywords:
            return replies.UTF8_NOT_OFFERED
        if given.get("BODY", "").upper() == "BODY=8BITMIME" and "8BITMIME" not in offers.keywords:
            return replies.DOWNSTREAM_AWAY
        asked = {*given, *(_keyword(option) for recipient in wanted for option in self._options.get(recipient, ()))}
        if "DSN" not in offers.keywords and asked.intersection(_DSN):
            return replies.DOWNSTREAM_AWAY
        return None
