"""What past mail would have led to: the ladder walked again, sender by sender, in the order of the mails' dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.numbers import Policy
from gateway.policy.verdict import judge, without_notice
from gateway.values import Assessment, Identity, Standing, Verdict

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PastMail:
    """One mail of the past as one set of rules sees it.

    Attributes:
        at: when it came, None when it doesn't say.
        answerable: whether its sender may be written to at all.
    """

    at: datetime | None
    identity: Identity
    answerable: bool
    assessment: Assessment


def walk(mails: Sequence[PastMail], policy: Policy) -> list[Verdict]:
    """Judge past mails one after the other, everybody beginning in good standing.

    Nobody decides anything in between: a proposed block is never confirmed, a strike that waits for a person never comes.

    Args:
        mails: in any order; those without a date come where they stand, behind the one before them.
        policy: the numbers of the same rules.

    Returns:
        list[Verdict]: one a mail, in the order of `mails`.
    """
    standings: dict[str, Standing] = {}
    verdicts: dict[int, Verdict] = {}
    for number, at in in_order_of_dates([mail.at for mail in mails]):
        mail = mails[number]
        address = mail.identity.address
        standing = standings.get(address, Standing(address))
        verdict = judge(mail.assessment, mail.identity, standing, policy, at, f"M{number + 1}")
        if not mail.answerable:
            verdict = without_notice(verdict, standing, policy, at)
        standings[address] = verdict.standing
        verdicts[number] = verdict
    return [verdicts[number] for number in range(len(mails))]


def in_order_of_dates(dates: Sequence[datetime | None]) -> list[tuple[int, datetime]]:
    """The numbers of mails by their dates, each with a date; who has none stands behind the one before."""
    known: list[tuple[datetime, int]] = []
    before = next((at for at in dates if at is not None), _LONG_AGO)
    for number, at in enumerate(dates):
        before = at or before
        known.append((before, number))
    return [(number, at) for at, number in sorted(known)]
