"""What the weekly digest is made of when it is shown: sections of lines, entries and tables, and tables as plain text."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_WIDTH = 72
_NARROW = 12
"""Text columns are at least so wide, so that their heads wrap between words."""
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: what it is about, then its values; `bar` is the length of a bar in per cent, 0 for none."""

    head: str
    cells: tuple[str, ...]
    bar: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Column heads, the first above the rows' heads, and rows."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The table in monospaced columns of at most 72 characters where that is possible."""
        rows = [self.columns, *((line.head, *line.cells) for line in self.lines)]
        columns = [[row[number] for row in rows] for number in range(len(self.columns))]
        least = [max(len(word) for cell in column for word in cell.split()) for column in columns]
        widths = [max(len(cell) for cell in columns[0])]
        widths += [max(min(_NARROW, len(column[0])), *map(len, column[1:])) for column in columns[1:]]
        widths = [max(pair) for pair in zip(widths, least, strict=True)]
        while sum(widths) + len(_GAP) * (len(widths) - 1) > _WIDTH and widths != least:
            # the column with the most room to wrap gives way
            widest = max(range(len(widths)), key=lambda number: widths[number] - least[number])
            widths[widest] -= 1
        return "\n".join(line for row in rows for line in _text_row(row, widths))


def _text_row(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    wrapped = [textwrap.wrap(cell, width, break_on_hyphens=False) or [""] for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, wrapped))):
        parts = [lines[number] if number < len(lines) else "" for lines in wrapped]
        cells = [part.ljust(widths[0]) if not place else part.rjust(widths[place]) for place, part in enumerate(parts)]
        yield _GAP.join(cells).rstrip()


@dataclass(frozen=True, slots=True)
class Fact:
    """What a person must know of an item; `late` is to be seen first."""

    text: str
    late: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One item to decide: its number, what it is, and the facts."""

    number: int
    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the digest; it always has something to say."""

    title: str
    lines: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """The whole digest in one language."""

    language: str
    subject: str
    title: str
    lines: tuple[str, ...]
    sections: tuple[Section, ...]
    footer: str
