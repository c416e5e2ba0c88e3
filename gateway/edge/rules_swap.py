"""Puts a folder in the place of another at once: whoever looks finds the old one or the new one, never half of each."""

import ctypes
import errno
import os
import shutil
from datetime import datetime
from pathlib import Path

from gateway.errors import GatewayError

_AT_FDCWD = -100
_EXCHANGE = 2
"""RENAME_EXCHANGE of renameat2(2)."""


class SwapFailed(GatewayError):
    """The folder couldn't be put in place; the one before is still there."""


def put_in_place(source: Path, place: Path, now: datetime) -> Path | None:
    """Copy a folder to where another one is, which is kept beside it.

    A place that is a symbolic link stays one: it points to the new copy then.

    Args:
        source: stays as it is.
        place: of the rules in force; it may not exist yet.
        now: for the name of what is kept.

    Returns:
        Path | None: where the earlier folder is now, None when there was none.

    Raises:
        SwapFailed: nothing has changed.
    """
    name = place.name
    copy = place.with_name(f"{name}.{now:%Y%m%dT%H%M%S}")
    if copy.exists():
        raise SwapFailed(f"{copy} is there already; wait a second and try again")
    spare: Path | None = copy
    try:
        shutil.copytree(source, copy, symlinks=False)
        _durable(copy)
        if place.is_symlink():
            before = place.resolve()
            _point(place, copy)
            spare = None
            return before
        if not place.exists():
            copy.rename(place)
            spare = None
            return None
        shutil.copystat(place, copy)
        exchange(copy, place)
        spare = None
        replaced = copy.with_name(f"{name}.replaced-{now:%Y%m%dT%H%M%S}")
        copy.rename(replaced)
    except OSError as error:
        reason = error.strerror or error
        raise SwapFailed(f"{source} couldn't be put in the place of {place}: {reason}") from error
    finally:
        if spare is not None:
            shutil.rmtree(spare, ignore_errors=True)
    return replaced


def put_back(before: Path | None, place: Path) -> None:
    """Undo `put_in_place`.

    Args:
        before: what it returned.
        place: as it was given.

    Raises:
        SwapFailed: it can't be undone.
    """
    try:
        if before is None:
            shutil.rmtree(place)
        elif place.is_symlink():
            _point(place, before)
        else:
            exchange(before, place)
            shutil.rmtree(before)
    except OSError as error:
        raise SwapFailed(f"{place} couldn't be put back: {error.strerror}; the earlier rules are in {before}") from error


def exchange(one: Path, other: Path) -> None:
    """Let two paths change their names with each other, at once where the file system can.

    Raises:
        OSError: they couldn't; both are as before.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
        if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
    except AttributeError:  # a C library older than 2018
        number = errno.ENOSYS
    if number not in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}:
        raise OSError(number, os.strerror(number), str(other))
    aside = other.with_name(f".{other.name}.aside")
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        aside.rename(other)
        raise
    aside.rename(one)


def _point(link: Path, target: Path) -> None:
    beside = link.with_name(f".{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)


def _durable(folder: Path) -> None:
    """All files of a folder on the disk, before anything points to it."""
    for path in (folder, *folder.rglob("*")):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
