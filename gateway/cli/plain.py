"""Output that is safe for a terminal, and errors that are a sentence."""

import re
import unicodedata
from datetime import datetime, tzinfo
from typing import Any, NoReturn

import click

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def plain(text: str) -> str:
    """Text without control characters and bidi overrides, whatever a mail put into it; line ends and tabs stay."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"} else "\N{REPLACEMENT CHARACTER}" for c in text)


def fail(text: str, code: int = 1) -> NoReturn:
    """Say what is wrong and end."""
    click.echo(plain(text), err=True)
    raise SystemExit(code)


def table(rows: list[dict[str, Any]], columns: tuple[str, ...], nothing: str, zone: tzinfo | None = None) -> None:
    """Print rows as a table, times in a zone; `nothing` when there are none."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        click.echo(nothing)
        return
    shown = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        shown.add_column(column.replace("_", " "), no_wrap=column in {"id", "reference", "at", "opened", "due", "suspended_until"}, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(plain(cell(row.get(column), zone))) for column in columns))
    console = Console()
    # a pipe has no width: there every row stays on its line
    (console if console.is_terminal else Console(width=240)).print(shown)


def local_time(at: datetime, zone: tzinfo) -> str:
    """A time to the minute in a zone, which is named: the same hour is there twice when clocks go back."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def cell(value: Any, zone: tzinfo | None = None) -> str:
    """A JSON value for people, times in a zone where one is given."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell(item, zone) for item in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {cell(item, zone)}" for key, item in value.items())
    text = str(value)
    return local_time(datetime.fromisoformat(text), zone) if zone is not None and _TIME.fullmatch(text) else text


def facts(row: dict[str, Any], zone: tzinfo | None = None) -> None:
    """Print one row as lines of name and value, times in a zone where one is given."""
    for name, value in row.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            click.echo(f"{name.replace('_', ' ')}:")
            for item in value:
                click.echo(plain(f"  {cell(item, zone)}"))
        else:
            click.echo(plain(f"{name.replace('_', ' ')}: {cell(value, zone)}"))
