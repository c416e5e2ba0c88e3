"""Why a mail keeps its level although other rules fit it than before: for comparing two sets of rules."""

from collections.abc import Iterable
from enum import StrEnum

from gateway.numbers import Policy
from gateway.scoring.doubt import UNHEARD
from gateway.scoring.levels import level_of
from gateway.scoring.whole import SIGNAL
from gateway.values import Assessment, Finding, Level, Tag

_EXCUSES = frozenset({"negated", "reported speech", "between quotation marks"})
_COVERED = "covered"


class Stays(StrEnum):
    """Why what a rule finds, or finds no more, changes no level."""

    TAG = "tag"
    """It gives a tag, and tags never score."""
    EXCUSED = "excused"
    """The words are denied, told or quoted."""
    EAR = "ear"
    """The learned ear doubts it."""
    HINT = "hint"
    """A signal with which the ear doesn't agree."""
    COVERED = "covered"
    """The same words count by another rule."""
    TARGET = "target"
    """It is said of somebody of whom it counts nothing."""
    SELF_HARM = "self_harm"
    """The mail may be about self-harm and is clean whatever else it says."""
    FEW = "few"
    """Its points are too few for any level."""
    CAP = "cap"
    """Its category had given all that it can."""
    CEILING = "ceiling"
    """Its category never brings a mail further."""
    OTHERS = "others"
    """What else was found brings the mail to this level by itself."""
    INSTEAD = "instead"
    """Another rule counts in its place, or it in the place of another."""


def stays(old: Assessment, new: Assessment, before: Policy, after: Policy) -> tuple[tuple[str, Stays], ...]:
    """Which rules fit a mail under one set only, and why its level is the same under both.

    Args:
        old: by the one set, with what didn't count.
        new: by the other.
        before: the numbers of the one.
        after: those of the other.

    Returns:
        tuple[tuple[str, Stays], ...]: a rule and a reason each, in the order of their ids; empty when the level differs.
    """
    if old.level is None or old.level is not new.level or old.rules_version == new.rules_version:
        return ()
    found = {rule: _why(rule, old, before) for rule in _fits(old) - _fits(new)} | {rule: _why(rule, new, after) for rule in _fits(new) - _fits(old)}
    return tuple(sorted(found.items()))


def _fits(assessment: Assessment) -> set[str]:
    rules = {finding.rule for finding in (*assessment.findings, *assessment.uncounted) if not finding.rule.startswith("ear.")}
    return rules | set(assessment.tag_rules)


def _why(rule: str, there: Assessment, policy: Policy) -> Stays:
    """Why it does nothing to the level, in the assessment in which it is found."""
    if rule in there.tag_rules:
        return Stays.TAG
    if all(finding.rule != rule for finding in there.findings):
        return _uncounted(finding for finding in there.uncounted if finding.rule == rule)
    if Tag.SELF_HARM in there.tags and there.level is Level.CLEAN:
        return Stays.SELF_HARM
    level, total, _ = level_of(there.findings, policy)
    less, rest, _ = level_of([finding for finding in there.findings if finding.rule != rule], policy)
    if level > less:
        return Stays.INSTEAD
    if level is Level.CLEAN:
        return Stays.FEW
    if total == rest:
        return Stays.CAP
    ceilings = dict(policy.level_caps)
    own = [finding for finding in there.findings if finding.rule == rule]
    enough = max(finding.points for finding in own) >= {Level.RUDE: policy.abusive, Level.ABUSIVE: policy.severe}.get(level, total + 1)
    return Stays.CEILING if enough and all(ceilings.get(finding.category, Level.SEVERE) <= level for finding in own) else Stays.OTHERS


def _uncounted(findings: Iterable[Finding]) -> Stays:
    modifiers = {modifier for finding in findings for modifier in finding.modifiers}
    if modifiers & _EXCUSES:
        return Stays.EXCUSED
    return next((why for name, why in ((_COVERED, Stays.COVERED), (UNHEARD, Stays.EAR), (SIGNAL, Stays.HINT)) if name in modifiers), Stays.TARGET)
