"""What happens at a time that was promised (H6, H7): an answer that is due and wasn't given is said to whoever owes it.

Nothing here is kept in memory alone: the due dates are in the ledger, and after a crash the first look finds what came due
meanwhile. A suspension needs no timer, as its end is compared with the clock whenever its sender writes.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gateway.edge.case_mail import CaseMail
from gateway.edge.ledger_files import Changes
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.writer import MailWriter
from gateway.errors import GatewayError
from gateway.policy.cases import overdue
from gateway.records import CaseState

log = logging.getLogger("courtesy.timers")

_NAP = 60.0
"""Seconds between two looks at most: a promise is kept to the minute."""


@dataclass(slots=True)
class Timers:
    """Looks at what comes due, until it is cancelled."""

    ledger: TinyLedger
    writer: MailWriter
    clock: Callable[[], datetime]
    _done: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    async def run(self) -> None:
        """Look now and whenever something comes due; no trouble ends it."""
        while True:
            nap = _NAP
            try:
                await self.tick()
                if (due := await self.ledger.next_case_due(self._done)) is not None:
                    nap = min(_NAP, max(0.0, (due - self.clock()).total_seconds()))
            except GatewayError as error:
                log.error("what came due couldn't be looked at, it is tried again: %s", error)  # noqa: TRY400 - the sentence says it all
            except Exception:
                log.exception("the timers stumbled and go on")
            await asyncio.sleep(nap)

    async def tick(self) -> tuple[str, ...]:
        """Tell the owners of cases that came due since the last look, each once.

        Returns:
            tuple: references of the cases whose owners are told now.

        Raises:
            LedgerFailed: the ledger can't be read or written; the next look begins where this one did.
        """
        now = self.clock()
        first = await self.ledger.next_case_due(self._done)
        told: list[str] = []
        if first is not None and first <= now:
            for late in await self.ledger.cases(state=CaseState.OPEN, due_by=now):
                async with self.ledger.turn(late.sender):
                    case = await self.ledger.case(late.reference)
                    if case is None or case.reminded is not None or not overdue(case, now):
                        continue
                    reminded = replace(case, reminded=now)
                    await self.ledger.apply(Changes(cases=(reminded,), outgoing=CaseMail(self.writer).overdue(case)), case.sender)
                log.warning("case %s is overdue", case.reference)
                told.append(case.reference)
        self._done = now
        return tuple(told)
