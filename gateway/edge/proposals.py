"""What people decide about proposals, as operations of the office: count a strike, end a suspension early, let it be."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.edge.ledger_files import Changes
from gateway.edge.rows import Refused, Row, time_text
from gateway.policy.answerable import plain_sender
from gateway.policy.choices import ladder_row
from gateway.policy.ladder import suspended
from gateway.policy.verdict import confirmed, without_notice
from gateway.records import Incident, IncidentState, OutgoingMail
from gateway.values import Level, NoticeKind, Verdict

if TYPE_CHECKING:
    from gateway.edge.office import Office

_STRIKE, _LIFT = "strike", "lift"


async def confirm(office: "Office", reference: str, by: str) -> Row:
    """Count the strike that an incident proposes; the sender is told as the ladder says.

    Raises:
        Refused: nothing of the kind is proposed any more, or it would suspend somebody who can't be told.
    """
    async with office.ledger.turn((await _waiting(office, reference, _STRIKE)).sender):
        incident = await _waiting(office, reference, _STRIKE)
        if not (incident.verified and incident.sender):
            raise Refused(f"nobody vouches for the sender of {incident.id}, so nothing counts against him")
        standing, now, policy = await office.ledger.standing(incident.sender), office.clock(), office.policy()
        verdict = confirmed(incident.id, incident.level or Level.ABUSIVE, ladder_row(incident), standing, policy, now)
        if verdict.notice is not None and not await _can_be_told(office, incident):
            verdict = without_notice(verdict, standing, policy, now)
            if not verdict.strikes:
                raise Refused(f"the sender of {incident.id} can't be told, and nobody is suspended without a word")
        done = replace(
            incident,
            state=IncidentState.OPEN if verdict.proposal else IncidentState.DONE,
            proposal=verdict.proposal,
            strikes=verdict.strikes,
            notice=verdict.notice,
            notes=(*incident.notes, (now, by, f"confirmed: {verdict.reason}")),
        )
        mails = await _told(office, done, verdict)
        await office.ledger.apply(Changes((done,), (verdict.standing,), mails))
    return {"id": done.id, "strikes": done.strikes, "notice": done.notice.value if done.notice else None, "proposal": done.proposal}


async def dismiss(office: "Office", reference: str, by: str) -> Row:
    """Let a proposal be: nothing counts, nobody is blocked; a suspension ends on its day.

    Raises:
        Refused: nothing is proposed any more.
    """
    async with office.ledger.turn((await _waiting(office, reference)).sender):
        incident = await _waiting(office, reference)
        standing = await office.ledger.standing(incident.sender)
        freed = replace(standing, block_proposed="") if standing.block_proposed == incident.id else standing
        done = replace(incident, state=IncidentState.DONE, notes=(*incident.notes, (office.clock(), by, f"dismissed: {incident.proposal}")))
        await office.ledger.apply(Changes((done,), (freed,) if freed != standing else ()))
    return {"id": done.id, "dismissed": done.proposal}


async def lift(office: "Office", reference: str, by: str) -> Row:
    """End the suspension early of which an incident is a calm mail (R19); its strikes stay, the sender is told.

    Raises:
        Refused: it isn't proposed any more, or the suspension is over.
    """
    async with office.ledger.turn((await _waiting(office, reference, _LIFT)).sender):
        incident = await _waiting(office, reference, _LIFT)
        standing, now = await office.ledger.standing(incident.sender), office.clock()
        if not suspended(standing, now):
            raise Refused(f"the suspension of {incident.sender} is over")
        free = replace(standing, suspended_until=None)
        done = replace(incident, state=IncidentState.DONE, notes=(*incident.notes, (now, by, "lifted")))
        mails = (office.writer.decision(NoticeKind.REINSTATEMENT, done, free),) if await _can_be_told(office, incident) else ()
        await office.ledger.apply(Changes((done,), (free,), mails))
    return {"id": done.id, "address": free.address, "suspended_until": time_text(free.suspended_until), "noticed": bool(mails)}


async def _waiting(office: "Office", reference: str, proposal: str = "") -> Incident:
    incident = await office.ledger.incident(reference.strip().upper())
    if incident is None:
        raise Refused(f"there is no incident {reference}; `courtesy incident list` shows them")
    if incident.state is not IncidentState.OPEN or not incident.proposal:
        raise Refused(f"{incident.id} waits for no decision")
    if proposal and incident.proposal != proposal:
        raise Refused(f"{incident.id} proposes something else: {incident.proposal}")
    return incident


async def _can_be_told(office: "Office", incident: Incident) -> bool:
    """Whether the author may be written to: his own verified reverse path (RFC 3834 section 4), and we know where his mail is."""
    if not (incident.verified and incident.envelope_sender and plain_sender(incident.envelope_sender).lower() == incident.sender.lower()):
        return False
    return not incident.held or await office.held.show(incident.id) is not None


async def _told(office: "Office", incident: Incident, verdict: Verdict) -> tuple[OutgoingMail, ...]:
    if verdict.notice is None:
        return ()
    now_is = await office.as_it_is_now(incident)
    facts = replace(
        office.writer.facts(incident.id, now_is.disposition, incident.at),
        categories=incident.categories,
        until=verdict.standing.suspended_until,
        automatic=False,
    )
    return (
        office.writer.letter(verdict.notice, facts, to=incident.sender, language=incident.language, message_id=incident.message_id),
    )
