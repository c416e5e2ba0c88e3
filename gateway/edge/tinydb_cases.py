"""The cases of the ledger on the event loop; a part of gateway.edge.tinydb_ledger."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import ParamSpec, TypeVar

from gateway.edge.ledger_cases import CaseChoice
from gateway.edge.ledger_files import LedgerFiles
from gateway.records import Case, CaseState, OutgoingMail

P = ParamSpec("P")
T = TypeVar("T")

_PAGE = 50
"""Cases read in one go: a long list doesn't keep a mail waiting for its record."""


class CaseLedger:
    """What is asked about cases; every method raises LedgerFailed when it can't do its work, and then nothing was changed."""

    _files: LedgerFiles
    mail_waiting: asyncio.Event

    @abstractmethod
    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run some work on the files in the ledger's thread."""

    async def open_case(self, case: Case, outgoing: Sequence[OutgoingMail] = ()) -> Case:
        """Open a case, with the mail that goes out for it, at once or not at all; durable on return.

        Opening a case with the delivery key of one that is younger than seven days, or with its reference, changes nothing.

        Returns:
            Case: the open one, which may be the earlier one.
        """
        opened = await self._do(self._files.open_case, case, outgoing)
        if outgoing:
            self.mail_waiting.set()
        return opened

    async def case(self, reference: str) -> Case | None:
        """One case by its reference."""
        return await self._do(self._files.case, reference)

    async def case_of_key(self, key: str) -> Case | None:
        """The case that the mail of a delivery key opened within the last seven days, if any."""
        return await self._do(self._files.case_of_key, key)

    async def cases(
        self, *, sender: str | None = None, state: CaseState | None = None, due_by: datetime | None = None, limit: int | None = None
    ) -> tuple[Case, ...]:
        """Cases, the first to come due first.

        Args:
            sender: only his.
            state: only those.
            due_by: due at that time or earlier.
            limit: at most so many.
        """
        references = await self._do(self._files.choose_cases, CaseChoice(sender, state, due_by, limit))
        found: list[Case] = []
        for start in range(0, len(references), _PAGE):
            found += await self._do(self._files.cases, references[start : start + _PAGE])
        return tuple(found)

    async def cases_waiting(self, now: datetime) -> tuple[int, int]:
        """How many cases are open, and of how many of these the day is over."""
        return await self._do(self._files.cases_waiting, now)

    async def next_case_due(self, after: datetime) -> datetime | None:
        """When the next open case comes due after a time; None when none does."""
        return await self._do(self._files.next_case_due, after)

    async def drop_cases(self, references: Collection[str]) -> None:
        """Erase cases by their references."""
        await self._do(self._files.drop_cases, references)
