"""A copy of all that is durable to read from: the service only makes it, for its time is for mail."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.cli.asking import office
from gateway.edge.settings import Settings


@contextmanager
def snapshot(config: Path, settings: Settings) -> Iterator[Path]:
    """The folder of a copy, with the folders of gateway.edge.state_backup in it; removed at the end."""
    copy = settings.state / office(config, "ledger.snapshot")["name"]
    try:
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)
