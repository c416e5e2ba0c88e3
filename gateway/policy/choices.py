"""What can be answered to an alert: the decisions that an incident or a case leaves open to the managers."""

from gateway.policy.waiting import OF_HELD, PROPOSALS
from gateway.records import Action, Case, CaseKind, DecisionItem, Incident
from gateway.values import AlertKind, Category, Disposition, Level, Mode


def incident_choices(incident: Incident) -> tuple[Action, ...]:
    """What may be decided about an incident, by its record alone: whether it was decided meanwhile is asked when it is done."""
    if incident.mode is Mode.OBSERVE:
        return ()
    actions = PROPOSALS[incident.proposal][1] if incident.proposal in PROPOSALS else ()
    if incident.held:
        actions = (*actions, *OF_HELD)
    if incident.level is Level.SEVERE and incident.verified and incident.sender:
        actions = (*actions, Action.BLOCK)
    if incident.strikes or incident.disposition is not Disposition.DELIVER:
        actions = (*actions, Action.OVERTURN)
    return tuple(dict.fromkeys(actions))


def case_choices(kind: CaseKind) -> tuple[Action, ...]:
    """How a case may end."""
    return (Action.GRANT, Action.UPHOLD) if kind is CaseKind.APPEAL else (Action.ANSWERED,)


def alert_choices(kind: AlertKind, incident: Incident) -> tuple[Action, ...]:
    """What an alert about an incident asks: the care for a person in danger is a case, everything else is about the incident."""
    if kind is AlertKind.SELF_HARM:
        return case_choices(CaseKind.CARE) if incident.mode is not Mode.OBSERVE else ()
    return incident_choices(incident)


def alert_item(reference: str, incident: Incident | None, case: Case | None) -> DecisionItem | None:
    """The one thing that an alert asks; the incident and the case of the same mail have the same reference.

    Args:
        reference: of the alert.
        incident: with that reference, None when there is none.
        case: likewise.
    """
    actions = (*(incident_choices(incident) if incident is not None else ()), *(case_choices(case.kind) if case is not None else ()))
    if not actions:
        return None
    proposed = incident.proposal if incident is not None else ""
    return DecisionItem(1, reference, tuple(dict.fromkeys(actions)), PROPOSALS[proposed][1][0] if proposed in PROPOSALS else None)


def ladder_row(incident: Incident) -> str:
    """The row of the ladder on which an incident's strike stands."""
    if incident.level is not Level.SEVERE:
        return "abusive"
    return "threat" if Category.THREAT in incident.categories else "severe"
