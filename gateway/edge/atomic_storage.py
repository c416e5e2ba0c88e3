"""A TinyDB storage that survives a crash; TinyDB's own rewrites in place and tears its file (it truncates last)."""

import json
from pathlib import Path
from typing import Any

from tinydb.storages import Storage

from gateway.edge.durable import Disk
from gateway.errors import LedgerTorn

Tables = dict[str, dict[str, Any]]


class AtomicStorage(Storage):
    """One JSON file of TinyDB tables, replaced as a whole and durably; a file that can't be understood stays untouched.

    Args:
        path: the file; its folder exists, the file itself may not.
        tables: names of the tables that may be in it; anything else is a foreign file.
        disk: what makes bytes durable.
        staged: writes stay in memory; the caller takes `content` and saves it with other files at once.
    """

    def __init__(self, path: Path, tables: frozenset[str], disk: Disk, *, staged: bool = False) -> None:
        self._path = path
        self._known = tables
        self._disk = disk
        self._staged = staged
        self._loaded = False
        self._tables: Tables | None = None
        self._changed = False

    def read(self) -> Tables | None:
        """The tables, None when there is no file yet.

        Raises:
            LedgerTorn: the file can't be understood.
            OSError: the file can't be read.
        """
        if not self._loaded:
            self._tables = self._load()
            self._loaded = True
        return self._tables

    def write(self, data: Tables) -> None:
        """Take new tables; durable on return unless the storage is staged.

        Raises:
            LedgerTorn: what is there now can't be understood, so it isn't overwritten.
            OSError: it couldn't be written; the old content stays.
        """
        self.read()
        if not self._staged:
            try:
                self._disk.save(self._path, dump(data))
            except BaseException:
                self._loaded = False  # TinyDB changed our tables in place: forget them
                raise
        self._tables = data
        self._changed = True

    @property
    def changed(self) -> bool:
        """Whether anything was written through this storage."""
        return self._changed

    @property
    def content(self) -> bytes:
        """The whole file as it should be."""
        return dump(self._tables or {})

    def _load(self) -> Tables | None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        return parse(self._path, content, self._known)


def parse(path: Path, content: bytes, known: frozenset[str]) -> Tables:
    """Read the tables of one file.

    Args:
        path: for the error's text.
        content: the whole file.
        known: names of the tables that may be in it.

    Returns:
        Tables: by table name, then document id.

    Raises:
        LedgerTorn: it is no JSON, or not ours.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        raise torn(path, "is torn or no JSON") from None
    if not isinstance(data, dict):
        raise torn(path, "is not a file of this ledger")
    for name, table in data.items():
        if name not in known:
            raise torn(path, f"has a table {name!r:.60} that this version doesn't know")
        if not isinstance(table, dict) or not all(key.isdecimal() and isinstance(document, dict) for key, document in table.items()):
            raise torn(path, f"has a table {name!r} that is not in our form")
    return data


def dump(tables: Tables) -> bytes:
    """Write tables as JSON, a document a line, so that a person can read and grep the file."""
    try:
        return _text(tables, ascii_only=False).encode("utf-8")
    except UnicodeEncodeError:  # lone surrogates, out of hostile mail
        return _text(tables, ascii_only=True).encode("ascii")


def _text(tables: Tables, *, ascii_only: bool) -> str:
    encode = json.JSONEncoder(ensure_ascii=ascii_only, check_circular=False, separators=(",", ":")).encode
    parts = [
        f"{encode(name)}: {{\n" + ",\n".join(f'"{number}": {encode(document)}' for number, document in table.items()) + "\n}"
        for name, table in tables.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def torn(path: Path, what: str) -> LedgerTorn:
    """The error for a file that can't be understood, with what to do."""
    return LedgerTorn(
        f"{path} {what}; it was left untouched: put this file back from a backup (courtesy ledger restore), "
        "or move it away to go on without what it held",
    )
