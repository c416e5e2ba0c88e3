"""The ladder: which strikes still count, on which rung a sender stands, and what one more mail brings."""

from datetime import datetime, timedelta

from gateway.numbers import Consequence, Policy
from gateway.values import Assessment, Category, Level, Rung, Standing, Strike


def active_strikes(standing: Standing, now: datetime, policy: Policy) -> tuple[Strike, ...]:
    """The strikes that still count.

    Each span of `policy.decay_days` without a new strike removes the oldest one (R21): strikes on days 0 and 10 leave
    one on day 101, strikes on days 0 and 95 never meet.

    Args:
        standing: with all strikes that were not erased.
        now: aware.
        policy: for the span.

    Returns:
        tuple[Strike, ...]: oldest first.
    """
    span = timedelta(days=policy.decay_days)
    active: list[Strike] = []
    quiet_since: datetime | None = None
    for strike in sorted(standing.strikes, key=lambda strike: strike.at):
        if strike.at > now:
            break
        active = active[_removed(quiet_since, strike.at, span) :]
        active.append(strike)
        quiet_since = strike.at
    return tuple(active[_removed(quiet_since, now, span) :])


def _removed(quiet_since: datetime | None, until: datetime, span: timedelta) -> int:
    return 0 if quiet_since is None else max(0, (until - quiet_since) // span)


def steps(standing: Standing, now: datetime, policy: Policy) -> int:
    """How far up the ladder the active strikes have brought a sender: those count of which he was told, or of which nobody is."""
    return sum(strike.told for strike in active_strikes(standing, now, policy))


def suspended(standing: Standing, now: datetime) -> bool:
    """Whether a suspension is in force; one that waits for a block decision is renewed until a person has decided (F18)."""
    if standing.suspended_until is None:
        return False
    return now < standing.suspended_until or bool(standing.block_proposed)


def rung(standing: Standing, now: datetime, policy: Policy) -> Rung:
    """Where a sender stands at a time."""
    if standing.blocked_by:
        return Rung.BLOCKED
    if suspended(standing, now):
        return Rung.SUSPENDED
    count = steps(standing, now, policy)
    return Rung.GOOD if count == 0 else Rung.WARNED if count == 1 else Rung.FINAL_WARNED


def row(assessment: Assessment) -> str:
    """The row of the ladder: "abusive", "severe" (without threat) or "threat" (harm to a person)."""
    if assessment.level is Level.SEVERE:
        threats = sum(f.points for f in assessment.findings if f.category is Category.THREAT)
        return "threat" if threats and Category.THREAT in assessment.categories else "severe"
    return "abusive"


def consequence(row_name: str, strikes: int, policy: Policy) -> Consequence:
    """The cell of the ladder for a row and a number of active strikes (`steps`); the last cell stands for that many and more."""
    cells = dict(policy.ladder)[row_name]
    return cells[min(strikes, len(cells) - 1)]
