"""Rules on disk: a folder a language plus policy.toml, read in full, checked in full, a site folder laid over the shipped one."""

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from gateway.edge import shipped
from gateway.edge.rules_schema import (
    ClassTable,
    ConsequenceTable,
    ContextFile,
    MorphologyFile,
    PolicyFile,
    RulesFile,
    RuleTable,
    TagTable,
)
from gateway.edge.toml_lines import Lines, explain, toml_problem
from gateway.errors import BadInput, Problem
from gateway.scoring.classes import FEWEST_WORDS, RESERVED, SHARED
from gateway.scoring.fold import fold
from gateway.scoring.patterns import HIT, PatternError, parse
from gateway.scoring.rules import LanguagePack, Rule, RuleBook, WordClass
from gateway.values import AlertKind, Category, Consequence, Disposition, Level, NoticeKind, Policy, Target

POLICY_FILE = "policy.toml"
MORPHOLOGY_FILE = "morphology.toml"
CONTEXT_FILE = "context.toml"
CLASSES_PREFIX = "classes"
WIDE_PREFIX = "classes-wide"
"""Files whose words only the ear hears: wide enough to understand a stranger, too wide for rules."""
_OTHER_FILES = {"forms.toml"}
_CLASSES = TypeAdapter(dict[str, ClassTable])
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(slots=True)
class _Found:
    """What was read so far of one language; the site's entries come after the shipped ones and win."""

    morphology: MorphologyFile = field(default_factory=lambda: MorphologyFile.model_validate({}))
    context: ContextFile = field(default_factory=lambda: ContextFile.model_validate({}))
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wide: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)


def load_rules(folders: Sequence[Path], languages: frozenset[str] | None = None) -> tuple[RuleBook, tuple[Problem, ...]]:
    """Read rules folders, later ones laid over earlier ones.

    Args:
        folders: the shipped folder first, then the site's.
        languages: only these, None for all.

    Returns:
        tuple[RuleBook, tuple[Problem, ...]]: the book, and warnings.

    Raises:
        BadInput: with every error and warning at once.
    """
    reader = _Reader(languages)
    for folder in folders:
        reader.folder(folder)
    return reader.book()


class _Reader:
    def __init__(self, wanted: frozenset[str] | None) -> None:
        self.wanted = wanted
        self.problems: list[Problem] = []
        self.languages: dict[str, _Found] = {}
        self.policy: Policy | None = None
        self.digest = hashlib.sha256()

    def folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self.problems.append(Problem(str(folder), 0, "is not a folder; name a folder with rules in it"))
            return
        policy = folder / POLICY_FILE
        if policy.is_file():
            found = self._read(policy, PolicyFile)
            if found:
                self.policy = _policy(found[0])
        own_ids: dict[str, tuple[str, int]] = {}
        for path in sorted(folder.rglob("*.toml")):
            parts = path.relative_to(folder).parts
            if len(parts) != 2 or parts[1] in _OTHER_FILES or (self.wanted is not None and parts[0] not in self.wanted):
                continue
            self._language_file(path, self.languages.setdefault(parts[0], _Found()), parts[0], own_ids)

    def _language_file(self, path: Path, into: _Found, code: str, own_ids: dict[str, tuple[str, int]]) -> None:
        if path.name == MORPHOLOGY_FILE:
            if morphology := self._read(path, MorphologyFile):
                into.morphology = morphology[0]
        elif path.name == CONTEXT_FILE:
            if context := self._read(path, ContextFile):
                into.context = _joined(into.context, context[0])
        elif path.name.startswith(CLASSES_PREFIX):
            self._classes(path, into)
        elif rules := self._read(path, RulesFile):
            self._rules(path, rules[0], rules[1], into, code, own_ids)

    def _text(self, path: Path) -> tuple[dict[str, object], Lines] | None:
        try:
            data = path.read_bytes()
            self.digest.update(f"{path.parent.name}/{path.name}\0".encode() + data + b"\0")
            source = data.decode("utf-8-sig").replace("\r\n", "\n")
            return tomllib.loads(source), Lines(source)
        except OSError as error:
            self.problems.append(Problem(str(path), 0, f"can't be read: {error.strerror}"))
        except UnicodeDecodeError:
            self.problems.append(Problem(str(path), 0, "is not UTF-8 text; save it as UTF-8"))
        except tomllib.TOMLDecodeError as error:
            self.problems.append(toml_problem(str(path), error))
        return None

    def _read(self, path: Path, model: type[_Model]) -> tuple[_Model, Lines] | None:
        read = self._text(path)
        if read is None:
            return None
        tree, lines = read
        try:
            return model.model_validate(tree), lines
        except ValidationError as error:
            self.problems += [explain(str(path), lines, detail) for detail in error.errors()]
            return None

    def _classes(self, path: Path, into: _Found) -> None:
        read = self._text(path)
        if read is None:
            return
        tree, lines = read
        try:
            tables = _CLASSES.validate_python(tree)
        except ValidationError as error:
            self.problems += [explain(str(path), lines, detail) for detail in error.errors()]
            return
        classes = into.wide if path.name.startswith(WIDE_PREFIX) else into.classes
        for name, table in tables.items():
            if name == HIT or not name.replace("_", "").isalpha() or name != name.lower():
                self.problems.append(Problem(str(path), lines.of((name,)), f"{name} can't be the name of a class; use small letters and _"))
            classes[name] = tuple(dict.fromkeys((*classes.get(name, ()), *table.words)))

    def _rules(self, path: Path, rules: RulesFile, lines: Lines, into: _Found, code: str, own_ids: dict[str, tuple[str, int]]) -> None:
        keyed: list[tuple[str, int, RuleTable | TagTable]] = [("rule", n, table) for n, table in enumerate(rules.rule)]
        keyed += [("tag", n, table) for n, table in enumerate(rules.tag)]
        for key, index, table in keyed:
            line = lines.of((key, index))
            if earlier := own_ids.get(table.id):
                self.problems.append(Problem(str(path), line, f"the id {table.id} is used already at {earlier[0]}:{earlier[1]}; give it another"))
            own_ids[table.id] = (str(path), line)
            into.rules[table.id] = _rule(table, code, str(path), line)

    def book(self) -> tuple[RuleBook, tuple[Problem, ...]]:
        if self.policy is None and (numbers := self._read(shipped.folder("rules") / POLICY_FILE, PolicyFile)):
            # a folder with nothing but rules in it is judged by the shipped numbers
            self.policy = _policy(numbers[0])
        packs = []
        for code, found in sorted(self.languages.items()):
            self._check_class_names(found)
            self._check_shared(code, found)
            packs.append(_pack(code, found))
        if any(problem.severity == "error" for problem in self.problems) or self.policy is None:
            raise BadInput(tuple(self.problems))
        return RuleBook(tuple(packs), self.policy, self.digest.hexdigest()[:12]), tuple(self.problems)

    def _check_shared(self, code: str, found: _Found) -> None:
        thin = [name for name in SHARED if name not in RESERVED and len(found.classes.get(name, ())) < FEWEST_WORDS]
        if thin:
            text = f"the shared word classes {', '.join(thin)} are missing or have fewer than {FEWEST_WORDS} words; the ear hears less without them (docs/classes.md)"
            self.problems.append(Problem(f"{code}/{CLASSES_PREFIX}*.toml", 0, text, "warning"))

    def _check_class_names(self, found: _Found) -> None:
        for rule in found.rules.values():
            for text in (*rule.phrases, *rule.unless, *rule.words):
                for name in _class_names(text) - found.classes.keys():
                    self.problems.append(Problem(rule.file, rule.line, f"rule {rule.id} uses <{name}>, but no class of that name exists in {rule.language}"))
        for kind, phrases in _frames(found.context):
            for text in phrases:
                for name in _class_names(text) - found.classes.keys() - {HIT}:
                    self.problems.append(Problem(CONTEXT_FILE, 0, f"{kind}: {text!r} uses <{name}>, but no class of that name exists"))


def _class_names(text: str) -> set[str]:
    if "<" not in text:
        return set()
    try:
        return {atom.text for phrase in parse(text) for place in phrase.places for atom in place.atoms if atom.kind == "class"}
    except PatternError:
        return set()


def _frames(context: ContextFile) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in ContextFile.model_fields:
        yield name, getattr(context, name)


def _joined(one: ContextFile, other: ContextFile) -> ContextFile:
    return ContextFile(**{name: (*getattr(one, name), *getattr(other, name)) for name in ContextFile.model_fields})


def _rule(table: RuleTable | TagTable, code: str, file: str, line: int) -> Rule:
    shared = {
        "id": table.id, "language": code, "words": table.words, "phrases": table.phrases, "unless": table.unless,
        "note": table.note, "hits": table.hits, "misses": table.misses, "off": table.off, "file": file, "line": line,
    }  # fmt: skip
    if isinstance(table, TagTable):
        return Rule(category=None, points=table.points, elsewhere=table.points, aimed=Target.NOBODY, default=Target.NOBODY, tag=table.tag, **shared)  # type: ignore[arg-type]
    elsewhere = table.elsewhere if table.elsewhere is not None else min(table.points, 2) if table.category is Category.PROFANITY else 0
    if table.aimed == "anybody":
        elsewhere = table.points
    return Rule(
        category=table.category, points=table.points, elsewhere=elsewhere, aimed=table.target, default=table.default_target,
        clause=table.clause, signal=table.signal or table.loud, loud=table.loud, pattern=table.pattern, **shared,  # type: ignore[arg-type]
    )  # fmt: skip


def _pack(code: str, found: _Found) -> LanguagePack:
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
        frames=tuple(_frames(found.context)),
        innocent=morphology.innocent,
        frequent=tuple(fold(word).text for word in morphology.frequent),
        rules=tuple(found.rules.values()),
    )


def _policy(file: PolicyFile) -> Policy:
    return Policy(
        rude=file.thresholds.rude,
        abusive=file.thresholds.abusive,
        severe=file.thresholds.severe,
        category_caps=tuple((Category(name), cap) for name, cap in file.category_caps.items()),
        level_caps=tuple((Category(name), Level[level.upper()]) for name, level in file.level_caps.items()),
        decay_days=file.days.decay,
        rude_window_days=file.days.rude_window,
        reminder_days=file.days.reminder,
        notice_repeat_days=file.days.notice_repeat,
        ladder=tuple((row, tuple(_consequence(cell) for cell in getattr(file.ladder, row))) for row in ("abusive", "severe", "threat")),
    )


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
