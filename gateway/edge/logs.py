"""Log lines: one event a line, as text or JSON, with nothing in it that a mail said and no more of an address than allowed."""

import json
import logging
import re
import sys
import traceback
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from gateway.edge.settings import LogSettings

FIELDS = ("event", "reference", "mode", "level", "disposition", "code")
"""What a line of ours may have as keys of their own, beside time, severity, logger, message, error and at."""

_OURS = ("courtesy", "gateway")
_ADDRESS = re.compile(r"""(?:"(?:[^"\\]|\\.){0,64}"|[^\s<>"'(),;:\[\]=@]{1,320})@(\[[^\]\s]{1,60}\]|[^\s<>"'(),;:\[\]=@]{1,255})""")
_REPLY = re.compile(r"(the server says [45]\d\d(?:[ -][45]\.\d{1,3}\.\d{1,3})?)[^|]*")
"""What a mailbox server answers to a mail may quote it: its codes are written, its words aren't."""
_LONGEST = 2_000
_FRAMES = 8
_ROOT = f"{Path(__file__).parents[2]}/"


class _Lines(logging.Formatter):
    """Formats a record as text.

    An exception's own text is never written: it may quote a mail. Its type and where it arose are. A line of somebody
    else's library is written without what was filled into it, for the same reason.

    Args:
        addresses: settings.log.addresses.
    """

    def __init__(self, addresses: str) -> None:
        super().__init__()
        self._addresses = addresses

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        error, at = _error(record)
        where = f" ({error} at {', '.join(at)})" if error else ""
        return f"{record.levelname} {record.name} {self.message(record)}{where}"

    def message(self, record: logging.LogRecord) -> str:
        """What happened, on one line."""
        if record.name.partition(".")[0] in _OURS:
            text = record.getMessage()
        elif record.args or record.name == "asyncio":
            text = str(record.msg).partition("\n")[0]
        else:
            text = f"a message from {Path(record.pathname).name} line {record.lineno}"
        return self.clean(text)

    def clean(self, text: str) -> str:
        """Text without control characters, and with addresses cut as the site wants it."""
        text = text.strip()[:_LONGEST].replace("\n", " | ")
        text = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else c for c in text)
        text = _REPLY.sub(r"\1", text)
        if self._addresses == "full":
            return text
        return _ADDRESS.sub(r"***@\1" if self._addresses == "domain" else "***@***", text)


class _JsonLines(_Lines):
    """Formats a record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname.lower(),
            "logger": record.name,
            "message": self.message(record),
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if value is not None:
                line[name] = value if isinstance(value, int) else self.clean(str(value))
        error, at = _error(record)
        if error:
            line |= {"error": error, "at": at}
        return json.dumps(line, ensure_ascii=False)


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging calls it so
        """Say that a line couldn't be written, without what was to be in it."""
        try:
            self.stream.write(f"ERROR {record.name} a log line couldn't be written (line {record.lineno} of {Path(record.pathname).name})\n")
        except (OSError, ValueError):
            return


def set_up(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Let every logger of this process write to one stream.

    Args:
        settings: form, level and how much of addresses is written.
        stream: standard error when None.
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_JsonLines(settings.addresses) if settings.format == "json" else _Lines(settings.addresses))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    logging.captureWarnings(capture=True)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd logs every line there, with addresses, at INFO


def loop_trouble(_: object, context: Mapping[str, Any]) -> None:
    """What the event loop has to say of an exception that nobody caught; its own handler would write the exception's text."""
    error = context.get("exception")
    logging.getLogger("courtesy.loop").error("%s", context.get("message", "an error that nobody caught"), exc_info=error)


def _error(record: logging.LogRecord) -> tuple[str, list[str]]:
    """The type of a record's exception and the frames it came through, innermost last."""
    if not record.exc_info or record.exc_info[1] is None:
        return "", []
    error = record.exc_info[1]
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    at = [f"{frame.filename.removeprefix(_ROOT)}:{frame.lineno} {frame.name}" for frame in frames]
    return type(error).__name__, at
