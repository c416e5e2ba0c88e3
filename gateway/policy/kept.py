"""What a digest is made of: what the ledger remembers, and a week with its borders as moments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from gateway.policy.figures import RulesWeek
from gateway.policy.weeks import Week
from gateway.records import Case, HeldMail, Incident
from gateway.values import Level, Standing


class Posted(Protocol):
    """What remains of a mail of ours that left, or was given up."""

    @property
    def id(self) -> str:
        """As the writer named it: notice.KIND.INCIDENT or alert.KIND.INCIDENT.NUMBER."""
        ...

    @property
    def at(self) -> datetime:
        """When it left."""
        ...

    @property
    def error(self) -> str:
        """Why it was given up, "" when it was sent."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered and a digest is made of.

    Attributes:
        counters: sums by day, of the year before the week's end.
        incidents: those since `oldest_wanted`; besides all open and overturned ones and those of held mail.
        standings: of everybody who is or was suspended or blocked or for whom it is proposed, and of repeat senders.
        held: all held mail.
        posted: mail of ours that left since the week began.
        cases: all.
        rules: ids of the rules in force that score.
        rules_week: what happened to the rules in the week.
    """

    counters: Mapping[date, Mapping[str, int]]
    incidents: tuple[Incident, ...] = ()
    standings: tuple[Standing, ...] = ()
    held: tuple[HeldMail, ...] = ()
    posted: tuple[Posted, ...] = ()
    cases: tuple[Case, ...] = ()
    rules: frozenset[str] = frozenset()
    rules_week: RulesWeek = field(default_factory=RulesWeek)


@dataclass(frozen=True, slots=True)
class Span:
    """A week with its borders."""

    week: Week
    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end


def misconduct(incident: Incident) -> bool:
    """Whether an incident is of abusive or severe mail."""
    return incident.level is not None and incident.level >= Level.ABUSIVE
