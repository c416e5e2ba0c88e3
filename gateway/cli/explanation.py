"""What there is to say of a mail's score, in words, before anybody decides how it looks: for the terminal and for a ticket alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.cli.plain import plain
from gateway.cli.this_sender import ThisSender, what_follows
from gateway.edge import shipped
from gateway.edge.template_words import Words, load_words
from gateway.numbers import Policy
from gateway.policy.verdict import judge
from gateway.scoring.levels import missing_points, otherwise
from gateway.values import Assessment, Basis, Finding, Identity, Level, Reading, SegmentKind, Standing, Strike

SHOWN = frozenset({SegmentKind.SUBJECT, SegmentKind.OWN, SegmentKind.SIGNATURE})
_MODIFIERS = {
    "disguised": "letters were hidden: one point more",
    "intense": "strengthened: one point more",
    "in the signature": "stands in the signature: half",
    "signal": "a hint that counts only where the ear agrees, and it doesn't",
    "loud": "a broad hint",
    "confirmed by the ear": "a hint that the ear agrees with",
    "certain": "counts whatever the ear hears",
    "rule of this site": "a rule of this site: counts whatever the ear hears",
    "nobody named": "the sentence names nobody",
    "the ear hears nothing": "the learned ear hears too little abuse in the mail",
    "too faint to count alone": "the learned ear has a doubt, too faint to count alone",
    "covered": "the same words count once",
    "pattern": "an own pattern",
    "negated": "denied, not said",
    "reported speech": "tells what somebody else said",
    "between quotation marks": "quoted",
}
_SENDER = "customer@client.example"
_MOST_STRIKES = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding's number and where it stands in its segment; `counted` when it has points in the sum."""

    number: int
    span: tuple[int, int]
    counted: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """A segment as it is shown: its text, or only how long it is when it wasn't scored."""

    kind: str
    text: str
    marks: tuple[Mark, ...]
    unscored: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """All there is to say of one mail, in plain sentences without control characters."""

    name: str
    verdict: str
    stretches: tuple[Stretch, ...]
    counted: tuple[str, ...]
    uncounted: tuple[str, ...]
    arithmetic: tuple[str, ...]
    otherwise: tuple[str, ...]
    tags: str
    follows: tuple[str, ...]
    whom: str = "a verified sender with"
    """For whom that would follow."""


def explanation(name: str, reading: Reading, assessment: Assessment, policy: Policy, sender: ThisSender | None = None) -> Explanation:
    """Put everything into words.

    Args:
        name: of the mail.
        reading: its segments.
        assessment: its findings and level.
        policy: the numbers in force.
        sender: for whom it is told what would follow; None for examples with so many strikes.
    """
    words, _ = load_words("en", [shipped.folder("templates")])
    # one rule may find the same words in two ways; that is nobody's concern
    uncounted = [finding for finding in assessment.uncounted if f"by {finding.rule}" not in finding.modifiers]
    numbered = list(enumerate((*assessment.findings, *uncounted), 1))
    first_uncounted = len(assessment.findings)
    level = assessment.level.word if assessment.level is not None else f"unscored, {assessment.error}"
    basis = {Basis.EAR: ", heard by the learned ear alone", Basis.BOTH: ", by rules and the learned ear", Basis.RULES: ""}[assessment.basis]
    points = f"{assessment.points} point{'s' if assessment.points != 1 else ''}"
    return Explanation(
        name=plain(name),
        verdict=plain(f"{level}, {points}{basis if assessment.points else ''}, language {assessment.language}"),
        stretches=tuple(_stretches(reading, numbered, first_uncounted)),
        counted=tuple(plain(f"[{n}] {f.points:+d} {_told(f, words)}") for n, f in numbered[:first_uncounted]),
        uncounted=tuple(plain(f"[{n}] {_told(f, words)}") for n, f in numbered[first_uncounted:]),
        arithmetic=tuple(map(plain, assessment.arithmetic)),
        otherwise=tuple(map(plain, _otherwise(assessment, policy))),
        tags=", ".join(sorted(tag.value for tag in assessment.tags)),
        follows=tuple(map(plain, sender.follows(assessment, policy) if sender else _follows(assessment, policy))),
        whom=plain(sender.standing.address) if sender else "a verified sender with",
    )


def _stretches(reading: Reading, numbered: Sequence[tuple[int, Finding]], first_uncounted: int) -> list[Stretch]:
    found = []
    for index, segment in enumerate(reading.segments):
        if segment.kind not in SHOWN:
            found.append(Stretch(segment.kind.value, "", (), len(segment.text)))
            continue
        marks = _readable(Mark(n, f.span, n <= first_uncounted) for n, f in numbered if f.segment_index == index)
        # one for one, so that spans still fit
        found.append(Stretch(segment.kind.value, "".join(plain(c) or " " for c in segment.text), marks))
    return found


def _readable(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """All that counted; of the others those that cross nothing, as they are told by their words as well."""
    kept: list[Mark] = []
    for mark in marks:
        if mark.counted or not any(crosses(mark, other) for other in kept):
            kept.append(mark)
    return tuple(kept)


def crosses(one: Mark, other: Mark) -> bool:
    """Whether two marks share letters and not all of them."""
    return one.span != other.span and one.span[0] < other.span[1] and other.span[0] < one.span[1]


def _told(finding: Finding, words: Words) -> str:
    modifiers = list(finding.modifiers)
    if "covered" in modifiers:
        # the one reason: that its rule is a hint, or that a letter was hidden, took nothing from it
        modifiers = ["covered", *(m for m in modifiers if m.startswith("by "))]
    said = "; ".join(_MODIFIERS.get(modifier, modifier) for modifier in modifiers)
    clauses = ", ".join(f"{point} {title}" if (title := words.clause(point)) else point for point in finding.clause)
    category = words.text("categories", finding.category.value)
    where = "" if finding.target.value == "nobody" else f" at {finding.target.value.replace('_', ' ')}"
    return f"{finding.text!r}: {category}{where} ({finding.rule}{f'; {said}' if said else ''}){f' [{clauses}]' if clauses else ''}"


def _otherwise(assessment: Assessment, policy: Policy) -> list[str]:
    if assessment.level is None:
        return []
    found = [f"without {other.rule} it would have been {other.level.word}" for other in otherwise(assessment.findings, policy)]
    missing = missing_points(assessment.findings, policy)
    if missing:
        level, points = missing
        found.append(f"{points} more point{'s' if points != 1 else ''} would have made it {level.word}")
    return found


def _follows(assessment: Assessment, policy: Policy) -> list[str]:
    """What would follow for a verified sender with so many active strikes; nothing to tell of a clean mail."""
    if not assessment.level:
        return []
    now = datetime(2000, 1, 1, tzinfo=UTC)  # any time: only distances matter
    found = []
    for count in range(_MOST_STRIKES + 1):
        strikes = tuple(Strike(now - timedelta(days=n + 1), f"BEFORE{n}", Level.ABUSIVE) for n in range(count))
        verdict = judge(assessment, Identity(_SENDER, verified=True, by="an example"), Standing(_SENDER, strikes=strikes), policy, now, "EXAMPLE")
        strikes_told = f"{count}{' or more' if count == _MOST_STRIKES else ''} active strike{'s' if count != 1 else ''}"
        found.append(f"{strikes_told}: {what_follows(verdict)}")
    told = [line.partition(": ")[2] for line in found]
    return [f"whatever came before: {told[0]}"] if len(set(told)) == 1 else found
