"""The words of the weekly digest (templates/LANG/digest.toml), with numbers, spans and dates as each language writes them."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_interval, format_timedelta
from babel.numbers import format_decimal, format_percent

from gateway.edge import shipped
from gateway.edge.languages import LANGUAGES, locale_of
from gateway.edge.template_text import french_spaces
from gateway.edge.template_words import Words, load_words, plain_spaces
from gateway.errors import Problem
from gateway.policy.weeks import Week
from gateway.values import UNDETERMINED

FILE = "digest.toml"

_PLACE = re.compile(r"\{(\w+)\}")
_A_DAY = timedelta(days=1)
_NEVER_ROUNDED = 1e9


@dataclass(frozen=True, slots=True)
class DigestWords:
    """The words of one language.

    Attributes:
        own: of digest.toml.
        shared: of words.toml: categories, labels, dates.
        zone: in which times are shown.
    """

    own: Words
    shared: Words
    zone: ZoneInfo

    @property
    def language(self) -> str:
        """The language's code."""
        return self.own.language

    @property
    def _locale(self) -> str:
        return locale_of(self.language)

    def say(self, table: str, key: str, **values: str) -> str:
        """A text with its places filled."""
        text = _PLACE.sub(lambda place: values[place[1]], self.own.text(table, key))
        return french_spaces(text) if self.language == "fr" else text

    def number(self, value: float) -> str:
        """A count, or a mean with one digit."""
        return _unbroken(format_decimal(round(value, 1), "#,##0.#", locale=self._locale))

    def percent(self, share: float, *, signed: bool = False) -> str:
        """A share in whole per cent."""
        shown = _unbroken(format_percent(share, locale=self._locale))
        return f"+{shown}" if signed and share > 0 else shown

    def span(self, span: timedelta) -> str:
        """How long something took, roughly: 42 seconds, 6 minutes, 5 hours."""
        return plain_spaces(format_timedelta(span, threshold=2, locale=self._locale))

    def age(self, span: timedelta) -> str:
        """Since when something waits: in days, on the first day in hours."""
        granularity: Literal["day", "hour"] = "day" if span >= _A_DAY else "hour"
        return plain_spaces(format_timedelta(span, granularity=granularity, threshold=_NEVER_ROUNDED, locale=self._locale))

    def day(self, at: datetime) -> str:
        """The day of a time, by the site's clocks."""
        return self.shared.day(at.astimezone(self.zone).date())

    def moment(self, at: datetime) -> str:
        """A time to the minute, by the site's clocks."""
        return self.shared.moment(at, self.zone)

    def week(self, week: Week) -> str:
        """The days of a week, from Monday to Sunday."""
        return plain_spaces(format_interval(week.monday, week.sunday, "yMMMMd", locale=self._locale))

    def language_name(self, code: str) -> str:
        """The name of a language, the code itself for one that has none here."""
        if code == UNDETERMINED:
            return capital(self.say("facts", "unknown_language"))
        return capital(str(Locale.parse(self._locale).languages.get(code, code)))


def capital(text: str) -> str:
    """A text with a capital at its head; in Afrikaans the word after 'n gets it."""
    start = 3 if text.startswith("'n ") else 0
    place = next((number for number, character in enumerate(text) if number >= start and character.isalpha()), 0)
    return text[:place] + text[place : place + 1].upper() + text[place + 1 :]


def load_digest_words(shared: Mapping[str, Words], folders: list[Path], zone: ZoneInfo) -> tuple[dict[str, DigestWords], list[Problem]]:
    """Read the digest's words of all languages.

    Args:
        shared: the words that all mails share, by language.
        folders: template folders, the site's first.
        zone: in which times are shown.

    Returns:
        tuple: the words by language, and what is wrong with them: keys and places must be those of the English file.
    """
    tree: Mapping[str, Mapping[str, str]] = tomllib.loads((shipped.folder("templates") / "en" / FILE).read_text(encoding="utf-8"))
    needed = {table: tuple(entries) for table, entries in tree.items()}
    found: dict[str, DigestWords] = {}
    problems: list[Problem] = []
    for language, words in shared.items():
        own, wrong = load_words(language, folders, FILE, needed)
        problems += wrong
        texts = dict(own.texts)
        for (table, key), text in own.texts.items():
            wanted, there = _places(tree[table][key]), _places(text)
            if wanted != there:
                names = ", ".join(f"{{{name}}}" for name in sorted(wanted)) or "none"
                severity = "error" if language in LANGUAGES else "warning"
                problems.append(Problem(*own.places[table, key], f"{table}.{key} must have these places: {names}", severity))
                texts[table, key] = tree[table][key]
        found[language] = DigestWords(replace(own, texts=texts), words, zone)
    return found, problems


def _unbroken(text: str) -> str:
    # a number stays on one line; narrow no-break spaces show as boxes in some mail programs
    return text.replace("\u202f", "\u00a0").replace(" ", "\u00a0")


def _places(text: str) -> set[str]:
    return set(_PLACE.findall(text))
