"""What is remembered of a set of rules on trial: which one, since when, what it would have judged otherwise.

One file beside the kept versions, STATE/rules/shadow.json, whole at any time; the last trial stays until the next begins or
retention removes it. Nothing in it was said by a mail.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from gateway.edge.codec import CodecError, decode, encode
from gateway.edge.durable import Disk
from gateway.edge.rows import Row
from gateway.edge.rows import time_text as _time
from gateway.edge.rules_store import FOLDER
from gateway.policy.shadowed import Trial, TrialKept

log = logging.getLogger("courtesy.shadow")

_FILE = "shadow.json"
NOTHING = "no rules were on trial; `courtesy rules shadow FOLDER --days 7` begins one"


class TrialState(StrEnum):
    """How far a trial is."""

    RUNNING = "running"
    ENDED = "ended"
    """By itself, as planned."""
    STOPPED = "stopped"
    """By a person, or because its rules went live."""
    FAILED = "failed"
    """It was switched off."""


@dataclass(frozen=True, slots=True)
class ShadowRecord:
    """One trial.

    Attributes:
        version: of the set on trial.
        folder: the site's folder that it was made of.
        sample: of so many mails in a hundred.
        beside: versions that were in force meanwhile, oldest first.
        ended: when, None while it runs.
        why: it ended, for people.
        skipped: mails that came faster than they could be weighed.
    """

    version: str
    folder: str
    since: datetime
    until: datetime
    sample: int = 100
    beside: tuple[str, ...] = ()
    state: TrialState = TrialState.RUNNING
    ended: datetime | None = None
    why: str = ""
    skipped: int = 0
    trial: TrialKept = field(default_factory=TrialKept)

    def row(self) -> Row:
        """The trial without its figures."""
        return {
            "version": self.version,
            "folder": self.folder,
            "state": self.state.value,
            "since": _time(self.since),
            "until": _time(self.until),
            "ended": _time(self.ended),
            "why": self.why,
            "sample": self.sample,
            "beside": list(self.beside),
            "skipped": self.skipped,
        }

    def report(self, examples: int, trial: Trial | None = None) -> Row:
        """The trial with its figures, those of a trial that goes on where one does."""
        return {**self.row(), **(trial or Trial(self.trial)).row(examples)}


class ShadowStore:
    """The file, for the service and for commands without one."""

    def __init__(self, state: Path) -> None:
        """Name it; nothing is made before the first `save`."""
        self.path = state / FOLDER / _FILE

    def load(self) -> ShadowRecord | None:
        """The last trial, None when there is none; a file that can't be understood is put aside."""
        try:
            return decode(ShadowRecord, json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return None
        except OSError as error:
            log.error("%s can't be read: %s", self.path, error.strerror)  # noqa: TRY400 - the sentence says it all
        except (CodecError, ValueError) as error:
            aside = self.path.with_suffix(".broken")
            self.path.replace(aside)
            log.error("the trial of rules in %s can't be understood and is put aside as %s: %s", self.path, aside.name, error)  # noqa: TRY400 - likewise
        return None

    def save(self, record: ShadowRecord) -> None:
        """Write a trial down.

        Raises:
            OSError: it can't be written; what was there before still is.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        Disk().save(self.path, json.dumps(encode(record), ensure_ascii=False).encode())

    def drop(self) -> None:
        """Forget the last trial."""
        self.path.unlink(missing_ok=True)


class Trials(Protocol):
    """What is kept about senders in the last trial."""

    def about(self, address: str) -> dict[str, Any]:
        """What is kept of a sender, as JSON values."""
        ...

    async def forget(self, address: str) -> bool:
        """Erase a sender; whether anything was kept of him."""
        ...

    async def expire(self, span: timedelta | None) -> None:
        """Remove a trial that ended so long ago."""
        ...


@dataclass(frozen=True, slots=True)
class ShadowBook:
    """`Trials` where no service runs."""

    store: ShadowStore
    clock: Callable[[], datetime]

    def about(self, address: str) -> dict[str, Any]:
        """What is kept of a sender, as JSON values."""
        record = self.store.load()
        return Trial(record.trial).tally.about(address) if record is not None else {}

    async def forget(self, address: str) -> bool:
        """Erase a sender; whether anything was kept of him."""
        record = await asyncio.to_thread(self.store.load)
        if record is None:
            return False
        trial = Trial(record.trial)
        found = trial.forget(address)
        if found:
            await asyncio.to_thread(self.store.save, replace(record, trial=trial.kept()))
        return found

    async def expire(self, span: timedelta | None) -> None:
        """Remove a trial that ended so long ago."""
        record = await asyncio.to_thread(self.store.load)
        if record is not None and is_over(record, span, self.clock()):
            await asyncio.to_thread(self.store.drop)


class _NoTrials:
    """`Trials` where none is remembered."""

    def about(self, address: str) -> dict[str, Any]:  # noqa: ARG002
        """Nothing."""
        return {}

    async def forget(self, address: str) -> bool:  # noqa: ARG002
        """Nothing was kept."""
        return False

    async def expire(self, span: timedelta | None) -> None:
        """Nothing to remove."""


NO_TRIALS = _NoTrials()


def is_over(record: ShadowRecord, span: timedelta | None, now: datetime) -> bool:
    """Whether a trial that has ended may not be kept any longer."""
    return record.ended is not None and span is not None and now - record.ended >= span
