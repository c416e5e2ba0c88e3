"""From a place in a TOML tree back to the line that a person wrote, and from a library's error to a plain sentence."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from gateway.errors import Problem

_HEADER = re.compile(r"^\s*\[(?P<array>\[)?\s*(?P<name>[^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*(?P<key>[A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*|\"[^\"]*\"|'[^']*')\s*=")


class Lines:
    """Where each table and key of a TOML text stands; lines count from 1.

    A line locator, not a parser: keys inside multi-line strings could mislead it, never the settings themselves.
    """

    def __init__(self, source: str) -> None:
        """Walk over the lines once."""
        self._at: dict[tuple[str | int, ...], int] = {}
        counts: dict[tuple[str | int, ...], int] = {}
        table: tuple[str | int, ...] = ()
        fence = ""
        for number, line in enumerate(source.splitlines(), 1):
            if fence:
                fence = "" if fence in line else fence
                continue
            if header := _HEADER.match(line):
                path = self._path(header["name"])
                if header["array"]:
                    index = counts.get(path, 0)
                    counts[path] = index + 1
                    self._at.setdefault(path, number)
                    table = (*path, index)
                else:
                    parent = (*path[:-1], counts[path[:-1]] - 1, *path[-1:]) if path[:-1] in counts else path
                    table = parent
                self._at.setdefault(table, number)
            elif key := _KEY.match(line):
                self._at.setdefault((*table, *self._path(key["key"])), number)
                rest = line[key.end() :]
                for mark in ('"""', "'''"):
                    if rest.count(mark) % 2:
                        fence = mark

    @staticmethod
    def _path(dotted: str) -> tuple[str | int, ...]:
        return tuple(part.strip().strip("\"'") for part in dotted.split("."))

    def of(self, location: tuple[str | int, ...]) -> int:
        """The line of a place, or of the nearest place around it that has one; 0 when nothing has."""
        for length in range(len(location), 0, -1):
            if line := self._at.get(tuple(location[:length])):
                return line
        return 0


def toml_problem(name: str, error: tomllib.TOMLDecodeError) -> Problem:
    """A TOML syntax error as a problem with its line."""
    text = str(error)
    place = re.search(r"\(at line (\d+), column (\d+)\)", text)
    plain = re.sub(r"\s*\(at [^)]*\)", "", text)
    return Problem(name, int(place[1]) if place else 0, f"not valid TOML: {plain[:1].lower()}{plain[1:]}")


def dotted(location: tuple[str | int, ...]) -> str:
    """A place in words: addresses.support, rule[3].words."""
    text = ""
    for step in location:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def explain(name: str, lines: Lines, detail: Mapping[str, Any], nearest: str = "") -> Problem:
    """One of pydantic's error details as a problem that says what to do.

    Args:
        name: of the file.
        lines: of its text.
        detail: what pydantic says.
        nearest: the key that an unknown one may stand for, "" when none is near.
    """
    location = tuple(detail["loc"])
    where = dotted(location) or "this file"
    kind = detail["type"]
    context = detail.get("ctx") or {}
    if kind == "missing":
        text = f"{where} is missing and has no default; add it"
    elif kind == "extra_forbidden":
        text = f"{where} is not a known key; {f'did you mean {nearest}?' if nearest else 'remove it or check its spelling'}"
    elif kind in {"literal_error", "enum"}:
        text = f"{where} must be {context.get('expected')}, not {detail['input']!r}"
    elif kind == "value_error":
        text = f"{where} {context['error']}" if location else str(context["error"])
    elif kind in {"string_type", "int_type", "bool_type", "float_type", "tuple_type", "list_type"}:
        wanted = {
            "string_type": 'a text in "quotes"',
            "int_type": "a whole number",
            "bool_type": "true or false",
            "float_type": "a number",
        }.get(kind, "a list in [brackets]")
        text = f"{where} must be {wanted}, not {detail['input']!r}"
    else:
        text = f"{where}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
    return Problem(name, lines.of(location), text)
