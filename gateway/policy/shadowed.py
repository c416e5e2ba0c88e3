"""A set of rules beside the one in force: the same live mail under both, each with a ladder of its own from the trial's start."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gateway.numbers import Policy
from gateway.policy.compared import Compared, Tally, TallyKept
from gateway.policy.verdict import judge, without_notice
from gateway.values import Assessment, Identity, Likeness, Standing, Verdict

MOST_SENDERS = 20_000
"""Senders whose ladders are remembered, and who are counted for each consequence; beyond it only mails are counted."""
MOST_EXAMPLES = 200


@dataclass(frozen=True, slots=True)
class SeenTwice:
    """One live mail as both sets see it.

    Attributes:
        reference: of this delivery, or of its incident.
        incident: that it left under the rules in force, "" for none.
        answerable: whether its sender may be written to at all.
        answers: incidents whose notice it answers.
        standing: of its sender as it really was before this mail.
        stayed: see `Compared`.
    """

    reference: str
    message_id: str
    incident: str
    at: datetime
    identity: Identity
    answerable: bool
    answers: frozenset[str]
    standing: Standing
    old: Assessment
    new: Assessment
    stayed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a sender would stand by now under each set, had nobody else decided anything."""

    old: Standing
    new: Standing


@dataclass(frozen=True, slots=True)
class TrialKept:
    """A trial as it can be written down."""

    tally: TallyKept = field(default_factory=TallyKept)
    walks: tuple[Walk, ...] = ()
    complete: bool = True


class Trial:
    """Counts live mail under both sets; nothing that a mail says is kept, only who sent it, references and rules."""

    def __init__(self, kept: TrialKept | None = None) -> None:
        self.tally = Tally(MOST_EXAMPLES, words=False, senders=MOST_SENDERS)
        self._walks: dict[str, Walk] = {}
        self._complete = True
        if kept is not None:
            self.tally.go_on(kept.tally)
            self._walks = {walk.old.address: walk for walk in kept.walks}
            self._complete = kept.complete

    def add(self, mail: SeenTwice, old: Policy, new: Policy) -> bool:
        """Judge one mail under both sets and count it.

        Args:
            mail: in the order in which mails came.
            old: the numbers of the set in force.
            new: those of the set on trial.

        Returns:
            bool: whether it would have been treated differently.
        """
        address, real = mail.identity.address, mail.standing
        walk = self._walks.get(address, Walk(real, real))
        before = _verdict(mail, mail.old, _decided(walk.old, real), old)
        after = _verdict(mail, mail.new, _decided(walk.new, real), new)
        self._remember(address, Walk(before.standing, after.standing), real)
        old_view, new_view = _short(mail.old), _short(mail.new)
        compared = Compared(mail.reference, mail.at, address, old_view, new_view, before, after, mail.message_id, mail.incident, mail.stayed)
        self.tally.add(compared)
        return compared.changed

    def _remember(self, address: str, walk: Walk, real: Standing) -> None:
        if not address or (walk == Walk(real, real) and address not in self._walks):
            return
        if address in self._walks or len(self._walks) < MOST_SENDERS:
            self._walks[address] = walk
        else:
            self._complete = False

    def forget(self, address: str) -> bool:
        """Nothing of a sender is left but numbers.

        Returns:
            bool: whether there was anything.
        """
        walked = self._walks.pop(address, None) is not None
        return self.tally.forget(address) or walked

    def row(self, examples: int) -> dict[str, Any]:
        """What would have been judged otherwise, as JSON values."""
        return {**self.tally.row(examples), "senders_complete": self._complete and self.tally.complete}

    def kept(self) -> TrialKept:
        """All of it."""
        return TrialKept(self.tally.kept(), tuple(self._walks.values()), self._complete)


def _decided(own: Standing, real: Standing) -> Standing:
    """A standing of the trial with what people decided about the sender meanwhile: that holds under both sets."""
    if real.pardoned_at is not None and (own.pardoned_at is None or real.pardoned_at > own.pardoned_at):
        return real
    return replace(own, blocked_by=real.blocked_by, blocked_at=real.blocked_at, allowed=real.allowed)


def _verdict(mail: SeenTwice, assessment: Assessment, standing: Standing, policy: Policy) -> Verdict:
    verdict = judge(assessment, mail.identity, standing, policy, mail.at, mail.reference, mail.answers)
    return verdict if mail.answerable else without_notice(verdict, standing, policy, mail.at)


def _short(assessment: Assessment) -> Assessment:
    return replace(assessment, arithmetic=(), uncounted=(), likeness=Likeness())
