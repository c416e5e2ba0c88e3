"""Which language a text is in, with "don't know": py3langid restricted to our languages and the neighbours they are mistaken for.

The model itself is loaded at the edge and comes in as a function; see gateway.edge.language_model.
"""

import re
from collections.abc import Callable, Iterable, Sequence
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

    def __init__(self, identify: Identify, frequent: dict[str, frozenset[str]], tried: frozenset[str] | None = None) -> None:
        """Take what tells languages apart.

        Args:
            identify: the model.
            frequent: each language's frequent words.
            tried: the languages of which the model is believed without a frequent word, None for all. A language that a site
                adds is told by both together, so that it takes no mail away from the others.
        """
        self._identify = identify
        self._frequent = frequent
        self._codes = sorted(frequent)
        self._tried = frozenset(frequent) if tried is None else tried & frozenset(frequent)
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
            return Tongue(self._by_frequent(words, self._tried) or self._by_frequent(words, self._codes) or UNDETERMINED, plain=plain)
        if sample.isascii() and self._is_translit(words):
            return Tongue("ru", plain=True, translit=True)
        code = self._identify(sample)
        by_words = self._by_frequent(words, self._tried)
        if code in self._frequent and code not in self._tried and self._count(words, code) > max(1, self._count(words, by_words)):
            return Tongue(code, plain=plain)
        if code not in self._tried:
            # a neighbour: the frequent words decide, or nobody does
            code = by_words or UNDETERMINED
        elif by_words not in {code, ""} and len(words) < 8:
            code = by_words
        latin = [word for word in words if word.isascii()] if code == "ru" else []
        return Tongue(code, plain=plain, translit=len(latin) * 3 >= len(words) and len(latin) >= _FEWEST_WORDS and self._is_translit(latin))

    def of_sentence(self, text: str, words: Sequence[str], code: str) -> str:
        """The language of one sentence in a text of a language: another one only when its own frequent words and the model say so."""
        if len(words) < _FEWEST_FOREIGN or code not in self._frequent:
            return code
        counts = [0] * len(self._codes)
        for word in words:
            for n in self._languages_of.get(word, ()):
                counts[n] += 1
        own = counts[self._codes.index(code)]
        if max(counts) < 2 or own >= max(counts):
            return code
        found = self._identify(text)
        if found not in self._frequent:
            return code
        most = max(count for other, count in zip(self._codes, counts, strict=True) if other == found or other in self._tried)
        return found if own < most and (found in self._tried or counts[self._codes.index(found)] == most) else code

    def _is_translit(self, words: list[str]) -> bool:
        known = sum(latin_skeleton(word) in self._skeletons for word in words)
        others = max((self._count(words, code) for code in self._tried if code != "ru"), default=0)
        return known >= 2 and known * 6 >= len(words) and known > others

    def _by_frequent(self, words: list[str], codes: Iterable[str]) -> str:
        """The one among some languages whose frequent words are most, "" when there are too few or as many of another."""
        counts = sorted(((self._count(words, code), code) for code in codes), reverse=True)
        if len(counts) > 1 and counts[0][0] >= 2 and counts[0][0] > counts[1][0]:
            return counts[0][1]
        return ""

    def _count(self, words: list[str], code: str) -> int:
        """How many of some words are frequent in a language; none in no language."""
        frequent = self._frequent.get(code, frozenset())
        return sum(word in frequent for word in words)
