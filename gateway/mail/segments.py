"""From the text of a mail to segments: frames of quotes first, then signatures, pasted chats and code in what is left."""

from itertools import groupby

from gateway.mail import pasted, quotes, signatures
from gateway.mail.forms import Forms
from gateway.mail.quotes import Frame
from gateway.values import Segment, SegmentKind


def split(text: str, forms: Forms, frame: Frame) -> tuple[Segment, ...]:
    """Split the text of a mail into segments, in the order of reading.

    Args:
        text: decoded text with line feeds.
        forms: the tables of all languages.
        frame: what the header says about the text.

    Returns:
        tuple[Segment, ...]: neighbouring lines of one kind are one segment; nothing but blank edges is left out.
    """
    lines = text.split("\n")
    kinds = quotes.kinds(lines, forms, frame)
    signatures.mark(lines, kinds, forms, frame)
    pasted.mark(lines, kinds, forms, frame)
    return tuple(_joined(lines, kinds))


def _joined(lines: list[str], kinds: list[SegmentKind]) -> list[Segment]:
    segments: list[Segment] = []
    _blanks_follow(lines, kinds)
    for kind, group in groupby(zip(kinds, lines, strict=True), key=lambda pair: pair[0]):
        shown = [_shown(kind, line) for _, line in group]
        if body := "\n".join(shown).strip("\n"):
            segments.append(Segment(kind, body))
    return [segment for segment in segments if segment.text.strip()]


def _shown(kind: SegmentKind, line: str) -> str:
    """Quote marks aren't words: they are dropped wherever they stand, so that rules see the text."""
    return quotes.unmarked(line) if kind in {SegmentKind.OWN, SegmentKind.QUOTED, SegmentKind.FORWARDED} else line


def _blanks_follow(lines: list[str], kinds: list[SegmentKind]) -> None:
    """A blank line belongs to what stands before it, so that it never splits a segment."""
    for number in range(1, len(lines)):
        if not lines[number].strip():
            kinds[number] = kinds[number - 1]
