"""Past mail under two sets of rules side by side, on all cores; the same mails and rules give the same report."""

from collections import Counter
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
from gateway.policy.replayed import PastMail, walk
from gateway.values import Assessment, Disposition, Envelope, Identity, Level, Likeness, NoticeKind, Reading, Verdict

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """One mail, and what follows from it under both."""

    mail: Weighed
    old: Verdict
    new: Verdict

    @property
    def changed(self) -> bool:
        """Whether anything would have happened differently to the mail or its sender."""
        return _felt(self.mail.old, self.old) != _felt(self.mail.new, self.new)


def _felt(assessment: Assessment, verdict: Verdict) -> tuple[object, ...]:
    return assessment.level, verdict.disposition, verdict.notice, verdict.strikes, verdict.proposal, verdict.alerts


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
    return Weighed(source.name, arrived(source.message), identity, answerable, _short(before), _short(after))


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
    changed = [outcome for outcome in outcomes if outcome.changed]
    return {
        "mails": len(outcomes),
        "unscored": sum(outcome.mail.old.level is None for outcome in outcomes),
        "changed": len(changed),
        "harsher": sum(_grade(outcome.mail.new) > _grade(outcome.mail.old) for outcome in outcomes),
        "milder": sum(_grade(outcome.mail.new) < _grade(outcome.mail.old) for outcome in outcomes),
        "tags_changed": sum(outcome.mail.old.tags != outcome.mail.new.tags for outcome in outcomes),
        "levels": _levels(outcomes),
        "moves": _moves(outcomes),
        "languages": _languages(outcomes),
        "rules": _rules(outcomes),
        "consequences": _pairs(outcomes, _consequences),
        "senders": _senders(outcomes),
        "examples": [_example(outcome) for outcome in _gravest(changed)[:examples]],
    }


def _word(assessment: Assessment) -> str:
    return "unscored" if assessment.level is None else assessment.level.word


def _grade(assessment: Assessment) -> int:
    return 0 if assessment.level is None else int(assessment.level)


def _levels(outcomes: list[Outcome]) -> dict[str, dict[str, int]]:
    old, new = Counter(_word(o.mail.old) for o in outcomes), Counter(_word(o.mail.new) for o in outcomes)
    return {word: {"old": old[word], "new": new[word]} for word in (*(level.word for level in Level), "unscored")}


def _moves(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    moves = Counter((_grade(o.mail.old), _word(o.mail.old), _grade(o.mail.new), _word(o.mail.new)) for o in outcomes if o.mail.old.level != o.mail.new.level)
    return [{"old": old, "new": new, "mails": count} for (_, old, _, new), count in sorted(moves.items())]


def _languages(outcomes: list[Outcome]) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for outcome in outcomes:
        row = rows.setdefault(outcome.mail.new.language, {"mails": 0, "changed": 0, "harsher": 0, "milder": 0})
        row["mails"] += 1
        row["changed"] += outcome.changed
        row["harsher"] += _grade(outcome.mail.new) > _grade(outcome.mail.old)
        row["milder"] += _grade(outcome.mail.new) < _grade(outcome.mail.old)
    return dict(sorted(rows.items()))


def hit_by(assessment: Assessment) -> set[str]:
    """The rules that count in a mail, those that give a tag included."""
    return {finding.rule for finding in assessment.findings} | set(assessment.tag_rules)


def _rules(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """Rules that hit other mails than before."""
    rows: dict[str, dict[str, int]] = {}
    for outcome in outcomes:
        old, new = hit_by(outcome.mail.old), hit_by(outcome.mail.new)
        for rule in old | new:
            row = rows.setdefault(rule, {"old": 0, "new": 0, "gained": 0, "lost": 0})
            row["old"] += rule in old
            row["new"] += rule in new
            row["gained"] += rule in new - old
            row["lost"] += rule in old - new
    return [{"rule": rule, **row} for rule, row in sorted(rows.items()) if row["gained"] or row["lost"]]


def _pairs(outcomes: list[Outcome], what: Callable[[Verdict], list[str]]) -> dict[str, dict[str, int]]:
    old, new = Counter(n for o in outcomes for n in what(o.old)), Counter(n for o in outcomes for n in what(o.new))
    return {name: {"old": old[name], "new": new[name]} for name in sorted(old | new)}


def _consequences(verdict: Verdict) -> list[str]:
    named = [verdict.disposition.value]
    named += [f"notice: {verdict.notice.value}"] if verdict.notice else []
    named += [f"alert: {alert.value}" for alert in verdict.alerts]
    return named + ([f"proposal: {verdict.proposal}"] if verdict.proposal else [])


_SENDERS = (
    ("warned", lambda verdict: verdict.notice is NoticeKind.WARNING),
    ("finally warned", lambda verdict: verdict.notice is NoticeKind.FINAL_WARNING),
    ("suspended", lambda verdict: verdict.notice is NoticeKind.SUSPENSION or verdict.standing.suspended_until is not None),
    ("held", lambda verdict: verdict.disposition is Disposition.HOLD),
    ("proposed for a block", lambda verdict: verdict.proposal == "block"),
)


def _senders(outcomes: list[Outcome]) -> dict[str, dict[str, Any]]:
    """How many senders each consequence would have met, and whom it would meet now and didn't before."""
    found: dict[str, dict[str, Any]] = {}
    for name, met in _SENDERS:
        old = {o.mail.identity.address for o in outcomes if met(o.old)}
        new = {o.mail.identity.address for o in outcomes if met(o.new)}
        found[name] = {"old": len(old), "new": len(new), "added": sorted(new - old), "spared": sorted(old - new)}
    return found


def _gravest(changed: list[Outcome]) -> list[Outcome]:
    return sorted(changed, key=lambda o: -abs(_grade(o.mail.new) - _grade(o.mail.old)))


def _example(outcome: Outcome) -> dict[str, Any]:
    mail = outcome.mail
    old, new = hit_by(mail.old), hit_by(mail.new)
    return {
        "source": mail.source,
        "at": mail.at.isoformat(timespec="seconds") if mail.at else None,
        "sender": mail.identity.address,
        "language": mail.new.language,
        "old": _seen(mail.old, outcome.old),
        "new": _seen(mail.new, outcome.new),
        "gained": sorted(new - old),
        "lost": sorted(old - new),
    }


def _seen(assessment: Assessment, verdict: Verdict) -> dict[str, Any]:
    return {
        "level": _word(assessment),
        "points": assessment.points,
        "disposition": verdict.disposition.value,
        "notice": verdict.notice.value if verdict.notice else None,
        "words": [finding.text for finding in assessment.findings[:3]],
    }
