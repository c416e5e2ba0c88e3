"""What may stand in rules files, checked at the border by pydantic; the values behind are gateway.scoring.rules."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.scoring.match import compile_pattern
from gateway.scoring.patterns import HIT, SIMPLE_WORD, PatternError, parse
from gateway.values import Category, Tag, Target

CLAUSES = frozenset(
    {f"F{n}" for n in range(1, 25)} | {f"D{n}" for n in range(1, 30)} | {f"R{n}" for n in range(1, 23)} | {f"H{n}" for n in range(1, 10)} | {f"A{n}" for n in range(1, 20)}
)
"""The policy points that a rule can serve (docs: the policy's clauses)."""

_WORD_ENTRY = re.compile(r"=?\*?[^\s*=~<>()|?^$]+\*?~?(?:\s+[^\s*=~<>()|?^$]+\*?~?)*")


def _phrase(value: str) -> str:
    try:
        parse(value)
    except PatternError as error:
        raise ValueError(str(error)) from None
    return value


def _frame(value: str) -> str:
    _phrase(value)
    if f"<{HIT}>" not in value:
        raise ValueError(f"{value!r} doesn't say where the finding stands; put <{HIT}> into it")
    return value


def _entry(value: str) -> str:
    if SIMPLE_WORD.fullmatch(value) and ("*" not in value or len(value) > 3):
        return value
    if not _WORD_ENTRY.fullmatch(value.strip()):
        raise ValueError(f"{value!r} is not a word; write word, =word, word*, *word, or several words; patterns go into phrases")
    try:
        parse(value)
    except PatternError:
        raise ValueError(f"{value!r} has no letter, digit or emoji in it") from None
    bare = value.strip("=*~ ")
    if "*" in value and len(bare) < 3:
        raise ValueError(f"{value!r} is too short for a *; at least three letters are needed")
    return value


def _regular(value: str) -> str:
    try:
        compile_pattern(value)
    except PatternError as error:
        raise ValueError(str(error)) from None
    return value


def _clause(value: str) -> str:
    if value not in CLAUSES:
        raise ValueError(f"{value!r} is no policy point; see docs/policy-points.md")
    return value


Phrase = Annotated[str, AfterValidator(_phrase)]
Frame = Annotated[str, AfterValidator(_frame)]
Entry = Annotated[str, AfterValidator(_entry)]
Clause = Annotated[str, AfterValidator(_clause)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(\.[a-z0-9_-]+)+$")]
Many = Field(default=(), strict=False)


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Matching(_Table):
    id: Id
    words: Annotated[tuple[Entry, ...], Many]
    phrases: Annotated[tuple[Phrase, ...], Many]
    unless: Annotated[tuple[Phrase, ...], Many]
    note: str = ""
    hits: Annotated[tuple[str, ...], Many]
    misses: Annotated[tuple[str, ...], Many]
    off: bool = False


class RuleTable(_Matching):
    """One `[[rule]]`."""

    category: Annotated[Category, Field(strict=False)]
    points: Annotated[int, Field(ge=0, le=20)]
    elsewhere: Annotated[int | None, Field(ge=0, le=20)] = None
    aimed: Literal["staff", "anybody", "nobody"] = "staff"
    default: Literal["staff", "nobody"] | None = None
    clause: Annotated[tuple[Clause, ...], Many]
    signal: bool = False
    loud: bool = False
    certain: bool = False
    pattern: Annotated[str, AfterValidator(_regular)] = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.words or self.phrases or self.pattern):
            raise ValueError(f"rule {self.id} has neither words nor phrases nor a pattern, so it can never hit")
        return self

    @property
    def target(self) -> Target:
        """Whom the rule is about."""
        return Target.STAFF if self.aimed == "staff" else Target.NOBODY

    @property
    def default_target(self) -> Target:
        """The target when nothing in the sentence tells: profanity is undirected until something directs it."""
        if self.default is not None:
            return Target(self.default)
        return Target.NOBODY if self.category in {Category.PROFANITY, Category.SHOUTING, Category.PRESSURE} else Target.STAFF


class TagTable(_Matching):
    """One `[[tag]]`."""

    tag: Annotated[Tag, Field(strict=False)]
    points: Annotated[int, Field(ge=1, le=2)] = 2


class ChangeTable(_Table):
    """One `[[change]]`: a rule of the shipped set, or of the same one, with some of it otherwise.

    What is given replaces the rule's own; lists are added to it; `drop` names entries of its lists that go.
    """

    id: Id
    points: Annotated[int | None, Field(ge=0, le=20)] = None
    elsewhere: Annotated[int | None, Field(ge=0, le=20)] = None
    signal: bool | None = None
    loud: bool | None = None
    certain: bool | None = None
    off: bool | None = None
    words: Annotated[tuple[Entry, ...], Many]
    phrases: Annotated[tuple[Phrase, ...], Many]
    unless: Annotated[tuple[Phrase, ...], Many]
    drop: Annotated[tuple[str, ...], Many]
    note: str = ""
    hits: Annotated[tuple[str, ...], Many]
    misses: Annotated[tuple[str, ...], Many]


class RulesFile(_Table):
    """A rules file: any name, in the folder of its language."""

    rule: Annotated[tuple[RuleTable, ...], Many]
    tag: Annotated[tuple[TagTable, ...], Many]
    change: Annotated[tuple[ChangeTable, ...], Many]


class ClassTable(_Table):
    """One word class."""

    words: Annotated[tuple[Entry, ...], Field(strict=False)]
    note: str = ""


class ContextFile(_Table):
    """context.toml: frames around a finding, each a list of phrases with <hit>."""

    negated: Annotated[tuple[Frame, ...], Many]
    reported: Annotated[tuple[Frame, ...], Many]
    self: Annotated[tuple[Frame, ...], Many]
    staff: Annotated[tuple[Frame, ...], Many]
    third: Annotated[tuple[Frame, ...], Many]
    product: Annotated[tuple[Frame, ...], Many]
    company: Annotated[tuple[Frame, ...], Many]
    intense: Annotated[tuple[Frame, ...], Many]


class MorphologyFile(_Table):
    """morphology.toml: how words change at their end."""

    endings: Annotated[tuple[str, ...], Field(strict=False)] = ("",)
    cut: Annotated[tuple[str, ...], Many]
    swap: dict[str, str] = {}
    double: bool = False
    shorten: bool = False
    frequent: Annotated[tuple[str, ...], Many]
    innocent: Annotated[tuple[str, ...], Many]


class ConsequenceTable(_Table):
    """One cell of the ladder."""

    disposition: Literal["deliver", "fold", "hold"]
    strikes: Annotated[int, Field(ge=0, le=5)] = 0
    notice: Literal["warning", "final_warning", "suspension"] | None = None
    suspend_days: Annotated[int, Field(ge=0, le=365)] = 0
    suspend_until_decided: bool = False
    propose_block: bool = False
    alert: Literal["threat", "severe"] | None = None


class Thresholds(_Table):
    """Points from which a mail has a level."""

    rude: Annotated[int, Field(ge=1)]
    abusive: Annotated[int, Field(ge=1)]
    severe: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.rude < self.abusive < self.severe:
            raise ValueError(f"must rise: rude {self.rude}, abusive {self.abusive}, severe {self.severe}")
        return self


class DaysTable(_Table):
    """Spans in days."""

    decay: Annotated[int, Field(ge=1)]
    rude_window: Annotated[int, Field(ge=1)]
    reminder: Annotated[int, Field(ge=1)]
    notice_repeat: Annotated[int, Field(ge=1)]


class FloodingTable(_Table):
    """When the same text is too much of it."""

    mails: Annotated[int, Field(ge=2, le=50)] = 6
    minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    patient_mails: Annotated[int, Field(ge=2, le=50)] = 20
    patient_hours: Annotated[int, Field(ge=1, le=24)] = 24
    alike: Annotated[int, Field(ge=50, le=100)] = 90
    asks: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=60)], ...], Field(strict=False)] = ()


class LadderTable(_Table):
    """The ladder: a row a severity, a cell for each number of active strikes."""

    abusive: Annotated[tuple[ConsequenceTable, ...], Field(strict=False, min_length=1)]
    severe: Annotated[tuple[ConsequenceTable, ...], Field(strict=False, min_length=1)]
    threat: Annotated[tuple[ConsequenceTable, ...], Field(strict=False, min_length=1)]


class PolicyFile(_Table):
    """policy.toml: thresholds, caps and the ladder."""

    thresholds: Thresholds
    days: DaysTable
    category_caps: dict[Annotated[Category, Field(strict=False)], Annotated[int, Field(ge=0)]]
    level_caps: dict[Annotated[Category, Field(strict=False)], Literal["rude", "abusive", "severe"]]
    flooding: FloodingTable = FloodingTable()
    ladder: LadderTable
