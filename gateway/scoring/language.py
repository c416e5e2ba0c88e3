"""Which language a text is in, with "don't know": py3langid restricted to our six and the neighbours they are mistaken for.

The model itself is loaded at the edge and comes in as a function; see gateway.edge.language_model.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.scoring.fold import latin_skeleton
from gateway.values import UNDETERMINED

NEIGHBOURS = ("nl", "uk", "bg", "es", "it", "pl", "pt", "ro", "cs", "sk", "tr", "sv", "da")
"""Sentinels: without them Dutch becomes Afrikaans and Ukrainian Russian."""
_LONGEST_SAMPLE = 600
_WORD = re.compile(r"[^\W\d_]{2,}")
_FEWEST_WORDS = 3
_FEWEST_FOREIGN = 4
_SHORTEST_PLAIN = 25
"""Characters; in less than this a missing accent proves nothing."""

Identify = Callable[[str], str]
"""The best language code for a text, among our languages and the neighbours."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """What is known of a segment's language: `translit` is Russian in Latin letters, `plain` a text without accents."""

    code: str
    plain: bool = False
    translit: bool = False


class Languages:
    """Tells the language of a segment by the model and by each language's most frequent words."""

    def __init__(self, identify: Identify, frequent: dict[str, frozenset[str]]) -> None:
        """Take the model and each language's frequent words."""
        self._identify = identify
        self._frequent = frequent
        self._codes = sorted(frequent)
        self._languages_of: dict[str, tuple[int, ...]] = {}
        for n, code in enumerate(self._codes):
            for word in frequent[code]:
                self._languages_of[word] = (*self._languages_of.get(word, ()), n)
        self._skeletons = frozenset(latin_skeleton(word) for word in frequent.get("ru", ()) if len(word) > 1)

    def of(self, folded: str) -> Tongue:
        """Tell the language of a folded text."""
        sample = folded[:_LONGEST_SAMPLE]
        words = _WORD.findall(sample)
        plain = len(sample) >= _SHORTEST_PLAIN and sum(not c.isascii() for c in sample) * 80 < len(sample)
        if len(words) < _FEWEST_WORDS:
            return Tongue(self._by_frequent(words), plain=plain)
        if sample.isascii() and self._is_translit(words):
            return Tongue("ru", plain=True, translit=True)
        code = self._identify(sample)
        by_words = self._by_frequent(words)
        if code not in self._frequent:
            # a neighbour: the frequent words decide, or nobody does
            code = by_words
        elif by_words not in {code, UNDETERMINED} and len(words) < 8:
            code = by_words
        return Tongue(code, plain=plain)

    def of_sentence(self, text: str, words: Sequence[str], code: str) -> str:
        """The language of one sentence in a text of a language: another one only when its own frequent words and the model say so."""
        if len(words) < _FEWEST_FOREIGN or code not in self._frequent:
            return code
        counts = [0] * len(self._codes)
        for word in words:
            for n in self._languages_of.get(word, ()):
                counts[n] += 1
        most = max(counts)
        if most < 2 or counts[self._codes.index(code)] >= most:
            return code
        found = self._identify(text)
        return found if found in self._frequent else code

    def _is_translit(self, words: list[str]) -> bool:
        known = sum(latin_skeleton(word) in self._skeletons for word in words)
        others = max((sum(word in frequent for word in words) for code, frequent in self._frequent.items() if code != "ru"), default=0)
        return known >= 2 and known * 6 >= len(words) and known > others

    def _by_frequent(self, words: list[str]) -> str:
        counts = sorted(((sum(word in frequent for word in words), code) for code, frequent in self._frequent.items()), reverse=True)
        if len(counts) > 1 and counts[0][0] >= 2 and counts[0][0] > counts[1][0]:
            return counts[0][1]
        return UNDETERMINED
