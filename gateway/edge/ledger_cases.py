"""The ledger's cases: what is asked of them; blocking, for one thread, knows no event loop."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.edge.ledger_index import EPOCH, KEY_LIFE, microseconds
from gateway.edge.ledger_store import Edit, LedgerStore
from gateway.records import Case, CaseState


@dataclass(frozen=True, slots=True)
class CaseChoice:
    """Which cases are meant; the first to come due first.

    Attributes:
        sender: only his.
        state: only those.
        due_by: due at that time or earlier.
        limit: at most so many.
    """

    sender: str | None = None
    state: CaseState | None = None
    due_by: datetime | None = None
    limit: int | None = None


class CaseFiles(LedgerStore):
    """The cases of the open ledger. Every method may raise LedgerFailed, LedgerTorn or OSError, and then nothing was changed."""

    def case(self, reference: str) -> Case | None:
        """One case by its reference."""
        self._settle()
        place = self._index.cases.get(reference)
        return next(iter(self._open(place[0]).cases({reference})), None) if place else None

    def case_of_key(self, key: str) -> Case | None:
        """The case that the mail of a delivery key opened within the last seven days, if any."""
        self._settle()
        reference = self._index.case_keys.get(key) if key else None
        if reference is None:
            return None
        _, opened, *_ = self._index.cases[reference]
        young = microseconds(self._clock()) - opened < KEY_LIFE // timedelta(microseconds=1)
        return self.case(reference) if young else None

    def choose_cases(self, choice: CaseChoice) -> list[str]:
        """References of the chosen cases, the first to come due first; opens no file."""
        self._settle()
        latest = microseconds(choice.due_by) if choice.due_by else None
        rows = sorted(
            (due, reference)
            for reference, (_, _, due, sender, state) in self._index.cases.items()
            if (choice.sender is None or sender == choice.sender)
            and (choice.state is None or state == choice.state)
            and (latest is None or due <= latest)
        )
        return [reference for _, reference in rows[: choice.limit]]

    def cases_waiting(self, now: datetime) -> tuple[int, int]:
        """How many cases are open, and of how many of these the day is over; opens no file."""
        self._settle()
        due = [due for _, _, due, _, state in self._index.cases.values() if state == CaseState.OPEN]
        return len(due), sum(when <= microseconds(now) for when in due)

    def next_case_due(self, after: datetime) -> datetime | None:
        """When the next open case comes due after a time; opens no file."""
        self._settle()
        now = microseconds(after)
        first = min((due for _, _, due, _, state in self._index.cases.values() if state == CaseState.OPEN and due > now), default=None)
        return None if first is None else EPOCH + timedelta(microseconds=first)

    def cases(self, references: Iterable[str]) -> list[Case]:
        """Cases by their references, in that order; those that are gone are left out."""
        self._settle()
        wanted = list(references)
        found = {case.reference: case for name, mine in self._case_files(wanted).items() for case in self._open(name).cases(mine)}
        return [found[reference] for reference in wanted if reference in found]

    def drop_cases(self, references: Iterable[str]) -> None:
        """Erase cases by their references; those that are gone are left out."""
        self._settle()
        for name, mine in self._case_files(references).items():
            edit = Edit(self._open)
            edit.shard(name).drop_cases(mine)
            self._commit(edit)

    def _drop_cases_of(self, edit: Edit, address: str, stays: set[str]) -> set[str]:
        """Erase a sender's cases within a change, except those that rest on some incidents; the references of the erased ones."""
        mine = [reference for reference, (_, _, _, sender, _) in self._index.cases.items() if sender == address]
        over = {case.reference for case in self.cases(mine) if case.incident not in stays}
        for name, some in self._case_files(over).items():
            edit.shard(name).drop_cases(some)
        return over

    def _case_files(self, references: Iterable[str]) -> dict[str, set[str]]:
        files: dict[str, set[str]] = {}
        for reference in references:
            if reference in self._index.cases:
                files.setdefault(self._index.cases[reference][0], set()).add(reference)
        return files
