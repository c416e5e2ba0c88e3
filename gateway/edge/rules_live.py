"""The rules in force: checked in full first, swapped between two mails, kept by version; on any error the old ones stay."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from gateway.edge.metrics import Metrics
from gateway.edge.reader import ProcessReader
from gateway.edge.rules_files import set_files
from gateway.edge.rules_store import RulesEvent, RulesStore
from gateway.edge.weigher import Order
from gateway.errors import GatewayError

log = logging.getLogger("courtesy.rules")

_WATCH_SECONDS = 2.0
_LONGEST_TEXT = 2_000

Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(eq=False)
class LiveRules:
    """Loads and reloads the rules of a running service.

    Attributes:
        order: where the rules lie that people edit, and the limits.
        store: keeps a copy of each version; mail is judged from the copy.
        most: how many versions are kept.
        spare: versions that are kept however old they are.
    """

    order: Order
    store: RulesStore
    most: int
    reader: ProcessReader
    metrics: Metrics
    clock: Callable[[], datetime]
    spare: Callable[[], frozenset[str]] = frozenset
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Put the rules in force as they are now.

        Raises:
            BadInput: they have errors.
            WeighingFailed: no weigher could be started.
        """
        log.info("loading the rules ...")
        self.reader.order, new = await asyncio.to_thread(self._kept, examples=False)
        try:
            await self.reader.start()
        except GatewayError:
            self._forget(self.reader.order, new=new)
            raise
        self.metrics.rules_loaded(self.reader.version)
        await self._note("loaded", self.reader.version, "at the start")
        await asyncio.to_thread(self.store.prune, self.most, self.spare())

    async def reload(self) -> str:
        """Check the rules in full and put them in force; on any error the old ones stay, which is counted and remembered.

        Whoever asked, the log says what came of it.

        Returns:
            str: the version in force now; the same as before when nothing has changed.

        Raises:
            BadInput: with every error.
            WeighingFailed: the new rules couldn't be loaded.
        """
        async with self._lock:
            order, new, before = self.order, False, self.reader.version
            try:
                order, new = await asyncio.to_thread(self._kept, examples=True)
                version = await self._swapped(order)
            except GatewayError as error:
                self._forget(order, new=new)
                self.metrics.rules_loaded("")
                await self._note("failed", "", str(error)[:_LONGEST_TEXT])
                log.error("the rules were not reloaded, the old ones stay in force:\n%s", error)  # noqa: TRY400 - the sentence says it all
                raise
            log.warning("rules reloaded, version %s%s", version, " as before" if version == before else "")
            return version

    async def _swapped(self, order: Order) -> str:
        before = self.reader.version
        unchanged = order.folders == self.reader.order.folders
        version = before if unchanged else await self.reader.reload(order)
        self.metrics.rules_loaded(version)
        if not unchanged:
            await self._note("loaded", version, f"before: {before}")
            await asyncio.to_thread(self.store.prune, self.most, self.spare())
        return version

    def _kept(self, *, examples: bool) -> tuple[Order, bool]:
        """The order for the weighers: a copy of the rules, so that nobody judges by a file that is half written."""
        try:
            kept, new = self.store.keep(self.order.folders, self.clock())
        except OSError as error:
            # a full disk must not keep mail from being judged
            log.warning("the rules can't be copied to %s (%s); they are read where they are", self.store.root, error.strerror)
            return replace(self.order, examples=examples), False
        return replace(self.order, folders=kept.folders, shown=tuple(map(str, self.order.folders)), examples=examples), new

    def _forget(self, order: Order, *, new: bool) -> None:
        """A version that can't be loaded isn't kept."""
        if new:
            self.store.drop(order.folders[0].parent.name)

    async def _note(self, what: str, version: str, text: str) -> None:
        try:
            await asyncio.to_thread(self.store.note, RulesEvent(self.clock(), what, version, text))
        except OSError as error:
            log.warning("what happened to the rules can't be written down: %s", error.strerror)

    async def watch(self, pause: float = _WATCH_SECONDS) -> None:
        """Reload when files of the site's folders change and have then been left alone for a moment; runs until cancelled."""
        folders = self.order.folders[1:]
        seen = tried = await asyncio.to_thread(signature, folders)
        while True:
            await asyncio.sleep(pause)
            now = await asyncio.to_thread(signature, folders)
            still, seen = now == seen, now
            if still and now != tried:
                tried = now
                await self.reload_unasked()

    async def reload_unasked(self) -> None:
        """Reload when nobody waits for an answer: only the log says what came of it."""
        with contextlib.suppress(GatewayError):
            await self.reload()


def signature(folders: tuple[Path, ...]) -> Signature:
    """What changes when somebody edits a file of some rules folders; a folder that is away is an empty one."""
    found = []
    for folder in folders:
        with contextlib.suppress(OSError):
            for path in set_files(folder):
                state = path.stat()
                found.append((str(path), state.st_mtime_ns, state.st_size, state.st_ino))
    return tuple(found)
