"""The hash chain over the records of incidents: a line for every change, each bound to the line before it (policy point D18).

A line is the change as compact JSON, a space, and its link: the SHA-256 of the link before it, a space and that JSON. An incident
stands in it as [REFERENCE, SHA-256 of its record before, SHA-256 after], null where there was or is no record. There are no
personal data in it; the salt in each record keeps its hash from being guessed once the record is erased.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.edge.durable import Disk

FOLDER = "chain"
FIRST = "0" * 64
"""What stands in the place of a link before the first line."""
ADOPTED, LOST, UNDONE, RESTORED = "adopted", "lost", "undone", "restored"
"""Reasons: a ledger from before the chain; a chain that was gone; a change that was written down here and then not carried out;
a ledger put back from a backup."""

_SEGMENT_LINES = 4_096
_ADOPTED_LINE = 500
_SUFFIX = ".log"


@dataclass(frozen=True, slots=True)
class Step:
    """What a change did to one incident: the hashes of its record before and after, "" for none."""

    incident: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the chain.

    Attributes:
        number: from 1.
        at: when it was written, ISO 8601 in UTC.
        why: "mail", "reply", "decision", "retention", "forgotten", or one of the reasons above.
        link: binds it to all lines before it.
    """

    number: int
    at: str
    why: str
    steps: tuple[Step, ...]
    link: str


def record_text(row: Mapping[str, Any]) -> bytes:
    """A record as its hash is taken: JSON with sorted keys, without spaces, in ASCII."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), check_circular=False).encode("ascii")


def record_hash(row: Mapping[str, Any]) -> str:
    """The SHA-256 of a record."""
    return hashlib.sha256(record_text(row)).hexdigest()


def link_of(before: str, body: bytes) -> str:
    """The link of a line, by the link before it and its JSON."""
    return hashlib.sha256(before.encode("ascii") + b" " + body).hexdigest()


def read_line(text: bytes) -> tuple[Line, bytes]:
    """A line of the chain and its JSON, which the link covers.

    Raises:
        ValueError: it is no line of a chain.
    """
    body, _, link = text.rpartition(b" ")
    try:
        row = json.loads(body)
        steps = tuple(Step(str(reference), was or "", now or "") for reference, was, now in row["incidents"])
        return Line(int(row["number"]), str(row["at"]), str(row["why"]), steps, link.decode("ascii")), body
    except (KeyError, TypeError, RecursionError, ValueError, OverflowError):
        raise ValueError("is no line of a chain") from None


def segments(folder: Path) -> list[Path]:
    """The files of a chain in their order; each is named by the number of its first line."""
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.name.removesuffix(_SUFFIX).isdecimal())


def first_number(segment: Path) -> int:
    """The number of a file's first line."""
    return int(segment.name.removesuffix(_SUFFIX))


def copy_chain(folder: Path, target: Path) -> None:
    """Copy a chain between two changes: the files that nothing is added to any more get a second name, the last one is copied.

    Raises:
        OSError: it couldn't be copied.
    """
    found = segments(folder)
    if found:
        target.mkdir(mode=0o700)
        for path in found[:-1]:
            os.link(path, target / path.name)
        descriptor = os.open(target / found[-1].name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(found[-1].read_bytes())


class Chain:
    """The chain of an open ledger, only ever added to; for the ledger's thread.

    Args:
        folder: the ledger's, already locked.
        disk: what makes bytes durable.

    Raises:
        OSError: it can't be read.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder / FOLDER
        self._disk = disk
        self._descriptor = -1
        self._path: Path | None = None
        self._size = 0
        self._lines = 0
        self._untrue = False
        self._number, self._link = 0, FIRST
        self.last: Line | None = None
        """The last line, None when there is none, or none that can be read."""
        self._find_end()

    @property
    def begun(self) -> bool:
        """Whether there is any line."""
        return self._number > 0

    def _find_end(self) -> None:
        for path in reversed(segments(self._folder)):
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]  # a line that a crash cut short was never relied upon
            if self._path is None:
                self._path, self._size, self._untrue = path, len(whole), len(whole) != len(content)
                self._lines = whole.count(b"\n")
            if whole:
                text = whole[:-1].rpartition(b"\n")[2]
                try:
                    self.last, _ = read_line(text)
                    self._number, self._link = self.last.number, self.last.link
                except ValueError:  # somebody's work: it stays as it is and `incident verify` names it
                    self._number = first_number(path) + whole.count(b"\n") - 1
                    self._link = hashlib.sha256(text).hexdigest()
                return

    def append(self, at: datetime, changes: Iterable[tuple[str, Sequence[Step]]]) -> None:
        """Add a line a change; durable on return.

        Args:
            at: aware.
            changes: of each why, and what it does to which incidents.

        Raises:
            OSError: nothing was added.
        """
        number, link, lines = self._number, self._link, list[bytes]()
        last = self.last
        for why, steps in changes:
            number += 1
            last, text = _written(number, at, why, steps, link)
            link = last.link
            lines.append(text)
        self._add(b"".join(lines), len(lines))
        self._number, self._link, self.last = number, link, last

    def adopt(self, at: datetime, why: str, records: Sequence[Step]) -> None:
        """Begin the chain with incidents that are there already, at once or not at all.

        Raises:
            OSError: it wasn't begun.
        """
        lines, link = list[bytes](), FIRST
        for start in range(0, len(records), _ADOPTED_LINE):
            self.last, text = _written(len(lines) + 1, at, why, records[start : start + _ADOPTED_LINE], link)
            link = self.last.link
            lines.append(text)
        self._disk.make_folder(self._folder)
        self._disk.save(self._folder / f"{1:012}{_SUFFIX}", b"".join(lines))
        self._find_end()

    def close(self) -> None:
        """Let the file go; twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _add(self, data: bytes, lines: int) -> None:
        self._open()
        try:
            if self._untrue:
                os.ftruncate(self._descriptor, self._size)
            self._untrue = True
            rest = memoryview(data)
            while rest:
                rest = rest[self._disk.write(self._descriptor, bytes(rest)) :]
            self._disk.sync(self._descriptor)
        except BaseException:
            with contextlib.suppress(OSError):  # else before the next line
                os.ftruncate(self._descriptor, self._size)
                self._untrue = False
            raise
        self._untrue = False
        self._size += len(data)
        self._lines += lines

    def _open(self) -> None:
        if self._path is None or self._lines >= _SEGMENT_LINES:
            self._disk.make_folder(self._folder)
            path = self._folder / f"{self._number + 1:012}{_SUFFIX}"
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                self._disk.sync_folder(self._folder)
            except BaseException:
                os.close(descriptor)
                raise
            self.close()
            self._descriptor, self._path, self._size, self._lines = descriptor, path, 0, 0
        elif self._descriptor < 0:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)


def _written(number: int, at: datetime, why: str, steps: Sequence[Step], before: str) -> tuple[Line, bytes]:
    shown = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    rows = [[step.incident, step.was or None, step.now or None] for step in steps]
    body = json.dumps({"number": number, "at": shown, "why": why, "incidents": rows}, separators=(",", ":")).encode("ascii")
    line = Line(number, shown, why, tuple(steps), link_of(before, body))
    return line, body + b" " + line.link.encode("ascii") + b"\n"
