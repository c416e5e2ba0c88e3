"""What the path asks of the edge, as protocols: the real ones live in gateway.edge, tests bring small real ones."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.numbers import Policy
from gateway.records import CaseKind, HeldMail, Incident, OutgoingMail
from gateway.values import Assessment, Disposition, Envelope, Identity, Level, Likeness, Reading, Reply, Standing, Verdict


class Reader(Protocol):
    """Reads and weighs a mail off the event loop, under a deadline."""

    async def weigh(self, message: bytes, return_path: str) -> tuple[Reading, Assessment]:
        """Read and weigh; never raises: trouble is an assessment whose level is None and whose tag is `unscored`."""
        ...


class Delivery(Protocol):
    """The open transaction with the mailbox server, in which each recipient was already asked for."""

    async def deliver(self, recipients: Sequence[str], message: bytes) -> Reply:
        """Send a message to some of the transaction's recipients and return the mailbox server's own final reply.

        Args:
            recipients: a subset of the envelope's recipients.
            message: complete, CRLF lines, not dot-stuffed; sent byte for byte.

        Raises:
            DownstreamFailed: the mailbox server is away or broke the dialogue.
        """
        ...


class Ledger(Protocol):
    """Where standings, incidents and the outbox live; every method raises LedgerFailed when it can't do its work."""

    def turn(self, address: str) -> AbstractAsyncContextManager[None]:
        """Hold a sender's turn, so that two of his mails are judged one after the other."""
        ...

    async def standing(self, address: str) -> Standing:
        """The standing of a sender; a fresh one when nothing is known."""
        ...

    async def seen(self, address: str, key: str) -> Incident | None:
        """The incident that this delivery key left within the last seven days, if any."""
        ...

    async def record(self, incident: Incident, standing: Standing | None, outgoing: Sequence[OutgoingMail] = ()) -> None:
        """Write incident, standing (None: unchanged) and outgoing mail at once or not at all; durable on return.

        Recording a delivery key again changes nothing.
        """
        ...

    async def put_standing(self, standing: Standing) -> None:
        """Write a standing that changed without an incident."""
        ...

    async def settle(self, incident: Incident, reply: str, outgoing: Sequence[OutgoingMail] = ()) -> None:
        """Note the reply that the client of this incident's mail gets, so that a resend gets it again, and what goes out now.

        Our own mail enters the outbox only here, after the act, so that it can't speak of what didn't happen (H8).
        """
        ...

    async def count(self, at: datetime, counters: dict[str, int]) -> None:
        """Add to the counters of a day; flushed now and then, so the last minute may be lost in a crash."""
        ...


class HeldStore(Protocol):
    """Where mail waits for a person, durably."""

    async def hold(self, held: HeldMail, message: bytes) -> None:
        """Store a mail; durable on return, idempotent by its id.

        Raises:
            HoldFailed: it couldn't be stored durably.
        """
        ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that arrived and opens a case.

    Attributes:
        reference: of the mail, by which the case will be known.
        disposition: what was really done with it.
        noticed: its sender gets a notice about it already.
        incident: that it left, "" when it left none.
    """

    kind: CaseKind
    reference: str
    at: datetime
    envelope: Envelope
    message: bytes
    reading: Reading
    assessment: Assessment
    identity: Identity
    disposition: Disposition
    noticed: bool = False
    incident: str = ""


class Cases(Protocol):
    """Where somebody is found who answers by a date."""

    async def arrived(self, arrival: Arrival) -> None:
        """Open the case of a mail; the same mail again opens nothing more.

        Raises:
            LedgerFailed: it couldn't be opened.
        """
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A mail that was judged and is settled, for whoever looks at it once more.

    Attributes:
        reference: of this delivery, or of the incident that it left.
        assessment: as the rules in force weighed it, before what the sender's other mails add to it.
        standing: of its sender before it.
        policy: the numbers in force.
        answers: incidents whose notice it answers.
        incident: that it left, "" when it left none.
    """

    reference: str
    at: datetime
    envelope: Envelope
    reading: Reading
    assessment: Assessment
    identity: Identity
    standing: Standing
    policy: Policy
    answers: frozenset[str] = frozenset()
    incident: str = ""


class Onlooker(Protocol):
    """Looks at mail that is settled already and has no say in it."""

    def judged(self, mail: Judged) -> None:
        """Take note of a mail; never waits, never raises."""
        ...


class Writer(Protocol):
    """Writes our own mail: templates, ids and boundaries are its matter."""

    def folded(self, incident: Incident, reading: Reading, assessment: Assessment, envelope: Envelope, message: bytes) -> bytes:
        """The mail behind a calm note, complete, CRLF lines."""
        ...

    def outgoing(
        self, incident: Incident, verdict: Verdict, reading: Reading, assessment: Assessment, message: bytes
    ) -> tuple[OutgoingMail, ...]:
        """The notice to the sender and the alerts to the managers that an incident calls for."""
        ...

    def proven_answer(self, reading: Reading) -> str:
        """The incident whose notice a mail answers for certain, "" for none."""
        ...


class OwnMailboxes(Protocol):
    """The gateway's own addresses: appeals, report, civil, decisions."""

    def owns(self, recipient: str) -> bool:
        """Whether a recipient is one of them."""
        ...

    async def take(self, envelope: Envelope, message: bytes) -> None:
        """Consume a mail to one of them; durable on return.

        Raises:
            HoldFailed: it couldn't be stored durably.
        """
        ...


class Recent(Protocol):
    """Remembers for a while what came and what was answered, in memory and without a word of it; never raises."""

    def weighed(self, assessment: Assessment, identity: Identity, key: str, policy: Policy, now: datetime) -> Assessment:
        """The assessment with what the sender's mails of the last hours add to it (flooding), and remember this mail."""
        ...

    def same_text(self, address: str, likeness: Likeness, now: datetime) -> bool:
        """Whether a text like this was answered a short while ago, to this address or another of its domain."""
        ...

    def why_not(self, standing: Standing, now: datetime) -> str:
        """Why this sender may not have one more notice now, "" when he may."""
        ...

    def answered(self, address: str, likeness: Likeness, now: datetime) -> None:
        """Remember that a text was answered, or brought to the managers for a decision."""
        ...


class WatchedEvent(StrEnum):
    """What may happen with a mail beside being judged and acted on."""

    RESENT = "resent"
    """It was settled before and got the same reply again."""
    OWN = "own"
    """It was for one of our own mailboxes."""
    NO_LEDGER = "no_ledger"
    """The ledger failed, so it was delivered plain."""
    TEMPORARY = "temporary"
    """Its client was told to come back (451)."""


class Watch(Protocol):
    """Is told what happens, for the metrics; never raises."""

    def mail(self, level: Level | None, disposition: Disposition) -> None:
        """A mail was acted on."""
        ...

    def event(self, event: WatchedEvent) -> None:
        """Something else happened with a mail."""
        ...

    def notice_suppressed(self, reason: str) -> None:
        """A notice was due and may not be written, for a reason of gateway.policy.answerable."""
        ...


class Identifier(Protocol):
    """Says who is accountable for a mail."""

    async def identify(self, reading: Reading, envelope: Envelope) -> Identity:
        """Name the accountable author and whether a trusted host vouches for him; quick, asked for each mail."""
        ...

    async def confirm(self, identity: Identity, reading: Reading, envelope: Envelope, message: bytes) -> Identity:
        """Find out for ourselves whether the author's domain stands behind a mail for which no trusted host spoke.

        May take seconds, so it is asked only where it makes a difference; never raises, trouble leaves the author unverified.
        """
        ...
