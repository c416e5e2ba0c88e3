"""Which atoms a word stands for: exact words, lemmas in all their forms, beginnings, compound tails.

An atom is a number for one thing that a pattern can ask of a word: "is one of the class animal (de)", "is a form of
dumm", "is exactly `wie`". The lexicon answers for one token at a time and remembers its answers.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.scoring.fold import latin_skeleton, readings, umlauts_spelled, without_accents

_REMEMBERED = 100_000
_SHORTEST_STEM = 2
_SHORTEST_TAIL = 4
_SHORTEST_SKELETON = 4
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


@dataclass(slots=True)
class _Words:
    """The entries of one language."""

    morphology: Morphology
    exact: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    stems: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    heads: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    tails: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    endings: frozenset[str] = frozenset({""})
    longest: int = 0

    def add(self, atom: int, spell: Iterable[str]) -> None:
        """Add one entry under each of its spellings."""
        for spelled in spell:
            if spelled.startswith("="):
                self.exact[spelled[1:]].add(atom)
            elif spelled.endswith("*"):
                self.heads[spelled.strip("*")].add(atom)
            elif spelled.startswith("*"):
                for stem in self.morphology.stems(spelled[1:]):
                    # a short cut stem is the tail of too many words: *wagen would be in Schwager
                    if len(stem) >= _SHORTEST_TAIL or stem == spelled[1:]:
                        self.tails[stem].add(atom)
                self.exact[spelled[1:]].add(atom)
            else:
                self.exact[spelled].add(atom)
                for stem in self.morphology.stems(spelled):
                    self.stems[stem].add(atom)

    def find(self, word: str) -> set[int]:
        found = set(self.exact.get(word, ()))
        endings, stems, tails = self.endings, self.stems, self.tails
        for size in range(min(self.longest, len(word) - _SHORTEST_STEM) + 1):
            ending = word[len(word) - size :] if size else ""
            if ending not in endings:
                continue
            stem = word[: len(word) - size]
            if atoms := stems.get(stem):
                found |= atoms
            if tails:
                for cut in range(2, len(stem) - 2):
                    if atoms := tails.get(stem[cut:]):
                        found |= atoms
        if self.heads:
            for size in range(3, len(word) + 1):
                if atoms := self.heads.get(word[:size]):
                    found |= atoms
        return found


class Lexicon:
    """All words of all languages; built once from a rule set, then only asked."""

    def __init__(self, morphologies: dict[str, Morphology]) -> None:
        """Begin an empty lexicon for some languages."""
        self._literal: dict[str, set[int]] = defaultdict(set)
        self._literal_plain: dict[str, set[int]] = defaultdict(set)
        # of a language that a text is not in, only the words that rules name count
        self._words, self._plain = _languages(morphologies, plain=False), _languages(morphologies, plain=True)
        self._words_abroad, self._plain_abroad = _languages(morphologies, plain=False), _languages(morphologies, plain=True)
        self._skeletons = _Words(Morphology())
        self._skeleton_endings: frozenset[str] = frozenset({""})
        if "ru" in morphologies:
            self._skeletons.endings = frozenset(latin_skeleton(e) for e in morphologies["ru"].endings)
            self._skeletons.longest = max(map(len, self._skeletons.endings))
        self._disguisable: set[int] = set()
        self._starrable: dict[str, dict[int, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        self._starred: dict[tuple[str, str], str | None] = {}
        self._innocent: dict[str, frozenset[str]] = {}
        self._remembered: dict[tuple[str, str, bool, bool], frozenset[int]] = {}

    def add(self, language: str, spec: str, atom: int, *, disguisable: bool = False) -> None:
        """Add an entry: `word` in all its forms, `=word` just so, `word*` a beginning, `*word` a compound's tail."""
        plain = {without_accents(spec), umlauts_spelled(spec)}
        self._words[language].add(atom, (spec,))
        self._plain[language].add(atom, plain)
        if disguisable:
            self._words_abroad[language].add(atom, (spec,))
            self._plain_abroad[language].add(atom, plain)
        bare = spec.strip("=*")
        if language == "ru":
            mark = spec[0] if spec[0] in "=*" else ""
            tail = "*" if spec.endswith("*") else ""
            for stem in {bare} if mark == "=" or tail else self._words[language].morphology.stems(bare):
                if len(skeleton := latin_skeleton(stem)) >= _SHORTEST_SKELETON - 1:
                    self._skeletons.add(atom, (mark + skeleton + tail,))
            self._skeletons.add(atom, ("=" + latin_skeleton(bare),))
        if disguisable:
            self._disguisable.add(atom)
            if len(bare) > 2:
                for form in {bare, *self._words[language].morphology.stems(bare)}:
                    self._starrable[form[0]][len(form)].setdefault(form, language)

    def add_literal(self, word: str, atom: int) -> None:
        """Add a word that stands in a pattern as it is; without accents it is found too in text without accents."""
        self._literal[word].add(atom)
        for spelled in {without_accents(word), umlauts_spelled(word)} - {word}:
            self._literal_plain[spelled].add(atom)
        if (skeleton := latin_skeleton(word)) != word and not word.isascii():
            self._skeletons.exact[skeleton].add(atom)

    def exempt(self, language: str, words: Iterable[str]) -> None:
        """Name words of a language that stand for nothing, whatever they look like."""
        self._innocent[language] = frozenset(w for word in words for w in (word, without_accents(word), umlauts_spelled(word)))

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
            found |= self._literal_plain.get(word, set())
        if len(word) > 60:
            return found
        if translit and "ru" in self._words:
            found |= self._skeletons.find(latin_skeleton(word))
            if "j" in word:  # some write ж so, others й
                found |= self._skeletons.find(latin_skeleton(word.replace("j", "zh")))
        if word in self._innocent.get(language, ()):
            return found
        for spelling in (word, *(readings(word) if not word.isalpha() or _odd(word) else ())):
            found |= self._spelled(spelling, language, plain=plain)
        if not found and not word.isascii() and len(word) > 4 and (bare := without_accents(word)) != word:
            for words in self._plain.values():
                found |= words.find(bare) & self._disguisable
        return found

    def _spelled(self, spelling: str, language: str, *, plain: bool) -> set[int]:
        """What one spelling stands for: everything that its own language knows, and the words that rules of others name."""
        found: set[int] = set()
        here, abroad = (self._plain, self._plain_abroad) if plain and spelling.isascii() else (self._words, self._words_abroad)
        if language in here:
            found |= here[language].find(spelling)
            here = abroad
        for code, words in here.items():
            if code != language:
                found |= words.find(spelling)
        return found

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
        endings = self._words[language].endings
        if "*" not in rest:
            return rest in endings
        return any(len(ending) == len(rest) and _fits(rest, ending) for ending in endings)


def _languages(morphologies: dict[str, Morphology], *, plain: bool) -> dict[str, _Words]:
    """Empty entries for each language; plain ones have their endings in accent-less form as well."""
    made = {}
    for language, morphology in morphologies.items():
        endings = morphology.endings
        if plain:
            endings = frozenset(e for ending in endings for e in (ending, without_accents(ending), umlauts_spelled(ending)))
        made[language] = _Words(morphology, endings=endings, longest=max(map(len, endings), default=0))
    return made


def _odd(word: str) -> bool:
    """Whether a word mixes scripts or has a letter three times in a row."""
    if word.isascii():
        return any(a == b == c for a, b, c in zip(word, word[1:], word[2:], strict=False))
    scripts = {"c" if "\u0400" <= c <= "\u04ff" else "g" if "\u0370" <= c <= "\u03ff" else "l" for c in word}
    return len(scripts) > 1 or any(a == b == c for a, b, c in zip(word, word[1:], word[2:], strict=False))


def _fits(starred: str, word: str) -> bool:
    return all(s in {"*", w} for s, w in zip(starred, word, strict=True))
