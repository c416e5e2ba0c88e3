"""Which rules hit where: the lexicon's atoms of each sentence against the compiled phrases, linear in the text."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol

import re2

from gateway.scoring.classes import lexicon_mark, mark_of
from gateway.scoring.fold import fold
from gateway.scoring.lexicon import Lexicon, Morphology
from gateway.scoring.patterns import HIT, SIMPLE_WORD, Atom, Compiled, PatternError, compiled, parse
from gateway.scoring.places import Places
from gateway.scoring.rules import FRAMES, LanguagePack, Rule, RuleBook, WordClass
from gateway.scoring.words import Sentence, Token

_WORD = re.compile(r"[^\W_]+")
_REMEMBERED = 200_000
_EVERYWHERE = 1e9
"""How common something is that is always there."""

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
        said = error.args[0] if error.args else error
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        raise PatternError(f"{pattern!r} is no regular expression of RE2: {why}") from None
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
    present: Places
    language: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A phrase with what must be in a sentence for it to have a chance: these atoms, and one of each of these sets."""

    phrase: Compiled
    singles: frozenset[int]
    several: tuple[frozenset[int], ...]
    names_staff: bool
    may_name_staff: frozenset[int]

    def aimed(self, present: Places, first: int, after: int) -> bool:
        """Whether the words that fitted name our side, not only one of the phrase's alternatives."""
        return self.names_staff or any(first <= begin and end <= after for atom in self.may_name_staff for begin, end in present.of(atom))

    def possible(self, there: set[int]) -> bool:
        return there >= self.singles and not any(map(there.isdisjoint, self.several))


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
        self._unless: dict[int, list[_Candidate]] = {}
        self._staff_atoms: set[int] = set()
        self._marks: dict[str, dict[int, int]] = defaultdict(dict)
        self._chains: dict[int, dict[int, list[tuple[tuple[int, ...], int]]]] = defaultdict(lambda: defaultdict(list))
        self._chain_heads: frozenset[int] = frozenset()
        self._literals: set[int] = set()
        self._owned: dict[str, set[int]] = defaultdict(set)
        self._innocent_runs: dict[str, dict[str, list[list[str]]]] = defaultdict(lambda: defaultdict(list))
        self._marks_of: dict[tuple[str, frozenset[int]], tuple[int, ...]] = {}
        self._frames: dict[str, dict[int, list[tuple[str, _Candidate]]]] = {}
        self._seldom = _Frequencies(book)
        for pack in book.packs:
            self._add_pack(pack)
        self._chain_heads = frozenset(self._chains)

    # --- building -----------------------------------------------------------------------------------------------------

    def _add_pack(self, pack: LanguagePack) -> None:
        for word_class in pack.classes:
            atom = self._add_class(pack.code, "class", word_class)
            if word_class.name in STAFF_CLASSES:
                self._staff_atoms.add(atom)
            self._counts[atom] = sum(self._seldom.of(word, any_form=True) for word in word_class.words)
        for word_class in pack.wide:
            self._add_class(pack.code, "wide", word_class)
        self.lexicon.common(pack.code, pack.frequent)
        innocent = [_WORD.findall(fold(entry).text) for entry in pack.innocent]
        self.lexicon.exempt(pack.code, (words[0] for words in innocent if len(words) == 1))
        for words in innocent:
            if len(words) > 1:
                self._innocent_runs[pack.code][words[0]].append(words)
        for rule in pack.rules:
            if not rule.off:
                self._add_rule(pack.code, rule)
        self._frames[pack.code] = self._frames_of(pack)

    def _add_class(self, language: str, kind: str, word_class: WordClass) -> int:
        atom = self._number(language, Atom(kind, word_class.name))
        if (mark := mark_of(word_class.name)) is not None:
            self._marks[language][atom] = mark
        for word in word_class.words:
            self._add_member(language, word, atom, disguisable=False)
        return atom

    def _frames_of(self, pack: LanguagePack) -> dict[int, list[tuple[str, _Candidate]]]:
        frames: dict[int, list[tuple[str, _Candidate]]] = defaultdict(list)
        # every frame holds the hit itself, so it is looked up by something rarer
        self._counts[self._number(pack.code, Atom("class", HIT))] = _EVERYWHERE
        for kind, phrases in pack.frames:
            for phrase in (phrase for text in phrases for phrase in parse(text)):
                candidate = self._candidate(compiled(phrase, partial(self._number, pack.code), -1))
                for atom in self._anchor(candidate.phrase):
                    frames[atom].append((kind, candidate))
        return dict(frames)

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
            self._unless[owner] = [self._candidate(compiled(p, partial(self._number, language), owner)) for text in rule.unless for p in parse(text)]

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
                self._chains[numbers[0]][numbers[1]].append((numbers[2:], atom))

    def _number(self, language: str, atom: Atom) -> int:
        key = ("", "literal", atom.text) if atom.kind == "literal" else (language, atom.kind, atom.text)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            self._owned[key[0]].add(number)
            if atom.kind == "literal":
                self._counts[number] = self._seldom.of(atom.text, any_form=False)
                self.lexicon.add_literal(atom.text, number)
                self._literals.add(number)
            elif atom.kind == "form":
                self._counts[number] = self._seldom.of(atom.text, any_form=True)
                self.lexicon.add(language, atom.text, number)
        return number

    def _add_phrase(self, language: str, phrase: Compiled) -> None:
        candidate = self._candidate(phrase)
        by_anchor = self._by_anchor.setdefault(language, defaultdict(list))
        for atom in self._anchor(phrase):
            by_anchor[atom].append(candidate)

    def _anchor(self, phrase: Compiled) -> frozenset[int]:
        """The place of a phrase that is rarest in ordinary text: without one of its atoms the phrase needs no look."""
        return min((place[0] for place in phrase.places), key=lambda atoms: sum(self._counts.get(atom, 1.0) for atom in atoms))

    def _candidate(self, phrase: Compiled) -> "_Candidate":
        singles = frozenset(next(iter(atoms)) for atoms, _ in phrase.places if len(atoms) == 1)
        several = tuple(atoms for atoms, _ in phrase.places if len(atoms) > 1)
        named = any(atoms <= self._staff_atoms for atoms, _ in phrase.places)
        maybe = frozenset(atom for atoms, _ in phrase.places for atom in atoms & self._staff_atoms) if not named else frozenset[int]()
        return _Candidate(phrase, singles, several, named, maybe)

    def naming(self, word: str, language: str) -> list[Rule]:
        """The rules of a language, tags aside, in whose words a folded word is listed, innocent or not: for those who check rules."""
        atoms = self.lexicon.entries(word, language)
        rules = [self._rules[owner] for atom in sorted(atoms & self._by_word.keys()) for owner in self._by_word[atom]]
        return [rule for rule in rules if rule.tag is None and rule.language == language]

    # --- matching -----------------------------------------------------------------------------------------------------

    def view(self, sentence: Sentence, language: str, *, plain: bool, translit: bool) -> View:
        """Look up the words of a sentence."""
        lookup = self.lexicon.atoms
        words = [lookup(token.text, language, plain=plain, translit=translit) for token in sentence.tokens]
        if runs := self._innocent_runs.get(language):
            self._silence(sentence.tokens, words, runs)
        present = Places(words)
        for n, (atoms, following) in enumerate(pairwise(words)):
            for head in atoms & self._chain_heads:
                chains = self._chains[head]
                for second in following & chains.keys():
                    for rest, member in chains[second]:
                        end = n + 2 + len(rest)
                        if end <= len(words) and all(link in words[n + 2 + k] for k, link in enumerate(rest)):
                            present.add(member, (n, end))
        return View(sentence, present, language)

    def _silence(self, tokens: Sequence[Token], words: list[frozenset[int]], runs: dict[str, list[list[str]]]) -> None:
        """Leave the words of an innocent run only what they are as they stand: the vous of rendez-vous is nobody."""
        for n, token in enumerate(tokens):
            for run in runs.get(token.text, ()):
                if [other.text for other in tokens[n : n + len(run)]] == run:
                    words[n : n + len(run)] = [atoms & self._literals for atoms in words[n : n + len(run)]]

    def hits(self, view: View) -> Iterator[Hit]:
        """The rules that fit a sentence, tag rules included, each at most once a place."""
        present = view.present
        tokens = view.sentence.tokens
        count = len(tokens)
        there = present.there
        for atom in there & self._by_word.keys():
            for owner in self._by_word[atom]:
                for first, after in present.of(atom):
                    if not self._taken_back(owner, present, count):
                        yield self._hit(owner, first, after, tokens, names_staff=False)
        for language in (view.language,) if view.language in self._by_anchor else tuple(self._by_anchor):
            by_anchor = self._by_anchor[language]
            tried: set[int] = set()
            for atom in there & by_anchor.keys():
                for candidate in by_anchor[atom]:
                    if not candidate.possible(there) or id(candidate) in tried:
                        continue
                    tried.add(id(candidate))
                    phrase = candidate.phrase
                    place = phrase.find(present, count)
                    if place and not self._taken_back(phrase.owner, present, count):
                        yield self._hit(phrase.owner, place[0], place[1], tokens, names_staff=candidate.aimed(present, *place))

    def _hit(self, owner: int, first: int, after: int, tokens: tuple[Token, ...], *, names_staff: bool) -> Hit:
        return Hit(self._rules[owner], first, after, names_staff, any(token.disguised for token in tokens[first:after]))

    def _taken_back(self, owner: int, present: Places, count: int) -> bool:
        return any(candidate.possible(present.there) and candidate.phrase.find(present, count) for candidate in self._unless.get(owner, ()))

    def frames(self, view: View, language: str, first: int, after: int) -> Iterator[tuple[str, int]]:
        """Which frames of a language fit around a hit, each with how many words it spans."""
        number = self._numbers.get((language, "class", HIT))
        if number is None or language not in self._frames:
            return
        present = view.present.beside(number, (first, after))
        there = present.there
        count = len(view.sentence.tokens)
        by_anchor = self._frames[language]
        tightest: dict[str, int] = {}
        for atom in there & by_anchor.keys():
            for kind, candidate in by_anchor[atom]:
                if candidate.possible(there) and (place := candidate.phrase.find(present, count)):
                    tightest[kind] = min(tightest.get(kind, count), place[1] - place[0])
        yield from ((kind, tightest[kind]) for kind in FRAMES if kind in tightest)

    def knows(self, view: View, language: str, first: int, after: int) -> bool:
        """Whether all words of a place stand in some list of a language."""
        owned = self._owned.get(language, set())
        return all(not owned.isdisjoint(atoms) for atoms in view.present.words[first:after])

    def stands(self, view: View, language: str, name: str) -> list[tuple[int, int]]:
        """Where a word class of a language stands in a sentence."""
        number = self._numbers.get((language, "class", name))
        return [] if number is None else view.present.of(number)

    def marks(self, view: View, language: str) -> list[tuple[int, int]]:
        """The classes of a language in a sentence, for the ear: word position and mark, in order."""
        marks = self._marks.get(language)
        if not marks:
            return []
        found = {(n, mark) for n, atoms in enumerate(view.present.words) for mark in self._marks_among(atoms, language)}
        found |= {(first, marks[atom]) for atom, (first, _) in view.present.longer if atom in marks}
        return sorted(found)

    def _marks_among(self, atoms: frozenset[int], language: str) -> tuple[int, ...]:
        key = (language, atoms)
        remembered = self._marks_of.get(key)
        if remembered is None:
            if len(self._marks_of) >= _REMEMBERED:
                self._marks_of.clear()
            marks = self._marks[language]
            remembered = self._marks_of[key] = tuple(marks[atom] for atom in atoms & marks.keys())
        return remembered
