"""Mails on disk for `score` and `rules replay`: .eml files, folders, mbox, Maildir, standard input."""

import mailbox
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LINE_END = re.compile(rb"\r\n|\r|\n")
_NUMBERED = re.compile(r"(.+)#([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Source:
    """One mail and where it came from; `error` says why it couldn't be read from disk."""

    name: str
    message: bytes = b""
    error: str = ""


def with_crlf(message: bytes) -> bytes:
    """The message as it would arrive over SMTP: every line end CRLF."""
    return _LINE_END.sub(b"\r\n", message)


def mails(paths: list[str]) -> Iterator[Source]:
    """All mails under some paths.

    Args:
        paths: an .eml file, a folder (recursive, sorted), an mbox, one mail of an mbox as PATH#n from 1, a Maildir, or "-"
            for standard input.

    Yields:
        Source: in order; a path that can't be read yields its error.
    """
    for name in paths:
        if name == "-":
            yield Source("-", with_crlf(sys.stdin.buffer.read()))
            continue
        path = Path(name)
        if path.is_dir():
            yield from _folder(path, frozenset())
        elif numbered := one_of_many(name):
            found = [source for source in _file(numbered[0]) if source.name == name]
            yield from found or [Source(name, error=f"{numbered[0]} has no mail {numbered[1]}")]
        else:
            yield from _file(path)


def one_of_many(name: str) -> tuple[Path, int] | None:
    """Whether a path names one mail of an mbox: its file and the mail's number."""
    match = _NUMBERED.fullmatch(name)
    return (Path(match[1]), int(match[2])) if match and not Path(name).exists() and Path(match[1]).is_file() else None


def _folder(path: Path, around: frozenset[Path]) -> Iterator[Source]:
    here = path.resolve()
    if here in around:  # a link back to a folder that we are in
        return
    around |= {here}
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        yield Source(str(path), error=f"can't be read: {error.strerror}")
        return
    if {"cur", "new"} <= {entry.name for entry in entries if entry.is_dir()}:
        for part in ("cur", "new"):
            yield from _entries(sorted((path / part).iterdir()), around, _one)
        return
    yield from _entries(entries, around, _file)


def _entries(entries: list[Path], around: frozenset[Path], read: Callable[[Path], Iterator[Source]]) -> Iterator[Source]:
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if read is _file:
                yield from _folder(entry, around)
        elif entry.is_file() or not entry.exists():  # a link to nowhere is told, a socket is passed over
            yield from read(entry)


def _file(path: Path) -> Iterator[Source]:
    try:
        with path.open("rb") as file:
            head = file.read(5)
    except OSError as error:
        yield Source(str(path), error=f"can't be read: {error.strerror}")
        return
    if head == b"From " and path.suffix.lower() not in {".eml", ".msg", ".txt"}:
        yield from _mbox(path)
    else:
        yield from _one(path)


def _one(path: Path) -> Iterator[Source]:
    try:
        yield Source(str(path), with_crlf(path.read_bytes()))
    except OSError as error:
        yield Source(str(path), error=f"can't be read: {error.strerror}")


def _mbox(path: Path) -> Iterator[Source]:
    box = mailbox.mbox(path, create=False)
    try:
        for number, key in enumerate(box.keys(), 1):
            # the raw bytes without the From_ line: the parsed message is never written out again
            yield Source(f"{path}#{number}", with_crlf(box.get_bytes(key)))
    finally:
        box.close()
