"""From checked tables of rules files to the values that the pure rooms work with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from gateway.edge.rules_schema import (
    ChangeTable,
    ConsequenceTable,
    ContextFile,
    FloodingTable,
    MorphologyFile,
    PolicyFile,
    RuleTable,
    TagTable,
)
from gateway.numbers import Consequence, FloodingPolicy, Policy
from gateway.scoring.fold import fold
from gateway.scoring.rules import LanguagePack, Rule, WordClass
from gateway.values import AlertKind, Category, Disposition, Level, NoticeKind, Target

LISTS = ("words", "phrases", "unless", "hits", "misses")
"""The lists of a rule, to which a change adds and from which it drops."""


@dataclass(slots=True)
class Found:
    """What was read so far of one language; the site's entries come after the shipped ones and win."""

    morphology: MorphologyFile = field(default_factory=lambda: MorphologyFile.model_validate({}))
    context: ContextFile = field(default_factory=lambda: ContextFile.model_validate({}))
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wide: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)


def frames_of(context: ContextFile) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each frame and its phrases."""
    for name in ContextFile.model_fields:
        yield name, getattr(context, name)


def joined_context(one: ContextFile, other: ContextFile) -> ContextFile:
    """The frames of both."""
    return ContextFile(**{name: (*getattr(one, name), *getattr(other, name)) for name in ContextFile.model_fields})


def joined_morphology(one: MorphologyFile, other: MorphologyFile) -> MorphologyFile:
    """Lists are added together; a switch that the second file sets is as it says."""
    update: dict[str, object] = {"swap": one.swap | other.swap}
    for name in ("endings", "cut", "frequent", "innocent"):
        update[name] = _together(getattr(one, name), getattr(other, name))
    for name in {"double", "shorten"} & other.model_fields_set:
        update[name] = getattr(other, name)
    return one.model_copy(update=update)


def _together(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def rule_of(table: RuleTable | TagTable, code: str, file: str, line: int, layer: int) -> Rule:
    """A rule or tag rule as written at a place."""
    shared = {
        "id": table.id, "language": code, "words": table.words, "phrases": table.phrases, "unless": table.unless, "note": table.note,
        "hits": table.hits, "misses": table.misses, "off": table.off, "file": file, "line": line, "layer": layer,
    }  # fmt: skip
    if isinstance(table, TagTable):
        return Rule(category=None, points=table.points, elsewhere=table.points, aimed=Target.NOBODY, default=Target.NOBODY, tag=table.tag, **shared)  # type: ignore[arg-type]
    elsewhere = table.elsewhere if table.elsewhere is not None else min(table.points, 2) if table.category is Category.PROFANITY else 0
    if table.aimed == "anybody":
        elsewhere = table.points
    return Rule(
        category=table.category, points=table.points, elsewhere=elsewhere, aimed=table.target, default=table.default_target,
        clause=table.clause, signal=table.signal or table.loud, loud=table.loud, certain=table.certain, pattern=table.pattern, **shared,  # type: ignore[arg-type]
    )  # fmt: skip


def changed_rule(rule: Rule, change: ChangeTable, place: str) -> Rule:
    """A rule with a change applied; its own examples stay, marked as inherited.

    Args:
        rule: before.
        change: whose `drop` names only entries that the rule has.
        place: where the change is written, "FILE:LINE".
    """
    lists = {name: _together((entry for entry in getattr(rule, name) if entry not in change.drop), getattr(change, name)) for name in LISTS}
    given = {name: value for name in ("signal", "loud", "certain", "off") if (value := getattr(change, name)) is not None}
    points = rule.points if change.points is None else change.points
    if change.elsewhere is not None:
        elsewhere = change.elsewhere
    elif change.points is None:
        elsewhere = rule.elsewhere
    else:
        # who lowers a rule doesn't mean that it counts more elsewhere; at anybody and for tags there is one number
        elsewhere = points if rule.tag is not None or rule.elsewhere == rule.points else min(rule.elsewhere, points)
    after = replace(rule, points=points, elsewhere=elsewhere, note=change.note or rule.note, changed=place, **lists, **given)  # type: ignore[arg-type]
    kept = tuple(text for text in (*rule.hits, *rule.misses) if text not in (*change.drop, *change.hits, *change.misses))
    return replace(after, signal=after.signal or after.loud, inherited=kept)


def pack_of(code: str, found: Found) -> LanguagePack:
    """Everything that was read of one language."""
    morphology = found.morphology
    return LanguagePack(
        code=code,
        endings=tuple(fold(ending).text for ending in morphology.endings),
        cut=tuple(fold(ending).text for ending in morphology.cut),
        swap=tuple((fold(old).text, fold(new).text) for old, new in morphology.swap.items()),
        double=morphology.double,
        shorten=morphology.shorten,
        classes=tuple(WordClass(name, words) for name, words in found.classes.items()),
        wide=tuple(WordClass(name, words) for name, words in found.wide.items()),
        frames=tuple(frames_of(found.context)),
        innocent=morphology.innocent,
        frequent=tuple(fold(word).text for word in morphology.frequent),
        rules=tuple(found.rules.values()),
    )


def policy_of(file: PolicyFile) -> Policy:
    """The policy's numbers."""
    return Policy(
        rude=file.thresholds.rude,
        abusive=file.thresholds.abusive,
        severe=file.thresholds.severe,
        category_caps=tuple((category, cap) for category, cap in file.category_caps.items()),
        level_caps=tuple((category, Level[level.upper()]) for category, level in file.level_caps.items()),
        decay_days=file.days.decay,
        rude_window_days=file.days.rude_window,
        reminder_days=file.days.reminder,
        notice_repeat_days=file.days.notice_repeat,
        ladder=tuple((row, tuple(_consequence(cell) for cell in getattr(file.ladder, row))) for row in ("abusive", "severe", "threat")),
        flooding=_flooding(file.flooding),
    )


def _flooding(table: FloodingTable) -> FloodingPolicy:
    asks = tuple(" ".join(fold(phrase).text.replace("'", " ").split()) for phrase in table.asks)
    return FloodingPolicy(table.mails, table.minutes, table.patient_mails, table.patient_hours, table.alike, asks)


def _consequence(cell: ConsequenceTable) -> Consequence:
    return Consequence(
        disposition=Disposition(cell.disposition),
        strikes=cell.strikes,
        notice=NoticeKind(cell.notice) if cell.notice else None,
        suspend_days=cell.suspend_days,
        suspend_until_decided=cell.suspend_until_decided,
        propose_block=cell.propose_block,
        alert=AlertKind(cell.alert) if cell.alert else None,
    )
