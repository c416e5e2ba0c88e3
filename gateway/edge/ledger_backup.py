"""Copies of the ledger: a snapshot that takes no time, packed while work goes on, and put back into an empty place."""

import os
import secrets
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from gateway.edge.durable import Disk, explain
from gateway.edge.ledger_counters import COUNTERS
from gateway.edge.ledger_store import FORMAT_FILE, SENDERS, SNAPSHOT
from gateway.errors import LedgerFailed

_PARTS = (SENDERS, COUNTERS)


def snapshot(folder: Path) -> Path:
    """Link all files of a ledger into a folder beside them; to be called between two changes.

    A file of the ledger is replaced, never changed in place, so a second name for it keeps its content.

    Args:
        folder: of the ledger.

    Returns:
        Path: the copy, for `pack`, which removes it.

    Raises:
        OSError: the links couldn't be made.
    """
    for old in folder.glob(f"{SNAPSHOT}*"):  # left by a crash; one backup at a time
        shutil.rmtree(old)
    copy = folder / f"{SNAPSHOT}{secrets.token_hex(4)}"
    copy.mkdir(mode=0o700)
    os.link(folder / FORMAT_FILE, copy / FORMAT_FILE)
    for part in _PARTS:
        (copy / part).mkdir(mode=0o700)
        with os.scandir(folder / part) as entries:
            for entry in entries:
                if entry.name.endswith(".json") and entry.is_file(follow_symlinks=False):
                    os.link(entry.path, copy / part / entry.name)
    return copy


def pack(copy: Path, archive: Path) -> None:
    """Write a snapshot to a compressed tar file, at once or not at all, and remove the snapshot.

    Args:
        copy: what `snapshot` returned.
        archive: the file to write; readable by its owner only.

    Raises:
        OSError: it couldn't be written.
    """
    temporary = archive.with_name(f".{archive.name}.{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
                for path in (copy / FORMAT_FILE, *(path for part in _PARTS for path in sorted((copy / part).iterdir()))):
                    tar.add(path, arcname=path.relative_to(copy).as_posix(), recursive=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(archive)
        Disk().sync_folder(archive.parent)
    finally:
        temporary.unlink(missing_ok=True)
        shutil.rmtree(copy, ignore_errors=True)


def restore(archive: Path, folder: Path) -> int:
    """Put a backup where no ledger is; open it afterwards to have every file checked.

    Args:
        archive: what `TinyLedger.backup` wrote.
        folder: settings.ledger_folder; absent or empty.

    Returns:
        int: how many files were put back.

    Raises:
        LedgerFailed: the place isn't empty, or the archive is none of ours or can't be read.
    """
    disk = Disk()
    if folder.exists() and any(folder.iterdir()):
        raise LedgerFailed(f"{folder} is not empty: move it away first, a backup never overwrites a ledger")
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        disk.make_folder(beside)
        for part in _PARTS:
            disk.make_folder(beside / part)
        number = _unpack(archive, beside, disk)
        if not (beside / FORMAT_FILE).exists():
            raise LedgerFailed(f"{archive} is no backup of a ledger: it has no {FORMAT_FILE}")
        if folder.exists():
            folder.rmdir()
        beside.replace(folder)
        disk.sync_folder(folder.parent)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise LedgerFailed(f"{archive} is no backup of a ledger, or is damaged: {error}") from error
    except OSError as error:
        raise LedgerFailed(f"the backup couldn't be restored: {explain(error)}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return number


def _unpack(archive: Path, folder: Path, disk: Disk) -> int:
    number = 0
    with tarfile.open(archive, mode="r:*") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            inside = path.parts == (FORMAT_FILE,) or (len(path.parts) == 2 and path.parts[0] in _PARTS and path.suffix == ".json")
            content = tar.extractfile(member) if inside and member.isreg() and not path.name.startswith(".") else None
            if content is None:
                raise LedgerFailed(f"{archive} is no backup of a ledger: it holds {member.name!r:.80}")
            with content:
                disk.save(folder / path, content.read())
            number += 1
    return number
