"""What the office's operations answer with: rows of JSON values."""

from datetime import UTC, datetime
from typing import Any

from gateway.errors import GatewayError

Row = dict[str, Any]
"""A row of an answer: JSON values only."""


class Refused(GatewayError):
    """What was asked for can't be done; the text says why."""


def time_text(value: datetime | None) -> str | None:
    """A time as the rows have it."""
    return value.astimezone(UTC).isoformat(timespec="seconds") if value else None
