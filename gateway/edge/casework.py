"""What people do with cases, as operations of the office: list, show, close."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.edge.case_mail import CaseMail
from gateway.edge.ledger_files import Changes
from gateway.edge.rows import Refused, Row, time_text
from gateway.mail.authentication import normal_address
from gateway.policy.cases import BLOCK, closed, overdue, why_not_close
from gateway.policy.ladder import suspended
from gateway.records import Case, CaseKind, CaseOutcome, CaseState, Incident, IncidentState, OutgoingMail
from gateway.values import Disposition, Standing

if TYPE_CHECKING:
    from gateway.edge.office import Office

async def listed(office: "Office", *, everything: bool = False, overdue: bool = False, sender: str | None = None) -> list[Row]:
    """Open cases, the first to come due first; closed ones too when everything is asked for."""
    state = None if everything and not overdue else CaseState.OPEN
    address = normal_address(sender) if sender else None
    found = await office.ledger.cases(sender=address, state=state, due_by=office.clock() if overdue else None)
    return [_row(office, case) for case in found]


async def show(office: "Office", reference: str) -> Row:
    """One case, whole."""
    case = await _case(office, reference)
    return {
        **_row(office, case),
        "verified": case.verified,
        "language": case.language,
        "message_id": case.message_id,
        "decider": case.decider,
        "held": case.held,
        "acknowledged": case.acknowledged,
        "reminded": time_text(case.reminded),
        "closed_by": case.closed_by,
        "notes": [{"at": time_text(at), "by": by, "what": what} for at, by, what in case.notes],
    }


async def close(office: "Office", reference: str, by: str, *, outcome: str = "answered", note: str = "") -> Row:
    """Close a case; granting an appeal undoes the decision that it is against, and the sender is told of an appeal's outcome.

    Raises:
        Refused: there is no such case, it is closed, the outcome doesn't fit it, or somebody else must decide.
    """
    ending = CaseOutcome(outcome)
    sender = (await _case(office, reference)).sender
    async with office.ledger.turn(sender):
        case = await _case(office, reference)  # as it is now that its sender's turn is ours
        standing = await office.ledger.standing(sender)
        if why := why_not_close(_with_decider(case, standing), ending, by):
            raise Refused(why)
        done = closed(case, ending, by, office.clock(), note)
        changes = Changes(cases=(done,))
        if case.kind is CaseKind.APPEAL and ending is not CaseOutcome.ANSWERED:
            changes = await _decided(office, done, standing, ending, by)
        await office.ledger.apply(changes)
    return {**_row(office, done), "noticed": bool(changes.outgoing)}


async def _decided(office: "Office", case: Case, standing: Standing, outcome: CaseOutcome, by: str) -> Changes:
    """An appeal's outcome: what changes with it, and the mail that tells its sender."""
    incident = await office.ledger.incident(case.incident)
    changes = Changes(cases=(case,))
    fate = await _fate(office, incident)
    if outcome is CaseOutcome.GRANTED:
        if incident is not None and incident.state is not IncidentState.OVERTURNED:
            undone, standing, _ = await office.undo(incident, by, f"overturned: the appeal {case.reference} was granted")
            changes, fate = replace(changes, incidents=(undone,)), await _fate(office, undone)
        if case.against == BLOCK:
            standing = replace(standing, blocked_by="", blocked_at=None, block_proposed="")
        changes = replace(changes, standings=(standing,))
    if not suspended(standing, office.clock()):
        standing = replace(standing, suspended_until=None)
    mail = CaseMail(office.writer).outcome(case, outcome, incident, standing, None if case.against == BLOCK else fate)
    told: tuple[OutgoingMail, ...] = (mail,) if case.verified and case.sender else ()
    return replace(changes, outgoing=told)


async def _fate(office: "Office", incident: Incident | None) -> Disposition | None:
    """What has really become of an incident's mail by now, None when nobody can say."""
    if incident is None or not incident.held:
        return incident.disposition if incident is not None else None
    mail = await office.held.show(incident.id)
    if mail is None:
        return None
    return Disposition.DELIVER if mail.released_by else Disposition.HOLD


def _with_decider(case: Case, standing: Standing) -> Case:
    # somebody may have blocked or confirmed since the appeal came
    return replace(case, decider=standing.blocked_by) if case.against == BLOCK and standing.blocked_by else case


async def _case(office: "Office", reference: str) -> Case:
    case = await office.ledger.case(reference.strip().upper())
    if case is None:
        raise Refused(f"there is no case {reference}; `courtesy case list` shows them")
    return case


def _row(office: "Office", case: Case) -> Row:
    return {
        "reference": case.reference,
        "kind": case.kind.value,
        "sender": case.sender,
        "opened": time_text(case.opened),
        "due": time_text(case.due),
        "overdue": overdue(case, office.clock()),
        "deadline": time_text(case.deadline),
        "owner": case.owner,
        "incident": case.incident,
        "against": case.against,
        "state": case.state.value,
        "outcome": case.outcome.value if case.outcome is not None else None,
        "closed": time_text(case.closed),
    }
