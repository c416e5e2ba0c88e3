"""A second set of rules beside the one in force: for some days it weighs the same live mail, and has no say in anything.

Mail reaches it when it is settled and its client has the answer. What comes faster than one patient weigher can do is
counted and let go. Whatever goes wrong here switches the trial off and nothing else.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.edge.metrics import Metrics
from gateway.edge.reader import ProcessReader
from gateway.edge.rows import Refused, Row
from gateway.edge.rules_store import RulesEvent, RulesStore
from gateway.edge.settings import RulesSettings
from gateway.edge.shadow_run import TrialRun
from gateway.edge.shadow_store import NOTHING, ShadowRecord, ShadowStore, TrialState, is_over
from gateway.edge.shadow_weigher import PatientWeigher
from gateway.edge.weigher import Order
from gateway.errors import GatewayError
from gateway.policy.shadowed import Trial
from gateway.ports import Judged
from gateway.values import Mode

log = logging.getLogger("courtesy.shadow")


@dataclass(eq=False)
class Shadow:
    """A `gateway.ports.Onlooker`: one trial at a time, and what is known of the last one.

    Attributes:
        order: where the shipped rules lie, and the limits.
        rules: keeps a copy of each version, also of the one on trial.
        trials: the file of the trial.
        own: our own addresses, which are never answered.
    """

    order: Order
    rules: RulesStore
    trials: ShadowStore
    settings: RulesSettings
    mode: Mode
    own: frozenset[str]
    reader: ProcessReader
    metrics: Metrics
    clock: Callable[[], datetime]
    _record: ShadowRecord | None = None
    _trial: Trial = field(default_factory=Trial)
    _run: TrialRun | None = None
    _job: asyncio.Task[None] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def record(self) -> ShadowRecord | None:
        """The trial that runs, or the last one."""
        return self._run.record if self._run is not None else self._record

    def judged(self, mail: Judged) -> None:
        """Take note of a mail that is settled."""
        if self._run is not None:
            self._run.judged(mail)

    # --- what people ask for ------------------------------------------------------------------------------------------

    async def call(self, name: str, arguments: dict[str, Any]) -> Row:
        """An operation by its name: start, stop, status, report.

        Raises:
            GatewayError: it can't be done.
        """
        match name:
            case "start":
                return await self.start(**arguments)
            case "stop":
                return await self.stop(**arguments)
            case "status":
                return self.status()
            case "report":
                return self.report(**arguments)
        raise Refused(f"there is no operation {name}")

    async def start(self, folder: str, days: float, sample: int = 100) -> Row:
        """Begin a trial of a site's folder laid over the shipped rules.

        Raises:
            BadInput: the rules have errors.
            GatewayError: it can't begin; the text says why.
        """
        async with self._lock:
            if self._run is not None:
                until = f"{self._run.record.until:%Y-%m-%d %H:%M} UTC"
                raise Refused(f"{self._run.record.version} is on trial until {until}; `courtesy rules shadow --stop` ends that")
            if trouble := self._forbidden():
                raise Refused(f"{trouble}, so no rules can be tried")
            version, weigher = await self._loaded((self.order.folders[0], Path(folder)))
            now, live = self.clock(), self.reader.version
            self._record, self._trial = ShadowRecord(version, folder, now, now + timedelta(days=days), sample, (live,)), Trial()
            self._go(self._record, weigher)
            await self._save()
            await self._told(version, TrialState.RUNNING, f"until {self._record.until:%Y-%m-%d %H:%M} UTC, beside {live}")
            return self.status()

    async def _loaded(self, folders: tuple[Path, Path]) -> tuple[str, PatientWeigher]:
        """A copy of the rules that is kept, and a weigher that has loaded it and tried its examples."""
        try:
            kept, new = await asyncio.to_thread(self.rules.keep, folders, self.clock())
        except OSError as error:
            raise GatewayError(f"the rules can't be copied to {self.rules.root}: {error.strerror}") from error
        try:
            if kept.version == self.reader.version:
                raise Refused(f"{folders[1]} says the same as the rules in force, version {kept.version}")
            return kept.version, await PatientWeigher.start(replace(self.order, folders=kept.folders, shown=kept.shown, examples=True))
        except GatewayError:
            if new:
                self.rules.drop(kept.version)
            raise

    async def stop(self, by: str) -> Row:
        """End a trial before its time; its figures stay.

        Raises:
            Refused: none is running.
        """
        async with self._lock:
            if self._job is None:
                raise Refused("no rules are on trial")
            await _cancelled(self._job)
            await self._finish(TrialState.STOPPED, f"by {by}")
            return self.status()

    def status(self) -> Row:
        """The trial that runs, or the last one.

        Raises:
            Refused: there was none.
        """
        run = self._run
        return {**self._last().row(), "loading": run is not None and not run.loaded, "waiting": run.waiting if run else 0, **self._figures()}

    def report(self, examples: int = 20) -> Row:
        """Its figures and examples.

        Raises:
            Refused: there was none.
        """
        return self._last().report(examples, self._trial)

    def _figures(self) -> Row:
        return {"mails": self._trial.tally.mails, **{name: self._trial.tally.total(name) for name in ("changed", "harsher", "milder")}}

    def _last(self) -> ShadowRecord:
        if self.record is None:
            raise Refused(NOTHING)
        return self.record

    @property
    def spared(self) -> frozenset[str]:
        """The version that must be kept, for the trial runs or may be adopted."""
        return frozenset({self.record.version} if self.record is not None else ())

    def _forbidden(self) -> str:
        if not self.settings.shadow:
            return "rules.shadow is off in the settings"
        return "in mode pass nothing is weighed" if self.mode is Mode.PASS else ""

    # --- what is kept about senders -----------------------------------------------------------------------------------

    def about(self, address: str) -> dict[str, Any]:
        """What is kept of a sender."""
        return self._trial.tally.about(address)

    async def forget(self, address: str) -> bool:
        """Erase a sender; whether anything was kept of him."""
        found = self._trial.forget(address)
        if found:
            await self._save()
        return found

    async def expire(self, span: timedelta | None) -> None:
        """Remove a trial that ended so long ago."""
        async with self._lock:
            if self._run is None and self._record is not None and is_over(self._record, span, self.clock()):
                self._record, self._trial = None, Trial()
                await asyncio.to_thread(self.trials.drop)

    # --- its course ---------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Learn what was on trial when the service ended."""
        self._record = await asyncio.to_thread(self.trials.load)
        if self._record is not None:
            self._trial = Trial(self._record.trial)

    async def resume(self) -> None:
        """Go on with it."""
        record = self._record
        if record is None or record.state is not TrialState.RUNNING:
            return
        if trouble := self._forbidden():
            await self._finish(TrialState.FAILED, trouble)
        elif record.until <= self.clock():
            await self._finish(TrialState.ENDED, "")
        else:
            self._go(record, None)

    async def close(self) -> None:
        """Write down how far it is; the trial goes on at the next start."""
        if self._job is not None:
            await _cancelled(self._job)
            self._leave()
            await self._save()

    def _go(self, record: ShadowRecord, weigher: PatientWeigher | None) -> None:
        self._run = TrialRun(record, self._trial, self.order, self.rules, self.own, self.settings.shadow_waiting, self.metrics, self.clock, self._save)
        self.metrics.shadow_active.set(1)
        self._job = asyncio.get_running_loop().create_task(self._until_over(self._run, weigher))

    async def _until_over(self, run: TrialRun, weigher: PatientWeigher | None) -> None:
        await self._finish(*await run.run(weigher))

    def _leave(self) -> None:
        """From here on no mail is noted."""
        if self._run is not None:
            self._run.leave()
            self._record = self._run.record
        self._run = self._job = None
        self.metrics.shadow_active.set(0)

    async def _finish(self, state: TrialState, why: str) -> None:
        self._leave()
        record = self._record = replace(self._last(), state=state, ended=self.clock(), why=why)
        figures = "{changed} of {mails} mails would have been treated differently".format_map(self._figures())
        if state is TrialState.FAILED:
            self.metrics.shadow_failures.add()
            log.error("the trial of rules %s was switched off, live mail is not touched by it: %s", record.version, why)
        else:
            log.warning("the trial of rules %s is over%s: %s", record.version, f" ({why})" if why else " as planned", figures)
        await self._save()
        await self._told(record.version, state, why or figures)

    async def _told(self, version: str, state: TrialState, text: str) -> None:
        event = RulesEvent(self.clock(), f"shadow.{state.value}", version, text)
        with contextlib.suppress(OSError):  # the file of the trial says the same
            await asyncio.to_thread(self.rules.note, event)

    async def _save(self) -> None:
        async with self._saving:
            if self.record is None:
                return
            record = replace(self.record, trial=self._trial.kept())
            try:
                await asyncio.to_thread(self.trials.save, record)
            except OSError as error:
                log.warning("the figures of the trial can't be written: %s", error.strerror)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
