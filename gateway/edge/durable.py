"""The only way to write a durable file: what is there after a crash is the old content or the new one, never a mixture."""

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

JOURNAL = "journal.json"
"""Names the renames of a change of several files that was decided but may not be finished."""

_TEMPORARY = ".tmp"


@dataclass(frozen=True, slots=True)
class Disk:
    """The few calls through which bytes become durable; a test hands in ones that fail.

    Attributes:
        write: as os.write; may write less than it was given.
        sync: as os.fsync.
        replace: as os.replace.
    """

    write: Callable[[int, bytes], int] = os.write
    sync: Callable[[int], None] = os.fsync
    replace: Callable[[str | os.PathLike[str], str | os.PathLike[str]], None] = os.replace

    def save(self, path: Path, data: bytes) -> None:
        """Write a file at once or not at all; durable on return, readable by its owner only.

        Args:
            path: the file; its folder exists.
            data: its whole new content.

        Raises:
            OSError: it couldn't be written; what was there before still is, unless only the last fsync failed.
        """
        temporary = self._prepare(path, data)
        try:
            self.replace(temporary, path)
        except BaseException:
            _drop(temporary)
            raise
        self.sync_folder(path.parent)

    def save_all(self, folder: Path, contents: Mapping[str, bytes]) -> None:
        """Write several files of one folder at once or not at all; durable on return.

        All new content is on the disk before the journal decides; after that only renames are left, which `finish`
        does when a crash came between.

        Args:
            folder: in which all the files are.
            contents: whole new content by file name.

        Raises:
            OSError: nothing has changed, or the journal is there and `finish` must be called before anything else.
        """
        if len(contents) == 1:
            ((name, data),) = contents.items()
            self.save(folder / name, data)
            return
        prepared: dict[str, str] = {}
        try:
            for name, data in contents.items():
                prepared[name] = self._prepare(folder / name, data).name
            self.save(folder / JOURNAL, json.dumps(prepared).encode("ascii"))
        except BaseException:
            if not (folder / JOURNAL).exists():
                for temporary in prepared.values():
                    _drop(folder / temporary)
            raise
        self.finish(folder)

    def finish(self, folder: Path) -> None:
        """Finish a change of several files that was decided; nothing to do when there is none.

        Args:
            folder: in which `save_all` writes; nobody else writes there at the same time.

        Raises:
            OSError: it couldn't be finished; call it again before anything else is read or written there.
            ValueError: the journal can't be understood.
        """
        journal = folder / JOURNAL
        if journal.exists():
            for name, temporary in json.loads(journal.read_bytes()).items():
                with contextlib.suppress(FileNotFoundError):  # renamed before the crash
                    self.replace(folder / temporary, folder / name)
            self.sync_folder(folder)
            journal.unlink()

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable.

        Raises:
            OSError: the disk didn't confirm it.
        """
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sync(descriptor)
        finally:
            os.close(descriptor)

    def make_folder(self, folder: Path) -> None:
        """Make a folder for its owner only, with its parents, durably; one that is there stays as it is.

        Raises:
            OSError: it couldn't be made, or a file is in its place.
        """
        if folder.is_dir():
            return
        if folder.parent != folder:
            self.make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        self.sync_folder(folder.parent)

    def remove(self, path: Path) -> None:
        """Remove a file durably; one that is gone already is fine.

        Raises:
            OSError: it couldn't be removed.
        """
        path.unlink(missing_ok=True)
        self.sync_folder(path.parent)

    def _prepare(self, path: Path, data: bytes) -> Path:
        # a name of its own each time: a journal that survived a crash may never find another change's file
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_TEMPORARY}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[self.write(descriptor, bytes(rest) if len(rest) != len(data) else data) :]
                self.sync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            _drop(temporary)
            raise
        return temporary


def sweep(folder: Path, seconds: float = 0.0) -> None:
    """Remove what a crash left half written, after `Disk.finish`.

    Args:
        folder: in which files were written.
        seconds: only what is older, for a folder in which somebody else may be writing.

    Raises:
        OSError: a leftover can't be removed.
    """
    for leftover in folder.glob(f".*{_TEMPORARY}"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - leftover.stat().st_mtime >= seconds:
                leftover.unlink()


def explain(error: OSError) -> str:
    """What went wrong with which file, as one plain clause."""
    reason = error.strerror or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {reason}" if isinstance(error.filename, (str, bytes)) else reason


def _drop(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()
