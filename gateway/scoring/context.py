"""Who says what to whom: the target of a hit, and whether it is meant at all (negated, quoted, reported)."""

import re
from bisect import bisect_right
from dataclasses import dataclass

from gateway.scoring.match import Hit, Matcher, View
from gateway.values import Category, Target

_QUOTES = re.compile(
    r"“[^“”\n]{2,600}”|„[^„“”\"\n]{2,600}[“”\"]|«[^«»\n]{2,600}»|»[^«»\n]{2,600}«|\"[^\"\n]{2,600}\"|''[^'\n]{2,600}''|(?<![^\W_])'[^'\n]{3,400}'(?![^\W_])|‚[^‚‘'\n]{2,400}['‘]"
)
_CAN_BE_ABOUT_ONESELF = frozenset({Category.INSULT, Category.DEGRADATION, Category.PROFANITY})
_A_WORD_OR_TWO = 25
_TARGETS = {"self": Target.SELF, "staff": Target.STAFF, "third": Target.THIRD_PARTY, "product": Target.PRODUCT, "company": Target.COMPANY}


@dataclass(frozen=True, slots=True)
class Context:
    """What the words around a hit say of it; `excused` is the reason why it doesn't count, "" when it does."""

    target: Target
    excused: str = ""
    intense: bool = False
    sure: bool = True


class Quotations:
    """The stretches between quotation marks in one folded segment."""

    def __init__(self, text: str) -> None:
        """Find them once."""
        spans = [match.span() for match in _QUOTES.finditer(text)]
        covered = sum(end - start for start, end in spans)
        # who puts the whole mail between quotation marks quotes nobody
        self.spans = [] if len(text) < 400 and covered > 0.8 * len(text.strip()) else spans
        self._starts = [start for start, _ in self.spans]

    def around(self, start: int, end: int) -> tuple[int, int] | None:
        """The quotation in which a span lies."""
        index = bisect_right(self._starts, start) - 1
        if index >= 0 and self.spans[index][1] >= end:
            return self.spans[index]
        return None


    def blanked(self, text: str) -> str:
        """The text with every quotation replaced by as many spaces."""
        pieces, position = [], 0
        for start, end in self.spans:
            pieces += [text[position:start], " " * (end - start)]
            position = end
        return "".join((*pieces, text[position:]))


def resolve(hit: Hit, view: View, matcher: Matcher, quotations: Quotations, *, about_outsider: bool = False) -> Context:
    """Say at whom a hit is aimed and whether it is meant.

    Args:
        hit: a rule that fits.
        view: the sentence.
        matcher: for the frames of the language.
        quotations: of the segment.
        about_outsider: the sentences before spoke of a third party and this one names nobody of ours.

    Returns:
        Context: the target and what excuses it.
    """
    tokens = view.sentence.tokens
    start, end = tokens[hit.first].start, tokens[hit.after - 1].end
    frames = dict(matcher.frames(view, hit.rule.language, hit.first, hit.after))
    if view.language != hit.rule.language:
        # a word of another language in a sentence of this one: this one's frames say whom it is about
        frames |= dict(matcher.frames(view, view.language, hit.first, hit.after))
    quotation = quotations.around(start, end) or _long(quotations.around(end - 1, end))
    if quotation and not _said_to_staff(view, matcher, quotation):
        return Context(hit.rule.default, excused="between quotation marks")
    if "negated" in frames:
        return Context(hit.rule.default, excused="negated")
    if "reported" in frames:
        return Context(hit.rule.default, excused="reported speech")
    if hit.rule.category not in _CAN_BE_ABOUT_ONESELF:
        # who says "I know where you live" is the one who acts, not the one who is meant
        frames.pop("self", None)
    intense = "intense" in frames
    targets = [(span, order, _TARGETS[kind]) for order, kind in enumerate(_TARGETS) if (span := frames.get(kind)) is not None]
    if hit.names_staff:
        if "self" in frames and frames["self"] <= hit.after - hit.first + 2:
            return Context(Target.SELF, intense=intense)
        return Context(Target.STAFF, intense=intense)
    if targets:
        return Context(min(targets)[2], intense=intense)
    if about_outsider:
        return Context(Target.THIRD_PARTY, intense=intense)
    return Context(hit.rule.default, intense=intense, sure=False)


def _long(quotation: tuple[int, int] | None) -> tuple[int, int] | None:
    """A quotation that is more than a word or two: what ends in it was said by somebody else, wherever it began."""
    return quotation if quotation and quotation[1] - quotation[0] > _A_WORD_OR_TWO else None


def _said_to_staff(view: View, matcher: Matcher, quotation: tuple[int, int]) -> bool:
    """A word or two between quotation marks right after "you" is irony, no quotation: you "experts"."""
    inside = [n for n, token in enumerate(view.sentence.tokens) if quotation[0] <= token.start < quotation[1]]
    if not inside or len(inside) > 2:
        return False
    before = min(inside)
    return any(after == before for _, after in matcher.stands(view, view.language, "you"))
