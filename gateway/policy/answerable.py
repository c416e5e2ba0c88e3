"""May this mail be answered at all? Every way to answer wrongly is closed here (RFC 3834 sections 2 and 4)."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.addresses import a_labels
from gateway.policy.flooding import alike
from gateway.policy.ladder import suspended
from gateway.values import AlertKind, Disposition, Envelope, Identity, Likeness, NoticeKind, Reading, Standing, Verdict

SAME_TEXT = "a text like this was answered a short while ago"
ENOUGH = "this address had its notices of the day"

_ALIKE = 0.8
"""So much two answers of the same program have in common, whatever ticket and time they name."""
_DAY = timedelta(days=1)
_ALARMS = frozenset({AlertKind.THREAT, AlertKind.SEVERE, AlertKind.SELF_HARM})
_BATV = re.compile(r"^(?:prvs=[0-9a-z]+=|msprvs1=[0-9a-z_-]+=|btv1==[0-9a-z]+==)", re.IGNORECASE)


def plain_sender(address: str) -> str:
    """The reverse path without a BATV tag (prvs=), its domain in lower case and in A-labels, as identities have it."""
    bare = _BATV.sub("", address)
    local, at, domain = bare.rpartition("@")
    return f"{local}@{a_labels(domain)}" if at else bare


def why_not(reading: Reading, envelope: Envelope, identity: Identity, own: frozenset[str]) -> str:
    """Why no notice may go out, "" when one may.

    Args:
        reading: for what makes it automatic.
        envelope: a notice goes to its reverse path only, and only when that is the verified author.
        identity: the accountable author.
        own: our own addresses in lower case; they are never answered.

    Returns:
        str: the reason in a few words for the log.
    """
    if not envelope.sender:
        return "null reverse path"
    if reading.automatic:
        return f"automatic: {reading.automatic[0]}"
    if not identity.verified:
        return "the author is not verified"
    sender = plain_sender(envelope.sender)
    if sender.lower() in own or identity.address.lower() in own:
        return "one of our own addresses"
    if sender.lower() != identity.address.lower():
        return "the reverse path is not the author"
    return ""


def same_text(likeness: Likeness, answered: Iterable[tuple[datetime, Likeness]], since: datetime) -> bool:
    """Whether a text like this was answered since then; numbers may differ, programs count their mails.

    Two responders that face each other write the same again and again, whatever headers they leave out (RFC 3834
    section 2); so does nobody who read our notice.
    """
    return any(at >= since and alike(before, likeness) >= _ALIKE for at, before in answered)


def enough(standing: Standing, others: Iterable[datetime], most: int, now: datetime) -> str:
    """Why a sender may not have one more notice today, "" when he may.

    Args:
        standing: knows the last notice of each kind, also over a restart.
        others: when notices were written to the address.
        most: in a day.
        now: aware.
    """
    noted = sum(now - at < _DAY for _, at in standing.notices)
    written = sum(now - at < _DAY for at in others)
    return ENOUGH if max(noted, written) >= most else ""


def must_be_told(kind: NoticeKind | None) -> bool:
    """Whether a notice is owed whatever its address had today: nobody is suspended without a word."""
    return kind is NoticeKind.SUSPENSION


def answered_before(verdict: Verdict, before: Standing, now: datetime) -> Verdict:
    """The same verdict for a text that was answered a short while ago: once is one strike and one notice.

    A threat is one however often it comes, so alarms stay; but nobody is suspended for what he was told of already.

    Args:
        verdict: as judged.
        before: the standing before this mail.
        now: aware.
    """
    begins = verdict.standing.suspended_until != before.suspended_until and not suspended(before, now)
    alerts = tuple(alert for alert in verdict.alerts if alert in _ALARMS)
    return replace(
        verdict,
        disposition=Disposition.FOLD if begins and AlertKind.THREAT not in alerts else verdict.disposition,
        standing=before,
        notice=None,
        strikes=0,
        proposal="",
        alerts=alerts,
        reason=f"{verdict.reason}; {SAME_TEXT}: no strike, nobody is answered",
    )
