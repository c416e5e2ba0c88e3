"""The words of each language (templates/LANG/words.toml), and dates in it; a site's words lie over ours key by key."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

from gateway.edge.languages import LANGUAGES, STANDS_IN, WORDS_FILE, locale_of
from gateway.edge.toml_lines import Lines, toml_problem
from gateway.errors import Problem

NEEDED: Mapping[str, tuple[str, ...]] = {
    "dates": ("moment",),
    "phrases": ("and", "colon", "greeting", "closing", "unknown_category"),
    "done": ("delivered", "folded", "held", "refused"),
    "sentences": ("why", "repeated", "again", "always", "person", "automatic", "manual"),
    "action": ("delivered", "folded", "held", "refused", "observed", "none"),
    "labels": (
        *("reference", "received", "category", "rule", "policy", "complaints", "released", "sender", "recipients", "action"),
        *("excerpts", "strikes", "until", "deadline", "choices", "verified", "unverified", "shared_mailbox", "large_organisation"),
    ),
    "categories": (
        *("profanity", "insult", "degradation", "harassment", "threat", "stalking", "discrimination", "sexual"),
        *("shouting", "pressure", "provocation", "flooding"),
    ),
    "clauses": (),
}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language.

    Attributes:
        texts: (table, key) to the text; complete for what was needed.
        places: (table, key) to the file and the line that the text comes from.
    """

    language: str
    texts: Mapping[tuple[str, str], str]
    places: Mapping[tuple[str, str], tuple[str, int]]

    def text(self, table: str, key: str) -> str:
        """The text of a key that must be there."""
        return self.texts[table, key]

    def clause(self, point: str) -> str:
        """The short title of a policy point, "" for one that customers aren't told of."""
        return self.texts.get(("clauses", point), "")

    def listed(self, parts: list[str]) -> str:
        """Some parts as "a, b and c"."""
        if len(parts) < 2:
            return "".join(parts)
        return f"{', '.join(parts[:-1])} {self.text('phrases', 'and')} {parts[-1]}"

    def number(self, value: int) -> str:
        """A number, with the language's marks of thousands."""
        return plain_spaces(format_decimal(value, locale=locale_of(self.language)))

    def day(self, at: date) -> str:
        """A date, written out."""
        shown = plain_spaces(format_date(at, "long", locale=locale_of(self.language)))
        shown = shown.removeprefix("0")  # CLDR writes 01 Desember in Afrikaans
        # CLDR leaves out the ordinal that French has for the first of a month.
        return f"1er {shown[2:]}" if self.language == "fr" and at.day == 1 else shown

    def moment(self, at: datetime, zone: ZoneInfo) -> str:
        """A time in the site's time zone, to the minute, with its offset.

        Raises:
            ValueError: the time is naive.
        """
        if at.tzinfo is None:
            raise ValueError("a naive time can't be shown in a zone")
        local = at.astimezone(zone)
        filled = self.text("dates", "moment").replace("{date}", self.day(local.date()))
        return plain_spaces(filled.replace("{time}", f"{local:%H:%M}").replace("{zone}", _offset(local)))


def _offset(local: datetime) -> str:
    """UTC, UTC+1, UTC+5:30: abbreviations of zones differ between languages and editions of CLDR, this is read everywhere."""
    minutes = (local.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    return "UTC" + (f"{'-' if minutes < 0 else '+'}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")


def plain_spaces(text: str) -> str:
    """A text without thin and no-break spaces: narrow ones show as boxes in some mail programs."""
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u2009", " ")


def load_words(
    language: str, folders: list[Path], file: str = WORDS_FILE, needed: Mapping[str, tuple[str, ...]] = NEEDED
) -> tuple[Words, list[Problem]]:
    """Read the words of one language; what a language that a site adds lacks is taken from English, with a warning.

    Args:
        language: its code.
        folders: template folders, the site's first.
        file: which file of the language's folder.
        needed: its tables with their keys; a table without keys may have any.

    Returns:
        tuple[Words, list[Problem]]: what could be read and what is wrong with it.
    """
    texts: dict[tuple[str, str], str] = {}
    places: dict[tuple[str, str], tuple[str, int]] = {}
    problems: list[Problem] = []
    english = folders[-1] / LANGUAGES[0] / file
    added = language not in LANGUAGES
    for path in (*((english,) if added else ()), *(folder / language / file for folder in reversed(folders))):
        if not path.is_file():
            continue
        try:
            source = path.read_text(encoding="utf-8-sig")
            tree = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            problems.append(toml_problem(str(path), error))
            continue
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(str(path), 0, f"can't be read as UTF-8 text: {error}"))
            continue
        lines = Lines(source)
        for table, key, value in _entries(tree):
            line = lines.of((table, key) if key else (table,))
            if table not in needed or not key or (needed[table] and key not in needed[table]):
                text = f"{f'{table}.{key}'.rstrip('.')} is not a known key; remove it or check its spelling"
                problems.append(Problem(str(path), line, text, "warning" if added else "error"))
            elif not isinstance(value, str) or not value.strip():
                problems.append(Problem(str(path), line, f'{table}.{key} must be a text in "quotes" that is not empty'))
            else:
                texts[table, key] = value
                places[table, key] = str(path), line
    if added and all(problem.severity != "error" for problem in problems):
        own = folders[0] / language / file
        lacking = [f"{table}.{key} " for (table, key), (place, _) in places.items() if place == str(english) and needed[table]]
        problems.extend(Problem(str(own), 0, f"{name}{STANDS_IN}", "warning") for name in (lacking if own.is_file() else [""]))
    elif not added:
        problems.extend(
            Problem(str(folders[-1] / language / file), 0, f"{table}.{key} is missing; add it")
            for table, keys in needed.items()
            for key in keys
            if (table, key) not in texts
        )
    return Words(language, texts, places), problems


def _entries(tree: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for table, content in tree.items():
        if isinstance(content, dict):
            yield from ((table, key, value) for key, value in content.items())
        else:
            yield table, "", content
