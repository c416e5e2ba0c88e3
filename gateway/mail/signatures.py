"""Signatures, lines of mail programs and footers: only what can't be said to the reader is taken out of the own text."""

import re
from collections.abc import Sequence

from gateway.mail.forms import Forms, words
from gateway.mail.quotes import Frame
from gateway.values import SegmentKind

_DELIMITER = re.compile(r"[ \t]*(?:-- ?|[-_=—–*]{2,})[ \t\xa0]*")
_CONTACT = re.compile(r"(?:\+|\b0)\d[\d ()/.\-]{5,}\d|\bhttps?://|\bwww\.|[^\s@]@[^\s@]+\.\w", re.IGNORECASE)
_MOST_LINES = 20
_FOOTER_WORDS = 4
"""A footer is a sentence or more."""


def mark(lines: Sequence[str], kinds: list[SegmentKind], forms: Forms, frame: Frame) -> None:
    """Turn own lines that are signature into SIGNATURE, in place.

    Args:
        lines: the text of a mail.
        kinds: what is known of each line so far; changed.
        forms: the tables of all languages.
        frame: what the header says.
    """
    for first, end in _own_runs(kinds):
        for number in range(first, end):
            if lines[number].strip() and forms.mobile(lines[number].strip()):
                kinds[number] = SegmentKind.SIGNATURE
        for start in _delimiters(lines, first, end):
            if _believable(lines, start, end, forms, frame):
                _take(lines, kinds, start, end, forms)
                break
        _closing_lines(lines, kinds, (first, end), forms, frame)
        _footer(lines, kinds, first, end, forms)


def _own_runs(kinds: Sequence[SegmentKind]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    start = None
    for number, kind in enumerate([*kinds, None]):
        if kind is SegmentKind.OWN:
            start = number if start is None else start
        elif start is not None:
            runs.append((start, number))
            start = None
    return runs


def _delimiters(lines: Sequence[str], first: int, end: int) -> list[int]:
    """Signature delimiters near the end of a run (RFC 3676 section 4.3 and what people type)."""
    return [number for number in range(max(first, end - _MOST_LINES), end) if _DELIMITER.fullmatch(lines[number])]


def _believable(lines: Sequence[str], start: int, end: int, forms: Forms, frame: Frame) -> bool:
    """Whether what follows a delimiter has a mark of a signature: an address, a number, a footer, the sender's own name."""
    block = [line[:500] for line in lines[start + 1 : end] if line.strip()]
    if not block:
        return True
    above = next((line for line in reversed(lines[max(0, start - 4) : start]) if line.strip()), "")
    names = frame.names | (frozenset(words(above)) if len(words(above)) <= 4 else frozenset())
    names = frozenset(name for name in names if len(name) > 2 and not forms.speaks_to_reader(name))
    named = any(not names.isdisjoint(words(line)) for line in block[:3])
    return named or any(_CONTACT.search(line) for line in block) or any(_is_footer(line, forms) for line in block)


def _take(lines: Sequence[str], kinds: list[SegmentKind], start: int, end: int, forms: Forms) -> None:
    footer = False
    for number in range(start, end):
        line = lines[number]
        footer = bool(line.strip()) and (footer or _is_footer(line, forms))
        if footer or not forms.speaks_to_reader(line[:2000]):
            kinds[number] = SegmentKind.SIGNATURE


def _closing_lines(lines: Sequence[str], kinds: list[SegmentKind], run: tuple[int, int], forms: Forms, frame: Frame) -> None:
    """After a closing at the end: lines with the sender's own name or with his address and numbers."""
    first, end = run
    closing = next((n for n in range(end - 1, max(first, end - 10) - 1, -1) if forms.closing(lines[n].strip())), None)
    if closing is None:
        return
    names = frozenset(name for name in frame.names if len(name) > 2)
    for number in range(closing + 1, end):
        line = lines[number][:500]
        known = not names.isdisjoint(words(line)) and len(words(line)) <= 5
        if (known or _CONTACT.search(line)) and len(line) < 120 and not forms.speaks_to_reader(line):
            kinds[number] = SegmentKind.SIGNATURE


def _footer(lines: Sequence[str], kinds: list[SegmentKind], first: int, end: int, forms: Forms) -> None:
    """Legal footers at the end of a run, a paragraph at a time from the last one."""
    stop = end
    while stop > first:
        while stop > first and not lines[stop - 1].strip():
            stop -= 1
        start = stop
        while start > max(first, stop - _MOST_LINES) and lines[start - 1].strip():
            start -= 1
        paragraph = " ".join(lines[start:stop])
        if not forms.disclaimers(paragraph):
            return
        footer = next((number for number in range(start, stop) if _is_footer(lines[number], forms)), None)
        if footer is None and start > first and _is_footer(paragraph, forms):
            footer = start
        if footer is None or footer == first:
            return
        kinds[footer:stop] = [SegmentKind.SIGNATURE] * (stop - footer)
        if footer > start:
            return
        stop = start


def _is_footer(text: str, forms: Forms) -> bool:
    """Whether a line or a paragraph is a legal footer: with two phrases of one, or with one and not a word to the reader."""
    phrases = forms.disclaimers(text)
    if not phrases or len(words(text[:4000])) < _FOOTER_WORDS:
        return False
    return phrases > 1 or not forms.speaks_to_reader(text[:4000])
