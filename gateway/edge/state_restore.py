"""Putting a backup back: every file checked against the manifest, what was there moved aside and never deleted."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from gateway.edge.chain import RESTORED
from gateway.edge.control import SOCKET
from gateway.edge.durable import Disk, explain
from gateway.edge.ledger_files import LedgerFiles
from gateway.edge.ledger_store import FORMAT, FORMAT_FILE
from gateway.edge.state_backup import BACKUP_FORMAT, LEDGER, MANIFEST, STATE
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed

RESTORING, REPLACED = ".restore-", ".replaced-"
_LONGEST_MANIFEST = 256 * 1024 * 1024


def unpack(archive: Path, folder: Path) -> dict[str, Any]:
    """Unpack a backup into a folder of its own, every file checked against the manifest.

    Args:
        archive: what `pack` wrote.
        folder: isn't there yet; half filled when this raises.

    Returns:
        dict: the manifest.

    Raises:
        LedgerFailed: it is no backup of ours, a newer version wrote it, it is damaged, or it can't be read.
    """
    Disk().make_folder(folder)
    try:
        with tarfile.open(archive, mode="r:*") as tar:
            members = _members(tar, archive)
            manifest = _manifest(archive, *next(members, ("", b"")))
            missing = dict(manifest["files"])
            for name, content in members:
                facts = missing.pop(name, None)
                if facts is None or not _inside(name):
                    raise LedgerFailed(f"{archive} is no backup of ours: it holds {name!r:.80}, which its manifest doesn't name")
                if len(content) != facts["size"] or hashlib.sha256(content).hexdigest() != facts["sha256"]:
                    raise LedgerFailed(f"{archive} is damaged: {name} is not as it was when the backup was made")
                (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
                (folder / name).chmod(0o600)
        os.sync()  # once, not a file at a time: a ledger has thousands, and nothing is in its place yet
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
        raise LedgerFailed(f"{archive} is no backup of ours, or is damaged: {error}") from error
    except OSError as error:
        raise LedgerFailed(f"the backup can't be read: {explain(error)}") from error
    if missing:
        raise LedgerFailed(f"{archive} is damaged: {next(iter(missing))} and {len(missing) - 1} other files are missing")
    return manifest


def _members(tar: tarfile.TarFile, archive: Path) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        if not member.isreg():
            raise LedgerFailed(f"{archive} is no backup of ours: {member.name!r:.80} is no plain file")
        content: BinaryIO | Any = tar.extractfile(member)
        with content:
            yield member.name, content.read()


def _manifest(archive: Path, name: str, content: bytes) -> dict[str, Any]:
    data = json.loads(content) if name == MANIFEST and len(content) <= _LONGEST_MANIFEST else None
    if not isinstance(data, dict) or data.get("program") != "courtesy-gateway" or not isinstance(data.get("files"), dict):
        raise LedgerFailed(f"{archive} is no backup of ours: it doesn't begin with its manifest")
    for what, known in (("backup", BACKUP_FORMAT), ("ledger", FORMAT)):
        number = data.get(what)
        if not isinstance(number, int) or number < 1 or number > known:
            raise LedgerFailed(
                f"{archive} was written by version {data.get('version')!s:.20} ({what} format {number}, this one knows {known}): restore it with that version"
            )
    return data


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    plain = not path.is_absolute() and not any(part.startswith(".") for part in path.parts)
    return plain and len(path.parts) > 1 and path.parts[0] in {LEDGER, STATE} and path.as_posix() == name


def kept_in(state: Path) -> list[str]:
    """What a state folder has that a restore would have to put aside."""
    if not state.exists():
        return []
    return sorted(path.name for path in state.iterdir() if path.name != SOCKET and not path.name.startswith("."))


def put_back(unpacked: Path, state: Path, ledger_folder: Path, now: datetime) -> Path | None:
    """Move an unpacked and checked backup into its place; what was there is moved aside, never deleted.

    Args:
        unpacked: within the state folder.
        state: settings.state.
        ledger_folder: settings.ledger_folder.
        now: aware; names the folder of what was there.

    Returns:
        Path | None: where what was there is now, None when there was nothing.

    Raises:
        LedgerFailed: it couldn't be moved.
    """
    aside: Path | None = None
    disk = Disk()
    try:
        if old := kept_in(state):
            aside = state / f"{REPLACED}{now:%Y%m%dT%H%M%SZ}"
            aside.mkdir(mode=0o700)
            for name in old:
                (state / name).replace(aside / name)
            disk.sync_folder(state)
        _give_to_owner(unpacked, state)
        for path in (unpacked / STATE).iterdir() if (unpacked / STATE).exists() else ():
            path.replace(state / path.name)
        disk.sync_folder(state)
        # the ledger last: with it the restore is done
        (unpacked / LEDGER).replace(ledger_folder)
        disk.sync_folder(state)
        shutil.rmtree(unpacked)
    except OSError as error:
        where = f"; what was there is in {aside}" if aside is not None else ""
        raise LedgerFailed(f"the backup couldn't be put in place: {explain(error)}{where}") from error
    return aside


def _give_to_owner(folder: Path, state: Path) -> None:
    """Files that root restores belong to whom the state folder belongs to, else the service couldn't open them."""
    owner = state.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def mark_restored(folder: Path, now: datetime) -> None:
    """Write into the hash chain of an unpacked ledger that it was put back: what came after the backup isn't in it.

    Raises:
        LedgerFailed: the ledger can't be opened.
        OSError: it can't be written.
    """
    files = LedgerFiles(folder, lambda: now, Disk())
    try:
        files.mark(RESTORED)
    finally:
        files.close()


async def check_ledger(folder: Path) -> int:
    """Open an unpacked ledger and read every incident and standing of it.

    Returns:
        int: how many incidents it has.

    Raises:
        LedgerFailed: something in it can't be understood.
    """
    if not (folder / FORMAT_FILE).exists():
        raise LedgerFailed(f"the backup has no ledger: {FORMAT_FILE} is missing")
    async with await TinyLedger.open(folder) as ledger:
        number = 0
        async for _ in ledger.every_incident():
            number += 1
        await ledger.standings(everyone=True)
        await ledger.waiting()
        await ledger.cases()
    return number
