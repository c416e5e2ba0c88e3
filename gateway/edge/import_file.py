"""Files of incidents from other channels: CSV or JSON, every error at once with its line."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from gateway.edge.settings import MailAddress
from gateway.errors import BadInput, Problem
from gateway.mail.authentication import normal_address
from gateway.values import UNDETERMINED, Category

_MOST_ROWS = 100_000


def _listed(value: Any) -> Any:
    """A CSV cell may hold several, with | between them."""
    return [part.strip() for part in value.split("|") if part.strip()] if isinstance(value, str) else value


_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ImportedRow(BaseModel):
    """One incident of another channel (policy points D10, D18, D22)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: _Line
    at: datetime
    channel: Literal["phone", "chat", "review", "counter", "social", "letter", "other"]
    sender: Annotated[MailAddress, AfterValidator(normal_address)]
    level: Literal["rude", "abusive", "severe"]
    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]
    reported_by: _Line
    parties: Annotated[tuple[_Line, ...], BeforeValidator(_listed), Field(max_length=20)] = ()
    categories: Annotated[tuple[Category, ...], BeforeValidator(_listed)] = ()
    measure: Literal["none", "oral_warning", "written_warning"] = "none"
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] = UNDETERMINED


@dataclass(frozen=True, slots=True)
class _Raw:
    line: int
    fields: Any


def read_rows(text: str, name: str, zone: ZoneInfo, now: datetime) -> tuple[ImportedRow, ...]:
    """Read a file of incidents.

    Args:
        text: CSV with a line of column names, a JSON list, or a JSON object a line.
        name: of the file, for the errors.
        zone: of times that name none.
        now: aware; nothing can have happened later.

    Returns:
        tuple[ImportedRow, ...]: all rows, times in UTC.

    Raises:
        BadInput: with every error.
    """
    text = text.removeprefix("\ufeff")
    rows: list[ImportedRow] = []
    problems: list[Problem] = []
    lines: dict[tuple[str, str], int] = {}
    try:
        raw = list(_json(text) if text.lstrip()[:1] in {"[", "{"} else _csv(text))
    except json.JSONDecodeError as error:
        raise BadInput((Problem(name, error.lineno, f"is no JSON: {error.msg}"),)) from None
    except (csv.Error, ValueError) as error:
        raise BadInput((Problem(name, 1, str(error)),)) from None
    if len(raw) > _MOST_ROWS:
        raise BadInput((Problem(name, 0, f"has {len(raw)} rows; import at most {_MOST_ROWS} at a time"),))
    for one in raw:
        try:
            row = ImportedRow.model_validate(one.fields)
        except ValidationError as error:
            problems += [Problem(name, one.line, _explained(detail)) for detail in error.errors()]
            continue
        at = (row.at if row.at.tzinfo is not None else row.at.replace(tzinfo=zone)).astimezone(UTC)
        if at > now:
            problems.append(Problem(name, one.line, "at is in the future"))
        if (before := lines.setdefault((row.channel, row.id), one.line)) != one.line:
            problems.append(Problem(name, one.line, f"id {row.id} stands in line {before} already"))
        rows.append(row.model_copy(update={"at": at}))
    if problems:
        raise BadInput(tuple(problems))
    return tuple(rows)


def _csv(text: str) -> Iterator[_Raw]:
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
    line = 2
    for fields in reader:
        if None in fields or None in fields.values():
            raise ValueError(f"line {line} has not as many cells as the first line has names")
        # an empty cell is one that isn't there, so that the default holds
        yield _Raw(line, {name.strip(): value for name, value in fields.items() if value.strip()})
        line = reader.line_num + 1


def _json(text: str) -> Iterator[_Raw]:
    """The objects of a list, or one after the other, each with its line."""
    decoder = json.JSONDecoder()
    place, inside = _skipped(text, 0), text.lstrip().startswith("[")
    place = _skipped(text, place + 1) if inside else place
    while place < len(text) and text[place] != "]":
        value, end = decoder.raw_decode(text, place)
        yield _Raw(text.count("\n", 0, place) + 1, value)
        place = _skipped(text, end)
        if inside and text[place : place + 1] == ",":
            place = _skipped(text, place + 1)
        elif inside and text[place : place + 1] != "]":
            raise json.JSONDecodeError("a comma or the end of the list is missing", text, min(place, len(text)))
    if (inside and text[place : place + 1] != "]") or text[place + 1 :].strip():
        raise json.JSONDecodeError("the list doesn't end where the file does", text, min(place, len(text)))


def _skipped(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _explained(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{where} is not a known name; there are {', '.join(ImportedRow.model_fields)}"
    if detail["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {detail['msg'].removeprefix('Value error, ')}" if where else detail["msg"]
