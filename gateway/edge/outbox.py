"""Sends our own mail - notices, alerts, digests - from the ledger: later, with retry, never twice on purpose."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from gateway.edge.dkim_signer import Signer
from gateway.edge.settings import Settings
from gateway.edge.shard import PostedMail
from gateway.edge.tinydb_ledger import utc_now
from gateway.edge.transmit import Answers, Route, RouteFailed, one_line, without_words
from gateway.errors import LedgerFailed
from gateway.records import OutgoingMail
from gateway.values import NoticeKind

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=4)
GIVE_UP = timedelta(days=5)
"""RFC 5321 section 4.5.4.1: four to five days."""

NOTICES = frozenset(kind.value for kind in NoticeKind)

_HOUR = timedelta(hours=1)
_NAP = 60.0
"""Longest sleep in seconds: the system's clock may be set while we sleep."""
_BATCH = 20

_LOG = logging.getLogger(__name__)


class Waiting(Protocol):
    """What the outbox asks of the ledger; see TinyLedger."""

    mail_waiting: asyncio.Event

    async def due(self, at: datetime, limit: int = ..., without: frozenset[str] = ...) -> tuple[OutgoingMail, ...]:
        """Waiting mails whose next try has come."""
        ...

    async def next_due(self, without: frozenset[str] = ...) -> datetime | None:
        """When the next try is due."""
        ...

    async def sent(self, mail: OutgoingMail, at: datetime) -> None:
        """Note that a mail left."""
        ...

    async def gave_up(self, mail: OutgoingMail, at: datetime, error: str) -> None:
        """Note that a mail is not tried any more."""
        ...

    async def failed(self, mail: OutgoingMail, recipients: tuple[str, ...], next_try: datetime, error: str) -> None:
        """Note a failed try."""
        ...

    async def posted(self, since: datetime) -> tuple[PostedMail, ...]:
        """Mails that left or were given up since then."""
        ...


def retry_at(mail: OutgoingMail, now: datetime) -> datetime | None:
    """When a mail is tried again after a failed try; None when its time is over.

    Args:
        mail: before the try was counted.
        now: time of the failed try.
    """
    last = mail.created + GIVE_UP
    if now >= last:
        return None
    pause = min(FIRST_RETRY * (1 << min(mail.attempts, 16)), LONGEST_RETRY)
    return min(now + pause, last)


class Outbox:
    """The sender of our own mail: `run` it as a task, `stop` it, and `send_due` for one round.

    Args:
        ledger: where the mail waits.
        settings: route_out, hostname and the hourly cap of notices; alerts and digests have no cap.
        clock: the time now, aware.
        seconds: patience with each answer of the server.
        observe: is told the kind of a mail and "sent", "retry" or "gave_up", for the metrics.
        signer: makes the DKIM signature, anew for each try, since it bears its time; None for none.
    """

    def __init__(
        self,
        ledger: Waiting,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = utc_now,
        seconds: float = 60.0,
        observe: Callable[[str, str], None] = lambda _kind, _outcome: None,
        signer: Signer | None = None,
    ) -> None:
        self._ledger = ledger
        self._route = settings.route_out
        self._hostname = settings.hostname
        self._cap = settings.notices.per_hour
        self._clock = clock
        self._seconds = seconds
        self._observe = observe
        self._signer = signer
        self._stopping = asyncio.Event()
        self._recent: deque[datetime] | None = None
        self._unrecorded: dict[str, tuple[OutgoingMail, datetime, str]] = {}

    async def run(self) -> None:
        """Send until stopped; no trouble ends it."""
        while not self._stopping.is_set():
            self._ledger.mail_waiting.clear()
            try:
                await self.send_due()
                nap = await self._nap()
            except LedgerFailed as error:
                _LOG.warning("the outbox waits for the ledger: %s", error)
                nap = _NAP
            except Exception:  # noqa: BLE001 - a bug must not end all notices and alerts until the next start
                _LOG.exception("the outbox stumbled and goes on in a minute")
                nap = _NAP
            await self._sleep(nap)

    def stop(self) -> None:
        """Let `run` end after the mail that is on its way."""
        self._stopping.set()

    async def send_due(self) -> int:
        """Try every mail whose time has come, once.

        Returns:
            int: how many left.

        Raises:
            LedgerFailed: what waits can't be read; or what was sent couldn't be noted, and is noted the next time.
        """
        begun = self._clock()
        await self._note_unrecorded()
        if self._recent is None:
            posted = await self._ledger.posted(begun - _HOUR)
            self._recent = deque(mail.at for mail in posted if mail.kind in NOTICES and not mail.error)
        left = 0
        route: Route | None = None
        try:
            while not self._stopping.is_set():
                batch = await self._ledger.due(begun, _BATCH, self._left_out())
                if not batch:
                    break
                for mail in batch:
                    if self._stopping.is_set() or mail.kind in self._left_out():
                        continue
                    try:
                        if route is None or not route.usable:
                            route = await Route.open(self._route, self._hostname, self._seconds)
                    except RouteFailed as error:
                        await self._route_is_away(begun, str(error))
                        return left
                    left += await self._send(route, mail)
        finally:
            if route is not None:
                await route.close()
        return left

    async def _send(self, route: Route, mail: OutgoingMail) -> bool:
        signed = replace(mail, message=await asyncio.to_thread(self._signer.signed, mail.message)) if self._signer else mail
        try:
            answers = await route.send(signed)
        except RouteFailed as error:
            await self._try_later(mail, mail.recipients, str(error))
            return False
        now = self._clock()
        if answers.accepted and mail.kind in NOTICES and self._recent is not None:
            self._recent.append(now)
        if answers.later:
            await self._try_later(mail, tuple(recipient for recipient, _ in answers.later), _words(answers))
        else:
            await self._finish(mail, now, _words(answers))
        return bool(answers.accepted)

    async def _try_later(self, mail: OutgoingMail, recipients: tuple[str, ...], error: str) -> None:
        now = self._clock()
        next_try = retry_at(mail, now)
        if next_try is None:
            await self._finish(mail, now, f"given up after {GIVE_UP.days} days: {error}")
            return
        self._observe(mail.kind, "retry")
        _LOG.info("outgoing mail %s (%s) waits after try %d: %s", mail.id, mail.kind, mail.attempts + 1, without_words(error))
        await self._ledger.failed(mail, recipients, next_try, error)

    async def _route_is_away(self, due: datetime, error: str) -> None:
        """All that would be tried now waits alike: a connection that fails is not tried once for each mail."""
        while batch := await self._ledger.due(due, _BATCH, self._left_out()):
            for mail in batch:
                await self._try_later(mail, mail.recipients, error)

    async def _finish(self, mail: OutgoingMail, at: datetime, error: str) -> None:
        # remembered until it is on the disk, else a full disk would make us send the same mail again and again
        self._unrecorded[mail.id] = mail, at, error
        self._observe(mail.kind, "gave_up" if error else "sent")
        if error:
            _LOG.error("outgoing mail %s (%s) is given up: %s", mail.id, mail.kind, without_words(error))
        await self._note_unrecorded()

    async def _note_unrecorded(self) -> None:
        for reference, (mail, at, error) in list(self._unrecorded.items()):
            if error:
                await self._ledger.gave_up(mail, at, error)
            else:
                await self._ledger.sent(mail, at)
            del self._unrecorded[reference]

    def _left_out(self) -> frozenset[str]:
        """The kinds that may not be sent now: notices once their cap for the hour is reached."""
        recent = self._recent or deque()
        while recent and recent[0] <= self._clock() - _HOUR:
            recent.popleft()
        return NOTICES if len(recent) >= self._cap else frozenset()

    async def _nap(self) -> float:
        now = self._clock()
        left_out = self._left_out()
        times = [await self._ledger.next_due(left_out)]
        if left_out and self._recent:
            times.append(self._recent[0] + _HOUR)
        return max(0.0, min([_NAP, *((at - now).total_seconds() for at in times if at is not None)]))

    async def _sleep(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._ledger.mail_waiting.wait()), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await wait


def _words(answers: Answers) -> str:
    return one_line("; ".join(reply for _, reply in (*answers.refused, *answers.later)))
