"""What is remembered, as frozen values: incidents, our own mail on its way, cases, mail that waits for a person."""

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
        legal_hold: a person said that nothing of it may be deleted, whatever its age.
        message_sha256: of the mail without its leading trace fields, by which a copy is known as what was judged; "" when not known.
        salt: random, from the ledger: what remains of an erased record in its hash chain can't be guessed.
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
    legal_hold: bool = False
    message_sha256: str = ""
    salt: str = field(default="", compare=False, repr=False)


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


class CaseKind(StrEnum):
    """What a case is about."""

    COMPLAINT = "complaint"
    APPEAL = "appeal"
    LEGAL = "legal"
    CARE = "care"


class CaseState(StrEnum):
    """Whether somebody still owes an answer."""

    OPEN = "open"
    CLOSED = "closed"


class CaseOutcome(StrEnum):
    """How a case ended: `upheld` and `granted` answer an appeal (the decision stays, or is undone), `answered` any case."""

    UPHELD = "upheld"
    GRANTED = "granted"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Case:
    """Something that somebody must answer by a date: a complaint, an appeal, a legal notice, a person in danger (F15, H6).

    Attributes:
        reference: short, for people; that of the incident where the same mail left one.
        sender: address of the author; for an appeal that of the incident, to whom the notice went.
        verified: whether a trusted host vouched for the author.
        language: of the mail.
        opened: when it arrived, aware, UTC.
        due: by when it is to be answered.
        owner: who answers it.
        key: delivery key of the mail; opening the same key twice within seven days is the same case.
        message_id: of the mail, with its angle brackets.
        incident: the incident that the mail left, or against which it appeals; "" for none.
        against: what an appeal is against: "block", the kind of a notice, or what was done to the mail.
        decider: who made the decision that is appealed, "" when no person did.
        held: id under which the mail is kept, "" when it was delivered and isn't.
        deadline: the customer's own, when his mail names one.
        acknowledged: the sender was told that it arrived.
        reminded: when the owner was told that it is overdue.
        notes: what people did with it, oldest first: time, who, what.
    """

    reference: str
    kind: CaseKind
    sender: str
    verified: bool
    language: str
    opened: datetime
    due: datetime
    owner: str
    key: str = ""
    message_id: str = ""
    incident: str = ""
    against: str = ""
    decider: str = ""
    held: str = ""
    deadline: datetime | None = None
    acknowledged: bool = False
    reminded: datetime | None = None
    state: CaseState = CaseState.OPEN
    outcome: CaseOutcome | None = None
    closed: datetime | None = None
    closed_by: str = ""
    notes: tuple[tuple[datetime, str, str], ...] = ()


OWN_MAILBOX = "came to our own mailbox"
"""How the reason of a held mail begins that isn't held from anybody: it was written to us."""


@dataclass(frozen=True, slots=True)
class HeldMail:
    """A mail that waits for a person: what arrived, to whom it was going, and why it is held.

    Attributes:
        settled: of a mail to one of our own mailboxes what became of it, "" while nothing was done about it.
    """

    id: str
    at: datetime
    envelope: Envelope
    reason: str
    size: int
    released_by: str = ""
    released_at: datetime | None = None
    settled: str = ""

    @property
    def ours(self) -> bool:
        """Whether it was written to one of our own mailboxes, so that there is nobody to deliver it to."""
        return self.reason.startswith(OWN_MAILBOX)

    @property
    def waits(self) -> bool:
        """Whether it is held from somebody and a person must decide about it."""
        return not self.released_by and not self.ours


class Action(StrEnum):
    """What a manager may decide about something that waits for him."""

    RELEASE = "release"
    DELETE = "delete"
    STRIKE = "strike"
    BLOCK = "block"
    LIFT = "lift"
    DISMISS = "dismiss"
    OVERTURN = "overturn"
    PARDON = "pardon"
    GRANT = "grant"
    UPHOLD = "uphold"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class DecisionItem:
    """One numbered thing that a mail to the managers asked them to decide.

    Attributes:
        number: as printed in that mail, from 1.
        reference: of the incident, held mail or case.
        actions: what may be answered.
        proposed: which of them a plain "confirm" means, None when it means none.
    """

    number: int
    reference: str
    actions: tuple[Action, ...]
    proposed: Action | None = None


@dataclass(frozen=True, slots=True)
class DecisionList:
    """What one mail to the managers asked, kept so that an answer to it is understood later.

    Attributes:
        id: the reference in the token of that mail's answer address: "2026-W47" for a digest.
        at: when it was written, aware, UTC.
    """

    id: str
    at: datetime
    items: tuple[DecisionItem, ...] = ()
