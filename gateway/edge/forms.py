"""rules/LANG/forms.toml: how the mail programs of a language frame what they quote; every error with file and line."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway.edge.toml_lines import Lines, explain, toml_problem
from gateway.errors import BadInput, Problem
from gateway.mail.forms import GAPS, Forms, Labels, LanguageForms


def _phrase(value: str) -> str:
    bare = value
    for gap in GAPS:
        bare = bare.replace(gap, " ")
    if not any(character.isalnum() for character in bare) and "<address>" not in value:
        raise ValueError("has no word in it; a pattern of gaps alone would match every line")
    if "<" in bare or ">" in bare:
        raise ValueError("has an unknown gap in it; known are <when>, <who>, <address> and ...")
    return value


_Phrases = Annotated[tuple[Annotated[str, AfterValidator(_phrase)], ...], Field(strict=False, max_length=500)]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _LabelsFile(_Section):
    author: _Phrases = ()
    sent: _Phrases = ()
    to: _Phrases = ()
    subject: _Phrases = ()


class _FormsFile(_Section):
    attributions: _Phrases = ()
    originals: _Phrases = ()
    forwards: _Phrases = ()
    mobile: _Phrases = ()
    closings: _Phrases = ()
    disclaimers: _Phrases = ()
    reader: _Phrases = ()
    common: _Phrases = ()
    agents: _Phrases = ()
    me: _Phrases = ()
    replies: _Phrases = ()
    forwarded: _Phrases = ()
    automatic: _Phrases = ()
    labels: _LabelsFile = _LabelsFile()


def load_forms(folders: Sequence[Path]) -> Forms:
    """Read the forms of every language under some rules folders.

    Args:
        folders: rules folders, each with a folder a language; the tables of all are added together.

    Returns:
        Forms: ready for matching.

    Raises:
        BadInput: with every problem of every file at once, each with its line.
    """
    tables: list[LanguageForms] = []
    problems: list[Problem] = []
    for folder in folders:
        for path in sorted(folder.glob("*/forms.toml")):
            try:
                tables.append(_load(path))
            except BadInput as error:
                problems.extend(error.problems)
    if problems:
        raise BadInput(tuple(problems))
    return Forms(tuple(tables))


def _load(path: Path) -> LanguageForms:
    name = str(path)
    try:
        source = path.read_text(encoding="utf-8-sig")
        tree = tomllib.loads(source)
    except OSError as error:
        raise BadInput((Problem(name, 0, f"can't be read: {error.strerror}"),)) from None
    except UnicodeDecodeError:
        raise BadInput((Problem(name, 0, "is not UTF-8 text; save it as UTF-8"),)) from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput((toml_problem(name, error),)) from None
    try:
        tables = _FormsFile.model_validate(tree)
    except ValidationError as error:
        lines = Lines(source)
        raise BadInput(tuple(explain(name, lines, detail) for detail in error.errors())) from None
    return LanguageForms(
        language=path.parent.name,
        labels=Labels(**dict(tables.labels)),
        **{key: value for key, value in tables if key != "labels"},
    )
