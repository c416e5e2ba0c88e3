"""Where the folders that we ship lie: inside an installed wheel, or at the top of a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def folder(name: str) -> Path:
    """Find a shipped folder.

    Args:
        name: "rules", "templates" or "systemd".

    Returns:
        Path: gateway/data/NAME when installed as a wheel, else the checkout's own NAME.
    """
    installed = _PACKAGE / "data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
