"""Which rules hit where: the lexicon's atoms of each sentence against the compiled phrases, linear in the text."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, KeysView
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import re2

from gateway.scoring.classes import lexicon_mark, mark_of
from gateway.scoring.fold import fold
from gateway.scoring.lexicon import Lexicon, Morphology
from gateway.scoring.patterns import HIT, SIMPLE_WORD, Atom, Compiled, PatternError, Present, compiled, parse
from gateway.scoring.rules import FRAMES, LanguagePack, Rule, RuleBook
from gateway.scoring.words import Sentence, Token

_WORD = re.compile(r"[^\W_]+")

STAFF_CLASSES = ("you", "your", "staff")
"""Classes by which a phrase is aimed at our side."""


class Found(Protocol):
    """A match of a Search."""

    def start(self) -> int:
        """Where it begins."""
        ...

    def end(self) -> int:
        """Where it ends."""
        ...

    def span(self) -> tuple[int, int]:
        """Both."""
        ...


class Search(Protocol):
    """A compiled regular expression that takes linear time whatever it says (RE2)."""

    def search(self, text: str) -> Found | None:
        """The first match."""
        ...


def compile_pattern(pattern: str) -> Search:
    """Compile an admin's own regular expression.

    Args:
        pattern: RE2 syntax: no look-around, no back-references; case is ignored.

    Raises:
        PatternError: it isn't a regular expression that RE2 understands.
    """
    try:
        options = re2.Options()
        options.log_errors = False
        options.case_sensitive = False
        options.max_mem = 8 << 20
        compiled_pattern: Search = re2.compile(pattern, options)
    except re2.error as error:
        raise PatternError(f"{pattern!r} is no regular expression of RE2: {error}") from None
    return compiled_pattern


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that fits a sentence: words `first` to before `after`, how it fits, whether a word was disguised."""

    rule: Rule
    first: int
    after: int
    names_staff: bool
    disguised: bool


@dataclass(frozen=True, slots=True)
class View:
    """A sentence as the matcher sees it: its tokens and where each atom stands."""

    sentence: Sentence
    present: Present
    language: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A phrase with what must be in a sentence for it to have a chance: these atoms, and one of each of these sets."""

    phrase: Compiled
    singles: tuple[int, ...]
    several: tuple[frozenset[int], ...]
    names_staff: bool
    may_name_staff: frozenset[int]

    def aimed(self, present: Present, first: int, after: int) -> bool:
        """Whether the words that fitted name our side, not only one of the phrase's alternatives."""
        return self.names_staff or any(first <= begin and end <= after for atom in self.may_name_staff for begin, end in present.get(atom, ()))

    def possible(self, present: Present, there: KeysView[int]) -> bool:
        for atom in self.singles:
            if atom not in present:
                return False
        return not any(there.isdisjoint(atoms) for atoms in self.several)


class _Frequencies:
    """How common words are, roughly, by the rules' own examples: a phrase is looked up by its rarest place."""

    def __init__(self, book: RuleBook) -> None:
        self._words: Counter[str] = Counter()
        for pack in book.packs:
            for rule in pack.rules:
                for text in (*rule.hits, *rule.misses):
                    self._words.update(_WORD.findall(text.casefold()))
            self._words.update(dict.fromkeys(pack.frequent, 50))

    def of(self, word: str, *, any_form: bool) -> float:
        """Of one word, or of a lemma with its forms."""
        bare = fold(word).text.strip("=*~ ")
        count = self._words[bare] + 0.2
        return count * 3 if any_form and not word.startswith("=") else count


class Matcher:
    """All rules of a rule book, compiled once; has no state that a mail could change except remembered look-ups."""

    def __init__(self, book: RuleBook) -> None:
        """Compile a rule book.

        Raises:
            PatternError: when a phrase can't be understood; the loader checks each phrase before.
        """
        self.book = book
        self._numbers: dict[tuple[str, str, str], int] = {}
        self.lexicon = Lexicon({p.code: Morphology(frozenset(p.endings), p.cut, p.swap, double=p.double, shorten=p.shorten) for p in book.packs})
        self._counts: dict[int, float] = {}
        self.patterns: list[tuple[Rule, Search]] = []
        self._rules: list[Rule] = []
        self._by_anchor: dict[str, dict[int, list[_Candidate]]] = {}
        self._by_word: dict[int, list[int]] = defaultdict(list)
        self._unless: dict[int, list[Compiled]] = {}
        self._staff_atoms: set[int] = set()
        self._marks: dict[str, dict[int, int]] = defaultdict(dict)
        self._chains: dict[int, list[tuple[tuple[int, ...], int]]] = defaultdict(list)
        self._frames: dict[str, dict[str, list[_Candidate]]] = {}
        self._seldom = _Frequencies(book)
        for pack in book.packs:
            self._add_pack(pack)

    # --- building -----------------------------------------------------------------------------------------------------

    def _add_pack(self, pack: LanguagePack) -> None:
        for word_class in pack.classes:
            atom = self._number(pack.code, Atom("class", word_class.name))
            if (mark := mark_of(word_class.name)) is not None:
                self._marks[pack.code][atom] = mark
            if word_class.name in STAFF_CLASSES:
                self._staff_atoms.add(atom)
            self._counts[atom] = sum(self._seldom.of(word, any_form=True) for word in word_class.words)
            for word in word_class.words:
                self._add_member(pack.code, word, atom, disguisable=False)
        for word_class in pack.wide:
            atom = self._number(pack.code, Atom("wide", word_class.name))
            if (mark := mark_of(word_class.name)) is not None:
                self._marks[pack.code][atom] = mark
            for word in word_class.words:
                self._add_member(pack.code, word, atom, disguisable=False)
        self.lexicon.exempt(pack.code, (fold(word).text for word in pack.innocent))
        for rule in pack.rules:
            if not rule.off:
                self._add_rule(pack.code, rule)
        self._frames[pack.code] = {
            kind: [self._candidate(compiled(phrase, partial(self._number, pack.code), -1)) for text in phrases for phrase in parse(text)]
            for kind, phrases in pack.frames
        }

    def _add_rule(self, language: str, rule: Rule) -> None:
        owner = len(self._rules)
        self._rules.append(rule)
        if rule.words:
            atom = self._number(language, Atom("rule", rule.id))
            self._by_word[atom].append(owner)
            mark = lexicon_mark(rule.category) if rule.category else None
            if mark is not None:
                self._marks[language][atom] = mark
            for word in rule.words:
                self._add_member(language, word, atom, disguisable=rule.tag is None)
        for text in rule.phrases:
            for phrase in parse(text):
                self._add_phrase(language, compiled(phrase, partial(self._number, language), owner))
        if rule.pattern:
            self.patterns.append((rule, compile_pattern(rule.pattern)))
        if rule.unless:
            self._unless[owner] = [compiled(p, partial(self._number, language), owner) for text in rule.unless for p in parse(text)]

    def _add_member(self, language: str, word: str, atom: int, *, disguisable: bool) -> None:
        """A word of a class or rule; one of several words becomes a chain that bears the atom."""
        if SIMPLE_WORD.fullmatch(word):
            self.lexicon.add(language, fold(word).text.removesuffix("~"), atom, disguisable=disguisable)
            return
        parts = [item for phrase in parse(word) for item in (phrase.places,)]
        for places in parts:
            atoms = [next(iter(place.atoms)) for place in places]
            if len(atoms) == 1:
                # in a word list every word stands for all its forms unless it says "="
                text = fold(word).text.strip().removesuffix("~")
                self.lexicon.add(language, text, atom, disguisable=disguisable)
            else:
                numbers = tuple(self._number(language, a) for a in atoms)
                rarest = min(numbers, key=lambda number: self._counts.get(number, 1.0))
                self._chains[rarest].append((numbers, atom))

    def _number(self, language: str, atom: Atom) -> int:
        key = ("", "literal", atom.text) if atom.kind == "literal" else (language, atom.kind, atom.text)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            if atom.kind == "literal":
                self._counts[number] = self._seldom.of(atom.text, any_form=False)
                self.lexicon.add_literal(atom.text, number)
            elif atom.kind == "form":
                self._counts[number] = self._seldom.of(atom.text, any_form=True)
                self.lexicon.add(language, atom.text, number)
        return number

    def _add_phrase(self, language: str, phrase: Compiled) -> None:
        candidate = self._candidate(phrase)
        anchor = min(phrase.places, key=lambda place: sum(self._counts.get(atom, 1.0) for atom in place[0]))
        by_anchor = self._by_anchor.setdefault(language, defaultdict(list))
        for atom in anchor[0]:
            by_anchor[atom].append(candidate)

    def _candidate(self, phrase: Compiled) -> "_Candidate":
        singles = tuple(next(iter(atoms)) for atoms, _ in phrase.places if len(atoms) == 1)
        several = tuple(atoms for atoms, _ in phrase.places if len(atoms) > 1)
        named = any(atoms <= self._staff_atoms for atoms, _ in phrase.places)
        maybe = frozenset(atom for atoms, _ in phrase.places for atom in atoms & self._staff_atoms) if not named else frozenset[int]()
        return _Candidate(phrase, singles, several, named, maybe)

    # --- matching -----------------------------------------------------------------------------------------------------

    def view(self, sentence: Sentence, language: str, *, plain: bool, translit: bool) -> View:
        """Look up the words of a sentence."""
        present: Present = defaultdict(list)
        lookup = self.lexicon.atoms
        for index, token in enumerate(sentence.tokens):
            for atom in lookup(token.text, language, plain=plain, translit=translit):
                present[atom].append((index, index + 1))
        if not self._chains.keys().isdisjoint(present):
            self._add_chains(present)
        return View(sentence, present, language)

    def _add_chains(self, present: Present) -> None:
        found: list[tuple[int, tuple[int, int]]] = []
        for atom in self._chains.keys() & present.keys():
            for chain, member in self._chains[atom]:
                if any(link not in present for link in chain):
                    continue
                for start, after in present[chain[0]]:
                    end = after
                    for link in chain[1:]:
                        end = next((stop for begin, stop in present[link] if begin == end), 0)
                        if not end:
                            break
                    if end:
                        found.append((member, (start, end)))
        for member, place in found:
            present[member].append(place)

    def hits(self, view: View) -> Iterator[Hit]:
        """The rules that fit a sentence, tag rules included, each at most once a place."""
        present = view.present
        tokens = view.sentence.tokens
        count = len(tokens)
        for atom in present.keys() & self._by_word.keys():
            for owner in self._by_word[atom]:
                for first, after in present[atom]:
                    if not self._taken_back(owner, present, count):
                        yield self._hit(owner, first, after, tokens, names_staff=False)
        there = present.keys()
        for language in (view.language,) if view.language in self._by_anchor else tuple(self._by_anchor):
            by_anchor = self._by_anchor[language]
            tried: set[int] = set()
            for atom in there & by_anchor.keys():
                for candidate in by_anchor[atom]:
                    if not candidate.possible(present, there) or id(candidate) in tried:
                        continue
                    tried.add(id(candidate))
                    phrase = candidate.phrase
                    place = phrase.find(present, count)
                    if place and not self._taken_back(phrase.owner, present, count):
                        yield self._hit(phrase.owner, place[0], place[1], tokens, names_staff=candidate.aimed(present, *place))

    def _hit(self, owner: int, first: int, after: int, tokens: tuple[Token, ...], *, names_staff: bool) -> Hit:
        return Hit(self._rules[owner], first, after, names_staff, any(token.disguised for token in tokens[first:after]))

    def _taken_back(self, owner: int, present: Present, count: int) -> bool:
        return any(phrase.find(present, count) for phrase in self._unless.get(owner, ()))

    def frames(self, view: View, language: str, first: int, after: int) -> Iterator[tuple[str, int]]:
        """Which frames of a language fit around a hit, each with how many words it spans."""
        number = self._numbers.get((language, "class", HIT))
        if number is None or language not in self._frames:
            return
        present = dict(view.present)
        present[number] = [(first, after)]
        there = present.keys()
        count = len(view.sentence.tokens)
        for kind in FRAMES:
            spans = [
                place[1] - place[0]
                for candidate in self._frames[language].get(kind, ())
                if candidate.possible(present, there) and (place := candidate.phrase.find(present, count))
            ]
            if spans:
                yield kind, min(spans)

    def stands(self, view: View, language: str, name: str) -> list[tuple[int, int]]:
        """Where a word class of a language stands in a sentence."""
        number = self._numbers.get((language, "class", name))
        return [] if number is None else view.present.get(number, [])

    def marks(self, view: View, language: str) -> list[tuple[int, int]]:
        """The classes of a language in a sentence, for the ear: word position and mark, in order."""
        marks = self._marks.get(language)
        if not marks:
            return []
        return sorted({(first, marks[atom]) for atom in view.present.keys() & marks.keys() for first, _ in view.present[atom]})
