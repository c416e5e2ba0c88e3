"""What retention asks of the ledger, on the event loop, in pages, so that a mail's record never waits for all of it; a part of gateway.edge.tinydb_ledger."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import ParamSpec, TypeVar

from gateway.edge.ledger_counters import CounterFiles
from gateway.edge.ledger_files import Choice, LedgerFiles
from gateway.records import Incident
from gateway.values import Standing

P = ParamSpec("P")
T = TypeVar("T")

_LONG_PAGE = 500
_BREATH = 0.01
"""Seconds between two pages: retention has time."""


class RetentionLedger:
    """Erasing what is too old; every method raises LedgerFailed when it can't do its work."""

    _files: LedgerFiles
    _counters: CounterFiles

    @abstractmethod
    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run some work on the files in the ledger's thread."""

    @abstractmethod
    async def _flush(self) -> None:
        """Write down what was counted."""

    async def revise_incidents(self, before: datetime, judge: Callable[[Incident], Incident | None], *, commit: bool = True) -> None:
        """Let a function say what is to be left of the incidents judged before then.

        Args:
            before: younger ones aren't looked at.
            judge: runs in the ledger's thread; gives an incident as it is to be, None to erase it.
            commit: False changes nothing.
        """
        references = await self._do(self._files.choose, Choice(until=before))
        for page in await self._do(self._files.pages, references, 1):  # a file at a time: half a purge does no harm
            await self._do(partial(self._files.revise, commit=commit), page, judge)
            await asyncio.sleep(_BREATH)

    async def forget_standings(self, judge: Callable[[Standing], bool], *, commit: bool = True) -> None:
        """Erase standings of which a function says so and of whose sender no incident is kept."""
        addresses = await self._do(self._files.addresses, 0)
        for start in range(0, len(addresses), _LONG_PAGE):
            await self._do(partial(self._files.forget_standings, commit=commit), addresses[start : start + _LONG_PAGE], judge)
            await asyncio.sleep(_BREATH)

    async def forget_posted(self, before: datetime, *, commit: bool = True) -> int:
        """Forget that mails left before then; how many it were."""
        return await self._do(partial(self._files.forget_posted, commit=commit), before)

    async def forget_lists(self, before: datetime, *, commit: bool = True) -> int:
        """Forget what managers were asked before then; how many mails it were."""
        return await self._do(partial(self._files.forget_lists, commit=commit), before)

    async def forget_counters(self, before: date, *, commit: bool = True) -> int:
        """Forget the counters of whole months before a day; how many months it were."""
        await self._flush()
        return await self._do(partial(self._counters.forget, commit=commit), before)
