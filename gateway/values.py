"""The vocabulary of the house as frozen values; no behaviour beyond what a value knows of itself."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

UNDETERMINED = "und"
"""ISO 639-2 code for a text whose language nobody can tell."""


# --- what a mail says ---------------------------------------------------------------------------------------------


class SegmentKind(StrEnum):
    """What a stretch of text is; only SUBJECT and OWN score in full."""

    SUBJECT = "subject"
    OWN = "own"
    QUOTED = "quoted"
    FORWARDED = "forwarded"
    SIGNATURE = "signature"
    CODE = "code"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of decoded text and its kind."""

    kind: SegmentKind
    text: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address of a header field: `display` as decoded, `address` as an addr-spec with its domain lower-cased."""

    display: str
    address: str


@dataclass(frozen=True, slots=True)
class TrailField:
    """A field that a host on the way added: Received, Authentication-Results or one of ARC; name in lower case, value unfolded."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one mail says, as far as a careful reader can tell.

    Attributes:
        segments: in the order of reading, the subject first when there is one.
        subject: the decoded Subject on one line, "" when there is none.
        authors: every mailbox of every From field; a mail with other than one is never held against anybody.
        from_fields: how many From fields there are (RFC 5322 section 3.6 allows one).
        reply_to: mailboxes of Reply-To.
        message_id: with its angle brackets, "" when there is none.
        in_reply_to: message ids, cleaned of anything that is no message id.
        references: likewise, at most twenty, the first and the latest kept.
        authentication_results: unfolded values of Authentication-Results, topmost first (RFC 8601).
        trail: the fields from which a mail's way and the word of those who checked it are read, topmost first.
        received: how many Received fields there are (RFC 5321 section 6.3).
        automatic: the reasons to think that no person wrote it for us (RFC 3834); empty for a person's mail.
        encrypted: the text can't be read (S/MIME or PGP).
        defects: what was wrong with the form of the mail, for the log.
    """

    segments: tuple[Segment, ...]
    subject: str = ""
    authors: tuple[Mailbox, ...] = ()
    from_fields: int = 0
    reply_to: tuple[Mailbox, ...] = ()
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    authentication_results: tuple[str, ...] = ()
    received: int = 0
    automatic: tuple[str, ...] = ()
    encrypted: bool = False
    defects: tuple[str, ...] = ()
    trail: tuple[TrailField, ...] = ()

    @property
    def own_text(self) -> str:
        """The own segments joined by newlines, without the subject."""
        return "\n".join(segment.text for segment in self.segments if segment.kind is SegmentKind.OWN)


# --- how bad it is ------------------------------------------------------------------------------------------------


class Level(IntEnum):
    """How bad a mail is."""

    CLEAN = 0
    RUDE = 1
    ABUSIVE = 2
    SEVERE = 3

    @property
    def word(self) -> str:
        """The name in headers, output and files."""
        return self.name.lower()


class Category(StrEnum):
    """What kind of misconduct a rule speaks of; `threat` is harm to a person only."""

    PROFANITY = "profanity"
    INSULT = "insult"
    DEGRADATION = "degradation"
    HARASSMENT = "harassment"
    THREAT = "threat"
    STALKING = "stalking"
    DISCRIMINATION = "discrimination"
    SEXUAL = "sexual"
    SHOUTING = "shouting"
    PRESSURE = "pressure"
    PROVOCATION = "provocation"
    FLOODING = "flooding"


class Tag(StrEnum):
    """What a mail is besides its level; a tag never scores."""

    COMPLAINT = "complaint"
    ESCALATION_REQUEST = "escalation_request"
    LAWFUL_REMEDY = "lawful_remedy"
    LEGAL_NOTICE = "legal_notice"
    SELF_HARM = "self_harm"
    HARDSHIP = "hardship"
    ACCUSATION = "accusation"
    CANCELLATION = "cancellation"
    AUTOMATIC = "automatic"
    ENCRYPTED = "encrypted"
    UNSCORED = "unscored"


class Target(StrEnum):
    """Whom words are aimed at."""

    STAFF = "staff"
    COMPANY = "company"
    PRODUCT = "product"
    SELF = "self"
    THIRD_PARTY = "third_party"
    NOBODY = "nobody"


class Basis(StrEnum):
    """On what an assessment rests."""

    RULES = "rules"
    EAR = "ear"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that hit, or the learned ear (rule `ear.LANG`).

    Attributes:
        rule: id of the rule.
        points: what it counts after its modifiers; 0 when it was seen but doesn't count.
        text: the words as they stand in the mail.
        segment: kind of the segment in which they stand.
        segment_index: position of that segment in the reading.
        span: start and end in code points of that segment's decoded text, before folding.
        modifiers: why the points differ from the rule's ("at the product", "negated", "quoted", ...).
        clause: policy points that the rule serves.
        base: the rule's own points.
    """

    rule: str
    category: Category
    points: int
    text: str
    segment: SegmentKind
    segment_index: int
    span: tuple[int, int]
    target: Target
    language: str
    modifiers: tuple[str, ...] = ()
    clause: tuple[str, ...] = ()
    base: int = 0


@dataclass(frozen=True, slots=True)
class Likeness:
    """What the own words of a mail look like, to know the same text when it comes again.

    Attributes:
        words: how many there are, numbers not counted.
        numbers: a hash of its numbers in their order.
        shingles: hashes of words in a row, those with the smallest value.
        asks: they ask for an answer that didn't come.
    """

    words: int = 0
    numbers: int = 0
    shingles: tuple[int, ...] = ()
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    """The findings, the arithmetic, the level and the tags of one mail.

    Attributes:
        level: None when the mail couldn't be scored (tag `unscored`).
        points: the capped sum.
        findings: what counts, heaviest first.
        uncounted: what was seen and doesn't count, each with its modifiers as the reason.
        arithmetic: the sum as lines that a person can follow.
        basis: on what the level rests.
        error: why it couldn't be scored, for the log and `score --json`.
        likeness: what the own words look like.
        tag_rules: ids of the tag rules that fit, whether their points were enough for the tag or not.
    """

    level: Level | None
    points: int = 0
    language: str = UNDETERMINED
    categories: tuple[Category, ...] = ()
    tags: frozenset[Tag] = frozenset()
    basis: Basis = Basis.RULES
    findings: tuple[Finding, ...] = ()
    uncounted: tuple[Finding, ...] = ()
    arithmetic: tuple[str, ...] = ()
    rules_version: str = ""
    error: str | None = None
    likeness: Likeness = Likeness()
    tag_rules: tuple[str, ...] = ()


# --- who wrote it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Envelope:
    """The SMTP envelope of one mail: reverse path ("" is the null path), recipients in the order of RCPT.

    Attributes:
        mail_options: the MAIL parameters as the client gave them, unchanged (RFC 3461 xtext is case-sensitive).
        recipient_options: for each recipient its RCPT parameters, unchanged.
        client: address of the client, for the trace header and the log.
        helo: the name that the client gave.
        protocol: SMTP, ESMTP, ESMTPS, UTF8SMTP... (RFC 3848, RFC 6531 section 4.3).
        client_name: host name of the client, "" unless a trusted host told it.
    """

    sender: str
    recipients: tuple[str, ...]
    mail_options: tuple[str, ...] = ()
    recipient_options: tuple[tuple[str, ...], ...] = ()
    client: str = ""
    helo: str = ""
    protocol: str = "ESMTP"
    client_name: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is accountable for a mail.

    Attributes:
        address: the single author address in the form that standings are kept under, "" when there is none.
        verified: whether a trusted host says that the author's domain stands behind the mail.
        by: what verified it, or why it is unverified.
        many: "shared mailbox" or "large organisation" when more people than one may stand behind the address, else "".
    """

    address: str
    verified: bool
    by: str
    many: str = ""


# --- what the ledger knows ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Strike:
    """One strike: when, for which incident, at which level (a severe mail leaves two with the same incident).

    Attributes:
        told: False when a notice was due and couldn't be sent; such a strike is no step up the ladder.
    """

    at: datetime
    incident: str
    level: Level
    told: bool = True


class Rung(StrEnum):
    """Where a sender stands on the ladder."""

    GOOD = "good"
    WARNED = "warned"
    FINAL_WARNED = "final_warned"
    SUSPENDED = "suspended"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger knows of an identity; times are aware and in UTC.

    Attributes:
        strikes: all that were not erased, oldest first; decay is reckoned when they are read.
        suspended_until: the minute at which a suspension ends by itself.
        block_proposed: the incident whose block waits for a person's decision.
        blocked_by: the person who confirmed the block, "" when not blocked.
        allowed: a person said that this sender is never judged.
        rude_at: the last rude mail; one date is kept.
        notices: kind and time of the last notice of each kind that was sent (RFC 3834 section 2).
        pardoned_at: when a person wiped the slate.
    """

    address: str
    strikes: tuple[Strike, ...] = ()
    suspended_until: datetime | None = None
    block_proposed: str = ""
    blocked_by: str = ""
    blocked_at: datetime | None = None
    allowed: bool = False
    rude_at: datetime | None = None
    notices: tuple[tuple[str, datetime], ...] = ()
    pardoned_at: datetime | None = None


# --- what follows -------------------------------------------------------------------------------------------------


class Mode(StrEnum):
    """How far the gateway goes."""

    OBSERVE = "observe"
    ENFORCE = "enforce"
    PASS = "pass"  # noqa: S105 - a mode, no password


class Disposition(StrEnum):
    """What happens to the mail."""

    DELIVER = "deliver"
    FOLD = "fold"
    HOLD = "hold"
    REFUSE = "refuse"


class NoticeKind(StrEnum):
    """The mails that a sender may get from us."""

    REMINDER = "reminder"
    WARNING = "warning"
    FINAL_WARNING = "final_warning"
    SUSPENSION = "suspension"
    BLOCK = "block"
    REINSTATEMENT = "reinstatement"
    APOLOGY = "apology"
    ACKNOWLEDGEMENT = "acknowledgement"
    APPEAL_UPHELD = "appeal_upheld"
    APPEAL_GRANTED = "appeal_granted"


class AlertKind(StrEnum):
    """Why managers hear of a mail at once."""

    THREAT = "threat"
    SEVERE = "severe"
    SELF_HARM = "self_harm"
    BLOCK_PROPOSED = "block_proposed"
    STRIKE_PROPOSED = "strike_proposed"
    CALM_MAIL = "calm_mail"
    COMPLAINT = "complaint"
    LEGAL_NOTICE = "legal_notice"
    APPEAL = "appeal"
    OVERDUE = "overdue"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from one mail: a pure function of assessment, identity, standing, policy and time.

    Attributes:
        disposition: what happens to the mail for recipients that are not protected.
        standing: the standing after this mail; the one before where nothing changed.
        notice: what the sender is told, None for nothing.
        alerts: what the managers are told at once.
        strikes: how many strikes this mail left.
        proposal: what a person is asked to decide ("block", "strike", "lift"), "" for nothing.
        reason: one plain sentence for the record.
        recordable: whether this is an incident, that is anything but plain delivery.
        appeal: it goes to the appeals address, as an answer to a notice of ours that came to another one.
    """

    disposition: Disposition
    standing: Standing
    notice: NoticeKind | None = None
    alerts: tuple[AlertKind, ...] = ()
    strikes: int = 0
    proposal: str = ""
    reason: str = ""
    recordable: bool = False
    appeal: bool = False


# --- what is said over SMTP ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply: code, enhanced code (RFC 3463) and text; `lines` when downstream said more than one."""

    code: int
    text: str
    enhanced: str = ""

    def __str__(self) -> str:
        """As it goes over the wire, without line ends; a multi-line reply carries CRLF between its lines."""
        lines = self.text.split("\n") or [""]
        enhanced = f"{self.enhanced} " if self.enhanced else ""
        return "\r\n".join(f"{self.code}{'-' if n < len(lines) - 1 else ' '}{enhanced}{line}" for n, line in enumerate(lines))

    @property
    def positive(self) -> bool:
        """Whether the command succeeded."""
        return 200 <= self.code < 400
