"""Mails on disk for `score` and `rules replay`: .eml files, folders, mbox, Maildir, standard input."""

import mailbox
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LINE_END = re.compile(rb"\r\n|\r|\n")


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
        paths: an .eml file, a folder (recursive, sorted), an mbox, a Maildir, or "-" for standard input.

    Yields:
        Source: in order; a path that can't be read yields its error.
    """
    for name in paths:
        if name == "-":
            yield Source("-", with_crlf(sys.stdin.buffer.read()))
            continue
        path = Path(name)
        if path.is_dir():
            yield from _folder(path)
        else:
            yield from _file(path)


def _folder(path: Path) -> Iterator[Source]:
    if (path / "cur").is_dir() and (path / "new").is_dir():
        for part in ("cur", "new"):
            for entry in sorted((path / part).iterdir()):
                if entry.is_file() and not entry.name.startswith("."):
                    yield from _one(entry)
        return
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _folder(entry)
        elif entry.is_file():
            yield from _file(entry)


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
