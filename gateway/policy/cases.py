"""Cases: which mail opens one, when it is due, what an appeal is against, and who may decide it (F13-F15, H5-H7, A10-A19)."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.policy.tokens import TokenState
from gateway.records import Case, CaseKind, CaseOutcome, CaseState, Incident, IncidentState
from gateway.values import Assessment, Disposition, NoticeKind, Standing, Tag

BLOCK = "block"
"""What an appeal is against when its sender is blocked, whichever notice it answers."""

_SANCTIONS = frozenset({NoticeKind.WARNING, NoticeKind.FINAL_WARNING, NoticeKind.SUSPENSION})


def case_kind(assessment: Assessment, *, to_complaints: bool) -> CaseKind | None:
    """What kind of case a mail opens, None for none.

    Whatever the sender's standing is and however the mail is worded (F14, H5): only what a machine wrote opens none.

    Args:
        assessment: for the tags; legal notices and requests of data subjects carry `legal_notice`.
        to_complaints: it was sent to the complaints address, so it is a complaint whatever words it has.
    """
    tags = assessment.tags
    if Tag.AUTOMATIC in tags:
        return None
    if Tag.SELF_HARM in tags:
        return CaseKind.CARE
    if Tag.LEGAL_NOTICE in tags:
        return CaseKind.LEGAL
    return CaseKind.COMPLAINT if to_complaints or Tag.COMPLAINT in tags else None


def due_at(opened: datetime, days: int, deadline: datetime | None) -> datetime:
    """By when a case is to be answered: the customer's own deadline when he names one (A13), else so many days later."""
    return deadline or opened + timedelta(days=days)


def overdue(case: Case, now: datetime) -> bool:
    """Whether the answer to a case is late."""
    return case.state is CaseState.OPEN and now >= case.due


# --- appeals ----------------------------------------------------------------------------------------------------------


class AppealFate(StrEnum):
    """What an answer to a notice of ours is."""

    OPENED = "opened"
    """An appeal, in time."""
    AGAIN = "again"
    """One more mail of an appeal that is open."""
    DECIDED = "decided"
    """Against what an appeal was decided on before: one appeal a sanction."""
    LATE = "late"
    FORGED = "forged"
    """It bears no token of ours, or a wrong one."""
    ANSWER = "answer"
    """An answer to a mail of ours against which there is nothing to appeal: an acknowledgement, an apology, a reminder."""


def appeal_against(incident: Incident, standing: Standing) -> tuple[str, str]:
    """What an answer to the notice about an incident appeals against, and who decided it.

    Args:
        incident: of the notice's token.
        standing: of its sender now.

    Returns:
        tuple[str, str]: "block", the kind of the notice or what was done to the mail, "" when nothing of it is in force;
        then the person who decided, "" when none did.
    """
    if standing.blocked_by:
        return BLOCK, standing.blocked_by
    if incident.state is IncidentState.OVERTURNED or (standing.pardoned_at is not None and standing.pardoned_at >= incident.at):
        return "", ""
    if incident.notice in _SANCTIONS or incident.strikes:
        return (incident.notice or incident.disposition).value, _decided(incident)
    return (incident.disposition.value, _decided(incident)) if incident.disposition is not Disposition.DELIVER else ("", "")


def _decided(incident: Incident) -> str:
    """Who confirmed an incident; the gateway's own decisions are nobody's."""
    return next((by for _, by, what in reversed(incident.notes) if what.startswith(("confirmed", "kept", "blocked"))), "")


def appeal_fate(token: TokenState, against: str, earlier: Case | None) -> AppealFate:
    """What becomes of an answer to a notice.

    Args:
        token: what the token in the address proves.
        against: from `appeal_against`, "" too when the incident isn't kept any more.
        earlier: from `earlier_appeal`.
    """
    if token is TokenState.FORGED:
        return AppealFate.FORGED
    if earlier is not None:
        return AppealFate.AGAIN if earlier.state is CaseState.OPEN else AppealFate.DECIDED
    if not against:
        return AppealFate.ANSWER
    return AppealFate.LATE if token is TokenState.EXPIRED else AppealFate.OPENED


def earlier_appeal(cases: tuple[Case, ...], incident: str, against: str, standing: Standing) -> Case | None:
    """The appeal that was made before against the same sanction: the same block, or the same incident."""
    same = [case for case in cases if case.kind is CaseKind.APPEAL and (case.against == BLOCK) == (against == BLOCK)]
    if against == BLOCK:
        same = [case for case in same if standing.blocked_at is not None and case.opened >= standing.blocked_at]
    else:
        same = [case for case in same if case.incident == incident]
    return max(same, key=lambda case: case.opened, default=None)


# --- closing ----------------------------------------------------------------------------------------------------------


def why_not_close(case: Case, outcome: CaseOutcome, by: str) -> str:
    """Why a case can't be closed this way by this person, "" when it can; a sentence for him.

    Args:
        case: as it is.
        outcome: how it would end.
        by: who decides; an appeal is decided by somebody else than the first decider.
    """
    if case.state is CaseState.CLOSED:
        return f"{case.reference} was closed before, by {case.closed_by}"
    if case.kind is not CaseKind.APPEAL and outcome is not CaseOutcome.ANSWERED:
        return f"{case.reference} is no appeal: close it as answered"
    if case.kind is CaseKind.APPEAL and same_person(case.decider, by):
        return f"{case.reference} appeals against a decision of {case.decider}: somebody else decides about it"
    return ""


def same_person(one: str, other: str) -> bool:
    """Whether two names mean one person; a login and a mail address are compared without the domain."""
    left, right = one.strip().casefold(), other.strip().casefold()
    if ("@" in left) != ("@" in right):
        left, right = left.partition("@")[0], right.partition("@")[0]
    return bool(left) and left == right


def closed(case: Case, outcome: CaseOutcome, by: str, now: datetime, note: str) -> Case:
    """The case after its end."""
    notes = (*case.notes, (now, by, f"closed: {outcome}"), *(((now, by, note),) if note else ()))
    return replace(case, state=CaseState.CLOSED, outcome=outcome, closed=now, closed_by=by, notes=notes)
