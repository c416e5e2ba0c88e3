"""Which files make up a set of rules, and the name of a set: the same bytes have the same version wherever they lie."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.edge import shipped

POLICY_FILE = "policy.toml"
MORPHOLOGY_FILE = "morphology.toml"
CONTEXT_FILE = "context.toml"
FORMS_FILE = "forms.toml"
EAR_FILE = "ear.npz"
CLASSES_PREFIX = "classes"
WIDE_PREFIX = "classes-wide"
"""Files whose words only the ear hears: wide enough to understand a stranger, too wide for rules."""


def language_files(folder: Path) -> Iterator[Path]:
    """The TOML files of all languages of a rules folder, in order: FOLDER/LANG/*.toml."""
    yield from (path for path in sorted(folder.rglob("*.toml")) if len(path.relative_to(folder).parts) == 2)


def astray(folder: Path) -> Iterator[Path]:
    """TOML files that nobody reads, because they don't lie in the folder of a language."""
    for path in sorted(folder.rglob("*.toml")):
        parts = path.relative_to(folder).parts
        if len(parts) != 2 and parts != (POLICY_FILE,):
            yield path


def set_files(folder: Path) -> Iterator[Path]:
    """Every file of a folder by which mail is judged."""
    yield from (path for name in (POLICY_FILE, EAR_FILE) if (path := folder / name).is_file())
    yield from language_files(folder)


def version_of(folders: Sequence[Path]) -> str:
    """The version of a set of rules: twelve hex digits of what its files say and how they are named.

    Args:
        folders: laid over one another; a set without numbers of its own has the shipped ones.

    Raises:
        OSError: a file can't be read.
    """
    digest = hashlib.sha256()
    if not has_policy(folders):
        digest.update((shipped.folder("rules") / POLICY_FILE).read_bytes())
    for folder in folders:
        for path in set_files(folder):
            data = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:12]


def has_policy(folders: Sequence[Path]) -> bool:
    """Whether one of the folders brings its own numbers."""
    return any((folder / POLICY_FILE).is_file() for folder in folders)
