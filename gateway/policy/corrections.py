"""What people's corrections say about the rules: how often each was right and wrong, and what might be done about it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.numbers import Policy
from gateway.policy.imported import elsewhere
from gateway.policy.kept import misconduct
from gateway.policy.reports import unseen
from gateway.records import Incident, IncidentState
from gateway.values import Category, Level

_DISMISSED = "dismissed: strike"
_CONFIRMED = "confirmed: "
_ENOUGH_WRONG = 3
_ENOUGH_FOR_OFF = 5
_ENOUGH_SENDERS = 2
_LONGEST_WORDS = 4
PROTECTS = frozenset({Category.THREAT, Category.STALKING})
"""A rule that warns of danger is never proposed to be turned off or down, nor to overlook its own words: it is asked to agree with the ear."""


class Remedy(StrEnum):
    """What may be done about a rule that errs."""

    SIGNAL = "signal"
    WEIGHT = "weight"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Fared:
    """How one rule fared.

    Attributes:
        right: incidents in which it counted and which nobody undid, where something followed from them.
        confirmed: those of them in which a person confirmed it.
        wrong: incidents that a person overturned, or whose strike he dismissed, newest first.
    """

    rule: str
    right: tuple[Incident, ...]
    confirmed: int
    wrong: tuple[Incident, ...]


def was_wrong(incident: Incident) -> bool:
    """Whether a person undid an incident, or dismissed the strike that it proposed."""
    return incident.state is IncidentState.OVERTURNED or any(what == _DISMISSED for _, _, what in incident.notes)


def was_confirmed(incident: Incident) -> bool:
    """Whether a person said that an incident's strike is right."""
    return any(what.startswith(_CONFIRMED) for _, _, what in incident.notes)


def fared(incidents: Iterable[Incident]) -> dict[str, Fared]:
    """How each rule fared; what was reported to us or happened elsewhere is no matter of the rules.

    Args:
        incidents: newest first; those that were only observed count where a person undid them.
    """
    right: dict[str, list[Incident]] = {}
    wrong: dict[str, list[Incident]] = {}
    confirmed: Counter[str] = Counter()
    for incident in incidents:
        if unseen(incident) or elsewhere(incident) or not misconduct(incident):
            continue
        names = {rule for rule, points in incident.findings if points > 0}
        if was_wrong(incident):
            for name in names:
                wrong.setdefault(name, []).append(incident)
        elif incident.state is IncidentState.DONE:
            for name in names:
                right.setdefault(name, []).append(incident)
            confirmed.update(names if was_confirmed(incident) else ())
    return {name: Fared(name, tuple(right.get(name, ())), confirmed[name], tuple(wrong.get(name, ()))) for name in sorted(right.keys() | wrong.keys())}


def remedy(rule: Fared, points: int, category: Category, policy: Policy) -> tuple[Remedy, int] | None:
    """What to do about a rule as a whole, and its new points; None when it errs too seldom for that.

    Args:
        rule: how it fared.
        points: what it counts.
        category: of the rule.
        policy: for the thresholds.
    """
    wrong, right = len(rule.wrong), len(rule.right)
    if wrong < _ENOUGH_WRONG or wrong <= right:
        return None
    if category in PROTECTS:
        return Remedy.SIGNAL, points
    if wrong >= _ENOUGH_FOR_OFF and not right:
        return Remedy.OFF, 0
    lower = next((limit - 1 for limit in (policy.severe, policy.abusive, policy.rude) if points >= limit), 0)
    return (Remedy.WEIGHT, lower) if lower else (Remedy.OFF, 0)


def common_words(rule: Fared) -> tuple[str, ...]:
    """What the rule found again and again where it was wrong, at several senders, and never where it was right.

    Only incidents in which nothing else was found can tell, for an excerpt doesn't say whose words it has.
    """
    senders: dict[str, set[str]] = {}
    for incident in rule.wrong:
        if words := _alone(incident):
            senders.setdefault(words, set()).add(incident.sender)
    elsewhere_too = " | ".join(incident.excerpt.casefold() for incident in rule.right)
    found = [words for words, whose in senders.items() if len(whose) >= _ENOUGH_SENDERS and len(words.split()) <= _LONGEST_WORDS]
    return tuple(sorted(words for words in found if words not in elsewhere_too))


def _alone(incident: Incident) -> str:
    """The words of an incident's only finding, "" when it has several or they are gone."""
    return incident.excerpt.casefold() if len(incident.findings) == 1 else ""


def milder(incidents: Iterable[Incident], rule: str, points: int, policy: Policy) -> int:
    """How many incidents would have had a lower level, had the rule counted so much at most; by what is kept of them.

    Args:
        incidents: in which it counted.
        rule: its id.
        points: what each of its findings would count at most.
        policy: for the thresholds.
    """
    return sum(_level(_points(incident, {rule: points}), policy) < (incident.level or Level.CLEAN) for incident in incidents)


def _points(incident: Incident, most: Mapping[str, int]) -> int:
    # the caps of categories may have cut the sum, so what is taken away is taken from it
    return incident.points - sum(max(points - most[name], 0) for name, points in incident.findings if name in most)


def _level(points: int, policy: Policy) -> Level:
    found = (level for level, limit in ((Level.SEVERE, policy.severe), (Level.ABUSIVE, policy.abusive), (Level.RUDE, policy.rude)) if points >= limit)
    return next(found, Level.CLEAN)
