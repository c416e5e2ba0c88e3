"""One process at a time has the ledger."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import ClassVar

from gateway.errors import LedgerLocked

LOCK = "lock"


class FolderLock:
    """The lock of a folder, taken when made; the kernel gives it back when the process ends, however it ends.

    A POSIX record lock: unlike flock it isn't inherited by forked workers, which may outlive us. It doesn't
    hold within one process, so the folders that this process has are listed too.

    Args:
        folder: what is locked; it exists.

    Raises:
        LedgerLocked: somebody else has it; the text names the process.
        OSError: the lock file can't be made.
    """

    _held: ClassVar[set[Path]] = set()

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        path = self._folder / LOCK
        # closing any descriptor of the file would give up this process's lock, so ask our own list first
        if self._folder in self._held:
            raise _locked(folder, str(os.getpid()))
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise _locked(folder, holder) from None
        except BaseException:
            os.close(self._descriptor)
            raise
        with contextlib.suppress(OSError):  # the pid helps people; the lock holds without it
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._held.add(self._folder)

    def release(self) -> None:
        """Give the folder back; twice is fine."""
        if self._folder in self._held and self._descriptor >= 0:
            self._held.discard(self._folder)
            os.close(self._descriptor)
            self._descriptor = -1


def _locked(folder: Path, holder: str) -> LedgerLocked:
    return LedgerLocked(f"the ledger {folder} is in use by process {holder}; stop it, or speak to it over its control socket", holder)
