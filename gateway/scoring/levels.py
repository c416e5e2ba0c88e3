"""From the points of findings to the level: caps of categories, ceilings of levels, and what would have been otherwise."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.numbers import Policy
from gateway.values import Category, Finding, Level, SegmentKind, Target


def level_of(findings: Sequence[Finding], policy: Policy) -> tuple[Level, int, tuple[str, ...]]:
    """The capped sum and the level that it reaches.

    A level is reached by the points of the categories that may reach it: shouting and pressure never make a mail
    abusive (D3, F10), insults never make it severe.
    """
    caps = dict(policy.category_caps)
    ceilings = dict(policy.level_caps)
    sums: dict[Category, int] = defaultdict(int)
    lines: list[str] = []
    for finding in sorted(findings, key=lambda f: (-f.points, f.rule)):
        room = caps.get(finding.category, 99) - sums[finding.category]
        points = max(0, min(finding.points, room))
        sums[finding.category] += points
        capped = f" (of {finding.points}, {finding.category} is capped at {caps.get(finding.category)})" if points < finding.points else ""
        lines.append(f"{points:+d} {finding.rule}{capped}")
    total = sum(sums.values())
    level = Level.CLEAN
    undirected = sum(f.points for f in findings if f.category is Category.PROFANITY and f.target is not Target.STAFF)
    for step, threshold in _thresholds(policy):
        able = sum(points for category, points in sums.items() if ceilings.get(category, Level.SEVERE) >= step)
        if step > Level.RUDE and ceilings.get(Category.PROFANITY, Level.SEVERE) >= step:
            # swearing at nobody is rude at most, however much of it there is (D5)
            able -= min(undirected, sums[Category.PROFANITY])
        if able >= threshold:
            level = step
        if total >= threshold:
            lines.append(_weighed(step, threshold, able, total))
    return level, total, tuple(lines)


def _weighed(step: Level, threshold: int, able: int, total: int) -> str:
    """How the sum stands to a level, for somebody who knows neither thresholds nor ceilings."""
    if able == total:
        told = f"all {total} count towards it"
    else:
        some = f"{able} of the {total} {'count' if able > 1 else 'counts'} towards it, the others are" if able else f"none of the {total} counts towards it, for all are"
        told = f"{some} of a kind that never makes a mail {step.word}"
    return f"a mail is {step.word} from {threshold} points on; {told}"


def _thresholds(policy: Policy) -> tuple[tuple[Level, int], ...]:
    return (Level.RUDE, policy.rude), (Level.ABUSIVE, policy.abusive), (Level.SEVERE, policy.severe)


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What a mail would have been without one rule: only rules without which its level changes."""

    rule: str
    level: Level


def otherwise(findings: Sequence[Finding], policy: Policy) -> tuple[Otherwise, ...]:
    """Which single rules decide the level of a mail.

    Args:
        findings: those that counted.
        policy: thresholds and caps.

    Returns:
        tuple[Otherwise, ...]: for each such rule the level without it; empty when no single rule decides.
    """
    level = level_of(findings, policy)[0]
    found = []
    for rule in dict.fromkeys(finding.rule for finding in findings):
        less = level_of([finding for finding in findings if finding.rule != rule], policy)[0]
        if less != level:
            found.append(Otherwise(rule, less))
    return tuple(found)


def missing_points(findings: Sequence[Finding], policy: Policy) -> tuple[Level, int] | None:
    """The next level and the fewest further points, of a category that may reach it, that would have brought it; None at the top."""
    level = level_of(findings, policy)[0]
    for step, _ in _thresholds(policy):
        if step > level:
            extra = next((points for points in range(1, 100) if level_of([*findings, _more(points, step)], policy)[0] >= step), None)
            return None if extra is None else (step, extra)
    return None


def _more(points: int, step: Level) -> Finding:
    """A finding of a category that no ceiling holds back."""
    category = Category.THREAT if step is Level.SEVERE else Category.INSULT
    return Finding("one more", category, points, "", SegmentKind.OWN, 0, (0, 0), Target.STAFF, "und")
