"""Does each rule do what its own examples say? Used by `rules check`, `rules test` and before a set goes live."""

from collections.abc import Iterable

from gateway.errors import Problem
from gateway.scoring.rules import Rule, RuleBook
from gateway.scoring.weigh import Scorer
from gateway.values import Assessment, Reading, Segment, SegmentKind


def sentence(text: str) -> Reading:
    """A reading of one example sentence."""
    return Reading((Segment(SegmentKind.OWN, text),))


def check_examples(book: RuleBook, scorer: Scorer, languages: Iterable[str] | None = None) -> list[Problem]:
    """Run every rule's hits and misses.

    Args:
        book: the rules.
        scorer: built from the same book; the ear plays no part in it.
        languages: only these, None for all.

    Returns:
        list[Problem]: one for each example that doesn't do as it should, and for each rule without examples.
    """
    wanted = None if languages is None else set(languages)
    problems: list[Problem] = []
    for pack in book.packs:
        if wanted is None or pack.code in wanted:
            for rule in pack.rules:
                if not rule.off:
                    problems += _check(rule, scorer)
    return problems


def _check(rule: Rule, scorer: Scorer) -> list[Problem]:
    problems = [
        Problem(rule.file, rule.line, f"rule {rule.id} should hit {text!r} and doesn't{_instead(rule, scorer.assess(sentence(text)))}")
        for text in rule.hits
        if not counts(rule, scorer.assess(sentence(text)))
    ]
    problems += [
        Problem(rule.file, rule.line, f"rule {rule.id} should not hit {text!r} and does; narrow it with unless or a frame in context.toml")
        for text in rule.misses
        if counts(rule, scorer.assess(sentence(text)))
    ]
    if not rule.hits:
        problems.append(Problem(rule.file, rule.line, f"rule {rule.id} has no hits; add at least one sentence that it must find", "warning"))
    return problems


def counts(rule: Rule, assessment: Assessment) -> bool:
    """Whether a rule counts in an assessment: as a finding with points, as a signal, or as its tag."""
    if rule.tag is not None:
        return rule.tag in assessment.tags or (rule.points < 2 and any(f.rule == rule.id for f in assessment.uncounted))
    if any(f.rule == rule.id for f in assessment.findings):
        return True
    return any(f.rule == rule.id and (f.points > 0 or "covered" in f.modifiers) for f in assessment.uncounted)


def _instead(rule: Rule, assessment: Assessment) -> str:
    """Why, as far as the assessment knows."""
    for finding in assessment.uncounted:
        if finding.rule == rule.id:
            return f" (it fits, but doesn't count: {', '.join(finding.modifiers)})"
    return ""
