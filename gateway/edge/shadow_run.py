"""One run of a trial: mail that is settled is weighed by the set on trial, one after the other, until the time is over."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gateway.edge.metrics import Metrics
from gateway.edge.rules_files import version_of
from gateway.edge.rules_store import RulesStore
from gateway.edge.shadow_store import ShadowRecord, TrialState
from gateway.edge.shadow_weigher import PatientWeigher
from gateway.edge.weigher import Order, unscored
from gateway.errors import BadInput, GatewayError
from gateway.policy.answerable import why_not
from gateway.policy.shadowed import SeenTwice, Trial
from gateway.ports import Judged
from gateway.scoring.stayed import stays

log = logging.getLogger("courtesy.shadow")

_BEHIND = 0.05
"""Seconds after a mail is settled: by then its client has the reply."""
_MOST_CHARACTERS = 20_000_000
"""Of all mails together that wait."""
_SAVE_SECONDS = 30.0
_NAP = 60.0

Outcome = tuple[TrialState, str]


@dataclass(eq=False)
class TrialRun:
    """A trial while it goes on.

    Attributes:
        record: of the trial; its figures are in `trial` until it is saved.
        order: where the shipped rules lie, and the limits.
        own: our own addresses, which are never answered.
        most: so many mails may wait.
        save: writes down how far it is.
        loaded: the weigher stands ready.
        waiting: so many mails wait.
    """

    record: ShadowRecord
    trial: Trial
    order: Order
    rules: RulesStore
    own: frozenset[str]
    most: int
    metrics: Metrics
    clock: Callable[[], datetime]
    save: Callable[[], Awaitable[None]]
    loaded: bool = False
    waiting: int = 0
    _queue: asyncio.Queue[Judged] = field(default_factory=asyncio.Queue)
    _characters: int = 0
    _seen: int = 0

    def judged(self, mail: Judged) -> None:
        """Take note of a mail that is settled; it is looked at later, or not at all when too much waits."""
        self._seen += 1
        if self._seen * self.record.sample // 100 == (self._seen - 1) * self.record.sample // 100:
            return
        size = _size(mail)
        if self.waiting >= self.most or self._characters + size > _MOST_CHARACTERS:
            self._skip(1)
            return
        self.waiting += 1
        self._characters += size
        asyncio.get_running_loop().call_later(_BEHIND, self._queue.put_nowait, mail)

    def leave(self) -> None:
        """Look at nothing more; what waits is left out."""
        self._skip(self.waiting)
        self.waiting = 0

    def _skip(self, number: int) -> None:
        self.record = replace(self.record, skipped=self.record.skipped + number)
        self.metrics.shadow_mails.add("skipped", by=number)

    async def run(self, weigher: PatientWeigher | None) -> Outcome:
        """Go on until the trial is over, whatever ends it.

        Args:
            weigher: that loaded the rules already, None to load those of the copy that is kept.
        """
        try:
            return await _first(self._work(weigher), self._time())
        except BadInput as error:
            return TrialState.FAILED, f"it can't be loaded any more: {error.problems[0]}"
        except GatewayError as error:
            return TrialState.FAILED, str(error)
        except Exception as error:  # a trial has no effect on anything, whatever happens to it
            log.exception("the trial of rules stumbled")
            return TrialState.FAILED, f"it stumbled ({type(error).__name__})"

    async def _time(self) -> Outcome:
        while (left := (self.record.until - self.clock()).total_seconds()) > 0:  # noqa: ASYNC110 - the clock is the site's
            await asyncio.sleep(min(_NAP, left))
        return TrialState.ENDED, ""

    async def _work(self, weigher: PatientWeigher | None) -> Outcome:
        if weigher is None:
            weigher = await PatientWeigher.start(await asyncio.to_thread(self._kept_order))
        self.loaded = True
        try:
            return await _first(self._look_at_all(weigher), _death(weigher))
        finally:
            await weigher.end()

    def _kept_order(self) -> Order:
        """What a weigher of the kept copy is told, when the copy still is what was on trial."""
        kept = self.rules.get(self.record.version)
        if kept is None:
            raise GatewayError("its copy isn't kept any more")
        try:
            if version_of(kept.folders) != kept.version:
                raise GatewayError("its copy was edited")
            if version_of(kept.folders[:1]) != version_of(self.order.folders[:1]):
                raise GatewayError("the shipped rules were upgraded meanwhile; begin it anew")
        except OSError as error:
            raise GatewayError(f"its copy can't be read: {error.strerror}") from error
        return replace(self.order, folders=kept.folders, shown=kept.shown)

    async def _look_at_all(self, weigher: PatientWeigher) -> Outcome:
        saved = time.monotonic()
        while True:
            mail = await self._queue.get()
            self.waiting -= 1
            self._characters -= _size(mail)
            live = mail.assessment.rules_version
            if live == self.record.version:
                return TrialState.STOPPED, "its rules are in force now"
            if live and live not in self.record.beside:
                self.record = replace(self.record, beside=(*self.record.beside, live))
            await self._look_at(mail, weigher)
            if time.monotonic() - saved >= _SAVE_SECONDS:
                await self.save()
                saved = time.monotonic()

    async def _look_at(self, mail: Judged, weigher: PatientWeigher) -> None:
        # what the rules in force couldn't read can't be read here either
        trouble = mail.assessment.error
        new = unscored(trouble, weigher.ready.version) if trouble is not None else await weigher.weigh(mail.reading)
        seen = SeenTwice(
            reference=mail.reference,
            message_id=mail.reading.message_id,
            incident=mail.incident,
            at=mail.at,
            identity=mail.identity,
            answerable=not why_not(mail.reading, mail.envelope, mail.identity, self.own),
            answers=mail.answers,
            standing=mail.standing,
            old=mail.assessment,
            new=new,
            stayed=stays(mail.assessment, new, mail.policy, weigher.ready.policy),
        )
        changed = self.trial.add(seen, mail.policy, weigher.ready.policy)
        self.metrics.shadow_mails.add("unscored" if new.level is None else "changed" if changed else "same")


def _size(mail: Judged) -> int:
    return sum(len(segment.text) for segment in mail.reading.segments)


async def _death(weigher: PatientWeigher) -> Outcome:
    await weigher.died()
    return TrialState.FAILED, "its weigher ended"


async def _first(*jobs: Coroutine[Any, Any, Outcome]) -> Outcome:
    """What the first of several jobs that ends says; the others are ended."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
