"""Which of the customer's own sentences carry the request, and how words are shown when they shouldn't be read out."""

import re
from collections.abc import Iterable
from itertools import pairwise

from gateway.mail.fields import one_line
from gateway.values import Assessment, Category, Reading, SegmentKind

MOST_SENTENCES = 3

_SHORTEST = 12
_LONGEST = 240
_MOST_TEXT = 50_000
"""Characters of a segment that are looked at: a request stands near the beginning."""

_END = re.compile(r"[.!?…]+[\"'»”“)\]]*(?=\s|$)|\n[ \t]*\n|\n(?=[ \t]*[-*•–>])")
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_CHUNK = re.compile(r"(?<!\S)\w(?: \w){2,}(?!\S)|[^\W_](?:\S*[^\W_])?")
_DIGITS = re.compile(r"\d{3,}|\d+[.,:/-]\d")
_DISGUISED = re.compile(r"[^\W\d_][*@$#€]+[^\W\d_]|[a-zà-ÿа-яё]\d{1,2}[a-zà-ÿа-яё]")

def sentences(text: str) -> list[tuple[int, int]]:
    """The spans of the sentences of a text, in code points, without blank edges."""
    text = text[:_MOST_TEXT]
    edges = [0, *(found.end() for found in _END.finditer(text)), len(text)]
    spans = []
    for start, end in pairwise(edges):
        piece = text[start:end]
        lead = len(piece) - len(piece.lstrip())
        if piece.strip():
            spans.append((start + lead, start + lead + len(piece.strip())))
    return spans


def asking(beginnings: Iterable[str]) -> re.Pattern[str]:
    """What finds words in which people ask for something.

    Args:
        beginnings: of such words, in all languages (templates/LANG/spoken.toml).
    """
    entries = "|".join(re.escape(beginning) for beginning in beginnings)
    return re.compile(rf"\b(?:{entries})" if entries else r"(?!)", re.IGNORECASE)


def calm_sentences(reading: Reading, assessment: Assessment, asks: re.Pattern[str]) -> tuple[str, ...]:
    """Choose up to three own sentences without a finding, so that the request behind the abuse isn't lost.

    Args:
        reading: of the mail.
        assessment: of the same reading.
        asks: what finds words in which people ask for something.

    Returns:
        tuple[str, ...]: the most request-like ones in the order of reading, each on one line. A sentence that
        something was found in, counted or not, is never shown. Neither is any when somebody was threatened, for veiled
        threats spread over their neighbours.
    """
    if assessment.level is None or {Category.THREAT, Category.STALKING} & set(assessment.categories):
        return ()
    taken: dict[int, list[tuple[int, int]]] = {}
    for finding in (*assessment.findings, *assessment.uncounted):
        taken.setdefault(finding.segment_index, []).append(finding.span)
    candidates: list[tuple[int, int, str]] = []
    for index, segment in enumerate(reading.segments):
        if segment.kind is not SegmentKind.OWN:
            continue
        for start, end in sentences(segment.text):
            if any(start < last and first < end for first, last in taken.get(index, ())):
                continue
            line = one_line(segment.text[start:end], _LONGEST + 1)
            if (worth := _worth(line, asks)) > 0:
                candidates.append((-worth, len(candidates), line))
    best = sorted(candidates)[:MOST_SENTENCES]
    return tuple(line for _, _, line in sorted(best, key=lambda entry: entry[1]))


def _worth(line: str, asks: re.Pattern[str]) -> int:
    """How much like a request a sentence is; 0 for one without a request: of an abusive mail it is better not shown."""
    words = _WORD.findall(line)
    letters = [character for character in line if character.isalpha()]
    if not _SHORTEST <= len(line) <= _LONGEST or len(words) < 3:
        return 0
    if sum(character.isupper() for character in letters) * 2 > len(letters) or "!!" in line:
        return 0
    if line.startswith(">") or _DISGUISED.search(line):
        return 0
    concrete = 2 * min(2, len(asks.findall(line))) + 2 * bool(_DIGITS.search(line))
    asked = line.rstrip("\"'»”“)]").endswith("?")
    return concrete and concrete + asked


def masked(text: str, limit: int = 160) -> str:
    """A text as managers see it in lists: of every word the first and the last letter, the rest as dots.

    Args:
        text: words of a finding.
        limit: the most characters to show.

    Returns:
        str: on one line, without control characters; disguised words ("1d10t", "i d i o t") count as words, words of
        one or two letters show their first only.
    """
    return _CHUNK.sub(_dotted, one_line(text, limit))


def _dotted(found: re.Match[str]) -> str:
    word = found[0]
    if len(word) < 3:
        return word[0] + "•" * (len(word) - 1)
    return word[0] + "•" * (len(word) - 2) + word[-1]
