"""Weeks from Monday to Sunday in the site's time zone, named as ISO 8601 names them: 2026-W47."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Self

_NAME = re.compile(r"(\d{4})-W(\d{2})")


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """One week, by its Monday."""

    monday: date

    @classmethod
    def named(cls, name: str) -> Self:
        """The week of a name such as 2026-W47.

        Raises:
            ValueError: there is no such week; the text says how one is written.
        """
        found = _NAME.fullmatch(name.strip().upper())
        try:
            if found:
                return cls(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        except ValueError:
            pass
        raise ValueError(f"{name!r:.40} is no week; write for example 2026-W47")

    @classmethod
    def of(cls, at: datetime, zone: tzinfo) -> Self:
        """The week in which a time lies, by the clocks of a zone."""
        day = at.astimezone(zone).date()
        return cls(day - timedelta(days=day.weekday()))

    @property
    def name(self) -> str:
        """As ISO 8601 writes it."""
        year, number, _ = self.monday.isocalendar()
        return f"{year:04}-W{number:02}"

    @property
    def number(self) -> int:
        """The number within its year."""
        return self.monday.isocalendar().week

    @property
    def sunday(self) -> date:
        """Its last day."""
        return self.monday + timedelta(days=6)

    @property
    def days(self) -> Iterator[date]:
        """Its seven days."""
        return (self.monday + timedelta(days=number) for number in range(7))

    def plus(self, weeks: int) -> "Week":
        """The week so many weeks later, or earlier when negative."""
        return Week(self.monday + timedelta(weeks=weeks))

    def start(self, zone: tzinfo) -> datetime:
        """Its first moment, in UTC: Monday's midnight by the clocks of a zone, so a week of a clock change has 167 or 169 hours."""
        return datetime.combine(self.monday, time(), zone).astimezone(UTC)

    def end(self, zone: tzinfo) -> datetime:
        """The first moment after it, in UTC."""
        return self.plus(1).start(zone)
