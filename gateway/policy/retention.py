"""How long what is remembered may be kept, each class of data by its own clock (policy point R6)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.numbers import Policy
from gateway.policy.ladder import active_strikes, suspended
from gateway.records import Case, HeldMail, Incident, IncidentState
from gateway.values import Category, Level, Standing

LISTS = timedelta(weeks=54)
"""How long it is remembered what a mail to the managers asked: of a digest for longer than missed ones are made up for, so that none goes out twice."""
_EVIDENCE = frozenset({Category.THREAT, Category.STALKING})


@dataclass(frozen=True, slots=True)
class Clocks:
    """How long each class of data is kept; None: until a person removes it.

    Attributes:
        incidents: the record of an incident.
        excerpts: the words and the subject in it, where they are no evidence.
        evidence: record, words, subject and held mail of a severe incident.
        held: held mail on which nobody decided.
        released: our copy of held mail after its release.
        mailbox: mail that came to one of our own mailboxes.
        delivery_keys: the hash by which a resent mail is known.
        sent: that a mail of ours was sent.
        senders: a sender of whom nothing but good standing is left.
        cases: a case, since it was closed.
        counters: sums by day.
    """

    incidents: timedelta | None
    excerpts: timedelta | None
    evidence: timedelta | None
    held: timedelta | None
    released: timedelta | None
    mailbox: timedelta | None
    delivery_keys: timedelta | None
    sent: timedelta | None
    senders: timedelta | None
    cases: timedelta | None
    counters: timedelta | None


def is_evidence(incident: Incident) -> bool:
    """Whether an incident may be needed to protect a person, in court too."""
    return incident.level is Level.SEVERE or not _EVIDENCE.isdisjoint(incident.categories)


def _over(at: datetime, span: timedelta | None, now: datetime) -> bool:
    return span is not None and now - at >= span


def incident_left(incident: Incident, clocks: Clocks, now: datetime) -> Incident | None:
    """What is left of an incident; what waits for a decision or is under legal hold stays whole.

    Args:
        incident: as it is.
        clocks: of the site.
        now: aware.

    Returns:
        Incident | None: as it was, or without what is too old, or None when all of it is.
    """
    if incident.legal_hold or incident.state is IncidentState.OPEN:
        return incident
    evidence = is_evidence(incident)
    if _over(incident.at, clocks.evidence if evidence else clocks.incidents, now):
        return None
    if not evidence and _over(incident.at, clocks.excerpts, now):
        incident = replace(incident, excerpt="", subject="")
    if _over(incident.at, clocks.delivery_keys, now):
        incident = replace(incident, key="", message_sha256=incident.message_sha256 if evidence else "")
    return incident


def case_is_over(case: Case, incident: Incident | None, clocks: Clocks, now: datetime) -> bool:
    """Whether a case is to be erased; an open one never is, nor one that rests on an incident under legal hold.

    Args:
        case: as it is.
        incident: on which it rests, None when there is none.
        clocks: of the site.
        now: aware.
    """
    held = incident is not None and incident.legal_hold
    return case.closed is not None and not held and _over(case.closed, clocks.cases, now)


def held_class(held: HeldMail, incident: Incident | None) -> str:
    """The class of data that a held mail belongs to: `mailbox`, `evidence`, `released` or `held`."""
    if held.ours:
        return "mailbox"
    if incident is not None and is_evidence(incident):
        return "evidence"
    return "released" if held.released_by else "held"


def held_is_over(held: HeldMail, incident: Incident | None, clocks: Clocks, now: datetime) -> bool:
    """Whether a held mail is to be deleted.

    Args:
        held: what is known of it.
        incident: why it is held, None when there is no record of it.
        clocks: of the site.
        now: aware.
    """
    kind = held_class(held, incident)
    if incident is not None and (incident.legal_hold or (incident.state is IncidentState.OPEN and not held.released_by)):
        return False
    since = held.released_at or held.at if kind == "released" else held.at
    return _over(since, getattr(clocks, kind), now)


def sender_is_over(standing: Standing, clocks: Clocks, policy: Policy, now: datetime) -> bool:
    """Whether a sender of whom no incident is kept is to be forgotten: nothing is in force and he wasn't heard of for long.

    Args:
        standing: what is known of him.
        clocks: of the site.
        policy: for the decay of strikes.
        now: aware.
    """
    if standing.allowed or standing.blocked_by or standing.block_proposed or suspended(standing, now) or active_strikes(standing, now, policy):
        return False
    heard = [strike.at for strike in standing.strikes] + [at for _, at in standing.notices]
    heard += [at for at in (standing.rude_at, standing.pardoned_at, standing.suspended_until) if at is not None]
    return clocks.senders is not None and (not heard or _over(max(heard), clocks.senders, now))
