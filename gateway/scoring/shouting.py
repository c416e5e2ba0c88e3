"""Shouting: a weak sign by itself, capped below anything that has a consequence (policy point D3)."""

import re
from collections.abc import Iterable

from gateway.values import Category, Finding, Segment, SegmentKind, Target

_FEWEST_LETTERS = 30
_FEWEST_WORDS = 6
_WORD = re.compile(r"[^\W\d_]+")
_MARKS = re.compile(r"[!?]{3,}")
_POINTS = 2


def shouting(segments: Iterable[tuple[int, Segment]], language: str) -> list[Finding]:
    """Find text in capitals and rows of exclamation marks.

    Acronyms, order numbers and a subject alone in capitals are no shouting: it takes a run of ordinary words.

    Args:
        segments: the writer's own, each with its index in the reading.
        language: of the mail.

    Returns:
        list[Finding]: at most one.
    """
    for index, segment in segments:
        if segment.kind is SegmentKind.SUBJECT:
            continue
        run = _longest_run(segment.text)
        marks = sum(len(match[0]) for match in _MARKS.finditer(segment.text))
        if run is None and marks < 6:
            continue
        if run is None:
            first = _MARKS.search(segment.text)
            run = first.span() if first else (0, 0)
            points = 1
        else:
            points = _POINTS + (1 if marks else 0)
        return [
            Finding(
                rule="shouting",
                category=Category.SHOUTING,
                points=points,
                text=segment.text[run[0] : run[1]][:80],
                segment=segment.kind,
                segment_index=index,
                span=run,
                target=Target.NOBODY,
                language=language,
                clause=("D3",),
                base=_POINTS,
            )
        ]
    return []


def _longest_run(text: str) -> tuple[int, int] | None:
    """The longest run of words in capitals that is long enough, and not just how this person types tables or codes."""
    best: tuple[int, int] | None = None
    start, end, letters, words = 0, 0, 0, 0
    for match in _WORD.finditer(text):
        word = match[0]
        if word.isupper() and (len(word) > 1 or words):
            start = match.start() if not words else start
            end = match.end()
            letters += len(word)
            words += 1
            if words >= _FEWEST_WORDS and letters >= _FEWEST_LETTERS and (best is None or end - start > best[1] - best[0]):
                best = (start, end)
        elif len(word) > 1:
            letters, words = 0, 0
    return best
