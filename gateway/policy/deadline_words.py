"""The words by which a customer sets a deadline in one language (templates/LANG/spoken.toml), and the patterns made of them.

An entry is plain text: `word*` is any word that begins so, `*word` one that ends so, `...` between two words stands for up
to 200 characters. Nothing else has a meaning, so whatever an admin writes, matching stays linear in the text.
"""

import re
from dataclasses import dataclass

_NEVER = r"(?!)"
_FAR = r"(?!\w).{1,200}?(?<!\w)"


@dataclass(frozen=True, slots=True)
class DeadlineWords:
    """How one language says it; case and spacing don't matter.

    Attributes:
        month_names: names and abbreviations of each month, January first.
        by: what stands before a date that is the last day; `before` likewise before the day after.
        after: what may stand between that and the date.
        ended: what ends a date instead of `by` standing before it (Hungarian).
        within: what stands before a length of time; `within_end` after it.
        numbers: words for small numbers.
        days, working_days, weeks, months, hours: the units, in all their forms.
        since: after a length of time, these say that it begins at something else than now, unless `since_now` follows.
        demand: one of these must stand in the sentence: somebody asks for something, or sets a deadline.
        told: when one of these stands in it, it tells of a deadline of ours, or of terms, unless it begins `not_told`.
        day_first: 5/12 is the fifth of December.
    """

    month_names: tuple[tuple[str, ...], ...] = ()
    by: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    within_end: tuple[str, ...] = ()
    numbers: tuple[tuple[str, int], ...] = ()
    days: tuple[str, ...] = ()
    working_days: tuple[str, ...] = ()
    weeks: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()
    since: tuple[str, ...] = ()
    since_now: tuple[str, ...] = ()
    demand: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    not_told: tuple[str, ...] = ()
    day_first: bool = True


def any_of(entries: tuple[str, ...]) -> str:
    """A pattern of entries, without the edges of words; one of no entries never fits."""
    return f"(?:{'|'.join(map(_entry, entries))})" if entries else _NEVER


def _entry(entry: str) -> str:
    return _FAR.join(re.escape(part).replace(r"\*", r"\w*") for part in entry.split(" ... "))
