"""Backups of all that is durable: ledger, held mail, outbox and secret in one file that can be checked."""

import asyncio
import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.edge.control import SOCKET
from gateway.edge.durable import Disk, explain
from gateway.edge.ledger_backup import link_files
from gateway.edge.ledger_store import FORMAT
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed

BACKUP_FORMAT = 1
MANIFEST = "manifest.json"
LEDGER, STATE = "ledger", "state"
"""The two folders of an archive; a site may call the ledger's folder otherwise."""

SNAPSHOT = ".snapshot-"
_OLD_SECONDS = 21_600.0


async def take_snapshot(ledger: TinyLedger, state: Path, ledger_folder: Path) -> str:
    """Link everything durable into a folder of its own within the state folder.

    The ledger comes first: a mail that is held in between is in the copy without its incident, never the other way round.

    Args:
        ledger: open.
        state: settings.state.
        ledger_folder: settings.ledger_folder.

    Returns:
        str: the name of the folder; whoever packs it removes it.

    Raises:
        LedgerFailed: the links couldn't be made.
    """
    sweep_snapshots(state)
    copy = state / f"{SNAPSHOT}{secrets.token_hex(8)}"
    try:
        copy.mkdir(mode=0o700)
        await ledger.snapshot(copy / LEDGER)
        await asyncio.to_thread(_link_rest, state, copy / STATE, ledger_folder)
    except (OSError, LedgerFailed) as error:
        shutil.rmtree(copy, ignore_errors=True)
        raise LedgerFailed(f"no copy could be made: {explain(error) if isinstance(error, OSError) else error}") from error
    return copy.name


def _link_rest(state: Path, target: Path, ledger_folder: Path) -> None:
    target.mkdir(mode=0o700)
    for path in state.iterdir():
        if path.name.startswith(".") or path.is_symlink() or path in {ledger_folder, state / SOCKET}:
            continue
        if path.is_dir():
            link_files(path, target / path.name)
        elif path.is_file():
            os.link(path, target / path.name)


def sweep_snapshots(state: Path) -> None:
    """Remove copies that nobody packed to the end, once no backup can be at work on them any more."""
    for left in state.glob(f"{SNAPSHOT}*"):
        try:
            old = time.time() - left.stat().st_mtime >= _OLD_SECONDS
        except FileNotFoundError:
            continue
        if old:
            shutil.rmtree(left, ignore_errors=True)


def pack(copy: Path, archive: Path, now: datetime) -> dict[str, Any]:
    """Write a snapshot to a compressed tar file, at once or not at all and durably, and remove the snapshot.

    Args:
        copy: the folder that `take_snapshot` named.
        archive: the file to write; readable by its owner only.
        now: aware, for the manifest.

    Returns:
        dict: the manifest, which comes first in the archive.

    Raises:
        LedgerFailed: it couldn't be written.
    """
    temporary = archive.with_name(f".{archive.name}.{secrets.token_hex(8)}.tmp")
    try:
        files = {path.relative_to(copy).as_posix(): path for path in sorted(copy.rglob("*")) if path.is_file()}
        manifest = {
            "program": "courtesy-gateway",
            "version": __version__,
            "backup": BACKUP_FORMAT,
            "ledger": FORMAT,
            "made": now.isoformat(timespec="seconds"),
            "files": {name: {"size": path.stat().st_size, "sha256": _hash(path)} for name, path in files.items()},
        }
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
                head = tarfile.TarInfo(MANIFEST)
                content = json.dumps(manifest, indent=1).encode("ascii")
                head.size, head.mode, head.mtime = len(content), 0o600, int(now.timestamp())
                tar.addfile(head, io.BytesIO(content))
                for name, path in files.items():
                    tar.add(path, arcname=name, recursive=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(archive)
        Disk().sync_folder(archive.parent)
    except OSError as error:
        raise LedgerFailed(f"the backup couldn't be written: {explain(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)
        shutil.rmtree(copy, ignore_errors=True)
    return manifest


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
