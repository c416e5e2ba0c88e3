"""What came and what was answered in the last hours, in memory and bounded: for flooding and against loops.

After a restart it begins empty, which errs on the sender's side; the ladder's own dates are in the ledger.
"""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from gateway.edge.settings import NoticeSettings
from gateway.numbers import Policy
from gateway.policy import answerable, flooding
from gateway.policy.flooding import Sent
from gateway.values import Assessment, Identity, Likeness, Standing

K = TypeVar("K")
V = TypeVar("V")

_OF_ONE = 50
"""Entries kept of one sender or one domain, the latest."""
_OF_ALL = 10_000
"""Entries kept of all together; whoever was quiet longest is forgotten first. Some 25 MB at most."""


class _Lately(Generic[K, V]):
    """The last things that happened, by whom they concern."""

    def __init__(self) -> None:
        self._entries: OrderedDict[K, deque[V]] = OrderedDict()
        self.total = 0

    def of(self, whom: K) -> tuple[V, ...]:
        return tuple(self._entries.get(whom, ()))

    def add(self, whom: K, what: V) -> None:
        entries = self._entries.setdefault(whom, deque(maxlen=_OF_ONE))
        self.total -= len(entries)
        entries.append(what)
        self.total += len(entries)
        self._entries.move_to_end(whom)
        while self.total > _OF_ALL:
            self.total -= len(self._entries.popitem(last=False)[1])


class RecentMail:
    """A `gateway.ports.Recent`."""

    def __init__(self, settings: NoticeSettings) -> None:
        """Begin with nothing.

        Args:
            settings: how much one address may be written.
        """
        self._settings = settings
        self._came: _Lately[tuple[str, bool], Sent] = _Lately()
        self._answered: _Lately[str, tuple[datetime, Likeness]] = _Lately()
        self._written: _Lately[str, datetime] = _Lately()

    def weighed(self, assessment: Assessment, identity: Identity, key: str, policy: Policy, now: datetime) -> Assessment:
        """The assessment with what the sender's mails of the last hours add to it, and remember this mail.

        What comes in his name unverified is told apart: a forger can't make him a flooder.
        """
        if not assessment.likeness.words or not identity.address:
            return assessment
        whom = identity.address, identity.verified
        earlier = self._came.of(whom)
        # the same text is kept once, however often it comes
        likeness = next((mail.likeness for mail in reversed(earlier) if mail.likeness == assessment.likeness), assessment.likeness)
        if not any(mail.key == key for mail in earlier):
            self._came.add(whom, Sent(now, key, likeness))
        return flooding.weighed(assessment, key, earlier, policy, now)

    def same_text(self, address: str, likeness: Likeness, now: datetime) -> bool:
        """Whether a text like this was answered a short while ago, to this address or another of its domain.

        Help desks write from an address a ticket, so the domain is the peer.
        """
        hours = self._settings.same_text_hours
        return bool(hours) and answerable.same_text(likeness, self._answered.of(_domain(address)), now - timedelta(hours=hours))

    def why_not(self, standing: Standing, now: datetime) -> str:
        """Why this sender may not have one more notice now, "" when he may."""
        return answerable.enough(standing, self._written.of(standing.address), self._settings.per_peer, now)

    def answered(self, address: str, likeness: Likeness, now: datetime) -> None:
        """Remember that a text was answered, or brought to the managers for a decision."""
        self._written.add(address, now)
        if likeness.words:
            self._answered.add(_domain(address), (now, likeness))


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
