"""Rules against the shipped civil sample: a rule that counts in calm mail is too broad, in its own language or in another."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.edge.forked import spread
from gateway.edge.sentences import Sentence, labelled
from gateway.errors import Problem
from gateway.scoring.rules import Rule, RuleBook
from gateway.scoring.weigh import Scorer
from gateway.values import Level

_CHUNK = 400
_TOLERATED = 2
"""So many of thousands of civil sentences may a shipped rule hit unmentioned, while it accuses in none of them."""
_TOO_MANY = 5
"""A rule that counts in more than one of so many civil sentences accuses half of all customers: no such rule goes live."""
_ENOUGH = 50
"""Sentences of a language from which on a share of them means something."""


@dataclass(frozen=True, slots=True)
class _Hit:
    rule: str
    language: str
    words: str
    text: str
    accused: bool
    pattern: bool
    """Found by a regular expression, which knows no innocent words."""


def civil_sample(folder: Path, languages: Iterable[str]) -> list[Sentence]:
    """The sentences labelled civil beside the shipped rules."""
    return [sentence for code in languages for sentence in labelled(folder, code) if sentence.level is Level.CLEAN]


def check_civil(book: RuleBook, scorer: Scorer, sample: list[Sentence], *, layer: int = 0) -> list[Problem]:
    """Which rules are too broad.

    Args:
        book: the rules.
        scorer: built from them, without the ear.
        sample: civil sentences.
        layer: only rules that are written, or changed, in this folder or one laid over it; there one hit is told, of shipped
            rules only what is more than a few or accuses.

    Returns:
        list[Problem]: a warning a rule and language; an error where it counts in more than a fifth of the sentences.
    """
    hits: dict[tuple[str, str], list[_Hit]] = defaultdict(list)
    totals: dict[str, int] = defaultdict(int)
    for sentence in sample:
        totals[sentence.language] += 1
    chunks = [sample[n : n + _CHUNK] for n in range(0, len(sample), _CHUNK)]
    for found in spread(lambda chunk: _hits(chunk, scorer), chunks):
        for hit in found:
            hits[hit.rule, hit.language].append(hit)
    rules = {rule.id: rule for pack in book.packs for rule in pack.rules if rule.layer >= layer or (rule.changed and layer)}
    problems = []
    for (name, language), found in sorted(hits.items()):
        rule = rules.get(name)
        own = rule is not None and (rule.layer > 0 or bool(rule.changed))
        if rule is not None and (own or len(found) > _TOLERATED or any(hit.accused for hit in found)):
            total = totals[language]
            worst = total >= _ENOUGH and len(found) * _TOO_MANY > total
            told = _told(rule, language, found, total)
            if worst:
                told += "; a rule that counts in more than a fifth of what is civil isn't put in force"
            problems.append(Problem(rule.file, rule.line, told, "error" if worst else "warning"))
    return problems


def _hits(chunk: list[Sentence], scorer: Scorer) -> list[_Hit]:
    found = []
    for sentence in chunk:
        assessment = scorer.assess(sentence.reading)
        accuser = assessment.findings[0].rule if assessment.level is not None and assessment.level >= Level.ABUSIVE else ""
        seen = {finding.rule: finding for finding in reversed(assessment.findings)}
        found += [_Hit(rule, sentence.language, finding.text, sentence.text, rule == accuser, "pattern" in finding.modifiers) for rule, finding in sorted(seen.items())]
    return found


def _told(rule: Rule, language: str, hits: list[_Hit], total: int) -> str:
    example = next((hit for hit in hits if hit.accused), hits[0])
    number = f"{len(hits)} of {total} civil sentences" if len(hits) > 1 else f"a civil sentence of {total}"
    text = example.text.replace("\n", " ")
    shown = text if len(text) <= 120 else f"{text[:117]}..."
    where = repr(shown) if example.words == text else f"{example.words!r} in {shown!r}"
    if language != rule.language:
        what = f"{example.words!r} is an ordinary word of {language}: it counts in {number}, for example {shown!r}"
        advice = "narrow the pattern" if example.pattern else f"write it longer, or put it into innocent of {language}/morphology.toml"
        return f"rule {rule.id}: {what}; {advice}"
    accused = sum(hit.accused for hit in hits)
    worse = f" and makes {accused} of them abusive" if accused else ""
    return f"rule {rule.id} counts in {number} of {language}{worse}, for example {where}; narrow it, or lower its points"
