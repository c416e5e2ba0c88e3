"""What waits for a decision of the managers: held mail, proposals and cases as one numbered list, overdue ones first."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.policy.figures import Item, ItemKind
from gateway.policy.ladder import suspended
from gateway.records import Action, Case, CaseKind, CaseState, HeldMail, Incident, IncidentState
from gateway.values import Standing

PROPOSALS: Mapping[str, tuple[ItemKind, tuple[Action, ...]]] = {
    "block": (ItemKind.BLOCK, (Action.BLOCK, Action.DISMISS, Action.OVERTURN, Action.PARDON)),
    "strike": (ItemKind.STRIKE, (Action.STRIKE, Action.DISMISS, Action.OVERTURN)),
    "lift": (ItemKind.LIFT, (Action.LIFT, Action.DISMISS)),
}
"""By the proposal of an incident; the first action is the proposed one."""

OF_HELD = (Action.RELEASE, Action.DELETE)


def waiting(
    incidents: Mapping[str, Incident],
    standings: Mapping[str, Standing],
    held: tuple[HeldMail, ...],
    cases: tuple[Case, ...],
    now: datetime,
    decide_days: int,
) -> tuple[Item, ...]:
    """List what waits for a decision.

    Args:
        incidents: by id: all open ones, and those of the held mail.
        standings: by address: of everybody who isn't plainly in good standing.
        held: all held mail.
        cases: the open ones at least.
        now: aware.
        decide_days: in how many days a person should have decided about held mail and proposals.

    Returns:
        tuple[Item, ...]: overdue ones first, then by the day on which they are due, numbered from 1. A proposal that has
        lost its ground, a lift after the suspension's end for example, isn't listed.
    """
    there = {mail.id: mail for mail in held if mail.waits}
    span = timedelta(days=decide_days)
    found = [*_cases(cases, now), *_proposals(incidents, standings, there, now, span)]
    named = {item.reference for item in found if item.held}
    found += [_held(mail, incidents.get(mail.id), now, span) for mail in there.values() if mail.id not in named]
    found.sort(key=lambda item: (not item.overdue, item.due, item.at, item.reference, item.kind))
    return tuple(replace(item, number=number) for number, item in enumerate(found, 1))


def _proposals(
    incidents: Mapping[str, Incident], standings: Mapping[str, Standing], held: Mapping[str, HeldMail], now: datetime, span: timedelta
) -> Iterator[Item]:
    lifted: set[str] = set()
    for incident in sorted(incidents.values(), key=lambda incident: (incident.at, incident.id)):
        if incident.state is not IncidentState.OPEN or incident.proposal not in PROPOSALS:
            continue
        kind, actions = PROPOSALS[incident.proposal]
        standing = standings.get(incident.sender, Standing(incident.sender))
        if kind is ItemKind.BLOCK and standing.block_proposed != incident.id:
            continue  # asked once for a sender, decided since, or withdrawn
        if kind is ItemKind.LIFT:
            if incident.sender in lifted or not suspended(standing, now):
                continue
            lifted.add(incident.sender)
        here = incident.id in held
        item = _of_incident(kind, incident, now, span)
        yield replace(item, actions=(*actions, *(OF_HELD if here else ())), proposed=actions[0], held=here)


def _held(mail: HeldMail, incident: Incident | None, now: datetime, span: timedelta) -> Item:
    if incident is None:  # its record was erased, the mail still waits
        due = mail.at + span
        return Item(0, ItemKind.HELD, mail.id, mail.envelope.sender, False, mail.at, due, now >= due, OF_HELD, held=True)
    undoes = (Action.OVERTURN,) if incident.state is not IncidentState.OVERTURNED else ()
    return replace(_of_incident(ItemKind.HELD, incident, now, span), actions=(*OF_HELD, *undoes), held=True)


def _of_incident(kind: ItemKind, incident: Incident, now: datetime, span: timedelta) -> Item:
    due = incident.at + span
    return Item(
        number=0,
        kind=kind,
        reference=incident.id,
        sender=incident.sender or incident.envelope_sender,
        verified=incident.verified,
        at=incident.at,
        due=due,
        overdue=now >= due,
        actions=(),
        level=incident.level,
        categories=incident.categories,
        excerpt=incident.excerpt,
    )


def _cases(cases: tuple[Case, ...], now: datetime) -> Iterator[Item]:
    for case in cases:
        if case.state is CaseState.OPEN:
            actions = (Action.GRANT, Action.UPHOLD) if case.kind is CaseKind.APPEAL else (Action.ANSWERED,)
            yield Item(
                number=0,
                kind=ItemKind(case.kind.value),
                reference=case.reference,
                sender=case.sender,
                verified=case.verified,
                at=case.opened,
                due=case.due,
                overdue=now >= case.due,
                actions=actions,
                owner=case.owner,
                deadline=case.deadline,
            )
