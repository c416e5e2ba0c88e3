"""Does each rule do what its own examples say? Used by `rules check`, `rules test` and before a set goes live."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.errors import Problem
from gateway.scoring.rules import Rule, RuleBook
from gateway.scoring.weigh import Scorer
from gateway.values import Assessment, Reading, Segment, SegmentKind

BROKEN = "since it is changed here"
"""In what is said of an example of a rule that a site's change ends."""


@dataclass(frozen=True, slots=True)
class Example:
    """One example of a rule, tried.

    Attributes:
        wanted: whether the rule should find it.
        found: whether it does.
        why: what stands in the way, or what found it instead, "" when nothing is known.
        covered_by: the heavier rule that counts instead of this one, "" for none.
        foreign: for a tag, another rule that gives the same tag to this text, "" for none.
    """

    rule: Rule
    text: str
    wanted: bool
    found: bool
    why: str = ""
    covered_by: str = ""
    foreign: str = ""

    @property
    def right(self) -> bool:
        """Whether it does as it should."""
        return self.found is self.wanted and not (self.foreign and not self.wanted)


def sentence(text: str) -> Reading:
    """A reading of one example sentence."""
    return Reading((Segment(SegmentKind.OWN, text),))


def examples(book: RuleBook, scorer: Scorer, languages: Iterable[str] | None = None, *, layer: int = 0) -> Iterator[Example]:
    """Try every rule's hits and misses.

    Args:
        book: the rules.
        scorer: built from the same book; the ear plays no part in it.
        languages: only these, None for all.
        layer: only rules that are written, or changed, in this folder or one laid over it.

    Yields:
        Example: in the order of the rules.
    """
    wanted = None if languages is None else set(languages)
    tags = {rule.id: rule for pack in book.packs for rule in pack.rules if rule.tag is not None}
    for pack in book.packs:
        if wanted is None or pack.code in wanted:
            for rule in pack.rules:
                if not rule.off and (rule.layer >= layer or (rule.changed and layer > 0)):
                    yield from (_tried(rule, text, True, scorer, tags) for text in rule.hits)
                    yield from (_tried(rule, text, False, scorer, tags) for text in rule.misses)


def check_examples(book: RuleBook, scorer: Scorer, languages: Iterable[str] | None = None, *, layer: int = 0) -> list[Problem]:
    """What is wrong with the examples of rules; see `examples` for the arguments.

    Returns:
        list[Problem]: one for each example that doesn't do as it should, for each rule without hits, and for each rule
            that another one covers in all its hits.
    """
    tried = list(examples(book, scorer, languages, layer=layer))
    problems = [_problem(example) for example in tried if not example.right or (example.foreign and example.wanted)]
    wanted = None if languages is None else set(languages)
    for pack in book.packs:
        for rule in pack.rules:
            looked_at = (wanted is None or pack.code in wanted) and not rule.off and (rule.layer >= layer or (rule.changed and layer > 0))
            if looked_at and not rule.hits:
                problems.append(Problem(rule.file, rule.line, f"rule {rule.id} has no hits; add at least one sentence that it must find", "warning"))
    return problems + _covered(tried)


def _tried(rule: Rule, text: str, wanted: bool, scorer: Scorer, tags: dict[str, Rule]) -> Example:  # noqa: FBT001 - a field of the answer
    assessment = scorer.assess(sentence(text))
    found = counts(rule, assessment)
    foreign = ""
    if rule.tag is not None and not found:
        foreign = next((name for name in assessment.tag_rules if tags[name].tag is rule.tag and rule.tag in assessment.tags), "")
    return Example(rule, text, wanted, found, _why(rule, assessment), _cover(rule, assessment), foreign)


def counts(rule: Rule, assessment: Assessment) -> bool:
    """Whether a rule itself counts in an assessment: as a finding with points, as a signal, or as one that gives its tag."""
    if rule.tag is not None:
        return rule.id in assessment.tag_rules
    if any(f.rule == rule.id for f in assessment.findings):
        return True
    return any(f.rule == rule.id and (f.points > 0 or "covered" in f.modifiers) for f in assessment.uncounted)


def _why(rule: Rule, assessment: Assessment) -> str:
    """Why a rule that fits doesn't count, as far as the assessment knows."""
    return next((", ".join(f.modifiers) for f in assessment.uncounted if f.rule == rule.id and f.modifiers), "")


def _cover(rule: Rule, assessment: Assessment) -> str:
    if any(f.rule == rule.id for f in assessment.findings):
        return ""
    covered = (f.modifiers for f in assessment.uncounted if f.rule == rule.id and "covered" in f.modifiers)
    return next((modifiers[-1].removeprefix("by ") for modifiers in covered), "")


def _problem(example: Example) -> Problem:
    rule, text = example.rule, example.text
    place, line, since, severity = rule.file, rule.line, "", "error"
    if text in rule.inherited:
        place, _, number = rule.changed.rpartition(":")
        line, since, severity = int(number), f" {BROKEN}", "warning"
    if example.foreign and example.wanted:
        said = f"rule {rule.id} doesn't hit {text!r}: {example.foreign} does, which gives the same tag; move the sentence there or widen {rule.id}"
        severity = "warning"
    elif example.foreign:
        said = f"rule {rule.id} should not hit {text!r}, and doesn't, but {example.foreign} gives it the same tag; narrow {example.foreign} with unless"
    elif example.wanted:
        said = f"rule {rule.id} should hit {text!r} and doesn't{since}{f' (it fits, but does not count: {example.why})' if example.why else ''}"
    else:
        said = f"rule {rule.id} should not hit {text!r} and does{since}; narrow it with unless or a frame in context.toml"
        if rule.tag is not None and rule.points == 1:
            # half a tag is no tag yet
            said, severity = f"{said} (it gives half of the tag)", "warning"
    return Problem(place, line, said, severity)


def _covered(tried: list[Example]) -> list[Problem]:
    """Rules of which another one, heavier, finds the same words in every one of their hits."""
    by_rule: dict[str, list[Example]] = {}
    for example in tried:
        if example.wanted and example.rule.tag is None and not example.rule.signal:
            by_rule.setdefault(example.rule.id, []).append(example)
    problems = []
    for own in by_rule.values():
        rule, covers = own[0].rule, {example.covered_by for example in own}
        if len(own) > 1 and "" not in covers:
            text = f"rule {rule.id} is shadowed: in each of its hits {' or '.join(sorted(covers))} finds the same words and counts more"
            problems.append(Problem(rule.file, rule.line, f"{text}; join them, or give it a hit of its own", "warning"))
    return problems
