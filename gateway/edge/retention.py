"""The purge: goes through all that is remembered and erases what its class of data may not be kept longer."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.edge.held import HeldFolder
from gateway.edge.settings import RetentionSettings
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import GatewayError
from gateway.numbers import Policy
from gateway.policy.retention import LISTS, Clocks, case_is_over, held_class, held_is_over, incident_left, sender_is_over
from gateway.records import CaseState, Incident
from gateway.values import Standing

log = logging.getLogger("courtesy.retention")

FIRST_SECONDS = 600.0
"""After the start, when the mail that had waited for it is through."""
DAY_SECONDS = 86_400.0

CLASSES = ("incidents", "excerpts", "delivery_keys", "held", "released", "evidence", "mailbox", "senders", "cases", "sent", "counters", "lists")
"""What the purge counts: records erased, records that lost their words or their hash, mails deleted, and so on."""


def clocks_of(settings: RetentionSettings) -> Clocks:
    """The clocks of a site."""

    def span(days: int) -> timedelta | None:
        return timedelta(days=days) if days else None

    return Clocks(
        incidents=span(settings.incidents_days),
        excerpts=span(settings.excerpts_days),
        evidence=span(settings.evidence_days),
        held=span(settings.held_days),
        released=span(settings.released_days),
        mailbox=span(settings.mailbox_days),
        delivery_keys=span(settings.delivery_keys_days),
        sent=span(settings.sent_days),
        senders=span(settings.senders_days),
        cases=span(settings.cases_days),
        counters=span(settings.counters_days),
    )


@dataclass(frozen=True, slots=True)
class Purge:
    """One purge.

    Attributes:
        commit: False erases nothing and only counts.
    """

    ledger: TinyLedger
    held: HeldFolder
    clocks: Clocks
    policy: Policy
    now: datetime
    commit: bool = True

    async def run(self) -> dict[str, int]:
        """Erase what is over; how many of each class it were.

        Held mail comes first, as its incident says by which clock it goes.

        Raises:
            LedgerFailed: the ledger can't be read or written; what was erased is erased.
            HoldFailed: a held mail can't be read or deleted.
        """
        counts = Counter(dict.fromkeys(CLASSES, 0))
        await self._held_mail(counts)
        await self._incidents(counts)
        await self.ledger.forget_standings(lambda standing: self._sender_is_over(standing, counts), commit=self.commit)
        await self._cases(counts)
        if self.clocks.sent is not None:
            counts["sent"] = await self.ledger.forget_posted(self.now - self.clocks.sent, commit=self.commit)
        if self.clocks.counters is not None:
            counts["counters"] = await self.ledger.forget_counters((self.now - self.clocks.counters).date(), commit=self.commit)
        counts["lists"] = await self.ledger.forget_lists(self.now - LISTS, commit=self.commit)
        if self.commit and any(counts.values()):
            await self.ledger.erased()
            log.info("purged: %s", ", ".join(f"{name} {number}" for name, number in counts.items() if number))
        return dict(counts)

    async def _held_mail(self, counts: Counter[str]) -> None:
        incident_of = {case.held: case.incident for case in await self.ledger.cases() if case.held and case.incident}
        for mail in await self.held.held():
            incident = await self.ledger.incident(mail.id)
            about = await self.ledger.incident(incident_of[mail.id]) if mail.id in incident_of else None
            if about is not None and about.legal_hold:
                continue
            if not held_is_over(mail, incident, self.clocks, self.now):
                continue
            kind = held_class(mail, incident)
            counts[kind] += 1
            if not self.commit:
                continue
            if incident is not None and not mail.released_by:
                # noted before it is gone: nothing is dropped in silence
                days = (self.now - mail.at).days
                await self.ledger.update_incident(mail.id, note=(self.now, "retention", f"held mail deleted after {days} days without a decision"))
                log.warning("%s: held mail deleted after %d days without a decision", mail.id, days)
            await self.held.delete(mail.id)
        if self.commit:
            await self.held.sweep()

    async def _incidents(self, counts: Counter[str]) -> None:
        spans = [span for span in (self.clocks.incidents, self.clocks.excerpts, self.clocks.evidence, self.clocks.delivery_keys) if span is not None]
        if spans:
            await self.ledger.revise_incidents(self.now - min(spans), lambda incident: self._left(incident, counts), commit=self.commit)

    async def _cases(self, counts: Counter[str]) -> None:
        over: set[str] = set()
        for case in await self.ledger.cases(state=CaseState.CLOSED):
            incident = await self.ledger.incident(case.incident) if case.incident else None
            if case_is_over(case, incident, self.clocks, self.now):
                over.add(case.reference)
        counts["cases"] = len(over)
        if self.commit and over:
            await self.ledger.drop_cases(over)

    def _left(self, incident: Incident, counts: Counter[str]) -> Incident | None:
        left = incident_left(incident, self.clocks, self.now)
        if left is None:
            counts["incidents"] += 1
        else:
            counts["excerpts"] += (left.excerpt, left.subject) != (incident.excerpt, incident.subject)
            counts["delivery_keys"] += left.key != incident.key
        return left

    def _sender_is_over(self, standing: Standing, counts: Counter[str]) -> bool:
        over = sender_is_over(standing, self.clocks, self.policy, self.now)
        counts["senders"] += over
        return over


async def purge_daily(purge: Callable[[], Awaitable[dict[str, int]]], told: Callable[[dict[str, int] | None], None]) -> None:
    """Purge soon after the start and then once a day; no trouble ends it.

    Args:
        purge: one purge.
        told: gets what went, None when it failed.
    """
    await asyncio.sleep(FIRST_SECONDS)
    while True:
        counts: dict[str, int] | None = None
        try:
            counts = await purge()
        except GatewayError as error:
            log.error("the purge failed and is tried again tomorrow: %s", error)  # noqa: TRY400 - the sentence says it all
        except Exception:
            log.exception("the purge stumbled and is tried again tomorrow")
        told(counts)
        await asyncio.sleep(DAY_SECONDS)
