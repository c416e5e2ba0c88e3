"""How many mails of which kind on which day: small sums, a file a month."""

from collections import Counter
from datetime import date
from pathlib import Path

from tinydb import TinyDB, where

from gateway.edge.atomic_storage import AtomicStorage, torn
from gateway.edge.durable import Disk, sweep

COUNTERS = "counters"

_DAYS = "days"
_TABLES = frozenset({_DAYS})


class CounterFiles:
    """The counters on disk; blocking. Every method may raise LedgerTorn or OSError.

    Args:
        folder: the ledger's folder, already locked.
        disk: what makes bytes durable.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder / COUNTERS
        self._disk = disk
        disk.make_folder(self._folder)
        sweep(self._folder)

    def add(self, days: dict[date, Counter[str]]) -> None:
        """Add to the counters of some days; each month at once or not at all.

        Args:
            days: what is to be added; a day is taken out as soon as it is durable, so that nothing counts twice.
        """
        for month in sorted({_month(day) for day in days}):
            path = self._folder / f"{month}.json"
            storage = AtomicStorage(path, _TABLES, self._disk, staged=True)
            table = TinyDB(storage=lambda storage=storage: storage).table(_DAYS)
            known = self._days(path, storage)
            added = {day: counters for day, counters in days.items() if _month(day) == month}
            for day, counters in added.items():
                total = Counter(known.get(day, {}))
                total.update(counters)
                table.upsert({"day": day.isoformat(), "counters": dict(sorted(total.items()))}, where("day") == day.isoformat())
            self._disk.save(path, storage.content)
            for day in added:
                del days[day]

    def sums(self, first: date, last: date) -> dict[date, dict[str, int]]:
        """Counters of the days from first to last, both included; days without any are left out."""
        found: dict[date, dict[str, int]] = {}
        for path in self._folder.glob("[0-9]*-[0-9]*.json"):
            if _month(first) <= path.stem <= _month(last):
                days = self._days(path, AtomicStorage(path, _TABLES, self._disk))
                found.update((day, counters) for day, counters in days.items() if first <= day <= last)
        return dict(sorted(found.items()))

    def forget(self, before: date, *, commit: bool = True) -> int:
        """Remove the files of months that ended before a day; how many it were."""
        old = [path for path in self._folder.glob("[0-9]*-[0-9]*.json") if path.stem < _month(before)]
        for path in old if commit else ():
            self._disk.remove(path)
        return len(old)

    @staticmethod
    def _days(path: Path, storage: AtomicStorage) -> dict[date, dict[str, int]]:
        found: dict[date, dict[str, int]] = {}
        for row in (storage.read() or {}).get(_DAYS, {}).values():
            try:
                day, counters = date.fromisoformat(row["day"]), dict(row["counters"])
            except (KeyError, TypeError, ValueError):
                raise torn(path, "has a day that can't be understood") from None
            if not all(type(number) is int for number in counters.values()):
                raise torn(path, "has a counter that is no number")
            found[day] = counters
        return found


def _month(day: date) -> str:
    return f"{day.year:04}-{day.month:02}"
