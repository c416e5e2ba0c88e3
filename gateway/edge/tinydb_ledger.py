"""The ledger of record on TinyDB: what the path, the command line, the outbox and the digest ask of it, on the event loop."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from gateway.edge.codec import CodecError
from gateway.edge.durable import Disk
from gateway.edge.ledger_counters import CounterFiles
from gateway.edge.ledger_files import Changes, Choice, LedgerFiles, shard_of
from gateway.edge.ledger_store import failure
from gateway.edge.ledger_thread import LedgerThread
from gateway.edge.shard import PostedMail
from gateway.edge.tinydb_cases import CaseLedger
from gateway.edge.tinydb_retention import RetentionLedger
from gateway.errors import LedgerFailed, LedgerTorn
from gateway.ports import Ledger
from gateway.records import DecisionList, Incident, IncidentState, OutgoingMail
from gateway.values import Standing

P = ParamSpec("P")
T = TypeVar("T")

_FLUSH_SECONDS = 60.0
_PAGE = 50
"""Incidents or standings read in one go: a long list doesn't keep a mail waiting for its record."""

_LOG = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


class TinyLedger(CaseLedger, RetentionLedger, Ledger):
    """gateway.ports.Ledger on small TinyDB files; use `open`, and `close` at the end, or `async with`.

    All work on files is done in one thread of its own: TinyDB is not thread-safe, and the event loop never waits
    for a disk. Every method raises LedgerFailed when it can't do its work; then nothing was changed.
    """

    def __init__(
        self, files: LedgerFiles, counters: CounterFiles, worker: LedgerThread, clock: Callable[[], datetime], zone: tzinfo
    ) -> None:
        self._files = files
        self._counters = counters
        self._worker = worker
        self._clock = clock
        self._zone = zone
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}
        self._counted: dict[date, Counter[str]] = {}
        self._flushing: asyncio.TimerHandle | None = None
        self._flushes: set[asyncio.Task[None]] = set()
        self._closed = False
        self.observe: Callable[[float, bool], None] = lambda _seconds, _failed: None
        """Is told how long each piece of work took and whether the disk or a file of the ledger failed it."""
        self.mail_waiting = asyncio.Event()

    @classmethod
    async def open(cls, folder: Path, *, clock: Callable[[], datetime] = utc_now, zone: tzinfo = UTC, disk: Disk | None = None) -> Self:
        """Open a ledger; one that isn't there begins empty.

        Args:
            folder: settings.ledger_folder.
            clock: the time now, aware.
            zone: in which the days of the counters begin.
            disk: what makes bytes durable; tests hand in a failing one.

        Returns:
            TinyLedger: to be closed.

        Raises:
            LedgerLocked: another process has it.
            LedgerTorn: a file of it can't be understood.
            LedgerFailed: it can't be read, or a newer version wrote it.
        """
        worker = LedgerThread()
        real = disk or Disk()

        def start() -> tuple[LedgerFiles, CounterFiles]:
            files = LedgerFiles(folder, clock, real)
            try:
                return files, CounterFiles(folder, real)
            except BaseException:
                files.close()
                raise

        try:
            files, counters = await _in(worker, start)
        except BaseException:
            worker.shutdown(wait=False)
            raise
        return cls(files, counters, worker, clock, zone)

    async def close(self) -> None:
        """Flush the counters, save the index and give the lock back; twice is fine."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._flush()
        except LedgerFailed as error:
            _LOG.warning("the last counters are lost: %s", error)
        finally:
            try:
                await _in(self._worker, self._files.close)
            finally:
                self._worker.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    # --- what the path asks (gateway.ports.Ledger) ---

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Hold a sender's turn, so that two of his mails are judged one after the other."""
        lock, waiting = self._turns.get(address, (asyncio.Lock(), 0))
        self._turns[address] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            _, waiting = self._turns[address]
            if waiting == 1:
                del self._turns[address]
            else:
                self._turns[address] = lock, waiting - 1

    async def standing(self, address: str) -> Standing:
        """The standing of a sender; a fresh one when nothing is known."""
        if self._resting and self._files.no_standing(address):
            return Standing(address)
        return await self._do(self._files.standing, address) or Standing(address)

    async def seen(self, address: str, key: str) -> Incident | None:  # noqa: ARG002 - the key alone is unique here
        """The incident that this delivery key left within the last seven days, if any."""
        return None if self._resting and self._files.not_seen(key) else await self._do(self._files.seen, key)

    async def record(self, incident: Incident, standing: Standing | None, outgoing: Sequence[OutgoingMail] = ()) -> None:
        """Write incident, standing (None: unchanged) and outgoing mail at once or not at all; durable on return.

        Recording a delivery key again within seven days, or the same incident at any time, changes nothing.
        """
        if await self._do(self._files.record, incident, standing, outgoing) and outgoing:
            self.mail_waiting.set()

    async def settle(self, incident: Incident, reply: str, outgoing: Sequence[OutgoingMail] = ()) -> None:
        """Note the reply that the client of this incident's mail gets, so that a resend gets it again, and what goes out now.

        Both at once or not at all; durable on return. A mail whose id waits or was sent already is left alone.
        """
        await self._do(self._files.settle, incident, reply, outgoing)
        if outgoing:
            self.mail_waiting.set()

    async def count(self, at: datetime, counters: Mapping[str, int]) -> None:
        """Add to the counters of a day; flushed now and then, so the last minute may be lost in a crash."""
        if self._closed:
            raise LedgerFailed("the ledger is closed")
        self._counted.setdefault(at.astimezone(self._zone).date(), Counter()).update(counters)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush_later)

    # --- what people ask ---

    async def incident(self, reference: str) -> Incident | None:
        """One incident by its id."""
        return await self._do(self._files.incident, reference)

    async def incidents(
        self,
        *,
        sender: str | None = None,
        state: IncidentState | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> tuple[Incident, ...]:
        """Incidents, newest first.

        Args:
            sender: only his.
            state: only those.
            since: judged then or later.
            until: judged before then.
            limit: at most so many.

        Returns:
            tuple: may be long without a limit; `every_incident` keeps less in memory.
        """
        references = await self._do(self._files.choose, Choice(sender, state, since, until, limit))
        found = {incident.id: incident async for incident in self._read(references)}
        return tuple(found[reference] for reference in references if reference in found)

    async def every_incident(self) -> AsyncIterator[Incident]:
        """All incidents, one after the other, in no order that means anything."""
        async for incident in self._read(await self._do(self._files.references)):
            yield incident

    async def _read(self, references: Sequence[str]) -> AsyncIterator[Incident]:
        for page in await self._do(self._files.pages, references, _PAGE):
            for incident in await self._do(self._files.incidents, page):
                yield incident

    async def senders(self) -> set[str]:
        """Everybody of whom a standing or an incident is kept."""
        return await self._do(self._files.senders)

    async def standings(self, *, everyone: bool = False, decided: bool = False) -> tuple[Standing, ...]:
        """Standings by address: those with strikes, suspended, blocked, allowed or waiting for a decision; or all; or without the strikes alone."""
        return await self.standings_of(await self._do(self._files.addresses, 0 if everyone else 2 if decided else 1))

    async def standings_of(self, senders: Iterable[str]) -> tuple[Standing, ...]:
        """Standings of some senders by address; those of whom nothing is known are left out."""
        addresses = list(senders)
        addresses.sort(key=shard_of)  # so that each file is read about once
        found: list[Standing] = []
        for start in range(0, len(addresses), _PAGE):
            found += await self._do(self._files.standings, addresses[start : start + _PAGE])
        return tuple(sorted(found, key=lambda standing: standing.address))

    async def update_incident(
        self, reference: str, *, state: IncidentState | None = None, note: tuple[datetime, str, str] | None = None
    ) -> Incident:
        """Change the state of an incident, or add to it what a person did; what is None stays.

        Args:
            reference: id of the incident.
            state: the new state.
            note: time, who, what.

        Returns:
            Incident: as it is now.

        Raises:
            LedgerFailed: also when there is no such incident.
        """
        return await self._do(self._files.update, reference, state, note)

    async def put_standing(self, standing: Standing) -> None:
        """Replace what is known of a sender; hold his turn when it was reckoned from what was known before."""
        await self.apply(Changes(standings=(standing,)))

    async def apply(self, changes: Changes, sender: str = "", why: str = "decision") -> None:
        """Write several changes, of one or many senders, at once or not at all; durable on return.

        Args:
            changes: what is to be written.
            sender: with whom the outgoing mail is kept, when no incident, standing or case says it.
            why: for the hash chain.
        """
        await self._do(self._files.apply, changes, sender, why)
        if changes.outgoing:
            self.mail_waiting.set()

    async def ask(self, asked: DecisionList, outgoing: Sequence[OutgoingMail] = ()) -> bool:
        """Note what a mail to the managers asks and send it, at once or not at all; durable on return.

        Returns:
            bool: False when something with that id was asked before; then nothing was changed.
        """
        done = await self._do(self._files.ask, asked, outgoing)
        if outgoing:
            self.mail_waiting.set()
        return done

    async def knows_mail(self, reference: str) -> bool:
        """Whether a mail of ours waits, or left or was given up within thirty days."""
        return await self._do(self._files.knows_mail, reference)

    async def decision_list(self, reference: str) -> DecisionList | None:
        """What a mail to the managers asked, by its id."""
        return await self._do(self._files.decision_list, reference)

    async def forget(self, address: str) -> int:
        """Erase a sender: incidents, cases, standing, mail of ours for him or about him; backups made before still have it.

        Returns:
            int: how many incidents it were.
        """
        number = await self._do(self._files.forget, address)
        await self.erased()
        return number

    async def erased(self) -> None:
        """After erasures: leave nothing of them in the saved index."""
        await self._do(self._files.save_index)

    async def counters(self, first: date, last: date) -> dict[date, dict[str, int]]:
        """Counters of the days from first to last, both included, with what isn't flushed yet."""
        await self._flush()
        return await self._do(self._counters.sums, first, last)

    async def snapshot(self, target: Path) -> None:
        """Link a consistent copy of the ledger into a folder that isn't there yet, on the same disk."""
        await self._flush()
        await self._do(self._files.snapshot, target)

    async def writable(self) -> None:
        """Write and remove a small file, to know that a record could be written now."""
        await self._do(self._files.try_disk)

    # --- what the outbox asks ---

    async def due(self, at: datetime, limit: int = 20, without: frozenset[str] = frozenset()) -> tuple[OutgoingMail, ...]:
        """Waiting mails whose next try has come, the longest waiting first.

        Args:
            at: now.
            limit: at most so many.
            without: kinds that are left out.
        """
        return tuple(await self._do(self._files.due, at, limit, without))

    async def next_due(self, without: frozenset[str] = frozenset()) -> datetime | None:
        """When the next waiting mail, except of some kinds, is to be tried; None when none waits."""
        return await self._do(self._files.next_due, without)

    async def outbox_depth(self) -> tuple[int, datetime | None]:
        """How many mails wait, and since when the oldest does."""
        return await self._do(self._files.outbox_depth)

    async def waiting(self) -> tuple[OutgoingMail, ...]:
        """All mails that wait, the next due first."""
        return tuple(await self._do(self._files.waiting))

    async def sent(self, mail: OutgoingMail, at: datetime) -> None:
        """Note that a waiting mail left."""
        await self._do(self._files.finish_mail, mail.id, at, "")

    async def gave_up(self, mail: OutgoingMail, at: datetime, error: str) -> None:
        """Note that a waiting mail is not tried any more, and why."""
        await self._do(self._files.finish_mail, mail.id, at, error)

    async def failed(self, mail: OutgoingMail, recipients: tuple[str, ...], next_try: datetime, error: str) -> None:
        """Note a failed try, for whom the mail still waits, and when the next try is."""
        await self._do(self._files.retry_mail, mail.id, recipients, next_try, error)

    async def posted(self, since: datetime) -> tuple[PostedMail, ...]:
        """Mails that left or were given up since then, oldest first; remembered for thirty days."""
        return tuple(await self._do(self._files.posted, since))

    # --- how ---

    @property
    def _resting(self) -> bool:
        """Whether the index stands still, so that most mail, of whose sender nothing is known, waits for no thread and no disk."""
        return not self._closed and self._worker.resting

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        begun = time.monotonic()
        failed = False
        try:
            return await _in(self._worker, work, *args, **kwargs)
        except LedgerFailed as error:
            failed = error.__cause__ is not None or isinstance(error, LedgerTorn)
            raise
        finally:
            self.observe(time.monotonic() - begun, failed)
            if self._files.untidy and not self._closed:
                self._worker.submit(self._tidy)

    def _tidy(self) -> None:
        try:
            self._files.tidy()
        except (OSError, LedgerFailed) as error:  # nothing is lost, the file is only longer than it should be
            _LOG.warning("the ledger couldn't be tidied: %s", error)

    def _flush_later(self) -> None:
        self._flushing = None
        task = asyncio.get_running_loop().create_task(self._flush_quietly())
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)

    async def _flush_quietly(self) -> None:
        try:
            await self._flush()
        except LedgerFailed as error:
            _LOG.warning("counters wait for the next flush: %s", error)
            if not self._closed and self._flushing is None:
                self._flushing = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush_later)

    async def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        counted, self._counted = self._counted, {}
        if not counted:
            return
        try:
            await self._do(self._counters.add, counted)
        except LedgerFailed:
            for day, counters in counted.items():  # those days that didn't become durable
                self._counted.setdefault(day, Counter()).update(counters)
            raise


async def _in(worker: LedgerThread, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.get_running_loop().run_in_executor(worker, partial(work, *args, **kwargs))
    except (OSError, CodecError) as error:
        raise failure(error) from error
    except RuntimeError as error:
        if "after shutdown" in str(error):
            raise LedgerFailed("the ledger is closed") from None
        raise
