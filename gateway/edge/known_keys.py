"""What a mistyped key was meant to be: the nearest of those that a table may have."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel


def nearest(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """The known key nearest to the last step of a location, "" when none is near.

    Args:
        model: of the whole file.
        location: pydantic's way to the unknown key: keys, and numbers of list entries.
    """
    table: type[BaseModel] | None = model
    for step in location[:-1]:
        if isinstance(step, str) and table is not None:
            field = table.model_fields.get(step)
            table = next(_tables(field.annotation), None) if field else None
    found = get_close_matches(str(location[-1]), table.model_fields, 1) if table is not None and location else []
    return found[0] if found else ""


def _tables(annotation: Any) -> Iterator[type[BaseModel]]:
    """The tables that a field may hold, in lists and choices too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _tables(inner)
