"""A rule in plain words, and what a site's folder changes against the shipped rules."""

from collections.abc import Iterator
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from gateway.edge.rules import class_names
from gateway.numbers import Policy
from gateway.scoring.rules import LanguagePack, Rule, RuleBook
from gateway.values import Category, Level, Target

_UNTOLD = {"id", "language", "file", "line", "layer", "changed", "inherited"}
_LISTED = ("words", "phrases", "unless", "hits", "misses", "clause")


def find_rule(book: RuleBook, name: str) -> tuple[Rule, LanguagePack] | None:
    """A rule by its id."""
    return next(((rule, pack) for pack in book.packs for rule in pack.rules if rule.id == name), None)


def near_ids(book: RuleBook, name: str) -> list[str]:
    """The ids that somebody may have meant."""
    return get_close_matches(name, [rule.id for pack in book.packs for rule in pack.rules], 3, 0.5)


def told(rule: Rule, policy: Policy) -> Iterator[str]:
    """What a rule does, a sentence a line."""
    if rule.off:
        yield "It is off: it does nothing."
    yield from _worth(rule, policy)
    if rule.loud:
        yield "It counts only where the learned ear by itself calls the mail abusive."
    elif rule.signal:
        yield "It counts only where the learned ear hears abuse in the same mail."
    if rule.words:
        yield "Each of its words is a match by itself, in all its forms unless written with =."
    if rule.phrases:
        yield "Each of its phrases is a match within one sentence."
    if rule.pattern:
        yield "Its pattern is a regular expression, tried on the text as it was written."
    if rule.unless:
        yield "It is taken back where one of its exceptions (unless) fits the same sentence."


def _worth(rule: Rule, policy: Policy) -> Iterator[str]:
    if rule.tag is not None:
        enough = "One sentence is enough." if rule.points > 1 else "Two sentences are needed, of this rule or of another one of the tag."
        yield f"Gives the tag {rule.tag.value}, which never scores. {enough}"
    elif rule.category is not None:
        yield f"{rule.category.value}: {_points(rule, policy)}"
        if rule.aimed is Target.STAFF:
            yield f"At our company, our product or nobody it counts {rule.elsewhere}; at the writer or a third party nothing."
        else:
            yield f"It counts the same whoever is meant, but nothing at the writer; elsewhere {rule.elsewhere}."
        yield f"When nothing in the sentence tells who is meant, it is taken to be {'our staff' if rule.default is Target.STAFF else 'nobody'}."


def _points(rule: Rule, policy: Policy) -> str:
    ceiling = dict(policy.level_caps).get(rule.category or Category.INSULT, Level.SEVERE)
    reached = [level for level, points in ((Level.RUDE, policy.rude), (Level.ABUSIVE, policy.abusive), (Level.SEVERE, policy.severe)) if rule.points >= points]
    alone = min(reached[-1], ceiling).word if reached else "nothing"
    highest = f", never more than {ceiling.word}" if ceiling < Level.SEVERE else ""
    return f"{rule.points} point{'' if rule.points == 1 else 's'} at our staff: alone it makes a mail {alone}{highest}."


def classes_of(rule: Rule, pack: LanguagePack) -> dict[str, list[str]]:
    """The word classes that a rule's patterns ask for, with their words."""
    names = {name for text in (*rule.words, *rule.phrases, *rule.unless) for name in class_names(text)}
    return {each.name: list(each.words) for each in pack.classes if each.name in names}


def as_row(rule: Rule, pack: LanguagePack, policy: Policy) -> dict[str, Any]:
    """Everything about a rule as JSON values."""
    return {
        "id": rule.id,
        "language": rule.language,
        "says": list(told(rule, policy)),
        "file": rule.file,
        "line": rule.line,
        "changed": rule.changed,
        "category": rule.category.value if rule.category else None,
        "tag": rule.tag.value if rule.tag else None,
        "points": rule.points,
        "elsewhere": rule.elsewhere,
        **{name: list(getattr(rule, name)) for name in _LISTED},
        "pattern": rule.pattern,
        "note": rule.note,
        "classes": classes_of(rule, pack),
    }


def site_entries(before: Rule, after: Rule) -> dict[str, list[str]]:
    """What a site added to the lists of a shipped rule: "unless" and its new entries, for example."""
    added: dict[str, list[str]] = _fields(before, after).get("added", {})
    return added


def differences(before: RuleBook, after: RuleBook) -> list[dict[str, Any]]:
    """What differs between two books, as JSON values: each with `what`, `name` and what was added, removed or set."""
    rows: list[dict[str, Any]] = []
    olds = {pack.code: pack for pack in before.packs}
    for pack in after.packs:
        rows += _pack(olds.pop(pack.code, LanguagePack(pack.code)), pack)
    rows += [{"what": "language removed", "name": code} for code in olds]
    return rows + _numbers(before.policy, after.policy)


def _pack(old: LanguagePack, new: LanguagePack) -> Iterator[dict[str, Any]]:
    olds = {rule.id: rule for rule in old.rules}
    for rule in new.rules:
        earlier = olds.pop(rule.id, None)
        place = rule.changed or f"{rule.file}:{rule.line}"
        if earlier is None:
            yield {"what": "rule added", "name": rule.id, "at": place}
        elif changes := _fields(earlier, rule):
            what = "rule off" if rule.off and not earlier.off else "rule changed" if rule.changed else "rule replaced"
            yield {"what": what, "name": rule.id, "at": place, **changes}
    yield from ({"what": "rule removed", "name": name} for name in olds)
    for kind, one, other in (("class", old.classes, new.classes), ("wide class", old.wide, new.wide)):
        before = {each.name: each.words for each in one}
        for each in other:
            yield from _list(f"{kind} {new.code}", each.name, before.get(each.name, ()), each.words)
    frames = dict(old.frames)
    for name, phrases in new.frames:
        yield from _list(f"frame {new.code}", name, frames.get(name, ()), phrases)
    for name in ("endings", "cut", "frequent", "innocent"):
        yield from _list(f"morphology {new.code}", name, getattr(old, name), getattr(new, name))
    for name in ("swap", "double", "shorten"):
        if getattr(old, name) != getattr(new, name):
            yield {"what": f"morphology {new.code}", "name": name, "set": {name: [str(getattr(old, name)), str(getattr(new, name))]}}


def _list(what: str, name: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    added, removed = [each for each in new if each not in set(old)], [each for each in old if each not in set(new)]
    if added or removed:
        yield {"what": what, "name": name, "added": {"words": added} if added else {}, "removed": {"words": removed} if removed else {}}


def _fields(old: Rule, new: Rule) -> dict[str, Any]:
    added: dict[str, list[str]] = {}
    removed: dict[str, list[str]] = {}
    changed: dict[str, list[str]] = {}
    for each in fields(Rule):
        one, other = getattr(old, each.name), getattr(new, each.name)
        if each.name in _UNTOLD or one == other:
            continue
        if each.name in _LISTED:
            added |= {each.name: rows} if (rows := [entry for entry in other if entry not in one]) else {}
            removed |= {each.name: rows} if (rows := [entry for entry in one if entry not in other]) else {}
        else:
            changed[each.name] = [str(one), str(other)]
    return {key: value for key, value in (("added", added), ("removed", removed), ("set", changed)) if value}


def _numbers(old: Policy, new: Policy) -> list[dict[str, Any]]:
    names = [each.name for each in fields(Policy) if getattr(old, each.name) != getattr(new, each.name)]
    rows = []
    for name in names:
        one, other = getattr(old, name), getattr(new, name)
        if isinstance(one, int):
            rows.append({"what": "policy", "name": name, "set": {name: [str(one), str(other)]}})
        else:
            before, after = (dict(value) if isinstance(value, tuple) else {each.name: getattr(value, each.name) for each in fields(value)} for value in (one, other))
            changed = {str(key): [str(before.get(key)), str(after.get(key))] for key in before | after if before.get(key) != after.get(key)}
            rows.append({"what": "policy", "name": name, "set": changed})
    return rows
