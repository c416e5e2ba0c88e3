"""A copy of the ledger that takes no time: second names for its files, to be packed while work goes on."""

import contextlib
import os
from pathlib import Path

from gateway.edge.chain import FOLDER as CHAIN
from gateway.edge.chain import copy_chain
from gateway.edge.ledger_lock import LOCK
from gateway.edge.ledger_store import INDEX


def link_ledger(folder: Path, target: Path) -> None:
    """Link all files of a ledger into another folder of the same disk; to be called between two changes.

    A file of the ledger is replaced, never changed in place, so a second name for it keeps its content; only the chain is added to.

    Args:
        folder: of the ledger.
        target: isn't there yet.

    Raises:
        OSError: the links couldn't be made.
    """
    link_files(folder, target, without=frozenset({LOCK, INDEX, CHAIN}))
    copy_chain(folder / CHAIN, target / CHAIN)


def link_files(folder: Path, target: Path, without: frozenset[str] = frozenset()) -> None:
    """Link the files of a folder, and those in its folders; what begins with a dot is half written, or somebody's own.

    Args:
        folder: its files are replaced, never changed in place.
        target: isn't there yet.
        without: names in the folder itself that are left out.

    Raises:
        OSError: the links couldn't be made.
    """
    target.mkdir(mode=0o700)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in without:
                continue
            if entry.is_dir(follow_symlinks=False):
                link_files(Path(entry.path), target / entry.name)
            elif entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):  # deleted since the folder was read
                    os.link(entry.path, target / entry.name)
