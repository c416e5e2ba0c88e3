"""Where in a sentence the atoms of the lexicon stand; worked out only for the atoms that somebody asks for."""

from collections.abc import Sequence
from copy import copy
from typing import Self

Place = tuple[int, int]
"""First word, and the one after the last."""


class Places:
    """The atoms of a sentence: what each of its words stands for, and what several words in a row stand for together."""

    __slots__ = ("_found", "longer", "there", "words")

    def __init__(self, words: Sequence[frozenset[int]]) -> None:
        """Take the atoms of each word."""
        self.words = words
        self.there: set[int] = set().union(*words)
        """All atoms of the sentence."""
        self.longer: list[tuple[int, Place]] = []
        """Atoms of several words in a row."""
        self._found: dict[int, list[Place]] = {}

    def of(self, atom: int) -> list[Place]:
        """Where an atom stands, in order."""
        found = self._found.get(atom)
        if found is None:
            found = self._found[atom] = [(n, n + 1) for n, atoms in enumerate(self.words) if atom in atoms] if atom in self.there else []
        return found

    def add(self, atom: int, place: Place) -> None:
        """Let an atom stand at a place of several words."""
        self.of(atom).append(place)
        self.there.add(atom)
        self.longer.append((atom, place))

    def beside(self, atom: int, place: Place) -> Self:
        """The same sentence with one more atom; this one stays as it is."""
        other = copy(self)
        other.there = {*self.there, atom}
        other._found = {**self._found, atom: [place]}  # noqa: SLF001 - of our own kind
        return other
