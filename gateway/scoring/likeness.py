"""What a text looks like, so that it is known when it comes again; none of its words can be read back from it."""

import re
from collections.abc import Iterable, Sequence
from zlib import crc32

from gateway.values import Likeness

_WORD = re.compile(r"[^\W\d_]+|\d+")
_RUN = 3
"""Words in a row that make a shingle."""
_KEPT = 48
"""Shingles kept of a text: those with the smallest hashes, so that two texts alike keep the same ones (bottom-k sketch)."""
_LONGEST = 20_000
"""Characters looked at."""


def likeness(texts: Iterable[str], asks: Sequence[str] = ()) -> Likeness:
    """Take the likeness of a writer's own words.

    Args:
        texts: folded.
        asks: folded phrases with which people ask for an answer (rules/policy.toml).

    Returns:
        Likeness: numbers are kept apart from words: the same request for another order is another text.
    """
    words: list[str] = []
    numbers: list[str] = []
    for found in _WORD.finditer("\n".join(texts)[:_LONGEST]):
        word = found[0]
        if word[0].isdecimal():
            numbers.append(word)
            words.append("0")
        else:
            words.append(word)
    runs = {" ".join(words[start : start + _RUN]) for start in range(max(1, len(words) - _RUN + 1))} if words else set()
    shingles = sorted({crc32(run.encode()) for run in runs})[:_KEPT]
    running = f" {' '.join(words)} "
    return Likeness(
        words=sum(word != "0" for word in words),
        numbers=crc32(" ".join(numbers).encode()),
        shingles=tuple(shingles),
        asks=any(f" {ask} " in running for ask in asks),
    )
