"""Which lines of a mail's text are somebody else's: quoted replies, forwarded mails, with evasion in mind.

What only looks cut off stays the sender's own: marks alone prove nothing, a claim is believed when the frame around it is one
that a mail program makes (an attribution line, header lines) or when the mail is an answer and says something of its own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.mail.forms import Forms, words
from gateway.values import SegmentKind

_MARKS = re.compile(r"[ \t]{0,3}>(?:[ \t]?>)*[ \t]?")
_RULE = re.compile(r"[ \t]*[-_=—–*]{5,}[ \t]*")
_WRAPPED = 4
"""An attribution line is wrapped into at most this many lines."""
_NARROWEST = 40
"""No mail program wraps a line that is shorter."""
_SOME_WORDS = 3
"""Fewer own words than these say nothing: "Hello" above a quote doesn't make the quote an answer's."""
_A_MAIL = 8
"""Marked lines without any frame are believed to be our mail when there are so many words of them in an answer."""
_DATED = re.compile(r"\d{1,2}[:.h]\d{2}|@")


@dataclass(frozen=True, slots=True)
class Frame:
    """What the header of a mail says about its text.

    Attributes:
        reply: it answers a mail (In-Reply-To, References, or such a Subject).
        forward: its Subject says that it passes on a mail.
        names: the words of the author's name and address, case folded.
    """

    reply: bool = False
    forward: bool = False
    names: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Claim:
    """A stretch of lines that look like somebody else's.

    Attributes:
        kind: what it is if the claim is believed.
        alone: believed even when the sender adds nothing of his own.
        framed: an attribution stands above it; believed in an answer when the sender adds but a word ("Sorry").
        bare: marks are all there is.
    """

    first: int
    end: int
    kind: SegmentKind
    alone: bool = False
    framed: bool = False
    bare: bool = False


def unmarked(line: str) -> str:
    """A line without its quote marks (RFC 3676 section 4.5)."""
    found = _MARKS.match(line)
    return line[found.end() :] if found else line


def marked(line: str) -> bool:
    """Whether a line begins with a quote mark."""
    return _MARKS.match(line) is not None


def _wrapped(line: str) -> bool:
    """Whether a line could be the beginning of an attribution that a mail program wrapped: long, with a date in it."""
    return len(line) >= _NARROWEST and any(character.isdigit() for character in line)


def kinds(lines: Sequence[str], forms: Forms, frame: Frame) -> list[SegmentKind]:
    """Tell somebody else's lines from the sender's.

    Args:
        lines: the text of a mail.
        forms: the tables of all languages.
        frame: what the header says.

    Returns:
        list[SegmentKind]: OWN, QUOTED or FORWARDED, one a line.
    """
    claims = _believed(lines, _Claims(lines, forms, frame).find())
    result = [SegmentKind.OWN] * len(lines)
    for claim in claims:
        result[claim.first : claim.end] = [claim.kind] * (claim.end - claim.first)
    if (count := _own_words(lines, result, forms)) < _SOME_WORDS:
        for claim in claims:
            if not (claim.alone or ((claim.framed or claim.bare) and frame.reply and count)):
                result[claim.first : claim.end] = [SegmentKind.OWN] * (claim.end - claim.first)
    return result


def _believed(lines: Sequence[str], claims: list[_Claim]) -> list[_Claim]:
    """Leave out what was only marked, without a frame or an announcement, and is too short for a mail of ours."""
    bare = [claim for claim in claims if claim.bare]
    count = sum(len(words(line[:500])) for claim in bare[:50] for line in lines[claim.first : claim.end][:50])
    return [claim for claim in claims if not claim.bare] if count < _A_MAIL else claims


def _own_words(lines: Sequence[str], result: Sequence[SegmentKind], forms: Forms) -> int:
    """How many words the sender says himself, as far as it matters."""
    count = 0
    for line, kind in zip(lines, result, strict=True):
        if kind is SegmentKind.OWN and line.strip() and not forms.mobile(line.strip()):
            count += len(words(line[:500]))
            if count >= _SOME_WORDS:
                break
    return count


class _Claims:
    """One walk over the lines from top to bottom; each line is looked at a bounded number of times."""

    def __init__(self, lines: Sequence[str], forms: Forms, frame: Frame) -> None:
        self._lines = lines
        self._forms = forms
        self._frame = frame
        self._next = self._next_with_text()

    def find(self) -> list[_Claim]:
        claims: list[_Claim] = []
        position = 0
        while position < len(self._lines):
            claim = self._at(position)
            if claim is None:
                position += 1
            else:
                claims.append(claim)
                position = claim.end
        return claims

    def _next_with_text(self) -> list[int]:
        """For each line the first one from it on that isn't blank; the number of lines when there is none."""
        result = [len(self._lines)] * (len(self._lines) + 1)
        for number in range(len(self._lines) - 1, -1, -1):
            result[number] = number if self._lines[number].strip() else result[number + 1]
        return result

    def _at(self, position: int) -> _Claim | None:
        line = self._lines[position]
        if not line.strip():
            return None
        if marked(line):
            return self._marked_block(position)
        if (end := self._attribution_end(position)) > position:
            return self._after_attribution(position, end)
        if self._forms.original(line) or self._forms.forward(line) or _RULE.fullmatch(line):
            return self._after_separator(position)
        if self._forms.label(line) and self._header_lines(position, separated=False):
            return _Claim(position, len(self._lines), self._passed_on(forwarded=False), alone=True)
        return None

    # --- quote marks ----------------------------------------------------------------------------------------------

    def _marked_block(self, position: int) -> _Claim:
        end = self._marked_end(position)
        inner = [unmarked(line) for line in self._lines[position:end]]
        inside = _Claims(inner, self._forms, Frame())
        start = inside._next[0]
        if start < len(inner):
            attribution = inside._attribution_end(start)
            if attribution > start and inside._next[attribution] >= len(inner) and self._next[end] < len(self._lines):
                return _Claim(position, len(self._lines), SegmentKind.QUOTED, framed=True)
            forwarded = self._forms.forward(inner[start])
            separated = forwarded or self._forms.original(inner[start])
            headed = inside._header_lines(start, separated=False) or inside._header_lines(inside._next[start + 1], separated=separated)
            if attribution > start or headed:
                return _Claim(position, end, self._passed_on(forwarded=forwarded), alone=headed or self._frame.reply)
        if self._introduced(position):
            return _Claim(position, end, SegmentKind.QUOTED)
        kind = SegmentKind.QUOTED if self._frame.reply or self._frame.forward else SegmentKind.OWN
        return _Claim(position, end, kind, bare=True)

    def _marked_end(self, position: int) -> int:
        """The end of a block of marked lines; blank lines between them belong to it."""
        end = position
        while end < len(self._lines):
            following = self._next[end]
            if following >= len(self._lines) or not marked(self._lines[following]):
                break
            end = following + 1
        return end

    def _introduced(self, position: int) -> bool:
        """Whether the sender announces what follows: the last line before it that isn't blank ends in a colon."""
        for number in range(position - 1, max(position - 4, -1), -1):
            if line := self._lines[number].strip():
                return line.endswith(":") and len(words(line)) >= _SOME_WORDS
        return False

    # --- attribution lines ----------------------------------------------------------------------------------------

    def _attribution_end(self, position: int) -> int:
        """The line after an attribution that begins here, or `position` when none does."""
        joined = ""
        for number in range(position, min(position + _WRAPPED, len(self._lines))):
            line = self._lines[number].strip()
            if not line or (number > position and marked(line)):
                break
            joined = f"{joined} {line}" if joined else line
            if line.rstrip("* \xa0").endswith(":"):
                first = self._lines[position].strip()
                needed = _wrapped(first) or not self._whole_attribution(joined.removeprefix(first).strip())
                return number + 1 if needed and self._whole_attribution(joined) else position
        return position

    def _whole_attribution(self, joined: str) -> bool:
        """Whether lines together are an attribution, and not only the end of one that begins a line before."""
        balanced = joined.count("<") == joined.replace("->", "").count(">") and joined.count("(") == joined.count(")")
        return balanced and self._forms.attribution(joined)

    def _after_attribution(self, position: int, end: int) -> _Claim:
        following = self._next[end]
        if following < len(self._lines) and marked(self._lines[following]):
            return _Claim(position, self._marked_end(following), SegmentKind.QUOTED, alone=self._frame.reply)
        strong = any(_DATED.search(line) for line in self._lines[position:end])
        stop = len(self._lines) if strong else self._paragraph_end(following)
        return _Claim(position, stop, SegmentKind.QUOTED, framed=True)

    def _paragraph_end(self, position: int) -> int:
        while position < len(self._lines) and self._lines[position].strip():
            position += 1
        return position

    # --- separators and header lines ------------------------------------------------------------------------------

    def _after_separator(self, position: int) -> _Claim | None:
        """A separator proves nothing alone: header lines, an attribution or marked lines must follow it."""
        following = self._next[position + 1]
        if following >= len(self._lines):
            return None
        named = not _RULE.fullmatch(self._lines[position])
        forwarded = self._forms.forward(self._lines[position])
        if self._header_lines(following, separated=named):
            return _Claim(position, len(self._lines), self._passed_on(forwarded=forwarded), alone=True)
        if named and marked(self._lines[following]):
            block = self._marked_block(following)
            return _Claim(position, block.end, self._passed_on(forwarded=forwarded), alone=self._frame.reply)
        if named and (end := self._attribution_end(following)) > following:
            claim = self._after_attribution(following, end)
            return _Claim(position, claim.end, self._passed_on(forwarded=forwarded), alone=claim.alone, framed=True)
        return None

    def _header_lines(self, position: int, *, separated: bool) -> bool:
        """Whether the header of a quoted mail begins here: its author and another field, believable as such."""
        found: dict[str, str] = {}
        for number in range(position, min(position + 12, len(self._lines))):
            line = self._lines[number]
            label = self._forms.label(line)
            if label:
                found.setdefault(label, line)
            elif not line.strip() or not line[:1].isspace():
                break
        if "author" not in found or len(found) < 2:
            return False
        return separated or "@" in found["author"] or len(found) == 4 or ("subject" in found and "sent" in found)

    def _passed_on(self, *, forwarded: bool) -> SegmentKind:
        return SegmentKind.FORWARDED if forwarded or (self._frame.forward and not self._frame.reply) else SegmentKind.QUOTED
