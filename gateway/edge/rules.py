"""Rules on disk: a folder a language plus policy.toml, read in full, checked in full, a site folder laid over the shipped one."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from gateway.edge import shipped
from gateway.edge.collection import uncollected
from gateway.edge.known_keys import nearest
from gateway.edge.rules_files import (
    CLASSES_PREFIX,
    CONTEXT_FILE,
    FORMS_FILE,
    MORPHOLOGY_FILE,
    POLICY_FILE,
    WIDE_PREFIX,
    astray,
    language_files,
    version_of,
)
from gateway.edge.rules_lint import SHORT_TAIL, fits_everything, short_tails, shown
from gateway.edge.rules_schema import ChangeTable, ClassTable, ContextFile, MorphologyFile, PolicyFile, RulesFile, RuleTable, TagTable
from gateway.edge.rules_values import LISTS, Found, changed_rule, frames_of, joined_context, joined_morphology, pack_of, policy_of, rule_of
from gateway.edge.toml_lines import Lines, explain, toml_problem
from gateway.errors import BadInput, Problem
from gateway.scoring.classes import FEWEST_WORDS, RESERVED, SHARED
from gateway.scoring.patterns import HIT, PatternError, parse
from gateway.scoring.rules import RuleBook

_CLASSES = TypeAdapter(dict[str, ClassTable])
_TAG_POINTS = (1, 2)
_Model = TypeVar("_Model", bound=BaseModel)


@uncollected()
def load_rules(
    folders: Sequence[Path], languages: frozenset[str] | None = None, shown: Sequence[str] = ()
) -> tuple[RuleBook, tuple[Problem, ...]]:
    """Read rules folders, later ones laid over earlier ones.

    Args:
        folders: the shipped folder first, then the site's.
        languages: only these, None for all.
        shown: how the folders are named in messages, when they are copies of what people edit.

    Returns:
        tuple[RuleBook, tuple[Problem, ...]]: the book, and warnings.

    Raises:
        BadInput: with every error at once, and every warning of the last folder.
    """
    reader = _Reader(languages)
    reader.folders(folders, shown)
    return reader.book(folders)


@uncollected()
def load_to_check(folders: Sequence[Path], languages: frozenset[str] | None = None) -> tuple[RuleBook | None, bool, tuple[Problem, ...]]:
    """Read rules folders as `load_rules` does, and where they have errors what is sound of them, so that the rest can be checked at once.

    Returns:
        tuple[RuleBook | None, bool, tuple[Problem, ...]]: the book, without the rules that have an error (None when errors
        lie elsewhere than in rules, for then nothing sensible can be said of these); whether it is whole; every problem.
    """
    reader = _Reader(languages)
    reader.folders(folders)
    try:
        book, warnings = reader.book(folders)
    except BadInput as error:
        return reader.sound_book(folders), False, error.problems
    return book, True, warnings


class _Reader:
    def __init__(self, wanted: frozenset[str] | None) -> None:
        self.wanted = wanted
        self.problems: list[Problem] = []
        self.languages: dict[str, Found] = {}
        self.policy: PolicyFile | None = None
        self.root, self.shown, self.layer = Path(), "", 0
        self.lower: list[str] = []
        self.ids: dict[str, tuple[str, int]] = {}
        self.changes: list[tuple[str, ChangeTable, str, int]] = []
        self.faulty: set[str] = set()

    def folders(self, folders: Sequence[Path], shown: Sequence[str] = ()) -> None:
        for layer, folder in enumerate(folders):
            self.folder(folder, layer, shown[layer] if layer < len(shown) else str(folder))

    def folder(self, folder: Path, layer: int, shown: str) -> None:
        if layer:
            self.lower.append(self.shown)
        self.root, self.shown, self.layer = folder, shown, layer
        self.ids, self.changes = {}, []
        if not folder.is_dir():
            self.problems.append(Problem(shown, 0, "is not a folder; name a folder with rules in it"))
            return
        self._strays()
        policy = folder / POLICY_FILE
        if policy.is_file() and (found := self._read(policy, PolicyFile)):
            earlier, self.policy = self.policy, found[0]
            if earlier is not None and "flooding" not in self.policy.model_fields_set:  # younger than many a site's file
                self.policy = self.policy.model_copy(update={"flooding": earlier.flooding})
        for path in language_files(folder):
            code = path.parent.name
            if path.name != FORMS_FILE and (self.wanted is None or code in self.wanted):
                self._language_file(path, self._language(code, path), code)
        for code, change, file, line in self.changes:
            self._change(code, change, file, line)

    def _language(self, code: str, path: Path) -> Found:
        if code not in self.languages and self.languages and not (path.parent / MORPHOLOGY_FILE).is_file():
            known = get_close_matches(code, self.languages, 1, 0.6)
            mean = f"; did you mean {known[0]}?" if known else f"; the languages are {', '.join(self.languages)}"
            text = f"{code} is a language without {MORPHOLOGY_FILE}, so its words have no forms and mail in it isn't known{mean}"
            self.problems.append(Problem(self._name(path), 0, text, "warning"))
        return self.languages.setdefault(code, Found())

    def _strays(self) -> None:
        self.problems += [
            Problem(self._name(path), 0, f"isn't read: rules lie in the folder of their language, for example {self.shown}/de/{path.name}", "warning")
            for path in astray(self.root)
        ]

    def _name(self, path: Path) -> str:
        return f"{self.shown.rstrip('/')}/{path.relative_to(self.root)}" if path.is_relative_to(self.root) else str(path)

    def _language_file(self, path: Path, into: Found, code: str) -> None:
        if path.name == MORPHOLOGY_FILE:
            if morphology := self._read(path, MorphologyFile):
                into.morphology = joined_morphology(into.morphology, morphology[0])
        elif path.name == CONTEXT_FILE:
            if context := self._read(path, ContextFile):
                into.context = joined_context(into.context, context[0])
                self._frames(path, *context)
        elif path.name.startswith(CLASSES_PREFIX):
            self._classes(path, into)
        else:
            self._rules_file(path, into, code)

    def _frames(self, path: Path, context: ContextFile, lines: Lines) -> None:
        for kind, phrases in frames_of(context):
            if broad := [phrase for phrase in phrases if fits_everything(phrase)]:
                text = f"{kind}: {shown(broad)} fits every finding, for all but <{HIT}> may be missing; make less of it optional"
                self.problems.append(Problem(self._name(path), lines.of((kind,)), text, "warning"))

    def _text(self, path: Path) -> tuple[dict[str, object], Lines] | None:
        name = self._name(path)
        try:
            source = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
            return tomllib.loads(source), Lines(source)
        except OSError as error:
            self.problems.append(Problem(name, 0, f"can't be read: {error.strerror}"))
        except UnicodeDecodeError:
            self.problems.append(Problem(name, 0, "is not UTF-8 text; save it as UTF-8"))
        except tomllib.TOMLDecodeError as error:
            self.problems.append(toml_problem(name, error))
        return None

    def _read(self, path: Path, model: type[_Model]) -> tuple[_Model, Lines] | None:
        read = self._text(path)
        if read is None:
            return None
        tree, lines = read
        try:
            return model.model_validate(tree), lines
        except ValidationError as error:
            self.problems += [explain(self._name(path), lines, detail, nearest(model, detail["loc"])) for detail in error.errors()]
            return None

    def _classes(self, path: Path, into: Found) -> None:
        read = self._text(path)
        if read is None:
            return
        tree, lines = read
        try:
            tables = _CLASSES.validate_python(tree)
        except ValidationError as error:
            self.problems += [explain(self._name(path), lines, detail, nearest(ClassTable, detail["loc"][1:])) for detail in error.errors()]
            return
        wide = path.name.startswith(WIDE_PREFIX)
        classes = into.wide if wide else into.classes
        for name, table in tables.items():
            if name == HIT or not name.replace("_", "").isalpha() or name != name.lower():
                self.problems.append(Problem(self._name(path), lines.of((name,)), f"{name} can't be the name of a class; use small letters and _"))
            if not wide and (tails := short_tails(table.words)):
                self.problems.append(Problem(self._name(path), lines.of((name,)), f"class {name}: {shown(tails)}: {SHORT_TAIL}", "warning"))
            classes[name] = tuple(dict.fromkeys((*classes.get(name, ()), *table.words)))

    def _rules_file(self, path: Path, into: Found, code: str) -> None:
        """Take the rules of a file, those without an error when some have one."""
        read = self._text(path)
        if read is None:
            return
        tree, lines = read
        tables: dict[str, list[object]] = {key: value for key, value in tree.items() if isinstance(value, list)}
        places = {key: list(range(len(listed))) for key, listed in tables.items()}
        try:
            rules = RulesFile.model_validate(tree)
        except ValidationError as error:
            details = error.errors()
            self.problems += [explain(self._name(path), lines, detail, nearest(RulesFile, detail["loc"])) for detail in details]
            wrong = {(str(loc[0]), loc[1]) for detail in details if len(loc := detail["loc"]) > 1}
            self.faulty |= {str(table["id"]) for key, listed in tables.items() for n, table in enumerate(listed) if (key, n) in wrong and isinstance(table, dict) and "id" in table}
            places = {key: [n for n in kept if (key, n) not in wrong] for key, kept in places.items() if key in RulesFile.model_fields}
            try:
                rules = RulesFile.model_validate({key: [tables[key][n] for n in kept] for key, kept in places.items()})
            except ValidationError:
                return
        self._rules(path, rules, lines, places, into, code)

    def _rules(self, path: Path, rules: RulesFile, lines: Lines, places: Mapping[str, Sequence[int]], into: Found, code: str) -> None:
        """Take rules; `places` says of each table which of its kind it is in the file."""
        keyed: list[tuple[str, int, RuleTable | TagTable]] = [("rule", n, table) for n, table in zip(places.get("rule", ()), rules.rule, strict=True)]
        keyed += [("tag", n, table) for n, table in zip(places.get("tag", ()), rules.tag, strict=True)]
        name = self._name(path)
        for key, index, table in keyed:
            line = lines.of((key, index))
            if earlier := self.ids.get(table.id):
                self.problems.append(Problem(name, line, f"the id {table.id} is used already at {earlier[0]}:{earlier[1]}; give it another"))
            self.ids[table.id] = (name, line)
            self._own_language(table.id, code, name, line)
            into.rules[table.id] = rule_of(table, code, name, line, self.layer)
        self.changes += [(code, change, name, lines.of(("change", n))) for n, change in zip(places.get("change", ()), rules.change, strict=True)]

    def _own_language(self, rule: str, code: str, name: str, line: int) -> None:
        first = rule.partition(".")[0]
        if first != code and first in self.languages:
            text = f"the id {rule} begins with {first}, but the file is of {code}; a rule counts in the language of its folder"
            self.problems.append(Problem(name, line, text, "warning"))

    def _change(self, code: str, change: ChangeTable, file: str, line: int) -> None:
        rules = self.languages[code].rules
        before = rules.get(change.id)
        if before is None and change.id in self.faulty:
            return  # what is wrong with the rule has been said
        if before is None:
            near = get_close_matches(change.id, rules, 1)
            mean = f"did you mean {near[0]}?" if near else "a rule of your own is written [[rule]]"
            self.problems.append(Problem(file, line, f"there is no rule {change.id} in {code} to change; {mean}"))
            return
        texts = [text for entry in change.drop if not any(entry in getattr(before, name) for name in LISTS) for text in (self._not_there(change, entry),)]
        if before.tag is not None:
            wrong = [name for name in ("elsewhere", "signal", "loud", "certain") if getattr(change, name) is not None]
            texts += [f"{change.id} is a tag, which has no {name}; remove it" for name in wrong]
            if change.points is not None and change.points not in _TAG_POINTS:
                texts.append(f"{change.id} is a tag: its points are 2 (enough alone) or 1 (two sentences are needed)")
        after = changed_rule(before, change, f"{file}:{line}")
        if not (after.words or after.phrases or after.pattern or after.off):
            texts.append(f"nothing is left of {change.id} by which it could hit; write off = true")
        if change.model_fields_set == {"id"}:
            self.problems.append(Problem(file, line, f"says nothing of {change.id} that differs", "warning"))
        self.problems += [Problem(file, line, text) for text in texts]
        rules[change.id] = after

    @staticmethod
    def _not_there(change: ChangeTable, entry: str) -> str:
        return f"{entry!r} can't be dropped, for {change.id} hasn't got it; `courtesy rules explain {change.id}` shows what it has"

    def book(self, folders: Sequence[Path]) -> tuple[RuleBook, tuple[Problem, ...]]:
        if self.policy is None and (numbers := self._read(shipped.folder("rules") / POLICY_FILE, PolicyFile)):
            # a folder with nothing but rules in it is judged by the shipped numbers
            self.policy = numbers[0]
        packs = []
        for code, found in sorted(self.languages.items()):
            self._check_class_names(code, found)
            self._check_shared(code, found)
            packs.append(pack_of(code, found))
        if any(problem.severity == "error" for problem in self.problems) or self.policy is None:
            raise BadInput(tuple(of_the_site(self.problems, self.lower)))
        return RuleBook(tuple(packs), policy_of(self.policy), version_of(folders)), tuple(self.problems)

    def sound_book(self, folders: Sequence[Path]) -> RuleBook | None:
        if self.policy is None or any(problem.severity == "error" and not _of_rules(problem.file) for problem in self.problems):
            return None
        packs = []
        for code, found in sorted(self.languages.items()):
            if any(class_names(text) - found.classes.keys() - {HIT} for _, phrases in frames_of(found.context) for text in phrases):
                return None
            known = found.classes.keys()
            found.rules = {
                name: rule
                for name, rule in found.rules.items()
                if (rule.words or rule.phrases or rule.pattern or rule.off)
                and not any(class_names(text) - known for text in (*rule.phrases, *rule.unless, *rule.words))
            }
            packs.append(pack_of(code, found))
        return RuleBook(tuple(packs), policy_of(self.policy), version_of(folders))

    def _check_shared(self, code: str, found: Found) -> None:
        thin = [name for name in SHARED if name not in RESERVED and len(found.classes.get(name, ())) < FEWEST_WORDS]
        if thin:
            names = shown(thin).replace("'", "")
            text = f"the shared word classes {names} are missing or have fewer than {FEWEST_WORDS} words; the ear hears less without them (docs/classes.md)"
            self.problems.append(Problem(f"{code}/{CLASSES_PREFIX}*.toml", 0, text, "warning"))

    def _check_class_names(self, code: str, found: Found) -> None:
        for rule in found.rules.values():
            for text in (*rule.phrases, *rule.unless, *rule.words):
                self.problems += [
                    Problem(rule.file, rule.line, f"rule {rule.id} uses <{name}>, {_no_class(name, rule.language, found)}")
                    for name in sorted(class_names(text) - found.classes.keys())
                ]
        for kind, phrases in frames_of(found.context):
            for text in phrases:
                self.problems += [
                    Problem(f"{code}/{CONTEXT_FILE}", 0, f"{kind}: {text!r} uses <{name}>, {_no_class(name, code, found)}")
                    for name in sorted(class_names(text) - found.classes.keys() - {HIT})
                ]


def of_the_site(problems: Iterable[Problem], lower: Iterable[Path | str]) -> list[Problem]:
    """All errors, and the warnings that aren't of the folders below the site's: who edits the latter can't mend those."""
    below = tuple(f"{str(folder).rstrip('/')}/" for folder in lower)
    return [problem for problem in problems if problem.severity == "error" or not problem.file.startswith(below)]


def _of_rules(file: str) -> bool:
    """Whether a file is one of rules, which are checked one by one."""
    name = Path(file).name
    return name.endswith(".toml") and name not in {MORPHOLOGY_FILE, CONTEXT_FILE, POLICY_FILE, FORMS_FILE} and not name.startswith(CLASSES_PREFIX)


def _no_class(name: str, code: str, found: Found) -> str:
    near = get_close_matches(name, found.classes, 1)
    return f"but no class of that name exists in {code}{f'; did you mean <{near[0]}>?' if near else ''}"


def class_names(text: str) -> set[str]:
    """The word classes that a phrase asks for."""
    if "<" not in text:
        return set()
    try:
        return {atom.text for phrase in parse(text) for place in phrase.places for atom in place.atoms if atom.kind == "class"}
    except PatternError:
        return set()
