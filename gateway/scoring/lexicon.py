"""Which atoms a word stands for: exact words, lemmas in all their forms, beginnings, compound tails.

An atom is a number for one thing that a pattern can ask of a word: "is one of the class animal (de)", "is a form of
dumm", "is exactly `wie`". The lexicon answers for one token at a time and remembers its answers.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from gateway.scoring.fold import latin_skeleton, readings, umlauts_spelled, without_accents

_REMEMBERED = 100_000
_SHORTEST_STEM = 2
_SHORTEST_TAIL = 4
_SHORTEST_SKELETON = 4
_SHORTEST_DISGUISED = 4
"""Letters; a shorter word of a phrase isn't read into digits: 4 isn't a."""
_MOST_STARS = 8
_FEWEST_LETTERS = 3
_LONGEST_STARRED = 30


@dataclass(frozen=True, slots=True)
class Morphology:
    """How words of a language change at their end (rules/LANG/morphology.toml).

    Attributes:
        endings: what may follow a lemma or its stem; "" is in it when a bare stem is a form of its own.
        cut: endings of a lemma that go before others come (Russian а, German en).
        swap: last letters that change before an ending (Hungarian a becomes á).
        double: a last consonant may double before an ending (English stop, stopped; Afrikaans dom, domme).
        shorten: a doubled vowel before the last consonant may become single before an ending (Afrikaans doos, dose).
    """

    endings: frozenset[str] = frozenset({""})
    cut: tuple[str, ...] = ()
    swap: tuple[tuple[str, str], ...] = ()
    double: bool = False
    shorten: bool = False

    def stems(self, lemma: str) -> set[str]:
        """The lemma and everything that endings can be added to."""
        found = {lemma}
        found |= {lemma[: -len(cut)] for cut in self.cut if lemma.endswith(cut) and len(lemma) - len(cut) > _SHORTEST_STEM}
        found |= {lemma[: -len(old)] + new for old, new in self.swap if lemma.endswith(old)}
        if self.double and len(lemma) > _SHORTEST_STEM and lemma[-1] not in "aeiou":
            found.add(lemma + lemma[-1])
        if self.shorten and len(lemma) > _SHORTEST_STEM and lemma[-1] not in "aeiou" and lemma[-2] == lemma[-3] and lemma[-2] in "aeou":
            found.add(lemma[:-2] + lemma[-1])
        return found


_Atoms = dict[str, tuple[int, ...]]


def _put(into: _Atoms, key: str, atom: int) -> None:
    before = into.get(key, ())
    if atom not in before:
        into[key] = (*before, atom)


@dataclass(slots=True)
class _Words:
    """Entries of one language, found by whatever endings the asker allows."""

    morphology: Morphology
    exact: _Atoms = field(default_factory=dict)
    stems: _Atoms = field(default_factory=dict)
    heads: _Atoms = field(default_factory=dict)
    tails: _Atoms = field(default_factory=dict)

    def add(self, atom: int, spelled: str) -> None:
        """Add one entry under one of its spellings."""
        if spelled.startswith("="):
            _put(self.exact, spelled[1:], atom)
        elif spelled.endswith("*"):
            _put(self.heads, spelled.strip("*"), atom)
        elif spelled.startswith("*"):
            for stem in self.morphology.stems(spelled[1:]):
                # a short cut stem is the tail of too many words: *wagen would be in Schwager
                if len(stem) >= _SHORTEST_TAIL or stem == spelled[1:]:
                    _put(self.tails, stem, atom)
            _put(self.exact, spelled[1:], atom)
        else:
            for stem in self.morphology.stems(spelled):
                _put(self.stems, stem, atom)
            _put(self.exact, spelled, atom)

    def find(self, word: str, endings: "_Endings") -> set[int]:
        """The entries that a word is a form of."""
        found = set(self.exact.get(word, ()))
        stems, tails = self.stems, self.tails
        for size in range(min(endings.longest, len(word) - _SHORTEST_STEM) + 1):
            ending = word[len(word) - size :] if size else ""
            if ending not in endings.all:
                continue
            stem = word[: len(word) - size]
            if atoms := stems.get(stem):
                found.update(atoms)
            if tails:
                for cut in range(2, len(stem) - 2):
                    if atoms := tails.get(stem[cut:]):
                        found.update(atoms)
        if self.heads:
            for size in range(3, len(word) + 1):
                if atoms := self.heads.get(word[:size]):
                    found.update(atoms)
        return found


@dataclass(frozen=True, slots=True)
class _Endings:
    """What may follow a stem."""

    all: frozenset[str]
    longest: int

    @classmethod
    def of(cls, endings: Iterable[str]) -> Self:
        every = frozenset(endings)
        return cls(every, max(map(len, every), default=0))


class _Language:
    """All entries of one language: as they are spelled, and what differs where a writer leaves accents out."""

    def __init__(self, morphology: Morphology) -> None:
        self.morphology = morphology
        self.words, self.bare = _Words(morphology), _Words(morphology)
        self.endings = _Endings.of(morphology.endings)
        self.bare_endings = _Endings.of(e for ending in morphology.endings for e in (ending, without_accents(ending), umlauts_spelled(ending)))

    def add(self, atom: int, spec: str) -> None:
        """Add one entry with its accent-less spellings."""
        self.words.add(atom, spec)
        if not spec.isascii():
            for spelled in {without_accents(spec), umlauts_spelled(spec)}:
                self.bare.add(atom, spelled)

    def find(self, word: str, *, plain: bool) -> set[int]:
        """What a word stands for; in plain text accents may be missing in the word and in its ending."""
        if not plain:
            return self.words.find(word, self.endings)
        return self.words.find(word, self.bare_endings) | self.bare.find(word, self.bare_endings)


class Lexicon:
    """All words of all languages; built once from a rule set, then only asked."""

    def __init__(self, morphologies: dict[str, Morphology]) -> None:
        """Begin an empty lexicon for some languages."""
        self._literal: _Atoms = {}
        self._literal_plain: _Atoms = {}
        # of a language that a text is not in, only the words that rules name count
        self._here = {language: _Language(morphology) for language, morphology in morphologies.items()}
        self._abroad = {language: _Language(morphology) for language, morphology in morphologies.items()}
        self._russian: list[tuple[str, int]] = []
        self._skeletons: tuple[_Words, _Endings] | None = None
        self._disguisable: set[int] = set()
        self._starrable: dict[str, dict[int, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        self._starred: dict[tuple[str, str], str | None] = {}
        self._innocent: dict[str, frozenset[str]] = {}
        self._common: dict[str, frozenset[str]] = {}
        self._remembered: dict[tuple[str, str, bool, bool], frozenset[int]] = {}

    def add(self, language: str, spec: str, atom: int, *, disguisable: bool = False) -> None:
        """Add an entry: `word` in all its forms, `=word` just so, `word*` a beginning, `*word` a compound's tail."""
        self._here[language].add(atom, spec)
        if disguisable:
            self._abroad[language].add(atom, spec)
        bare = spec.strip("=*")
        if language == "ru":
            self._russian.append((spec, atom))
        if disguisable:
            self._disguisable.add(atom)
            if len(bare) > 2:
                for form in {bare, *self._here[language].morphology.stems(bare)}:
                    self._starrable[form[0]][len(form)].setdefault(form, language)

    def add_literal(self, word: str, atom: int) -> None:
        """Add a word that stands in a pattern as it is; without accents it is found too in text without accents."""
        _put(self._literal, word, atom)
        for spelled in {without_accents(word), umlauts_spelled(word)} - {word}:
            _put(self._literal_plain, spelled, atom)
        if not word.isascii():
            self._russian.append((f"={word}", atom))

    def exempt(self, language: str, words: Iterable[str]) -> None:
        """Name words of a language that stand for nothing, whatever they look like."""
        self._innocent[language] = frozenset(w for word in words for w in (word, without_accents(word), umlauts_spelled(word)))

    def common(self, language: str, words: Iterable[str]) -> None:
        """Name the most frequent words of a language: they are what they are, not another word without its accents."""
        self._common[language] = frozenset(words)

    def listed(self, word: str, language: str) -> bool:
        """Whether a word is in any list of a language or one that people disguise in any."""
        return len(word) >= _SHORTEST_DISGUISED and bool(self.atoms(word, language, plain=word.isascii(), translit=False))

    def entries(self, word: str, language: str) -> set[int]:
        """The entries of a language that a folded word is a form of, innocent or not: for those who check rules."""
        return self._here[language].find(word, plain=False) if language in self._here else set()

    def atoms(self, word: str, language: str, *, plain: bool, translit: bool) -> frozenset[int]:
        """What a folded word stands for.

        Args:
            word: folded.
            language: of the segment; its exempt words stand for nothing.
            plain: the segment is written without accents, so words are found by their accent-less form as well.
            translit: the segment is Russian in Latin letters.

        Returns:
            frozenset[int]: atoms of all languages.
        """
        key = (word, language, plain, translit)
        remembered = self._remembered.get(key)
        if remembered is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            remembered = self._remembered[key] = frozenset(self._find(word, language, plain=plain, translit=translit))
        return remembered

    def _find(self, word: str, language: str, *, plain: bool, translit: bool) -> set[int]:
        found = set(self._literal.get(word, ()))
        if plain:
            found.update(self._literal_plain.get(word, ()))
        if len(word) > 60:
            return found
        if translit and "ru" in self._here:
            found |= self._by_skeleton(word)
        if word in self._innocent.get(language, ()):
            # it means nothing bad here, but it still is what the classes of its own language say
            return found | (self._here[language].find(word, plain=plain and word.isascii()) - self._disguisable)
        found |= self._spelled(word, language, plain=plain)
        for spelling in readings(word) if not word.isalpha() or _odd(word) else ():
            found |= self._spelled(spelling, language, plain=plain)
            if len(spelling) >= _SHORTEST_DISGUISED:
                found.update(self._literal.get(spelling, ()))
        if not found and not word.isascii() and len(word) > 4 and (bare := without_accents(word)) != word:
            for entries in self._here.values():
                found |= entries.find(bare, plain=True) & self._disguisable
        return found

    def _spelled(self, spelling: str, language: str, *, plain: bool) -> set[int]:
        """What one spelling stands for: everything that its own language knows, and the words that rules of others name."""
        # schon is schon, though schön loses its dots in plain text
        plain = plain and spelling.isascii() and spelling not in self._common.get(language, ())
        own = self._here.get(language)
        found = own.find(spelling, plain=plain) if own else set[int]()
        for code, entries in (self._abroad if own else self._here).items():
            if code != language:
                found |= entries.find(spelling, plain=plain)
        return found

    def _by_skeleton(self, word: str) -> set[int]:
        """What a Russian word in Latin letters stands for; the table is made when the first such text comes."""
        if self._skeletons is None:
            self._skeletons = (_Words(Morphology()), _Endings.of(map(latin_skeleton, self._here["ru"].morphology.endings)))
            for spec, atom in self._russian:
                self._add_skeletons(spec, atom, self._skeletons[0])
        words, endings = self._skeletons
        found = words.find(latin_skeleton(word), endings)
        if "j" in word:  # some write ж so, others й
            found |= words.find(latin_skeleton(word.replace("j", "zh")), endings)
        return found

    def _add_skeletons(self, spec: str, atom: int, words: _Words) -> None:
        bare = spec.strip("=*")
        mark = spec[0] if spec[0] in "=*" else ""
        tail = "*" if spec.endswith("*") else ""
        for stem in {bare} if mark == "=" or tail else self._here["ru"].morphology.stems(bare):
            if len(skeleton := latin_skeleton(stem)) >= _SHORTEST_SKELETON - 1:
                words.add(atom, mark + skeleton + tail)
        words.add(atom, "=" + latin_skeleton(bare))

    def known(self, word: str) -> bool:
        """Whether a word is one that people disguise."""
        return not self._disguisable.isdisjoint(self.atoms(word, "", plain=word.isascii(), translit=False))

    def starred(self, word: str, language: str = "") -> str | None:
        """What a word with stars stands for, a word of the text's language first; None when no disguisable word fits."""
        key = (word.replace("#", "*"), language)
        if key not in self._starred:
            if len(self._starred) >= _REMEMBERED:
                self._starred.clear()
            self._starred[key] = self._unstarred(*key)
        return self._starred[key]

    def _unstarred(self, word: str, language: str) -> str | None:
        letters = sum(c.isalpha() for c in word)
        stars = word.count("*")
        if not letters or stars > _MOST_STARS or (word[0] == "*" and letters < _FEWEST_LETTERS) or len(word) > _LONGEST_STARRED:
            return None
        for width in (1, 2, 3, 4) if stars == 1 and letters >= _FEWEST_LETTERS else (1,):
            wide = word.replace("*", "*" * width)
            # f*** is known by its one letter, but only as a short word
            if letters * 3 < len(wide) and not (letters == 1 and 4 <= len(wide) <= 6 and word[0] != "*"):
                continue
            for first in (wide[0],) if wide[0] != "*" else sorted(self._starrable):
                if found := self._fitting(wide, self._starrable.get(first, {}), language):
                    return found
        return None

    def _fitting(self, wide: str, by_length: dict[int, dict[str, str]], language: str) -> str | None:
        """The word of a letter that fits a starred one: longest stem first, but one of the text's language before others."""
        other: str | None = None
        for length in range(len(wide), 1, -1):
            for stem, code in by_length.get(length, {}).items():
                if (code == language or other is None) and _fits(wide[:length], stem) and self._ends(wide[length:], code):
                    if code == language or not language:
                        return stem
                    other = other or stem
        return other

    def _ends(self, rest: str, language: str) -> bool:
        if not rest:
            return True
        endings = self._here[language].endings.all
        if "*" not in rest:
            return rest in endings
        return any(len(ending) == len(rest) and _fits(rest, ending) for ending in endings)


def _odd(word: str) -> bool:
    """Whether a word mixes scripts or has a letter three times in a row."""
    if word.isascii():
        return any(a == b == c for a, b, c in zip(word, word[1:], word[2:], strict=False))
    scripts = {"c" if "\u0400" <= c <= "\u04ff" else "g" if "\u0370" <= c <= "\u03ff" else "l" for c in word}
    return len(scripts) > 1 or any(a == b == c for a, b, c in zip(word, word[1:], word[2:], strict=False))


def _fits(starred: str, word: str) -> bool:
    return all(s in {"*", w} for s, w in zip(starred, word, strict=True))
