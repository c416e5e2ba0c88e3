"""From folded text to sentences of tokens, disguised words included."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gateway.scoring.fold import PICTURE, Folded, readings

_WORD = re.compile(rf"[^\W_]+|{PICTURE}")
_WORD_WITH_APOSTROPHES = re.compile(rf"[^\W_]+(?:'[^\W_]*)*|{PICTURE}")
_SENTENCE_END = re.compile(r"(?<![\s.(][^\W\d_])[.!?…。]+[\"'»”“)\]]*(?=\s|$)|\n\s*\n|;(?=\s)|\n(?=\s*[-*•–>])")
_LONGEST_SENTENCE = 60
"""Tokens; a longer one is cut, so that matching stays linear in the text."""
_MOST_SPACED = 80
_SHORT_LINE = 48
"""Characters; a line end after a shorter line ends a sentence, after a longer one it only wraps."""

_LEET_MARK = re.compile(r"[^\W\d_][*@$!€#|+0-9(_/\\]|[*@$€#|+0-9(!/\\][^\W\d_]")
_ELIDED = re.compile(r"^[^\W\d_]{1,2}'(.+)$")
"""What follows an elided article or pronoun: d'enf***, l'1diot."""
_CHUNK = re.compile(r"[^\s\"»«„“”,;:?<>=]+")
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:[ .\-_*·/|,'~+]{1,2}[^\W_]){2,}(?![^\W_])")
_SEPARATORS = re.compile(r"[ .\-_*·/|,'~+]+")
_INNER = re.compile(r"(?<=[^\W_])[.\-_*·/|'~+,](?=[^\W_])")


@dataclass(frozen=True, slots=True)
class Token:
    """A word with its place in the folded text; `disguised` when its letters were hidden in some way."""

    text: str
    start: int
    end: int
    disguised: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """Tokens that belong together, and where the sentence stands in the folded text."""

    tokens: tuple[Token, ...]
    start: int
    end: int


Known = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Disguises:
    """What the lexicon knows of hidden words.

    Attributes:
        known: whether a word is one that people disguise.
        listed: whether a word is in any list of the text's language; who spaces out its letters means it.
        starred: the one word that a starred word can stand for, None when nothing or too much.
    """

    known: Known
    listed: Known
    starred: Callable[[str], str | None]


def sentences(folded: Folded, disguises: Disguises, *, apostrophes: bool = False) -> list[Sentence]:
    """Cut folded text into sentences of tokens.

    Args:
        folded: the text.
        disguises: what the lexicon knows of hidden words.
        apostrophes: they belong to words (Russian in Latin letters writes its soft sign so).

    Returns:
        list[Sentence]: in order; sentences without a word are left out.
    """
    tokens = list(_tokens(folded.text, disguises, _WORD_WITH_APOSTROPHES if apostrophes else _WORD))
    found: list[Sentence] = []
    index = 0
    for begin, end in _bounds(folded.text):
        first, start = index, begin
        while index < len(tokens) and tokens[index].start < end:
            index += 1
            if index - first == _LONGEST_SENTENCE:
                found.append(Sentence(tuple(tokens[first:index]), tokens[first].start, tokens[index - 1].end))
                first = index
                start = tokens[index - 1].end
        if index > first:
            found.append(Sentence(tuple(tokens[first:index]), start, end))
    return found


def _bounds(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark in _SENTENCE_END.finditer(text):
        yield from _lines(text, start, mark.end())
        start = mark.end()
    if start < len(text):
        yield from _lines(text, start, len(text))


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A stretch cut once more after short lines: greetings, list items and chat lines have no full stop."""
    position = start
    while (stop := text.find("\n", position, end)) != -1:
        if stop - text.rfind("\n", 0, stop) <= _SHORT_LINE:
            yield start, stop + 1
            start = stop + 1
        position = stop + 1
    if start < end:
        yield start, end


def _tokens(text: str, disguises: Disguises, word: re.Pattern[str]) -> Iterator[Token]:
    disguised = _disguised(text, disguises)
    if not disguised:
        for match in word.finditer(text):
            yield Token(match[0], match.start(), match.end())
        return
    position = 0
    for token in disguised:
        for match in word.finditer(text, position, token.start):
            yield Token(match[0], match.start(), match.end())
        yield token
        position = token.end
    for match in word.finditer(text, position):
        yield Token(match[0], match.start(), match.end())


def _disguised(text: str, disguises: Disguises) -> list[Token]:
    """Words behind spaced letters, stars and leet, where the lexicon knows the word that comes out."""
    found: list[Token] = []
    for match in _SPACED.finditer(text):
        joined = _SEPARATORS.sub("", match[0])
        if reading := _first_known((joined, *readings(joined)), disguises.known):
            found.append(Token(reading, match.start(), match.end(), disguised=True))
        else:
            found += _runs_inside(match, disguises.known) or _spaced_out(match, disguises.listed)
    if _LEET_MARK.search(text):
        found += _disguised_chunks(text, disguises.known, disguises.starred)
    if len(found) > 1:
        found.sort(key=lambda token: (token.start, -token.end))
        kept = [found[0]]
        kept += [token for before, token in pairwise(found) if token.start >= before.end]
        return [token for n, token in enumerate(kept) if n == 0 or token.start >= kept[n - 1].end]
    return found


def _spaced_out(match: re.Match[str], listed: Known) -> list[Token]:
    """A word of any list written in single letters, with or without an article before it: "like a g o a t"."""
    letters = [(m[0], match.start() + m.start()) for m in re.finditer(r"[^\W_]", match[0])][:_MOST_SPACED]
    for first in range(min(3, len(letters))):
        word = "".join(letter for letter, _ in letters[first:])
        if listed(word):
            return [Token(word, letters[first][1], letters[-1][1] + 1, disguised=True)]
    return []


def _runs_inside(match: re.Match[str], known: Known) -> list[Token]:
    """A known word inside a run of single letters: "d u  i d i o t" or "a b s c h a u m h i e r"."""
    letters = [(m[0], match.start() + m.start()) for m in re.finditer(r"[^\W_]", match[0])][:_MOST_SPACED]
    found: list[Token] = []
    index = 0
    while index < len(letters):
        for length in range(min(18, len(letters) - index), 3, -1):
            word = "".join(letter for letter, _ in letters[index : index + length])
            if known(word):
                found.append(Token(word, letters[index][1], letters[index + length - 1][1] + 1, disguised=True))
                index += length
                break
        else:
            index += 1
    return found


def _disguised_chunks(text: str, known: Known, starred: Callable[[str], str | None]) -> Iterator[Token]:
    for chunk in _CHUNK.finditer(text):
        word = chunk[0]
        if len(word) > 40 or not _LEET_MARK.search(word) or ("@" in word[1:] and "." in word):
            continue
        stripped = word.strip(".,!?()[]{}'\"-_#")
        if stripped.isalpha() or stripped.isdigit():
            continue
        for candidate in (stripped, word.strip(".,?()[]{}'\"-_#"), *_ELIDED.findall(stripped)):
            if len(candidate) < 3:
                continue
            start = chunk.start() + word.find(candidate)
            bare = _INNER.sub("", candidate)
            reading = (
                (starred(candidate) if "*" in candidate or "#" in candidate else None)
                or _first_known(readings(candidate), known)
                or (_first_known((bare, *readings(bare)), known) if len(bare) > 3 else None)
            )
            if reading:
                yield Token(reading, start, start + len(candidate), disguised=True)
                break


def _first_known(candidates: Sequence[str], known: Known) -> str | None:
    return next((candidate for candidate in candidates if len(candidate) > 2 and known(candidate)), None)
