"""The ledger's folder: opening it, its format, and how several of its files change at once; blocking, for one thread."""

import json
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from gateway.edge.atomic_storage import torn
from gateway.edge.chain import ADOPTED, LOST, UNDONE, Chain, Step, record_hash
from gateway.edge.chain import FOLDER as CHAIN
from gateway.edge.codec import CodecError
from gateway.edge.durable import JOURNAL, Disk, explain, sweep
from gateway.edge.ledger_index import Index, Note, describe, load_notes, microseconds, read_folder, save_index, stamp
from gateway.edge.ledger_lock import FolderLock
from gateway.edge.shard import Shard
from gateway.errors import LedgerFailed

FORMAT = 2
"""Version of the layout; a newer one is refused. 2 brought the hash chain."""
_CHAINED = 2

SENDERS = "senders"
INDEX = "index.json"
FORMAT_FILE = "format.json"

_LIMITS = {"incidents": (64, 48), "posted": (64, 48), "outgoing": (16, 12), "cases": (64, 48)}
"""How many documents of a table the current file of a shard may hold, and how many of the oldest then go to a file of
their own, so that the next move is some time away; waiting mails are the biggest."""

_POSTED_LIFE = timedelta(days=30)

_LOG = logging.getLogger(__name__)


class Edit:
    """The files that one change touches, each opened once.

    Args:
        opener: opens a file by its name.
    """

    def __init__(self, opener: Callable[[str], Shard]) -> None:
        self._opener = opener
        self.shards: dict[str, Shard] = {}

    def shard(self, name: str) -> Shard:
        """One of the files; changes of it stay in memory until the edit is committed."""
        if name not in self.shards:
            self.shards[name] = self._opener(name)
        return self.shards[name]


class LedgerStore:
    """The open folder. Every method may raise LedgerFailed, LedgerTorn or OSError, and then nothing was changed.

    Layout: `senders/0ab.json` is the current file of a shard, that is of the senders whose address hashes to it, and
    `senders/0ab-0001.json` and so on have its oldest incidents once there are many. What is in memory is derived from
    what is on the disk, never the other way round. `chain` has a line for every change of an incident, written before the
    change itself: gateway.edge.chain.

    Args:
        folder: made when it isn't there.
        clock: the time now, aware.
        disk: what makes bytes durable.

    Raises:
        LedgerLocked: another process has it.
        LedgerTorn: a file can't be understood.
        LedgerFailed: a newer version wrote it.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime], disk: Disk) -> None:
        self.folder = folder
        self._senders = folder / SENDERS
        self._clock = clock
        self._disk = disk
        self._index = Index()
        self._suspect: set[str] = set()
        self._overfull: set[str] = set()
        self._unsure = True
        disk.make_folder(folder)
        self._lock = FolderLock(folder)
        try:
            version = self._check_format()
            disk.make_folder(self._senders)
            self._finish()
            sweep(folder)
            sweep(self._senders)
            self._index.take(read_folder(self._senders, load_notes(folder / INDEX), self._open, clock()), self._senders)
            self._chain = Chain(folder, disk)
            self._begin_chain(version)
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Save the index, so that the next opening is quick, and give the lock back."""
        try:
            self.save_index()
        except (OSError, LedgerFailed) as error:
            _LOG.warning("the index of the ledger wasn't saved, the next start takes longer: %s", error)
        finally:
            self._chain.close()
            self._lock.release()

    def save_index(self) -> None:
        """Write the index as it is now; after an erasure too, so that nothing erased is left in the old one."""
        self._settle()
        self._disk.save(self.folder / INDEX, save_index(self._index, time.time_ns()))

    def try_disk(self) -> None:
        """Write and remove a small file, to know that the disk takes what is written to it."""
        path = self.folder / ".trial"
        self._disk.save(path, b"ok\n")
        self._disk.remove(path)

    @property
    def untidy(self) -> bool:
        """Whether `tidy` has something to do."""
        return bool(self._overfull)

    def tidy(self) -> None:
        """Keep current files small, however much one sender writes: their oldest go to files of their own.

        Not part of `record`, so that no mail waits for it.
        """
        self._settle()
        while self._overfull:
            name = self._overfull.pop()
            edit = Edit(self._open)
            shard = edit.shard(name)
            number = name.removesuffix(".json")
            segments = self._index.segments(number)
            while full := {table: move for table, (most, move) in _LIMITS.items() if shard.count(table) > most}:
                segments += 1
                for table, move in full.items():
                    shard.move_oldest(table, move, edit.shard(f"{number}-{segments:04}.json"))
            self._commit(edit)

    def _open(self, name: str) -> Shard:
        return Shard(self._senders / name, self._disk)

    def _commit(self, edit: Edit, why: str = "decision") -> None:
        changed = {name: shard for name, shard in edit.shards.items() if shard.changed}
        if not changed:
            return
        now = self._clock()
        notes = {name: describe(shard, now) for name, shard in changed.items()}
        oldest = microseconds(now - _POSTED_LIFE)
        for name, note in notes.items():
            if stale := {mail for mail, at in note.posted if at < oldest}:
                changed[name].drop_posted(stale)
                note.posted = [(mail, at) for mail, at in note.posted if at >= oldest]
        steps = [step for shard in changed.values() for step in shard.steps()]
        if steps:
            # written down first: a change without its line could be told from nobody's work, a line without its change can
            self._chain.append(now, [*self._not_done(), (why, steps)])
            self._unsure = True
        self._suspect |= changed.keys()
        self._disk.save_all(self._senders, {name: shard.content for name, shard in changed.items()})
        self._accept(notes)
        self._unsure = self._unsure and not steps

    def _accept(self, notes: dict[str, Note]) -> None:
        for name, note in notes.items():
            note.stamp = stamp(self._senders / name)
            if "-" not in name and any(len(getattr(note, table)) > most for table, (most, _) in _LIMITS.items()):
                self._overfull.add(name)
        self._index.take(notes, self._senders)
        self._suspect -= notes.keys()

    def _settle(self) -> None:
        """After a failed change find out what the disk has; usually there is nothing to do."""
        if self._suspect:
            self._finish()
            sweep(self._senders)
            now = self._clock()
            present = {name for name in self._suspect if (self._senders / name).exists()}
            self._suspect = present
            self._accept({name: describe(self._open(name), now) for name in present})

    def _finish(self) -> None:
        try:
            self._disk.finish(self._senders)
        except ValueError:
            raise torn(self._senders / JOURNAL, "can't be understood") from None

    def _not_done(self) -> list[tuple[str, list[Step]]]:
        """What the chain's last line says and a crash or a full disk kept from being done, as a line of its own."""
        last = self._chain.last
        if not self._unsure or last is None or last.why in {ADOPTED, LOST}:
            return []
        undone = [Step(step.incident, step.now, step.was) for step in last.steps if self._hash(step.incident) == step.was]
        return [(UNDONE, undone)] if undone else []

    def mark(self, why: str) -> None:
        """Write into the chain that something happened to the ledger as a whole."""
        self._settle()
        if self._chain.begun:
            self._chain.append(self._clock(), [*self._not_done(), (why, [])])
            self._unsure = False

    def _hash(self, reference: str) -> str:
        place = self._index.incidents.get(reference)
        return self._open(place[0]).incident_hash(reference) if place else ""

    def _begin_chain(self, version: int) -> None:
        """Take what is there into a chain that isn't: of a ledger from before the chain, or because somebody took it away."""
        if not self._chain.begun and self._index.incidents:
            names = sorted({name for name, *_ in self._index.incidents.values()})
            records = [Step(row["id"], "", record_hash(row)) for name in names for row in self._open(name).rows("incidents")]
            self._chain.adopt(self._clock(), ADOPTED if version < _CHAINED else LOST, records)
            if version >= _CHAINED:
                _LOG.error("the hash chain %s was gone and begins anew with %d incidents", self.folder / CHAIN, len(records))
        if version < FORMAT:
            self._save_format()

    def _save_format(self) -> None:
        content = json.dumps({"program": "courtesy-gateway", "format": FORMAT}).encode("ascii") + b"\n"
        self._disk.save(self.folder / FORMAT_FILE, content)

    def _check_format(self) -> int:
        path = self.folder / FORMAT_FILE
        try:
            version = json.loads(path.read_bytes())["format"]
        except FileNotFoundError:
            if (self.folder / SENDERS).exists():
                raise torn(path, "is missing") from None
            self._save_format()
            return FORMAT
        except (ValueError, TypeError, KeyError):
            raise torn(path, "can't be understood") from None
        if not isinstance(version, int) or version < 1:
            raise torn(path, "can't be understood")
        if version > FORMAT:
            raise LedgerFailed(
                f"{self.folder} was written by a newer version (format {version}, this one knows {FORMAT}): "
                "start that version again, or restore a backup from before it"
            )
        return version


def failure(error: OSError | CodecError) -> LedgerFailed:
    """An error of the edge as the ledger's own."""
    return LedgerFailed(f"the ledger can't be read or written: {explain(error) if isinstance(error, OSError) else error}")
