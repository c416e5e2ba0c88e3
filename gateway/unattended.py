"""Ports of the path that nobody stands behind: a watch that is told in vain, a memory that keeps nothing, nobody who looks on."""

from datetime import datetime

from gateway.numbers import Policy
from gateway.ports import Judged, WatchedEvent
from gateway.values import Assessment, Disposition, Identity, Level, Likeness, Standing


class Unwatched:
    """A `gateway.ports.Watch` that is told in vain."""

    def mail(self, level: Level | None, disposition: Disposition) -> None:
        """A mail was acted on."""

    def event(self, event: WatchedEvent) -> None:
        """Something else happened with a mail."""

    def notice_suppressed(self, reason: str) -> None:
        """A notice was due and may not be written."""


UNWATCHED = Unwatched()


class Forgetful:
    """A `gateway.ports.Recent` that remembers nothing."""

    def weighed(self, assessment: Assessment, identity: Identity, key: str, policy: Policy, now: datetime) -> Assessment:  # noqa: ARG002
        """The assessment as it is."""
        return assessment

    def same_text(self, address: str, likeness: Likeness, now: datetime) -> bool:  # noqa: ARG002
        """Nothing was answered."""
        return False

    def why_not(self, standing: Standing, now: datetime) -> str:  # noqa: ARG002
        """Nothing speaks against it."""
        return ""

    def answered(self, address: str, likeness: Likeness, now: datetime) -> None:
        """Forgotten at once."""


FORGETFUL = Forgetful()


class Alone:
    """A `gateway.ports.Onlooker` where nobody looks on."""

    def judged(self, mail: Judged) -> None:
        """Nobody takes note of it."""


ALONE = Alone()
