"""What a rule book says that its author can hardly mean: phrases that fit nearly everything, words that nothing reaches."""

import re
from collections.abc import Iterator

from gateway.edge.rules_files import MORPHOLOGY_FILE
from gateway.errors import Problem
from gateway.scoring.fold import fold
from gateway.scoring.patterns import HIT, SIMPLE_WORD, Atom, parse
from gateway.scoring.rules import LanguagePack, Rule, RuleBook

SHORTEST_TAIL = 5
"""Letters; a shorter tail of compounds is the end of too many other words."""
SHORT_TAIL = f"every word that ends so is meant, also innocent ones; give at least {SHORTEST_TAIL} letters or whole words"
_SHOWN = 5
_TAIL = re.compile(r"\*([^\W_]+)")


def short_tails(words: tuple[str, ...]) -> list[str]:
    """The entries of a list that stand for every word with a short ending: *rat is in Literat."""
    return [word for word in words if (tail := _TAIL.fullmatch(word)) and len(tail[1]) < SHORTEST_TAIL]


def lint(book: RuleBook, languages: frozenset[str] | None = None, *, layer: int = 0) -> list[Problem]:
    """Look over a rule book.

    Args:
        book: the rules.
        languages: only these, None for all.
        layer: only rules that are written, or changed, in this folder or one laid over it.

    Returns:
        list[Problem]: warnings.
    """
    problems: list[Problem] = []
    for pack in book.packs:
        if languages is None or pack.code in languages:
            rules = [rule for rule in pack.rules if not rule.off]
            for rule in rules:
                if rule.layer >= layer or (rule.changed and layer):
                    problems += [Problem(rule.file, rule.line, text, "warning") for text in (*_own(rule, pack), *_shadows(rule, rules))]
    return problems


def _own(rule: Rule, pack: LanguagePack) -> Iterator[str]:
    frequent = frozenset(pack.frequent)
    for phrase in rule.phrases:
        if bare := _fits_alone(phrase, frequent):
            yield f"rule {rule.id}: the phrase {phrase!r} fits {bare} alone, for the rest of it may be missing; write it as several phrases"
    for phrase in rule.unless:
        if bare := _fits_alone(phrase, frequent):
            yield f"rule {rule.id}: unless {phrase!r} fits {bare} alone, so it takes the rule back in every sentence with it; make less of it optional"
    if tails := short_tails(rule.words):
        yield f"rule {rule.id}: {shown(tails)}: {SHORT_TAIL}"
    if hidden := [word for word in rule.words if _is_innocent(word, pack)]:
        yield f"rule {rule.id}: {shown(hidden)} can never hit in {pack.code}, for {MORPHOLOGY_FILE} calls it innocent; take it out here or there"
    if common := [word for word in rule.words if rule_word(word) and fold(word.strip("=~")).text in frequent]:
        yield f"rule {rule.id}: {shown(common)} is in nearly every mail, for {MORPHOLOGY_FILE} calls it frequent; put more words around it"


def _is_innocent(word: str, pack: LanguagePack) -> bool:
    bare = fold(word.strip("=~")).text
    return rule_word(word) and any(fold(entry).text == bare for entry in pack.innocent)


def rule_word(word: str) -> bool:
    """Whether an entry is one plain word, not a beginning or a tail."""
    return bool(SIMPLE_WORD.fullmatch(word)) and "*" not in word


def _fits_alone(text: str, frequent: frozenset[str]) -> str:
    """What a phrase asks for when all else in it is optional and that is one frequent word, or any word of a class."""
    variants = parse(text)
    for short in variants:
        if len(short.places) != 1 or short.at_start or short.at_end:
            continue
        atoms = short.places[0].atoms
        if not any(len(longer.places) > 1 and any(place.atoms == atoms for place in longer.places) for longer in variants):
            continue
        if words := sorted(atom.text for atom in atoms if atom.kind in {"literal", "form"} and atom.text in frequent):
            return f"the frequent word {shown(words)}"
        if classes := sorted(atom.text for atom in atoms if atom.kind == "class"):
            return f"any word of <{classes[0]}>"
    return ""


def fits_everything(frame: str) -> bool:
    """Whether a frame fits every finding, because nothing but <hit> must be there."""
    alone = frozenset({Atom("class", HIT)})
    return any(
        len(phrase.places) == 1 and phrase.places[0].atoms == alone and not (phrase.at_start and phrase.at_end) for phrase in parse(frame)
    )


def _shadows(rule: Rule, rules: list[Rule]) -> Iterator[str]:
    """Another rule that has everything that this one has, and counts at least as much: this one never shows."""
    own = _entries(rule)
    for other in rules:
        if other is rule or not own or not own <= _entries(other) or rule.pattern:
            continue
        same = (other.category, other.tag) == (rule.category, rule.tag) and other.aimed is rule.aimed and not other.unless
        more = other.points >= rule.points and other.elsewhere >= rule.elsewhere and other.signal <= rule.signal and other.loud <= rule.loud
        if same and more and (own < _entries(other) or rules.index(other) < rules.index(rule)):
            yield f"rule {rule.id} is shadowed: {other.id} ({other.file}:{other.line}) has all its words and phrases and counts as much; remove one"
            return


def _entries(rule: Rule) -> frozenset[str]:
    return frozenset(fold(entry).text.strip() for entry in (*rule.words, *rule.phrases))


def shown(words: list[str]) -> str:
    """Some words for a message, the first few of many."""
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(repr(word) for word in words[:_SHOWN]) + more
