"""What is remembered, as frozen values: incidents, our own mail on its way, mail that waits for a person."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.values import AlertKind, Basis, Category, Disposition, Envelope, Level, Mode, NoticeKind, Tag


class IncidentState(StrEnum):
    """Where an incident stands: `would_be` was only observed, `open` waits for a person."""

    WOULD_BE = "would_be"
    DONE = "done"
    OPEN = "open"
    OVERTURNED = "overturned"


@dataclass(frozen=True, slots=True)
class Incident:
    """The durable record of a verdict that was not plain delivery (policy point D18).

    Attributes:
        id: short reference that people can read out, unique in the ledger.
        key: delivery key of the mail; recording the same key twice is the same incident.
        at: when it was judged, aware, UTC.
        sender: the identity's address; `verified` and `by` as judged.
        envelope_sender: reverse path, "" for the null path.
        recipients: envelope recipients.
        subject: decoded, cut to 200 characters.
        excerpt: the finding's words, masked by whoever shows them.
        findings: rule id and points of each that counted.
        held: whether the mail lies in the held store under this id.
        reply: the SMTP reply that the client got; the same mail gets it again.
        notes: what people did with it later, oldest first: time, who, what.
    """

    id: str
    key: str
    at: datetime
    sender: str
    verified: bool
    by: str
    envelope_sender: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    level: Level | None
    points: int
    language: str
    categories: tuple[Category, ...]
    tags: tuple[Tag, ...]
    basis: Basis
    findings: tuple[tuple[str, int], ...]
    excerpt: str
    disposition: Disposition
    strikes: int
    notice: NoticeKind | None
    alerts: tuple[AlertKind, ...]
    proposal: str
    reason: str
    rules_version: str
    mode: Mode
    state: IncidentState
    held: bool = False
    reply: str = ""
    notes: tuple[tuple[datetime, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A mail of ours that waits in the outbox.

    Attributes:
        id: unique; putting the same id twice is one mail.
        kind: notice kind, alert kind, "digest", ...
        sender: reverse path, "" for the null path (RFC 3834 section 3.3).
        recipients: envelope recipients.
        message: the complete message, CRLF lines.
        created: when it was put there, aware, UTC.
        attempts: how many tries failed so far.
        next_try: not before this time.
    """

    id: str
    kind: str
    sender: str
    recipients: tuple[str, ...]
    message: bytes = field(repr=False)
    created: datetime
    attempts: int = 0
    next_try: datetime | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class HeldMail:
    """A mail that waits for a person: what arrived, to whom it was going, and why it is held."""

    id: str
    at: datetime
    envelope: Envelope
    reason: str
    size: int
    released_by: str = ""
