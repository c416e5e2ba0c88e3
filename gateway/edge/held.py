"""Mail that waits for a person: the received bytes and what is known of them, two durable files a mail."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from gateway.edge.codec import CodecError, decode, encode
from gateway.edge.durable import Disk, explain, sweep
from gateway.errors import HoldFailed
from gateway.ports import HeldStore
from gateway.records import HeldMail

P = ParamSpec("P")
T = TypeVar("T")

HELD = "held"

_OLD_SECONDS = 86_400.0
"""The command line may look in while the service writes, so only old leftovers are swept up."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class HeldFolder(HeldStore):
    """gateway.ports.HeldStore in a folder: ID.eml is the message, ID.json makes it a held mail.

    The message is written first: without its ID.json it was never held, and holding it again makes it whole.

    Args:
        state: settings.state; the folder `held` is made in it.
        disk: what makes bytes durable; tests hand in a failing one.

    Every method raises HoldFailed on any trouble.
    """

    def __init__(self, state: Path, disk: Disk | None = None) -> None:
        self._folder = state / HELD
        self._disk = disk or Disk()
        self._ready = False
        self._writing = threading.Lock()

    async def hold(self, held: HeldMail, message: bytes) -> None:
        """Store a mail; durable on return. One that is held already stays as it is.

        Args:
            held: what arrived; its id names the files.
            message: the received bytes.
        """
        await self._do(self._hold, held, message)

    async def held(self) -> tuple[HeldMail, ...]:
        """All held mails, oldest first, the released ones too until they are deleted."""
        return await self._do(self._list)

    async def show(self, reference: str) -> HeldMail | None:
        """What is known of a held mail; None when there is none with this id."""
        return await self._do(self._show, reference)

    async def message(self, reference: str) -> bytes:
        """The received bytes of a held mail."""
        return await self._do(self._message, reference)

    async def release(self, reference: str, by: str, at: datetime | None = None) -> HeldMail:
        """Note who released a mail; the first who did stays named.

        Args:
            reference: its id.
            by: the person.
            at: when; the copy that stays with us is kept for a while from then on.

        Returns:
            HeldMail: as it is now.
        """
        return await self._do(self._release, reference, by, at)

    async def settle(self, reference: str, how: str) -> None:
        """Note what became of a mail to one of our own mailboxes.

        Args:
            reference: its id.
            how: in words for people.
        """
        await self._do(self._settle, reference, how)

    async def delete(self, reference: str) -> None:
        """Delete a held mail for good; one that is gone already is fine."""
        await self._do(self._delete, reference)

    async def sweep(self) -> None:
        """Delete messages that were never held, or are half deleted: those without facts, older than a day."""
        await self._do(self._sweep)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def guarded() -> T:
            try:
                with self._writing:
                    return work(*args, **kwargs)
            except OSError as error:
                raise HoldFailed(f"the held mail can't be read or written: {explain(error)}") from error

        return await asyncio.to_thread(guarded)

    def _paths(self, reference: str) -> tuple[Path, Path]:
        if not _ID.fullmatch(reference):
            raise HoldFailed(f"{reference!r:.80} can't be the id of a held mail")
        if not self._ready:
            self._disk.make_folder(self._folder)
            sweep(self._folder, _OLD_SECONDS)
            self._ready = True
        return self._folder / f"{reference}.eml", self._folder / f"{reference}.json"

    def _hold(self, held: HeldMail, message: bytes) -> None:
        body, facts = self._paths(held.id)
        if held.size != len(message):
            raise HoldFailed(f"held mail {held.id} has {len(message)} bytes, not {held.size}")
        if facts.exists():
            if body.read_bytes() != message:
                raise HoldFailed(f"another mail is held under the id {held.id}")
            return
        try:
            content = json.dumps(encode(held), indent=1).encode("ascii") + b"\n"
        except CodecError as error:
            raise HoldFailed(str(error)) from None
        self._disk.save(body, message)
        self._disk.save(facts, content)

    def _list(self) -> tuple[HeldMail, ...]:
        if not self._folder.exists():
            return ()
        found = [self._read(path) for path in self._folder.glob("*.json") if _ID.fullmatch(path.stem)]
        return tuple(sorted(found, key=lambda held: (held.at, held.id)))

    def _show(self, reference: str) -> HeldMail | None:
        _, facts = self._paths(reference)
        return self._read(facts) if facts.exists() else None

    def _message(self, reference: str) -> bytes:
        body, facts = self._paths(reference)
        held = self._known(reference, facts)
        message = body.read_bytes()
        if len(message) != held.size:
            raise HoldFailed(f"{body} has {len(message)} bytes and should have {held.size}; put it back from a backup")
        return message

    def _release(self, reference: str, by: str, at: datetime | None) -> HeldMail:
        _, facts = self._paths(reference)
        held = self._known(reference, facts)
        if not held.released_by:
            held = replace(held, released_by=by, released_at=at)
            self._disk.save(facts, json.dumps(encode(held), indent=1).encode("ascii") + b"\n")
        return held

    def _settle(self, reference: str, how: str) -> None:
        _, facts = self._paths(reference)
        held = replace(self._known(reference, facts), settled=how)
        self._disk.save(facts, json.dumps(encode(held), indent=1).encode("ascii") + b"\n")

    def _delete(self, reference: str) -> None:
        body, facts = self._paths(reference)
        self._disk.remove(facts)
        self._disk.remove(body)

    def _sweep(self) -> None:
        for body in self._folder.glob("*.eml"):
            if not body.with_suffix(".json").exists() and time.time() - body.stat().st_mtime >= _OLD_SECONDS:
                self._disk.remove(body)

    def _known(self, reference: str, facts: Path) -> HeldMail:
        if not facts.exists():
            raise HoldFailed(f"no mail is held under the id {reference}")
        return self._read(facts)

    @staticmethod
    def _read(facts: Path) -> HeldMail:
        try:
            return decode(HeldMail, json.loads(facts.read_bytes()))
        except (CodecError, ValueError, RecursionError) as error:
            raise HoldFailed(f"{facts} can't be understood ({error}); put it back from a backup, or move it away") from None
