"""A manager's answer to a digest or an alert: which decisions it holds, and what of it isn't clear and so isn't done."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from gateway.policy.decision_words import Vocabulary, plain_word
from gateway.records import Action, DecisionItem

_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|[,;&+]")
_SPAN = re.compile(r"\d\s*[^\w\s,;&+#]+\s*#?\d")
"""3.5, 24/11, 3-5-26: no list of numbers."""
_RANGE = re.compile(r"(?<![\w.,/:-])#?(\d{1,3})\s?[-\u2013]\s?#?(\d{1,3})(?![\w./]|\s?[-\u2013:]\s?\d)")
"""3-5: three to five, where all of them were asked."""
_LONGEST_RANGE = 100
_MOST_LINES = 200
_LONGEST_LINE = 400
_LONG = 8
"""Words from which a line is talk and not a command that was taken back."""

_OF_THE_MAIL = frozenset({Action.RELEASE, Action.DELETE, Action.OVERTURN})
_OF_THE_SENDER = frozenset(Action) - {Action.RELEASE, Action.DELETE}


class Fault(StrEnum):
    """Why something isn't done."""

    UNKNOWN = "unknown"
    WHICH = "which"
    """No number, and there is more than one item."""
    NO_ITEM = "no_item"
    NOT_ALLOWED = "not_allowed"
    NOTHING_PROPOSED = "nothing_proposed"
    CONFLICT = "conflict"
    """Two decisions about one item that can't both be meant."""
    UNSURE = "unsure"
    """Another line, which isn't understood, may speak of it too."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One item and what is to be done about it."""

    item: DecisionItem
    action: Action


@dataclass(frozen=True, slots=True)
class Unclear:
    """A line, or an item, with which nothing is done; `text` is the manager's own line, `number` 0 when it is about none."""

    fault: Fault
    text: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Understood:
    """What an answer says: what is to be done, in the order of the items, and what isn't clear; both empty for mere talk."""

    decisions: tuple[Decision, ...] = ()
    unclear: tuple[Unclear, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    numbers: tuple[int, ...]
    words: str
    numbers_first: bool
    everything: bool


class _NotUnderstood(Exception):
    """A line that says something else than decisions."""


def understand(text: str, items: tuple[DecisionItem, ...], words: Vocabulary) -> Understood:
    """Read an answer; nothing is guessed: what isn't clear is not done.

    Args:
        text: the manager's own words, without what he quotes and without his signature.
        items: what the mail asked that he answers.
        words: what can be said.
    """
    wanted: dict[tuple[int, Action], str] = {}
    unclear: list[Unclear] = []
    for paragraph in _paragraphs(text):
        strange: list[str] = []
        read = False
        for line in paragraph:
            try:
                for number, action, fault in _line(line, items, words):
                    read = True
                    if action is None:
                        unclear.append(Unclear(fault or Fault.UNKNOWN, line, number))
                    else:
                        wanted.setdefault((number, action), line)
            except _NotUnderstood:
                strange.append(line)
        unclear += [Unclear(Fault.UNKNOWN, line) for line in strange if _matters(line, items, words, among=read)]
    return _settled(wanted, unclear, items, words)


def said_lines(text: str, words: Vocabulary) -> list[str]:
    """The lines of an answer that say more than politeness, as `Unclear` shows them."""
    return [line for paragraph in _paragraphs(text) for line in paragraph if not words.fillers.issuperset(word for word in _spoken(line) if word[0].isalnum())]


def _paragraphs(text: str) -> Iterator[list[str]]:
    paragraph: list[str] = []
    for line in text.splitlines()[:_MOST_LINES]:
        if line.strip():
            paragraph.append(" ".join(line[:_LONGEST_LINE].split()))
        elif paragraph:
            yield paragraph
            paragraph = []
    if paragraph:
        yield paragraph


def _settled(
    wanted: dict[tuple[int, Action], str], unclear: list[Unclear], items: tuple[DecisionItem, ...], words: Vocabulary
) -> Understood:
    """Leave out what contradicts itself, or what a line may take back that isn't understood."""
    strange = [found.text for found in unclear if found.fault is Fault.UNKNOWN]
    doubtful = {number for text in strange for number in _numbers(text)}
    taken_back = any(_takes_back(text, words) and not _numbers(text) for text in strange)
    decisions: list[Decision] = []
    for item in items:
        actions = {action: line for (number, action), line in wanted.items() if number == item.number}
        line = next(iter(actions.values()), "")
        if actions and (taken_back or item.number in doubtful):
            unclear.append(Unclear(Fault.UNSURE, line, item.number))
        elif len(_OF_THE_MAIL & actions.keys()) > 1 or len(_OF_THE_SENDER & actions.keys()) > 1:
            unclear.append(Unclear(Fault.CONFLICT, line, item.number))
        else:
            decisions += [Decision(item, action) for action in actions]
    return Understood(tuple(decisions), tuple(dict.fromkeys(unclear)))


# --- one line -----------------------------------------------------------------------------------------------------------


def _line(line: str, items: tuple[DecisionItem, ...], words: Vocabulary) -> Iterator[tuple[int, Action | None, Fault | None]]:
    """What a line says: number, and action or what is wrong."""
    spread = _spread(line, {item.number for item in items})
    if "?" in line or _SPAN.search(spread):
        raise _NotUnderstood
    for numbers, phrase, everything in _joined(_pieces(spread, words)):
        confirms, meant = _meaning(phrase, words)
        if everything:
            yield from _for_all(items, confirms=confirms, meant=meant)
        elif not numbers and len(items) != 1:
            yield 0, None, Fault.WHICH
        else:
            for number in numbers or (items[0].number,):
                yield number, *_chosen(next((item for item in items if item.number == number), None), confirms=confirms, meant=meant)


def _spread(line: str, known: set[int] | None = None) -> str:
    """A line with its ranges as single numbers: "3-5" as "3 4 5"; a range of what isn't known is left as it is."""

    def numbers(found: re.Match[str]) -> str:
        span = range(int(found[1]), int(found[2]) + 1)
        fits = 1 < len(span) <= _LONGEST_RANGE and (known is None or known.issuperset(span))
        return " ".join(map(str, span)) if fits else found[0]

    return _RANGE.sub(numbers, line)


def _pieces(line: str, words: Vocabulary) -> Iterator[_Piece]:
    """The stretches between commas and "and", and those that need none, without words of politeness."""
    tokens: list[str] = []
    for token in [plain_word(found) for found in _TOKEN.findall(line)] + [","]:
        if token in {",", ";", "&", "+"} or token in words.joins:
            said = [word for word in tokens if word not in words.fillers]
            yield from (_piece(part, words) for part in _parted(said))
            tokens = []
        else:
            tokens.append(token)


def _parted(said: list[str]) -> Iterator[list[str]]:
    """A stretch of several decisions: "1 release 2 strike" and "release 1 strike 2" have one reading, "1 release 2" has two."""
    if not said:
        return
    runs = [list(run) for _, run in groupby(said, key=str.isdecimal)]
    if len(runs) > 2 and len(runs) % 2 == 0:
        yield from ([*first, *second] for first, second in zip(runs[::2], runs[1::2], strict=True))
    else:
        yield said


def _piece(said: list[str], words: Vocabulary) -> _Piece:
    numbers = tuple(int(token) for token in said if token.isdecimal() and len(token) < 5)
    everything = said[0] in words.everything or said[-1] in words.everything
    spoken = [token for token in said if not token.isdecimal() and token not in words.everything]
    places = [place for place, token in enumerate(said) if token.isdecimal()]
    ends = not places or places == list(range(len(places))) or places == list(range(len(said) - len(places), len(said)))
    if not ends or (everything and numbers) or len(numbers) != len(places):
        raise _NotUnderstood
    return _Piece(numbers, " ".join(spoken), numbers_first=bool(places) and places[0] == 0, everything=everything)


def _joined(pieces: Iterator[_Piece]) -> Iterator[tuple[tuple[int, ...], str, bool]]:
    """Numbers without a word belong to the word beside them: "3, 4 release" and "release 3, 4"."""
    pending: tuple[int, ...] = ()
    last: _Piece | None = None
    followed = False
    for piece in pieces:
        if not piece.words:
            if piece.everything:
                raise _NotUnderstood
            followed = last is not None and bool(last.numbers) and not last.numbers_first and not pending
            if last is not None and followed:
                last = replace(last, numbers=(*last.numbers, *piece.numbers))
            else:
                pending = (*pending, *piece.numbers)
            continue
        # "release 1, 2, 3 block": the 2 may belong to either
        if (followed and piece.numbers_first) or (pending and not piece.numbers_first):
            raise _NotUnderstood
        if last is not None:
            yield last.numbers, last.words, last.everything
        last = replace(piece, numbers=(*pending, *piece.numbers))
        pending, followed = (), False
    if last is None or pending:
        raise _NotUnderstood
    yield last.numbers, last.words, last.everything


def _meaning(phrase: str, words: Vocabulary) -> tuple[bool, frozenset[Action]]:
    """Whether a phrase confirms, and which actions it may mean."""
    if phrase in words.actions:
        return False, words.actions[phrase]
    if phrase in words.confirm:
        return True, frozenset()
    first, _, rest = phrase.partition(" ")
    before, _, final = phrase.rpartition(" ")
    for confirm, action in ((first, rest), (final, before)):
        if confirm in words.confirm and action in words.actions:
            return False, words.actions[action]
    raise _NotUnderstood


def _chosen(item: DecisionItem | None, *, confirms: bool, meant: frozenset[Action]) -> tuple[Action | None, Fault | None]:
    if item is None:
        return None, Fault.NO_ITEM
    if confirms:
        return (item.proposed, None) if item.proposed is not None else (None, Fault.NOTHING_PROPOSED)
    possible = meant & set(item.actions)
    return (next(iter(possible)), None) if len(possible) == 1 else (None, Fault.NOT_ALLOWED)


def _for_all(items: tuple[DecisionItem, ...], *, confirms: bool, meant: frozenset[Action]) -> Iterator[tuple[int, Action | None, Fault | None]]:
    """Everything for which it can be meant; it is a fault when it can't be for anything."""
    chosen = [(item.number, *_chosen(item, confirms=confirms, meant=meant)) for item in items]
    fit = [row for row in chosen if row[1] is not None]
    yield from fit or [(0, None, Fault.NOTHING_PROPOSED if confirms else Fault.NOT_ALLOWED)]


# --- lines that aren't understood -----------------------------------------------------------------------------------------


def _spoken(line: str) -> list[str]:
    return [plain_word(token) for token in _TOKEN.findall(line)]


def _numbers(line: str) -> set[int]:
    return {int(token) for token in _spoken(_spread(line)) if token.isdecimal() and len(token) < 5 and not token.startswith("0")}


def _takes_back(line: str, words: Vocabulary) -> bool:
    spoken = [token for token in _spoken(line) if token[0].isalpha()]
    return len(spoken) < _LONG and not words.takes_back.isdisjoint(spoken)


def _matters(line: str, items: tuple[DecisionItem, ...], words: Vocabulary, *, among: bool) -> bool:
    """Whether a line that isn't understood may be about a decision; greetings, signatures and disclaimers aren't."""
    spoken = _spoken(line)
    decides = any(token in words.actions or token in words.confirm for token in spoken)
    names = bool(_numbers(line) & {item.number for item in items})
    if names and (among or decides or not words.takes_back.isdisjoint(spoken)):
        return True
    return _takes_back(line, words) or (decides and len(spoken) < _LONG)
