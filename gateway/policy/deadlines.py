"""The deadline that a customer sets in his mail (A13): taken when it is plain, never guessed.

It is plain when one sentence of his own asks for something and names a last day or a length of time that begins now. What
tells of a promise of ours or of terms isn't, nor is a date that could be read in two ways, one that is past, or one that
is further away than half a year.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache

from gateway.policy.deadline_words import DeadlineWords, any_of

_LONGEST_TEXT = 20_000
_FURTHEST = timedelta(days=183)
_MOST_DAYS, _MOST_HOURS = 183, 24 * 14
_DAY_END = time(23, 59)
_SENTENCE = re.compile(r"(?<=[!?])\s+|(?<=[^\W\d_]\.)\s+(?=[^\W\d_])|\n\s*\n")
"""After a word with a full stop and before another word: "5. Dezember" is no end."""
_ABBREVIATED = re.compile(r"^\W*(?:jan|feb|febr|mar|apr|aug|sept?|oct|okt|nov|dec|dez|des|janv|févr|avr|juil|déc|ca|bzw|usw|no|nr)\.$")


def deadline_of(text: str, words: DeadlineWords | None, now: datetime, zone: tzinfo) -> datetime | None:
    """The deadline that a mail sets.

    Args:
        text: the customer's own words.
        words: of the mail's language; without any nothing is found.
        now: when it arrived, aware.
        zone: of the site, in which days end.

    Returns:
        datetime | None: the end of the last day, or the hour, in UTC; the earliest when several are set.
    """
    if words is None:
        return None
    forms = _forms(words)
    found: list[datetime] = []
    for sentence in _sentences(text[:_LONGEST_TEXT]):
        if forms.demand.search(sentence) and not forms.told.search(sentence):
            found += [at for at in _set_in(sentence, forms, now, zone) if now < at <= now + _FURTHEST + timedelta(days=1)]
    return min(found, default=None)


def _sentences(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFC", text).casefold().replace("\u2019", "'").replace("\u00a0", " ").replace("\u202f", " ")
    kept: list[str] = []
    for piece in _SENTENCE.split(plain):
        kept += piece.split()
        if not (kept and _ABBREVIATED.search(kept[-1])):
            yield " ".join(kept)
            kept = []
    yield " ".join(kept)


def _set_in(sentence: str, forms: "_Forms", now: datetime, zone: tzinfo) -> Iterator[datetime]:
    today = now.astimezone(zone).date()
    for match in forms.dates.finditer(sentence):
        day = _day(match, forms, today)
        if day is not None:
            last = day - timedelta(days=1) if match["lead"] and forms.before.fullmatch(match["lead"]) else day
            if today <= last <= today + _FURTHEST:
                yield datetime.combine(last, _DAY_END, zone).astimezone(UTC)
    for match in forms.spans.finditer(sentence):
        number = int(match["digits"]) if match["digits"] else forms.numbers[match["word"]]
        unit = next(name for name in _UNITS if match[name])
        if unit == "hours":
            if number <= _MOST_HOURS:
                yield now + timedelta(hours=number)
        elif number <= _MOST_DAYS:
            yield datetime.combine(_UNITS[unit](today, number), _DAY_END, zone).astimezone(UTC)


def _day(match: re.Match[str], forms: "_Forms", today: date) -> date | None:
    """The day that a match names, None when it names none or could name two."""
    parts = {name: value for name, value in match.groupdict().items() if value is not None}
    month = next((number for number in range(1, 13) if f"m{number}" in parts or f"n{number}" in parts), 0)
    year = next((int(parts[name]) for name in ("year1", "year2", "year3", "year4", "year5", "year6") if name in parts), 0)
    if month:
        return _made(year, month, int(parts.get("day1") or parts["day2"]), today)
    if "iso" in parts:
        return _made(year, int(parts["mm1"]), int(parts["dd1"]), today)
    if "dots" in parts:
        return _made(year, int(parts["mm2"]), int(parts["dd2"]), today)
    one, two = int(parts["one"]), int(parts["two"])
    if not forms.day_first and one != two:
        if one <= 12 and two <= 12:
            return None  # 5/12 is in December for some and in May for others
        if two > 12:
            one, two = two, one
    return _made(year, two, one, today)


def _made(year: int, month: int, day: int, today: date) -> date | None:
    """A date; without a year the next one, with two digits of this century."""
    try:
        if year:
            return date(year if year > 99 else 2000 + year, month, day)
        this = date(today.year, month, day)
        return this if this >= today else date(today.year + 1, month, day)
    except ValueError:
        return None


def _months_later(today: date, number: int) -> date:
    years, month = divmod(today.month - 1 + number, 12)
    for day in range(today.day, 27, -1):
        try:
            return date(today.year + years, month + 1, day)
        except ValueError:
            continue
    return date(today.year + years, month + 1, min(today.day, 28))


def _working_days_later(today: date, number: int) -> date:
    day = today
    while number:
        day += timedelta(days=1)
        number -= day.weekday() < 5
    return day


_UNITS: dict[str, Callable[[date, int], date]] = {
    "working": _working_days_later,
    "days": lambda today, number: today + timedelta(days=number),
    "weeks": lambda today, number: today + timedelta(weeks=number),
    "months": lambda today, number: _months_later(today, min(number, 6)),
    "hours": lambda today, _: today,
}
"""By group name; hours are reckoned elsewhere."""


# --- patterns ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Forms:
    """The compiled patterns of one language."""

    dates: re.Pattern[str]
    spans: re.Pattern[str]
    before: re.Pattern[str]
    demand: re.Pattern[str]
    told: re.Pattern[str]
    numbers: dict[str, int]
    day_first: bool


@cache
def _forms(words: DeadlineWords) -> _Forms:
    return _Forms(
        dates=_dates(words),
        spans=_spans(words),
        before=re.compile(any_of(words.before)),
        demand=_whole(words.demand),
        told=re.compile(rf"(?<!\w)(?!{any_of(words.not_told)}(?!\w)){any_of(words.told)}(?!\w)"),
        numbers=dict(words.numbers),
        day_first=words.day_first,
    )


def _whole(entries: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){any_of(entries)}(?!\w)")


def _dates(words: DeadlineWords) -> re.Pattern[str]:
    if not words.month_names or not (words.by or words.before or words.ended):
        return _whole(())
    names = "|".join(f"(?P<m{number}>{any_of(name)})" for number, name in enumerate(words.month_names, 1))
    again = "|".join(f"(?P<n{number}>{any_of(name)})" for number, name in enumerate(words.month_names, 1))
    ordinal = r"(?:\.|st|nd|rd|th|er|ste|de)?"
    day_month = rf"(?P<day1>\d{{1,2}}){ordinal}(?: of| de)? (?:{names})\.?(?!\w)(?:,? (?P<year1>20\d\d)(?!\d))?"
    month_day = rf"(?:(?P<year2>20\d\d)\.? )?(?:{again})\.? (?P<day2>\d{{1,2}}){ordinal}(?!\d)(?:,? (?P<year3>20\d\d)(?!\d))?"
    iso = r"(?P<iso>(?P<year4>20\d\d)(?:-|\. ?)(?P<mm1>\d{1,2})(?:-|\. ?)(?P<dd1>\d{1,2})\.?)(?!\d)"
    dots = r"(?P<dots>(?P<dd2>\d{1,2})\. ?(?P<mm2>\d{1,2})\.(?: ?(?P<year5>20\d\d|\d\d)(?!\d))?)(?!\d)"
    slash = r"(?P<one>\d{1,2})/(?P<two>\d{1,2})/(?P<year6>20\d\d)(?!\d)"
    lead = rf"(?P<lead>{any_of((*words.by, *words.before))})(?: {any_of(words.after)},?){{0,3}} "
    named = rf"(?:{iso}|{day_month}|{month_day}|{dots}|{slash})"
    if not words.ended:
        return re.compile(rf"(?<!\w){lead}{named}")
    # Hungarian says it with an ending: december 5-ig; "legkésőbb" may stand before it instead
    return re.compile(rf"(?<!\w)(?:{lead})?{named}(?(lead)|-?{any_of(words.ended)}(?!\w))")


def _spans(words: DeadlineWords) -> re.Pattern[str]:
    if not words.within and not words.within_end:
        return _whole(())
    numbers = any_of(tuple(sorted(dict(words.numbers), key=len, reverse=True)))
    named = {"working": words.working_days, "days": words.days, "weeks": words.weeks, "months": words.months, "hours": words.hours}
    units = "|".join(f"(?P<{unit}>{any_of(entries)})" for unit, entries in named.items())
    start = f"{any_of(words.within)} " if words.within else ""
    end = f" {any_of(words.within_end)}" if words.within_end else ""
    later = rf"(?! {any_of(words.since)}(?! {any_of(words.since_now)}))"
    return re.compile(rf"(?<!\w){start}(?:(?P<digits>\d{{1,3}})|(?P<word>{numbers})) (?:{units})(?!\w){end}(?!\w){later}")
