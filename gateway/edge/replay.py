"""Past mail under two sets of rules side by side, on all cores; the same mails and rules give the same report."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain, islice
from typing import Any

from gateway.edge.forked import spread
from gateway.edge.sources import Source
from gateway.edge.weigher import Mail, Weigher, unscored
from gateway.mail.authentication import identity_of
from gateway.policy.answerable import why_not
from gateway.policy.compared import Compared, Tally
from gateway.policy.replayed import PastMail, walk
from gateway.scoring.stayed import stays
from gateway.values import Assessment, Envelope, Identity, Likeness, Reading, Verdict

_HEADER_BYTES = 262_144
_FEWEST_TO_SPREAD = 24
"""With fewer mails it takes longer to start processes than to do the work."""

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Weighed:
    """One mail as both sets of rules see it."""

    source: str
    at: datetime | None
    identity: Identity
    answerable: bool
    old: Assessment
    new: Assessment
    stayed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One mail, and what follows from it under both."""

    mail: Weighed
    old: Verdict
    new: Verdict

    @property
    def compared(self) -> Compared:
        """As it is counted."""
        mail = self.mail
        return Compared(mail.source, mail.at, mail.identity.address, mail.old, mail.new, self.old, self.new, stayed=mail.stayed)


def replay(
    sources: Iterable[Source],
    old: Weigher,
    new: Weigher,
    trusted: frozenset[str] = frozenset(),
    *,
    processes: int = 0,
    progress: Progress = lambda: None,
) -> list[Outcome]:
    """Judge past mail by two sets of rules.

    Args:
        sources: the mails; what can't be read counts as unscored.
        old: the rules as they were.
        new: the rules as they would be.
        trusted: authserv-ids whose word about the author counts; none: every single author is taken as verified.
        processes: 0 for one a core.
        progress: told after each mail.

    Returns:
        list[Outcome]: in the order of the sources.
    """

    def work(source: Source) -> Weighed:
        return _weighed(source, old, new, trusted)

    weighed = []
    waiting = iter(sources)
    first = list(islice(waiting, _FEWEST_TO_SPREAD))
    for mail in spread(work, chain(first, waiting), processes if len(first) == _FEWEST_TO_SPREAD else 1):
        weighed.append(mail)
        progress()
    olds = walk([_past(mail, mail.old) for mail in weighed], old.policy)
    news = walk([_past(mail, mail.new) for mail in weighed], new.policy)
    return [Outcome(mail, before, after) for mail, before, after in zip(weighed, olds, news, strict=True)]


def _past(mail: Weighed, assessment: Assessment) -> PastMail:
    return PastMail(mail.at, mail.identity, mail.answerable, assessment)


def _weighed(source: Source, old: Weigher, new: Weigher, trusted: frozenset[str]) -> Weighed:
    if source.error:
        nobody = Identity("", verified=False, by=source.error)
        return Weighed(source.name, None, nobody, False, unscored(source.error, old.version), unscored(source.error, new.version))
    mail = Mail(source.message, "unknown@invalid")
    reading, before = old.weigh(mail)
    after = before if old.version == new.version else new.weigh(mail)[1]
    identity = _identity(reading, trusted)
    # who stored the mail kept its reverse path, if at all, in Return-Path (RFC 5321 section 4.4)
    path = _field(source.message, b"return-path")
    sender = path.strip().strip("<>") if path is not None else identity.address
    answerable = not why_not(reading, Envelope(sender, ()), identity, frozenset())
    stayed = stays(before, after, old.policy, new.policy)
    return Weighed(source.name, arrived(source.message), identity, answerable, _short(before), _short(after), stayed)


def _identity(reading: Reading, trusted: frozenset[str]) -> Identity:
    identity = identity_of(reading, trusted)
    if trusted or not identity.address or len(reading.authors) != 1 or reading.from_fields != 1:
        return identity
    return replace(identity, verified=True, by="taken as verified")


def _short(assessment: Assessment) -> Assessment:
    """Without what is only for explaining: there may be a hundred thousand of them."""
    return replace(assessment, arithmetic=(), uncounted=(), likeness=Likeness())


def arrived(message: bytes) -> datetime | None:
    """When a stored mail came: by the topmost Received field, else by what its author says (RFC 5322 sections 3.6.7, 3.6.1)."""
    received = _field(message, b"received")
    for text in ((received or "").rpartition(";")[2], _field(message, b"date") or ""):
        try:
            at = parsedate_to_datetime(text.strip())
            # -0000 says that the zone isn't known
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _field(message: bytes, name: bytes) -> str | None:
    """The first header field of a name, unfolded, None when there is none."""
    value: bytes | None = None
    for line in message[:_HEADER_BYTES].split(b"\r\n"):
        if not line:
            break
        if value is not None:
            if line[:1] not in b" \t":
                break
            value += line
        elif line[: len(name) + 1].lower() == name + b":":
            value = line[len(name) + 1 :]
    return None if value is None else value.decode("utf-8", "replace")


# --- the report -------------------------------------------------------------------------------------------------------


def report(outcomes: list[Outcome], examples: int) -> dict[str, Any]:
    """What changes, as JSON values: by level, language, rule, consequence and sender, with examples, the gravest first."""
    tally = Tally(examples)
    for outcome in outcomes:
        tally.add(outcome.compared)
    return tally.row(examples)
