"""What the ladder in force says to a customer: for each kind of message and each time, the one step that follows (policy point D26)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.numbers import Consequence, Policy
from gateway.values import Disposition, NoticeKind


class Step(StrEnum):
    """What follows, as it is told."""

    DELIVERED = "delivered"
    REMINDER = "reminder"
    FOLDED = "folded"
    WARNING = "warning"
    FINAL = "final"
    SUSPENSION = "suspension"
    UNTIL = "until"
    HELD = "held"
    THREAT = "threat"


@dataclass(frozen=True, slots=True)
class Told:
    """A step for one kind of message: `place` is how many like it came before, `days` the length of a suspension."""

    place: int
    step: Step
    days: int = 0


def told(policy: Policy) -> tuple[tuple[str, tuple[Told, ...]], ...]:
    """The ladder as it is told: row name and its steps; what repeats the step before it is left out.

    Args:
        policy: the company's numbers in force.

    Returns:
        tuple[tuple[str, tuple[Told, ...]], ...]: "abusive", "severe", "threat", in the order of the policy.
    """
    return tuple((name, tuple(_steps(name, cells))) for name, cells in policy.ladder)


def _steps(row: str, cells: tuple[Consequence, ...]) -> Iterator[Told]:
    strikes, before = 0, None
    for place in range(len(cells)):
        cell = cells[min(strikes, len(cells) - 1)]
        strikes += cell.strikes  # two strikes at once go two columns on
        step = (_step(row, cell), cell.suspend_days)
        if step != before:
            yield Told(place, *step)
        before = step


def _step(row: str, cell: Consequence) -> Step:
    if row == "threat" and cell.disposition is Disposition.HOLD:
        return Step.THREAT
    if cell.suspend_days:
        return Step.UNTIL if cell.suspend_until_decided else Step.SUSPENSION
    if cell.notice is NoticeKind.FINAL_WARNING:
        return Step.FINAL
    if cell.notice is NoticeKind.WARNING:
        return Step.WARNING
    if cell.notice is NoticeKind.REMINDER:
        return Step.REMINDER
    return {Disposition.DELIVER: Step.DELIVERED, Disposition.FOLD: Step.FOLDED}.get(cell.disposition, Step.HELD)
