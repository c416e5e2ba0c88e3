"""What people say to us beside what rules know (templates/LANG/spoken.toml): decisions, deadlines, requests."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway.edge.known_keys import nearest
from gateway.edge.toml_lines import Lines, explain, toml_problem
from gateway.errors import Problem
from gateway.policy.deadline_words import DeadlineWords
from gateway.policy.decision_words import DecisionWords
from gateway.records import Action

FILE = "spoken.toml"
_MONTHS = 12
_WORD = re.compile(r"\*?[^*]+|[^*]+\*")
"""With a star at one end at most: more of them would let matching grow with the power of a text's length."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is understood in one language.

    Attributes:
        decisions: how managers decide by mail.
        deadlines: how customers set a deadline; None where nothing is known of it.
        requests: beginnings of words with which people ask for something.
    """

    decisions: DecisionWords = field(default_factory=DecisionWords)
    deadlines: DeadlineWords | None = None
    requests: tuple[str, ...] = ()


def _plain(value: str) -> str:
    text = " ".join(unicodedata.normalize("NFC", value).casefold().replace("\u2019", "'").split())
    if not any(character.isalnum() for character in text):
        raise ValueError(f"{value!r} has no word in it")
    return text


def _form(value: str) -> str:
    text = _plain(value)
    parts = text.split(" ... ")
    whole = len(parts) < 3 and all(part.strip() and "..." not in part for part in parts)
    if not whole or not all(_WORD.fullmatch(word) for word in " ".join(parts).split()):
        raise ValueError(f"{value!r} isn't understood; write words, word* or *word, and at most one ... between two of them")
    return text


def _twelve(value: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    if len(value) != _MONTHS or not all(value):
        raise ValueError(f"must have twelve lists, January first, and not {len(value)}")
    return value


def _small(value: dict[str, int]) -> dict[str, int]:
    return {_plain(word): number for word, number in value.items()}


_Phrases = Annotated[tuple[Annotated[str, AfterValidator(_plain)], ...], Field(strict=False, max_length=500)]
_Forms = Annotated[tuple[Annotated[str, AfterValidator(_form)], ...], Field(strict=False, max_length=500)]
_Months = Annotated[tuple[_Forms, ...], Field(strict=False), AfterValidator(_twelve)]


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Decisions(_Table):
    release: _Phrases = ()
    delete: _Phrases = ()
    strike: _Phrases = ()
    block: _Phrases = ()
    lift: _Phrases = ()
    dismiss: _Phrases = ()
    overturn: _Phrases = ()
    pardon: _Phrases = ()
    grant: _Phrases = ()
    uphold: _Phrases = ()
    answered: _Phrases = ()
    confirm: _Phrases = ()
    everything: _Phrases = ()
    joins: _Phrases = ()
    fillers: _Phrases = ()
    takes_back: _Phrases = ()


class _Deadlines(_Table):
    month_names: _Months | None = None
    by: _Forms = ()
    before: _Forms = ()
    after: _Forms = ()
    ended: _Forms = ()
    within: _Forms = ()
    within_end: _Forms = ()
    numbers: Annotated[dict[str, Annotated[int, Field(ge=1, le=183)]], AfterValidator(_small)] = {}
    days: _Forms = ()
    working_days: _Forms = ()
    weeks: _Forms = ()
    months: _Forms = ()
    hours: _Forms = ()
    since: _Forms = ()
    since_now: _Forms = ()
    demand: _Forms = ()
    told: _Forms = ()
    not_told: _Forms = ()
    day_first: bool = True


class _File(_Table):
    requests: _Phrases = ()
    decisions: _Decisions = _Decisions()
    deadlines: _Deadlines | None = None


def load_spoken(languages: Sequence[str], folders: Sequence[Path]) -> tuple[dict[str, Spoken], list[Problem]]:
    """Read what is said in each language.

    Args:
        languages: codes.
        folders: template folders, the site's first; a key there replaces ours.

    Returns:
        tuple: by language, and what is wrong. What takes a decision back must be known; without the rest the gateway only
            hears less.
    """
    found: dict[str, Spoken] = {}
    problems: list[Problem] = []
    for language in languages:
        merged: dict[str, Any] = {}
        for folder in reversed(folders):
            tree, wrong = _read(folder / language / FILE)
            problems += wrong
            for key, value in tree.items():
                merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
        said = _spoken(merged)
        if not said.decisions.takes_back and not problems:
            name = str(folders[0] / language / FILE)
            problems.append(Problem(name, 0, "decisions.takes_back is missing: words such as no and not, by which a line takes a decision back; add it"))
        found[language] = said
    return found, problems


def _read(path: Path) -> tuple[Mapping[str, Any], list[Problem]]:
    """What a file says, {} where it isn't or has errors."""
    if not path.is_file():
        return {}, []
    name = str(path)
    try:
        source = path.read_text(encoding="utf-8-sig")
        tree = tomllib.loads(source)
        _File.model_validate(tree)
    except tomllib.TOMLDecodeError as error:
        return {}, [toml_problem(name, error)]
    except (OSError, UnicodeDecodeError) as error:
        return {}, [Problem(name, 0, f"can't be read as UTF-8 text: {error}")]
    except ValidationError as error:
        lines = Lines(source)
        return {}, [explain(name, lines, detail, nearest(_File, detail["loc"])) for detail in error.errors()]
    return tree, []


def _spoken(tree: Mapping[str, Any]) -> Spoken:
    file = _File.model_validate(tree)
    said = {name: phrases for name, phrases in file.decisions if name not in set(Action)}
    decisions = DecisionWords({action: getattr(file.decisions, action.value) for action in Action}, **said)
    if file.deadlines is None:
        return Spoken(decisions, None, file.requests)
    fields = {name: value for name, value in file.deadlines if name not in {"numbers", "month_names"}}
    deadlines = DeadlineWords(month_names=file.deadlines.month_names or (), numbers=tuple(file.deadlines.numbers.items()), **fields)
    return Spoken(decisions, deadlines, file.requests)
