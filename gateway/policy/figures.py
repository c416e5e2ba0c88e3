"""The figures of a digest as values: one set, from which its HTML and its text are both made."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.policy.weeks import Week
from gateway.records import Action, DecisionItem
from gateway.values import Category, Level, Rung


class Trend(StrEnum):
    """How a week's number stands to the weeks before."""

    MORE = "more"
    FEWER = "fewer"
    USUAL = "usual"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of the week and the same number of the weeks before it (policy point D20).

    Attributes:
        before: of up to four earlier weeks, the latest first; only weeks of which we know.
    """

    name: str
    now: int
    before: tuple[int, ...] = ()

    @property
    def mean(self) -> float | None:
        """The mean of the weeks before, None when there is none."""
        return sum(self.before) / len(self.before) if self.before else None

    @property
    def trend(self) -> Trend:
        """More or fewer only where chance alone rarely makes such a difference (two standard deviations of a Poisson count)."""
        mean = self.mean
        if mean is None:
            return Trend.UNKNOWN
        if abs(self.now - mean) <= 2 * math.sqrt(mean) + 1:
            return Trend.USUAL
        return Trend.MORE if self.now > mean else Trend.FEWER

    @property
    def change(self) -> float | None:
        """The difference as a share of the mean, None when there is nothing to divide by."""
        return (self.now - self.mean) / self.mean if self.mean else None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.now and not any(self.before)


class ItemKind(StrEnum):
    """What waits for a decision."""

    HELD = "held"
    BLOCK = "block"
    STRIKE = "strike"
    LIFT = "lift"
    COMPLAINT = "complaint"
    APPEAL = "appeal"
    LEGAL = "legal"
    CARE = "care"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits for a decision, numbered as printed.

    Attributes:
        number: from 1, overdue ones first.
        at: since when it waits.
        due: by when somebody should have decided.
        excerpt: the words that were found, unmasked; whoever shows them masks them.
        owner: who was asked to deal with it, "" for all managers.
        deadline: the customer's own, when he named one (A19).
    """

    number: int
    kind: ItemKind
    reference: str
    sender: str
    verified: bool
    at: datetime
    due: datetime
    overdue: bool
    actions: tuple[Action, ...]
    proposed: Action | None = None
    held: bool = False
    level: Level | None = None
    categories: tuple[Category, ...] = ()
    excerpt: str = ""
    owner: str = ""
    deadline: datetime | None = None

    @property
    def decision(self) -> DecisionItem:
        """What of it is kept, so that an answer to the digest is understood."""
        return DecisionItem(self.number, self.reference, self.actions, self.proposed)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """How much one of our mailboxes got (F24, A10).

    Attributes:
        mails: all mail for it.
        abusive: abusive and severe mail for it; `severe` of these.
        complaints: mails with a complaint about conduct, civil or not.
    """

    address: str
    mails: int
    abusive: int
    severe: int
    complaints: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """A sender with misconduct this week who had some before; only such as somebody vouched for."""

    address: str
    week: int
    quarter: int
    rung: Rung
    strikes: int
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """How often a person undid what one rule, or one language, led to (F23, D28), and what colleagues think of it (D29).

    Attributes:
        incidents: abusive and severe mail; `overturned` and `civil` of these.
        civil: of which a colleague said that it was civil.
        unseen: further mail that a colleague reported, and we had not held for abusive.
    """

    name: str
    incidents: int
    overturned: int = 0
    civil: int = 0
    unseen: int = 0

    @property
    def rate(self) -> float:
        """The share that was overturned."""
        return self.overturned / self.incidents if self.incidents else 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """How well we judged in the thirteen weeks to the end of the week.

    Attributes:
        incidents: abusive and severe mail; `overturned` and `civil` of these, and `unseen` beside them, as in Judged.
        rules: those against which a person or a colleague said something, the most often overturned first.
        languages: likewise.
        never_hit: ids of rules without a hit in `weeks` weeks; empty until we know of enough weeks.
        rules_in_force: of how many.
    """

    incidents: int
    overturned: int
    rules: tuple[Judged, ...] = ()
    languages: tuple[Judged, ...] = ()
    never_hit: tuple[str, ...] = ()
    rules_in_force: int = 0
    weeks: int = 0
    civil: int = 0
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class RulesWeek:
    """What happened to the rules in a week.

    Attributes:
        live: changes that went live; `refused` such as had an error, so that the older rules stayed.
        tried: the version whose trial came to its end, "" for none; it saw so many `mails` and would have treated
            `changed` of them differently.
        switched_off: some trouble ended the trial.
    """

    live: int = 0
    refused: int = 0
    tried: str = ""
    mails: int = 0
    changed: int = 0
    switched_off: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing happened to them."""
        return not (self.live or self.refused or self.tried)


@dataclass(frozen=True, slots=True)
class Promptness:
    """How long notices, or alerts, took from the mail that caused them until they left (D11)."""

    name: str
    sent: int
    median: timedelta
    slowest: timedelta
    late: int
    given_up: int


@dataclass(frozen=True, slots=True)
class Promises:
    """What we said and what became of it (H6, H7).

    Attributes:
        answered_in_time: cases closed this week by their day; `answered_late` after it.
        unanswered: open cases whose day is over.
        ended: suspensions whose day came this week and that ended by then.
        not_ended: those that go on beyond their day because nobody decided about the block.
    """

    answered_in_time: int = 0
    answered_late: int = 0
    unanswered: int = 0
    ended: int = 0
    not_ended: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing was promised for this week."""
        return not (self.answered_in_time or self.answered_late or self.unanswered or self.ended or self.not_ended)


@dataclass(frozen=True, slots=True)
class Digest:
    """All figures of one week.

    Attributes:
        at: when they were gathered; what waits for a decision is as it was then.
        finished: the week was over by then.
        latest: it is the week before `at`, so what waits for a decision is listed; `items` is empty else.
        more: how many further things wait that aren't listed.
        observed: of `incidents` those that were only observed, without any consequence.
        measures: the week against the four before, in the order in which they are told.
        categories: mails of each category, the most frequent first; `languages` likewise all mail.
        language_abuse: of each language the abusive and severe mails.
    """

    week: Week
    at: datetime
    finished: bool
    latest: bool
    mails: int
    incidents: int
    observed: int
    items: tuple[Item, ...]
    more: int
    measures: tuple[Measure, ...]
    categories: tuple[Measure, ...]
    mailboxes: tuple[Mailbox, ...]
    languages: tuple[Measure, ...]
    language_abuse: tuple[tuple[str, int], ...]
    repeats: tuple[Repeat, ...]
    judgement: Judgement
    promptness: tuple[Promptness, ...]
    promises: Promises
    rules: RulesWeek = RulesWeek()

    @property
    def overdue(self) -> int:
        """How many of the listed items are overdue."""
        return sum(item.overdue for item in self.items)

    @property
    def quiet(self) -> bool:
        """Nothing happened that a manager must read about."""
        eventful = any(measure.now for measure in self.measures if measure.name not in {"mails", "clean", "rude"})
        return not (eventful or self.incidents or self.items or self.more or self.repeats or not self.promises.empty or not self.rules.empty)
