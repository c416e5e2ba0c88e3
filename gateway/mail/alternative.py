"""What an HTML part says beyond its plain twin (RFC 2046 section 5.1.4): new words count, the same words don't count twice."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from gateway.values import Segment

_WORD = re.compile(r"[^\W_]+")
_LINK = re.compile(r"(?:https?://|mailto:|www\.)\S+|\[(?:image|cid)[^\]\n]{0,300}\]", re.IGNORECASE)


def added(plain: str, segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The lines of an HTML part that its plain twin lacks.

    Args:
        plain: the whole text of the plain part.
        segments: of the HTML part.

    Returns:
        tuple[Segment, ...]: lines with a new word or with known words in a new order, in the segments that they stand in.
    """
    known = _words(plain)
    single = set(known)
    pairs = set(pairwise(known))
    result = []
    for segment in segments:
        lines = [line for line in segment.text.split("\n") if _new(line, single, pairs)]
        if lines:
            result.append(Segment(segment.kind, "\n".join(lines)))
    return tuple(result)


def _new(line: str, single: set[str], pairs: set[tuple[str, str]]) -> bool:
    words = _words(line)
    if any(word not in single for word in words):
        return True
    strange = sum(pair not in pairs for pair in pairwise(words))
    return strange > 1 + len(words) // 8


def _words(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", _LINK.sub(" ", text)).casefold()
    if not text.isascii():
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return _WORD.findall(text)
