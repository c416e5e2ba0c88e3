"""A change of one rule as a site writes it: `[[change]]` in a file of its language."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FILE = "proposed.toml"


@dataclass(frozen=True, slots=True)
class Snippet:
    """A change; what is None or empty stays as it is."""

    language: str
    rule: str
    points: int | None = None
    signal: bool | None = None
    off: bool | None = None
    unless: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()


def snippet_text(snippet: Snippet) -> str:
    """The change as TOML."""
    lines = ["[[change]]", f"id = {_quoted(snippet.rule)}"]
    if snippet.points is not None:
        lines.append(f"points = {snippet.points}")
    lines += [f"{name} = {str(value).lower()}" for name, value in (("signal", snippet.signal), ("off", snippet.off)) if value is not None]
    for name, values in (("unless", snippet.unless), ("misses", snippet.misses)):
        if values:
            lines += [f"{name} = [", *(f"    {_quoted(value)}," for value in values), "]"]
    return "\n".join(lines) + "\n"


def put(folder: Path, snippets: Iterable[Snippet]) -> Path:
    """Write changes into a folder as a site has them, each in the folder of its language."""
    for snippet in snippets:
        file = folder / snippet.language / FILE
        file.parent.mkdir(exist_ok=True)
        with file.open("a", encoding="utf-8") as handle:
            handle.write(snippet_text(snippet) + "\n")
    return folder


def _quoted(text: str) -> str:
    # JSON's strings are TOML's, but for DEL, which nothing printable has
    return json.dumps(text, ensure_ascii=False)
