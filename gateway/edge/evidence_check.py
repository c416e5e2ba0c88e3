"""Whether an evidence package is as it was made, and whether this site made it."""

import hashlib
import hmac
import json
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from gateway.edge.evidence_zip import MANIFEST, SEAL, SUMS, seal_of, sums_of
from gateway.errors import GatewayError

_LARGEST = 2_000_000_000


def check_package(file: Path, secret: bytes) -> tuple[dict[str, Any], list[str]]:
    """Check a package: every file against the manifest, the manifest against the seal, and that nothing was added.

    Args:
        file: what somebody brings.
        secret: of the site.

    Returns:
        tuple: the manifest, and what is wrong, a sentence each.

    Raises:
        GatewayError: it is no package, or so damaged that nothing can be said.
    """
    wrong: list[str] = []
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            wrong += [f"{name} is in it {number} times" for name, number in Counter(each.filename for each in entries).items() if number > 1]
            if sum(entry.file_size for entry in entries) > _LARGEST:
                raise GatewayError(f"{file} is too large to be a package of ours")
            files = {entry.filename: content for entry in entries if (content := _read(archive, entry, wrong)) is not None}
    except (OSError, zipfile.BadZipFile) as error:
        raise GatewayError(f"{file} can't be read as a zip file: {error}") from None
    manifest = _manifest(files.get(MANIFEST))
    if manifest is None:
        raise GatewayError(f"{file} is no evidence package of ours, or is damaged: its {MANIFEST} can't be read")
    if not hmac.compare_digest(seal_of(files[MANIFEST], secret).encode(), files.get(SEAL, b"").strip()):
        wrong.append(f"the seal doesn't fit: {MANIFEST} or {SEAL} was changed, or another gateway made the package")
    wrong += _compared(manifest["files"], files)
    return manifest, wrong


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, wrong: list[str]) -> bytes | None:
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        wrong.append(f"{entry.filename} is damaged: {error}")
        return None


def _manifest(content: bytes | None) -> dict[str, Any] | None:
    try:
        data = json.loads(content or b"")
        good = data["program"] == "courtesy-gateway" and all(isinstance(facts["sha256"], str) for facts in data["files"].values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return data if good else None


def _compared(told: dict[str, dict[str, str]], files: dict[str, bytes]) -> list[str]:
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != SUMS}
    wrong = [f"{name} is missing" for name in told if name not in files]
    wrong += [f"{name} was changed" for name, facts in told.items() if name in sums and sums[name] != facts["sha256"]]
    wrong += [f"{name} was added" for name in sums if name not in told and name not in {MANIFEST, SEAL}]
    if not wrong and files.get(SUMS) != sums_of(sums):
        wrong.append(f"{SUMS} was changed")
    return wrong
