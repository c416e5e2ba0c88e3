"""The zip file of an evidence package: manifest, seal, sums, and how it comes into its place."""

import hashlib
import hmac
import json
import os
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway import __version__
from gateway.edge.durable import Disk, explain
from gateway.errors import GatewayError

MANIFEST, SEAL, SUMS = "MANIFEST.json", "MANIFEST.seal", "SHA256SUMS"
_SEAL_FOR = b"evidence package\0"


@dataclass(frozen=True, slots=True)
class Package:
    """A package: its incidents, and its files by their names."""

    references: tuple[str, ...]
    files: Mapping[str, bytes]
    missing: tuple[str, ...]


def seal_of(manifest: bytes, secret: bytes) -> str:
    """The seal under a manifest: HMAC-SHA256 with the secret of the site."""
    return hmac.new(secret, _SEAL_FOR + manifest, hashlib.sha256).hexdigest()


def sealed(files: Mapping[str, bytes], facts: Mapping[str, object], secret: bytes, now: datetime) -> dict[str, bytes]:
    """The files of a package with manifest, seal and sums, by their names in order.

    Args:
        files: all others.
        facts: about the package, for the manifest.
        secret: of the site.
        now: aware.
    """
    hashes = {name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in sorted(files.items())}
    manifest = json_file({
        "program": "courtesy-gateway",
        "version": __version__,
        "made": now.astimezone(UTC).isoformat(timespec="seconds"),
        **facts,
        "files": hashes,
    })
    seals = {MANIFEST: manifest, SEAL: seal_of(manifest, secret).encode("ascii") + b"\n"}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in (dict(files) | seals).items()}
    return dict(sorted({**files, **seals, SUMS: sums_of(sums)}.items()))


def sums_of(sums: Mapping[str, str]) -> bytes:
    """Hashes by file name as `sha256sum -c` reads them."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()


def json_file(value: object) -> bytes:
    """A value as a file of JSON."""
    return json.dumps(value, ensure_ascii=True, indent=1).encode("ascii") + b"\n"


def write_package(package: Package, file: Path, now: datetime) -> tuple[Path, str]:
    """Write a package beside its place, durably; `publish` puts it there once it was noted on its incidents.

    Returns:
        tuple: the file, and its SHA-256.

    Raises:
        GatewayError: it couldn't be written.
    """
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}.tmp")
    stamp = now.astimezone(UTC)
    date = (max(stamp.year, 1980), stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second)
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w+b") as handle:
            with zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in package.files.items():
                    entry = zipfile.ZipInfo(name, date)
                    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
                    archive.writestr(entry, content)
            handle.flush()
            os.fsync(handle.fileno())
            handle.seek(0)
            return temporary, hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise GatewayError(f"the package couldn't be written: {explain(error)}") from error


def publish(temporary: Path, file: Path) -> None:
    """Give a written package its name; one that is there isn't replaced.

    Raises:
        GatewayError: it couldn't be done.
    """
    try:
        os.link(temporary, file)
        temporary.unlink()
        Disk().sync_folder(file.parent)
    except OSError as error:
        raise GatewayError(f"the package couldn't be put in place: {explain(error)}") from error
