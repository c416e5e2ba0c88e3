"""Folding: one plain form for the many ways to write a word, with the way back to the original text.

Knows Unicode tricks (compatibility forms, invisible characters, stray marks, bidi overrides), homoglyphs in words of
mixed script, stretched letters, stars, leet and spaced letters. Doesn't know any word: whether a reading means
something is the lexicon's matter, so an innocent word is never changed, only read in one more way.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product


class _Table(dict[int, str]):
    """Code point to its folded text, worked out on first sight; UAX #15 NFKC, then case folding."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = _fold_character(character)
        self[code] = folded
        return folded


PICTURE = "[\u2600-\u27bf\U0001f300-\U0001faff]"
"""An emoji: a word of its own; what it says is the lexicon's matter."""

_KEEP_CONTROLS = "\n\t"
_SAME = str.maketrans({"ё": "е", "’": "'", "ʼ": "'", "`": "'", "´": "'", "‘": "'", "ı": "i", "ґ": "г", "\t": " "})
_DASHES = re.compile("[‐-―−]")


def _fold_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cf", "Cc", "Cn", "Co", "Cs", "Mn", "Me"}:
        return character.replace("\t", " ") if character in _KEEP_CONTROLS else ""
    text = unicodedata.normalize("NFKC", character).casefold()
    if len(text) > 1:
        text = "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Mn", "Me"})
    if category == "So" and (boxed := unicodedata.name(character, "")).rpartition(" ")[0].endswith("LATIN CAPITAL LETTER"):
        text = boxed[-1].lower()  # squared and circled letters that NFKC leaves alone, and regional indicators
    return _DASHES.sub("-", text.translate(_SAME))


_TABLE = _Table()
_RIGHT_TO_LEFT_OVERRIDE = "\u202e"


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text; `origin[i]` is where folded character i began in the source, None when nothing moved."""

    text: str
    origin: tuple[int, ...] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The source span of a folded span that is not empty."""
        if self.origin is None:
            return start, end
        places = self.origin[start:end]
        return min(places), max(places) + 1


def fold(text: str) -> Folded:
    """Fold a text.

    Args:
        text: decoded text of one segment.

    Returns:
        Folded: NFKC, case-folded, without invisible characters, with the way back to the source.
    """
    if text.isascii() and text.isprintable():
        return Folded(text.lower(), None)
    uneven = [c for c in set(text) if len(_TABLE[ord(c)]) != 1]
    if not unicodedata.is_normalized("NFC", text) or any(c == _RIGHT_TO_LEFT_OVERRIDE or unicodedata.combining(c) for c in uneven):
        return _fold_unevenly(text)
    if not uneven:
        return Folded(text.translate(_TABLE), None)
    return Folded(text.translate(_TABLE), _origin(text, uneven))


def _origin(text: str, uneven: list[str]) -> tuple[int, ...]:
    """The way back where some characters vanish or become several and all others stay one."""
    origin: list[int] = []
    position = 0
    for match in re.finditer(f"[{re.escape(''.join(uneven))}]", text):
        origin.extend(range(position, match.start()))
        origin.extend([match.start()] * len(_TABLE[ord(match[0])]))
        position = match.end()
    origin.extend(range(position, len(text)))
    return tuple(origin)


def _fold_unevenly(text: str) -> Folded:
    pieces: list[str] = []
    origin: list[int] = []
    for place, cluster in _clusters(text):
        composed = unicodedata.normalize("NFC", cluster) if len(cluster) > 1 else cluster
        folded = _TABLE[ord(composed[0])]
        pieces.append(folded)
        origin.extend([place] * len(folded))
    return Folded("".join(pieces), tuple(origin))


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    """Base characters with the marks that follow them; text under a right-to-left override is read as it is seen."""
    order = _visual_order(text) if _RIGHT_TO_LEFT_OVERRIDE in text else range(len(text))
    cluster, place = "", 0
    for index in order:
        character = text[index]
        if cluster and unicodedata.combining(character) and len(cluster) < 8:
            cluster += character
            continue
        if cluster:
            yield place, cluster
        cluster, place = character, index
    if cluster:
        yield place, cluster


def _visual_order(text: str) -> list[int]:
    order: list[int] = []
    position = 0
    for run in re.finditer("\u202e([^\u202c\u202d\n]*)", text):
        order.extend(range(position, run.start()))
        order.extend(range(run.end() - 1, run.start(1) - 1, -1))
        position = run.end()
    order.extend(range(position, len(text)))
    return order


# --- readings of one word ---------------------------------------------------------------------------------------------

_LATIN_FOR_CYRILLIC = dict(zip("аеорсухіјѕԁһԛԝгпткмнвзб", "aeopcyxijsdhqwrntkmhb36", strict=True))
_CYRILLIC_FOR_LATIN = dict(zip("aeopcyxijsbhkmtrnu3", "аеорсухіјѕвнкмтгпиз", strict=True))
_GREEK_FOR_LATIN = dict(zip("αεορτυκνιβηωχ", "aeoptukvibnwx", strict=True))
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_LATIN = re.compile("[a-z\u00df-\u024f]")
_GREEK = re.compile("[\u0370-\u03ff]")

_LEET = {
    "0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "i", "€": "e", "+": "t", "|": "il", "£": "l", "¡": "i", "(": "c", "#": "h", "v": "v", "x": "x",
}  # fmt: skip
_CYRILLIC_LEET = {"0": "о", "3": "зе", "4": "ч", "6": "б", "@": "а", "1": "и", "9": "я", "$": "с", "!": "и", "8": "в", "€": "е"}
_MOST_READINGS = 24


def readings(word: str) -> Sequence[str]:
    """Other ways to read a folded word: one script for mixed scripts, letters for leet, stretched letters shortened.

    Args:
        word: folded, at most a few dozen characters.

    Returns:
        Sequence[str]: without the word itself; empty for an ordinary word.
    """
    found: list[str] = []
    bases = [word]
    cyrillic, latin = bool(_CYRILLIC.search(word)), bool(_LATIN.search(word))
    if cyrillic and latin:
        bases += ["".join(_LATIN_FOR_CYRILLIC.get(c, c) for c in word), "".join(_CYRILLIC_FOR_LATIN.get(c, c) for c in word)]
    elif _GREEK.search(word) and latin:
        bases.append("".join(_GREEK_FOR_LATIN.get(c, c) for c in word))
    found += bases[1:]
    for base in bases:
        if not base.isalpha():
            found += _letters_for_leet(base, _CYRILLIC_LEET if _CYRILLIC.search(base) else _LEET)
    for base in (word, *found[:_MOST_READINGS]):
        if shorter := _STRETCHED.search(base):
            del shorter
            found += [_STRETCHED.sub(r"\1", base), _STRETCHED.sub(r"\1\1", base)]
    return [reading for reading in dict.fromkeys(found) if reading != word]


_STRETCHED = re.compile(r"(.)\1{2,}")


def _letters_for_leet(word: str, table: dict[str, str]) -> list[str]:
    if sum(c.isalpha() for c in word) < 1 or len(word) < 3 or len(word) > 40:
        return []
    choices = [table.get(c, c) for c in word]
    return ["".join(choice) for choice in islice(product(*choices), _MOST_READINGS)]


_STRIP = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "й": "й", "ї": "ї"})


def without_accents(word: str) -> str:
    """The word with Latin accents taken off; Cyrillic letters stay whole (й is no и with a mark)."""
    if word.isascii():
        return word
    return "".join(c if "\u0400" <= c <= "\u04ff" else unicodedata.normalize("NFD", c)[0] for c in word.translate(_STRIP))


def umlauts_spelled(word: str) -> str:
    """The word with ä, ö, ü written ae, oe, ue."""
    return word.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")


_TO_LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "i", "к": "k", "л": "l",
    "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h", "ц": "c", "ч": "ch",
    "ш": "sh", "щ": "sh", "ъ": "", "ы": "i", "ь": "", "э": "e", "ю": "u", "я": "a",
}  # fmt: skip
_LATIN_SPELLINGS = (
    ("shch", "sh"), ("sch", "sh"), ("shh", "sh"), ("kh", "h"), ("x", "h"), ("ts", "c"), ("tz", "c"), ("yo", "e"), ("jo", "e"), ("yu", "u"),
    ("ju", "u"), ("iu", "u"), ("ya", "a"), ("ja", "a"), ("ia", "a"), ("ye", "e"), ("je", "e"), ("ie", "e"), ("w", "sh"), ("4", "ch"),
    ("'", ""), ("y", "i"), ("j", "i"), ("ii", "i"),
)  # fmt: skip


def latin_skeleton(word: str) -> str:
    """A Russian word, in Cyrillic or in any of the usual Latin spellings, as one Latin skeleton."""
    if _CYRILLIC.search(word):
        word = "".join(_TO_LATIN.get(c, c) for c in word)
    for spelling, letter in _LATIN_SPELLINGS:
        word = word.replace(spelling, letter)
    return word
