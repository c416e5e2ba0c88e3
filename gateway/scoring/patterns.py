"""Phrases as people write them in rules files, and what they are compiled to.

- `so dumm~ wie <animal>`: words stand next to each other; ~ means in all forms
- `<staff> ... zu (blöd|doof)`: ... is a gap of up to four words, ...8 of up to eight
- `^(go|get) lost$`: ^ and $ are the borders of the sentence; ? after a word or a group makes it optional
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from gateway.scoring.fold import PICTURE, fold
from gateway.scoring.places import Places

HIT = "hit"
"""The class name by which a frame speaks of the finding that it is asked about."""
DEFAULT_GAP = 4
LONGEST_GAP = 12
_MOST_VARIANTS = 400

_TOKEN = re.compile(r"\s*(?:(?P<gap>\.\.\.(?P<size>\d*)|…)|(?P<mark>[()|?^$])|<(?P<cls>[a-z_]+)>|(?P<word>[^\s()|?<>^$]+))")
_WORD = re.compile(rf"(?:\*(?=\w))?\w+[~*]?|=\w+|=?{PICTURE}")


SIMPLE_WORD = re.compile(r"[=*]?[^\W_]+[*~]?")
"""An entry of a word list that is one plain word: most are, and these need no parsing."""


class PatternError(ValueError):
    """A phrase that can't be understood; the text says why and what to write."""


@dataclass(frozen=True, slots=True)
class Atom:
    """What one place of a phrase asks of a word: kind is `literal`, `form` (lemma, head*, *tail) or `class`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a phrase: any of these atoms, after a gap of at most so many other words."""

    atoms: frozenset[Atom]
    gap: int = 0


@dataclass(frozen=True, slots=True)
class Phrase:
    """One variant of a phrase, optional parts decided."""

    places: tuple[Place, ...]
    at_start: bool = False
    at_end: bool = False


Way = tuple[Place, ...]
"""One way through a phrase: its places in a row."""


@lru_cache(maxsize=1 << 17)
def parse(text: str) -> tuple[Phrase, ...]:
    """Parse one phrase of a rules file.

    Args:
        text: as the admin wrote it.

    Returns:
        tuple[Phrase, ...]: one for each way through its optional parts and alternatives.

    Raises:
        PatternError: with a sentence that says what is wrong.
    """
    phrases: dict[Phrase, None] = {}
    for way in _Parser(text).alternatives(top=True):
        at_start = bool(way) and way[0].atoms == _START
        at_end = bool(way) and way[-1].atoms == _END
        places = tuple(place for place in way if place.atoms not in {_START, _END})
        if not places:
            raise PatternError(f"{text!r} can match nothing at all; name at least one word or class")
        phrases[Phrase((Place(places[0].atoms), *places[1:]), at_start, at_end)] = None
    return tuple(phrases)


_START, _END = frozenset({Atom("edge", "^")}), frozenset({Atom("edge", "$")})


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._scan())
        self.index = 0

    def _scan(self) -> Iterator[tuple[str, str]]:
        position = 0
        text = self.text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match or match.end() == position:
                raise PatternError(f"{self.text!r} can't be read from {text[position:]!r} on; a class is written <name> in small letters")
            position = match.end()
            if match["gap"]:
                size = int(match["size"] or DEFAULT_GAP)
                if size > LONGEST_GAP:
                    raise PatternError(f"{self.text!r} has a gap of {size} words; at most {LONGEST_GAP} are allowed")
                yield "gap", str(size)
            elif match["mark"]:
                yield match["mark"], match["mark"]
            elif match["cls"]:
                yield "class", match["cls"]
            else:
                yield "word", match["word"]

    def alternatives(self, *, top: bool = False) -> list[Way]:
        """Everything up to a closing bracket, split at |."""
        ways: list[Way] = []
        while True:
            ways += self.sequence()
            kind = self.tokens[self.index][0] if self.index < len(self.tokens) else "end"
            if kind == "|":
                self.index += 1
                continue
            if kind == ")" and top:
                raise PatternError(f"{self.text!r} has a ) without its (")
            if kind == "end" and not top:
                raise PatternError(f"{self.text!r} has a ( without its )")
            return ways

    def sequence(self) -> list[Way]:
        ways: list[Way] = [()]
        gap = 0
        while self.index < len(self.tokens):
            kind, value = self.tokens[self.index]
            if kind in {"|", ")"}:
                break
            self.index += 1
            if kind == "gap":
                gap = int(value)
                continue
            if kind == "?":
                raise PatternError(f"{self.text!r} has a ? that follows neither a word nor a group")
            options = self.options(kind, value)
            if self.index < len(self.tokens) and self.tokens[self.index][0] == "?":
                self.index += 1
                options = [*options, ()]
            ways = [way + _after(gap, option) for way in ways for option in options]
            if len(ways) > _MOST_VARIANTS:
                raise PatternError(f"{self.text!r} has more than {_MOST_VARIANTS} variants; split it or use a word class")
            gap = 0
        return ways

    def options(self, kind: str, value: str) -> list[Way]:
        if kind == "(":
            inner = self.alternatives()
            self.index += 1
            if () in inner:
                raise PatternError(f"{self.text!r} has an alternative that can be empty; write the ? behind the bracket")
            return _single_words_together(inner)
        if kind == "class":
            return [(Place(frozenset({Atom("class", value)})),)]
        if kind in {"^", "$"}:
            return [(Place(_START if kind == "^" else _END),)]
        return [tuple(Place(frozenset({atom})) for atom in self.words(value))]

    def words(self, written: str) -> Iterator[Atom]:
        found = False
        for word in _WORD.findall(fold(written).text.replace("_", " ")):
            found = True
            if word.endswith("~"):
                yield Atom("form", word[:-1])
            elif "*" in word:
                yield Atom("form", word)
            else:
                yield Atom("literal", word.removeprefix("="))
        if not found and not re.fullmatch(r"[^\w<>]+", written):
            raise PatternError(f"{self.text!r}: {written!r} is not a word")


def _after(gap: int, way: Way) -> Way:
    return (Place(way[0].atoms, max(gap, way[0].gap)), *way[1:]) if way and gap else way


def _single_words_together(ways: list[Way]) -> list[Way]:
    """Alternatives of one word each are one place that any of them fits, so that long lists cost nothing."""
    plain = [way[0].atoms for way in ways if len(way) == 1 and way[0].atoms not in {_START, _END}]
    others = [way for way in ways if len(way) != 1 or way[0].atoms in {_START, _END}]
    return [*others, (Place(frozenset[Atom]().union(*plain)),)] if plain else others


AtomNumber = Callable[[Atom], int]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A phrase in numbers, ready to be tried on a sentence: `owner` says whose it is."""

    places: tuple[tuple[frozenset[int], int], ...]
    at_start: bool
    at_end: bool
    owner: int

    def find(self, present: Places, count: int) -> tuple[int, int] | None:
        """Try the phrase on a sentence.

        Args:
            present: where in the sentence each atom stands.
            count: how many words the sentence has.

        Returns:
            tuple[int, int] | None: the first word and the one after the last, of the tightest match that begins last.
        """
        atoms, _ = self.places[0]
        reached = [(first, after) for atom in atoms for first, after in present.of(atom) if not self.at_start or first == 0]
        for atoms, gap in self.places[1:]:
            if not reached:
                return None
            places = [place for atom in atoms for place in present.of(atom)]
            best: dict[int, int] = {}
            for first, after in reached:
                for begin, end in places:
                    if after <= begin <= after + gap and best.get(end, -1) < first:
                        best[end] = first
            reached = [(first, end) for end, first in best.items()]
        if self.at_end:
            reached = [place for place in reached if place[1] == count]
        return max(reached, key=lambda place: (place[0], -place[1])) if reached else None


def compiled(phrase: Phrase, number: AtomNumber, owner: int) -> Compiled:
    """Turn a phrase into numbers."""
    return Compiled(
        tuple((frozenset(number(atom) for atom in place.atoms), place.gap) for place in phrase.places), phrase.at_start, phrase.at_end, owner
    )
