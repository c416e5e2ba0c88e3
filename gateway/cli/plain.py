"""Output that is safe for a terminal, and errors that are a sentence."""

import unicodedata
from typing import Any, NoReturn

import click


def plain(text: str) -> str:
    """Text without control characters and bidi overrides, whatever a mail put into it; line ends and tabs stay."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"} else "\N{REPLACEMENT CHARACTER}" for c in text)


def fail(text: str, code: int = 1) -> NoReturn:
    """Say what is wrong and end."""
    click.echo(plain(text), err=True)
    raise SystemExit(code)


def table(rows: list[dict[str, Any]], columns: tuple[str, ...], nothing: str) -> None:
    """Print rows as a table; `nothing` when there are none."""
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
        shown.add_row(*(Text(plain(_short(column, cell(row.get(column))))) for column in columns))
    console = Console()
    # a pipe has no width: there every row stays on its line
    (console if console.is_terminal else Console(width=240)).print(shown)


def _short(column: str, text: str) -> str:
    """Times to the minute, in UTC."""
    return text[:16].replace("T", " ") if column in {"at", "opened", "due", "suspended_until"} and len(text) > 16 else text


def cell(value: Any) -> str:
    """A JSON value for people."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell(item) for item in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {cell(item)}" for key, item in value.items())
    return str(value)


def facts(row: dict[str, Any]) -> None:
    """Print one row as lines of name and value."""
    for name, value in row.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            click.echo(f"{name.replace('_', ' ')}:")
            for item in value:
                click.echo(plain(f"  {cell(item)}"))
        else:
            click.echo(plain(f"{name.replace('_', ' ')}: {cell(value)}"))
