"""What lies in which file of the ledger: kept in memory, always derived from the files, saved so that opening is quick."""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.edge.atomic_storage import torn
from gateway.edge.shard import Shard
from gateway.records import CaseState, IncidentState

KEY_LIFE = timedelta(days=7)
"""How long a delivery key means the same mail."""

_LOG = logging.getLogger(__name__)

_NAME = re.compile(r"[0-9a-f]{3}(-[0-9]{4,})?\.json")
_VERSION = 4
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RACY = 200_000_000
"""Nanoseconds: a file so young when the index is saved may change again without a new stamp."""


Row = tuple[str, int, str, str, str]
"""An incident's id, time in microseconds since 1970, sender, state, delivery key.

Plain tuples of plain values, here and below: the garbage collector stops looking at them, else it would stop the whole
process for a tenth of a second now and then once there are a hundred thousand.
"""
CaseRow = tuple[str, int, int, str, str, str]
"""A case's reference, when it was opened, when it is due, sender, state, delivery key."""


@dataclass(slots=True)
class Note:
    """What one file holds.

    Attributes:
        stamp: inode, time of change and size; the note is true while the file has them.
        incidents: see Row; the key is "" once it is too old to matter.
        standings: address and grade: 0 is plainly good, 1 has strikes, 2 has more than that: see `grade`.
        outgoing: id, time of the next try, kind, when it was put there.
        posted: id and time.
        cases: see CaseRow; the key is "" once it is too old to matter.
        lists: of what managers were asked, id and time.
    """

    stamp: tuple[int, int, int] = (0, 0, 0)
    incidents: list[Row] = field(default_factory=list)
    standings: list[tuple[str, int]] = field(default_factory=list)
    outgoing: list[tuple[str, int, str, int]] = field(default_factory=list)
    posted: list[tuple[str, int]] = field(default_factory=list)
    cases: list[CaseRow] = field(default_factory=list)
    lists: list[tuple[str, int]] = field(default_factory=list)


def microseconds(at: datetime) -> int:
    """A time as the index keeps it."""
    return (at - EPOCH) // timedelta(microseconds=1)


def stamp(path: Path) -> tuple[int, int, int]:
    """By what a file shows that it was replaced."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


class Index:
    """Finds the file of an incident, a standing, a waiting mail without opening any."""

    def __init__(self) -> None:
        self.notes: dict[str, Note] = {}
        self.incidents: dict[str, tuple[str, int, str, str]] = {}
        """By id: the file, then as in Row."""
        self.keys: dict[str, str] = {}
        self.standings: dict[str, tuple[str, int]] = {}
        self.outgoing: dict[str, tuple[str, int, str, int]] = {}
        self.posted: dict[str, tuple[str, int]] = {}
        self.cases: dict[str, tuple[str, int, int, str, str]] = {}
        """By reference: the file, then as in CaseRow."""
        self.case_keys: dict[str, str] = {}
        self.lists: dict[str, tuple[str, int]] = {}
        self._segments: dict[str, int] = {}

    def segments(self, shard: str) -> int:
        """How many older files the shard has beside its current one."""
        return self._segments.get(shard, 0)

    def take(self, notes: Mapping[str, Note], folder: Path) -> None:
        """Put new notes in place of the old ones of the same files.

        Args:
            notes: by file name.
            folder: for the error's text.

        Raises:
            LedgerTorn: two files hold the same thing, so one of them is a copy.
        """
        for name in notes:
            self._drop(name)
        for name, note in notes.items():
            self._add(name, note, folder)

    def _drop(self, name: str) -> None:
        old = self.notes.pop(name, None)
        if old is None:
            return
        for reference, _, _, _, key in old.incidents:
            self.incidents.pop(reference, None)
            if self.keys.get(key) == reference:
                del self.keys[key]
        for address, _ in old.standings:
            self.standings.pop(address, None)
        for mail, *_ in old.outgoing:
            self.outgoing.pop(mail, None)
        for mail, _ in old.posted:
            self.posted.pop(mail, None)
        for reference, _, _, _, _, key in old.cases:
            self.cases.pop(reference, None)
            if self.case_keys.get(key) == reference:
                del self.case_keys[key]
        for asked, _ in old.lists:
            self.lists.pop(asked, None)

    def _add(self, name: str, note: Note, folder: Path) -> None:
        self.notes[name] = note
        shard, _, segment = name.removesuffix(".json").partition("-")
        self._segments[shard] = max(self._segments.get(shard, 0), int(segment or 0))
        for reference, at, sender, state, key in note.incidents:
            if reference in self.incidents:
                raise torn(folder / name, f"holds incident {reference} as {self.incidents[reference][0]} does; one of them is a copy")
            self.incidents[reference] = name, at, sender, state
            if key and (key not in self.keys or self.incidents[self.keys[key]][1] < at):
                self.keys[key] = reference
        for address, graded in note.standings:
            if address in self.standings:
                raise torn(folder / name, f"holds the same standing as {self.standings[address][0]}; one of them is a copy")
            self.standings[address] = name, graded
        for mail, at, kind, created in note.outgoing:
            self.outgoing[mail] = name, at, kind, created
        for mail, at in note.posted:
            self.posted[mail] = name, at
        for asked, at in note.lists:
            self.lists[asked] = name, at
        self._add_cases(name, note, folder)

    def _add_cases(self, name: str, note: Note, folder: Path) -> None:
        for reference, opened, due, sender, state, key in note.cases:
            if reference in self.cases:
                raise torn(folder / name, f"holds case {reference} as {self.cases[reference][0]} does; one of them is a copy")
            self.cases[reference] = name, opened, due, sender, state
            if key:
                self.case_keys[key] = reference


def describe(shard: Shard, now: datetime) -> Note:
    """Note what a file holds, without decoding it all.

    Args:
        shard: with the content that is on the disk.
        now: delivery keys older than their life are left out.

    Raises:
        LedgerTorn: a document lacks what every document has.
    """
    note = Note()
    oldest = microseconds(now - KEY_LIFE)
    try:
        for row in shard.rows("incidents"):
            at = microseconds(datetime.fromisoformat(row["at"]))
            state = IncidentState(row["state"])
            note.incidents.append((row["id"], at, row["sender"], state.value, row["key"] if at > oldest else ""))
        for row in shard.rows("standings"):
            note.standings.append((row["address"], grade(row)))
        for row in shard.rows("outgoing"):
            created = microseconds(datetime.fromisoformat(row["created"]))
            due = microseconds(datetime.fromisoformat(row["next_try"])) if row["next_try"] else created
            note.outgoing.append((row["id"], due, row["kind"], created))
        for row in shard.rows("posted"):
            note.posted.append((row["id"], microseconds(datetime.fromisoformat(row["at"]))))
        for row in shard.rows("lists"):
            note.lists.append((row["id"], microseconds(datetime.fromisoformat(row["at"]))))
        for row in shard.rows("cases"):
            opened, due = (microseconds(datetime.fromisoformat(row[name])) for name in ("opened", "due"))
            note.cases.append((row["reference"], opened, due, row["sender"], CaseState(row["state"]).value, row["key"] if opened > oldest else ""))
    except (KeyError, TypeError, ValueError) as error:
        raise torn(shard.path, f"has a document that can't be understood ({error})") from None
    return note


def grade(row: Mapping[str, Any]) -> int:
    """What a standing has: 2 for a suspension, over or not, a block, a proposed one, or that a person allowed everything; 1 for strikes alone."""
    if any(row.get(name) for name in ("suspended_until", "block_proposed", "blocked_by", "allowed")):
        return 2
    return 1 if row.get("strikes") else 0


def save_index(index: Index, now_ns: int) -> bytes:
    """The index as bytes to save; files that were changed a moment ago are left out, to be read anew.

    Args:
        index: true for what is on the disk.
        now_ns: the time by the clock that stamps files.
    """
    files = {
        name: [note.stamp, note.incidents, note.standings, note.outgoing, note.posted, note.cases, note.lists]
        for name, note in index.notes.items()
        if abs(now_ns - note.stamp[1]) > _RACY
    }
    return json.dumps({"version": _VERSION, "files": files}, separators=(",", ":")).encode("ascii")


def load_notes(path: Path) -> dict[str, Note]:
    """The notes that were saved; none when there are none or they can't be used, for they can always be made anew."""
    try:
        data = json.loads(path.read_bytes())
        if data["version"] != _VERSION:
            return {}
        return {name: _note(*parts) for name, parts in data["files"].items()}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _note(
    stamped: Iterable[int],
    incidents: Iterable[Any],
    standings: Iterable[Any],
    outgoing: Iterable[Any],
    posted: Iterable[Any],
    cases: Iterable[Any],
    lists: Iterable[Any],
) -> Note:
    inode, changed, size = stamped
    return Note(
        (inode, changed, size),
        [(reference, at, sender, state, key) for reference, at, sender, state, key in incidents],
        [(address, graded) for address, graded in standings],
        [(mail, at, kind, created) for mail, at, kind, created in outgoing],
        [(mail, at) for mail, at in posted],
        [(reference, opened, due, sender, state, key) for reference, opened, due, sender, state, key in cases],
        [(asked, at) for asked, at in lists],
    )


def read_folder(folder: Path, saved: Mapping[str, Note], open_shard: Callable[[str], Shard], now: datetime) -> dict[str, Note]:
    """Notes of every file of a folder, from the saved ones where the file is still the same.

    Raises:
        LedgerTorn: a file can't be understood.
        OSError: a file can't be read.
    """
    notes: dict[str, Note] = {}
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        if not _NAME.fullmatch(name):
            _LOG.warning("%s is no file of the ledger and is ignored", folder / name)
            continue
        mark = stamp(folder / name)
        note = saved.get(name)
        if note is None or note.stamp != mark:
            note = describe(open_shard(name), now)
            note.stamp = mark
        notes[name] = note
    for name in saved.keys() - notes.keys():
        _LOG.warning(
            "%s is gone, and with it %d incidents; put it back from a backup if that was no decision",
            folder / name,
            len(saved[name].incidents),
        )
    return notes
