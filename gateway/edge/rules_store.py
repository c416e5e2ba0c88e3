"""The rules that were in force, kept under state_dir by their version.

Mail is judged from such a copy, never from files that somebody is writing at that moment; `rules explain --version` and
`rules replay` find older versions there.

Under STATE/rules a folder VERSION has the set's folders as 0, 1, ... and about.json; history.jsonl has what happened to the
rules, a line an event. Files that are the same in two versions are one file on the disk (hard links).
"""

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.edge.rules_files import set_files, version_of
from gateway.errors import BadInput, GatewayError, Problem

FOLDER = "rules"
_ABOUT = "about.json"
_HISTORY = "history.jsonl"
_LONGEST_HISTORY = 1_000
"""Events; older ones go."""
_TRIES = 5
_NAP = 0.1
"""Seconds between two tries to copy folders in which somebody is writing."""


@dataclass(frozen=True, slots=True)
class KeptRules:
    """One version of the rules as it is kept.

    Attributes:
        folders: the copies, the shipped one first.
        shown: where they were copied from, for messages.
        at: when it was first kept.
    """

    version: str
    folders: tuple[Path, ...]
    shown: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class RulesEvent:
    """Something that happened to the rules: `loaded`, `failed` (the older ones stayed), or `shadow.STATE` of those on trial."""

    at: datetime
    what: str
    version: str
    text: str = ""


class RulesStore:
    """The versions under a state folder."""

    def __init__(self, state: Path) -> None:
        """Name the folder; nothing is made before the first `keep`."""
        self.root = state / FOLDER

    def keep(self, folders: Sequence[Path], at: datetime) -> tuple[KeptRules, bool]:
        """Copy a set of rules as it is now.

        Args:
            folders: the shipped folder first, then the site's.
            at: aware.

        Returns:
            tuple[KeptRules, bool]: the copy, and whether it is new.

        Raises:
            BadInput: a folder isn't there or a file of it can't be read.
            OSError: the copy can't be written.
        """
        missing = [folder for folder in folders if not folder.is_dir()]
        if missing:
            raise BadInput(tuple(Problem(str(folder), 0, "is not a folder; name a folder with rules in it") for folder in missing))
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        staged = self.root / f".new-{secrets.token_hex(6)}"
        try:
            version = version_of(_copied_whole(folders, staged))
            if (kept := self.get(version)) is not None and version_of(kept.folders) == version:
                os.utime(self.root / version / _ABOUT)
                return kept, False
            self.drop(version)  # somebody edited the copy
            about = {"version": version, "at": at.astimezone(UTC).isoformat(timespec="seconds"), "folders": [str(folder) for folder in folders]}
            self._share(staged)
            (staged / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
            staged.rename(self.root / version)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        kept = self.get(version)
        assert kept is not None  # noqa: S101 - just written
        return kept, True

    def _share(self, staged: Path) -> None:
        """Let files that the latest version has too be the same ones."""
        versions = self.versions()
        if not versions:
            return
        latest = self.root / versions[-1].version
        for path in [path for path in staged.rglob("*") if path.is_file()]:
            twin = latest / path.relative_to(staged)
            if twin.is_file() and twin.stat().st_size == path.stat().st_size and twin.read_bytes() == path.read_bytes():
                beside = path.with_name(f".{path.name}.link")
                with contextlib.suppress(OSError):
                    os.link(twin, beside)
                    beside.replace(path)

    def get(self, version: str) -> KeptRules | None:
        """A version by its name, None when it isn't kept."""
        place = self.root / version
        try:
            about = json.loads((place / _ABOUT).read_text(encoding="utf-8"))
            shown = tuple(str(name) for name in about["folders"])
            return KeptRules(version, tuple(place / str(n) for n in range(len(shown))), shown, datetime.fromisoformat(about["at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def versions(self) -> list[KeptRules]:
        """All that are kept, the one that was put in force last at the end."""
        if not self.root.is_dir():
            return []
        named = [kept for path in self.root.iterdir() if not path.name.startswith(".") and (kept := self.get(path.name)) is not None]
        return sorted(named, key=lambda kept: ((self.root / kept.version / _ABOUT).stat().st_mtime_ns, kept.version))

    def drop(self, version: str) -> None:
        """Remove a version, as when it turned out that it can't be loaded."""
        shutil.rmtree(self.root / version, ignore_errors=True)

    def prune(self, most: int, spare: Collection[str] = ()) -> None:
        """Keep the latest versions and those to spare, remove the others; what a process that died left behind goes too."""
        for kept in self.versions()[:-most]:
            if kept.version not in spare:
                self.drop(kept.version)
        for path in self.root.glob(".new-*"):
            shutil.rmtree(path, ignore_errors=True)

    def note(self, event: RulesEvent) -> None:
        """Remember what happened.

        Raises:
            OSError: it can't be written.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        row = {"at": event.at.astimezone(UTC).isoformat(timespec="seconds"), "what": event.what, "version": event.version, "text": event.text}
        path = self.root / _HISTORY
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > 2 * _LONGEST_HISTORY:
            shorter = path.with_name(f".{_HISTORY}.new")
            shorter.write_text("\n".join(lines[-_LONGEST_HISTORY:]) + "\n", encoding="utf-8")
            shorter.replace(path)

    def events(self, since: datetime | None = None, until: datetime | None = None) -> list[RulesEvent]:
        """What happened to the rules from one time to before another, in order; for the digest."""
        found = []
        try:
            lines = (self.root / _HISTORY).read_text(encoding="utf-8").splitlines()
        except OSError:
            return []
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a line that a full disk cut short
                row = json.loads(line)
                event = RulesEvent(datetime.fromisoformat(row["at"]), str(row["what"]), str(row["version"]), str(row["text"]))
                if (since is None or event.at >= since) and (until is None or event.at < until):
                    found.append(event)
        return found


def kept_rules(state: Path, version: str) -> KeptRules:
    """A version that somebody named.

    Raises:
        GatewayError: it isn't kept; the text says which are.
    """
    store = RulesStore(state)
    kept = store.get(version) if version.isalnum() else None
    if kept is None:
        names = ", ".join(each.version for each in store.versions()[-8:]) or "none"
        raise GatewayError(f"no version {version} of the rules is kept; the latest are {names}")
    return kept


def _copied_whole(folders: Sequence[Path], target: Path) -> list[Path]:
    """Copies of folders as they were at one moment, though somebody may edit them or put others in their place just now.

    Raises:
        BadInput: a file can't be read, or they change all the time.
    """
    with contextlib.ExitStack() as stack:
        pinned = [stack.enter_context(_pinned(folder)) for folder in folders]
        for _ in range(_TRIES):
            trouble = BadInput((Problem(str(folders[-1]), 0, "changes while it is read; try again when nobody writes there"),))
            try:
                copies = [_copied(*pair, target / str(layer)) for layer, pair in enumerate(zip(pinned, folders, strict=True))]
                if version_of(copies) == version_of(pinned):
                    return copies
            except BadInput as error:
                trouble = error
            except FileNotFoundError:  # it went while the copy was compared with it
                pass
            shutil.rmtree(target)
            time.sleep(_NAP)
    raise trouble


@contextlib.contextmanager
def _pinned(folder: Path) -> Iterator[Path]:
    """A path to a folder that stays the same one when another takes its name."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise BadInput((Problem(str(folder), 0, f"can't be read: {error.strerror}"),)) from None
    try:
        path = Path(f"/proc/self/fd/{handle}")
        yield path if path.is_dir() else folder
    finally:
        os.close(handle)


def _copied(folder: Path, shown: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    for path in set_files(folder):
        name = path.relative_to(folder)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadInput((Problem(str(shown / name), 0, f"can't be read: {error.strerror}"),)) from None
        copy = target / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(data)
    return target
