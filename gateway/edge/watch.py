"""What a monitor asks for is gathered here: the state of all rooms at this moment, and whether it is well."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway import __version__
from gateway.edge.downstream_pool import Pool
from gateway.edge.held import HeldFolder
from gateway.edge.metrics import Metrics
from gateway.edge.reader import ProcessReader
from gateway.edge.smtp_listener import Listener
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import GatewayError

_PATIENCE = 5.0
"""Seconds for a trial of the ledger; a disk that takes longer is as good as away."""
_TRIAL_SECONDS = 5.0
"""A trial of the ledger is believed for so long, so that asking often writes no more."""
_HELD_SECONDS = 30.0
"""So often the held mails are counted at most: each is a file to read."""


@dataclass(eq=False)
class Watcher:
    """Gathers metrics and health."""

    metrics: Metrics
    mode: str
    listener: Listener
    pool: Pool
    reader: ProcessReader
    ledger: TinyLedger
    held: HeldFolder
    clock: Callable[[], datetime]
    _trial: tuple[float, str] | None = None
    _counted: tuple[float, int, datetime | None] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def text(self) -> str:
        """All metrics, the gauges as they are now."""
        metrics = self.metrics
        metrics.info.tell(__version__, self.mode)
        doors = self.listener.service.doors
        metrics.connections.set(doors.connections)
        metrics.connected.set(doors.entered)
        metrics.memory.set(self.listener.service.memory.taken)
        metrics.weighers.set(self.reader.idle, "idle")
        metrics.weighers.set(self.reader.alive - self.reader.idle, "busy")
        metrics.downstream.set(self.pool.idle, "idle")
        metrics.downstream.set(self.pool.connections - self.pool.idle, "busy")
        metrics.downstream.set(self.pool.waited_for, "waited_for")
        metrics.downstream_up.set(float(self.pool.reachable))
        _process(metrics)
        async with self._lock:
            await self._waiting()
        return metrics.text()

    async def _waiting(self) -> None:
        now = self.clock()
        try:
            number, oldest = await self.ledger.outbox_depth()
            self.metrics.outbox.set(number)
            self.metrics.outbox_age.set((now - oldest).total_seconds() if oldest else 0)
            opened, overdue = await self.ledger.cases_waiting(now)
            self.metrics.cases.set(opened)
            self.metrics.cases_overdue.set(overdue)
            if self._counted is None or time.monotonic() - self._counted[0] >= _HELD_SECONDS:
                waits = [mail.at for mail in await self.held.held() if mail.waits]
                self._counted = time.monotonic(), len(waits), min(waits, default=None)
            self.metrics.held.set(self._counted[1])
            since = self._counted[2]
            self.metrics.held_age.set((now - since).total_seconds() if since else 0)
        except GatewayError:
            return  # the ledger's trouble is counted where it happened; the last figures stay

    async def health(self) -> list[str]:
        """A sentence for each thing that is wrong; none when mail is taken, judged and delivered."""
        wrong = []
        if not self.listener.serving:
            wrong.append("no clients are accepted: the service is starting or closing")
        if not self.pool.reachable:
            wrong.append("the mailbox server can't be reached: mail waits at its senders (451)")
        if not self.reader.alive:
            wrong.append("no weigher runs: mail is delivered unscored")
        if trouble := await self._ledger_trouble():
            wrong.append(f"the ledger can't be written, so mail is delivered plain and nothing can be held: {trouble}")
        return wrong

    async def _ledger_trouble(self) -> str:
        async with self._lock:
            if self._trial is None or time.monotonic() - self._trial[0] >= _TRIAL_SECONDS:
                try:
                    await asyncio.wait_for(self.ledger.writable(), _PATIENCE)
                    trouble = ""
                except TimeoutError:
                    trouble = f"no answer in {_PATIENCE:g} seconds"
                except GatewayError as error:
                    trouble = str(error)
                self._trial = time.monotonic(), trouble
            return self._trial[1]


def _process(metrics: Metrics) -> None:
    times = os.times()
    metrics.cpu.set(times.user + times.system)
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        metrics.resident.set(int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
        metrics.descriptors.set(sum(1 for _ in Path("/proc/self/fd").iterdir()))
    except (OSError, IndexError, ValueError):
        return
