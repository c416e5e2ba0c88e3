"""What is kept, as operations of the office: copies, checks and purges of all of it, and all of it about one person."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway.edge.codec import encode
from gateway.edge.ledger_files import Changes
from gateway.edge.retention import Purge, clocks_of
from gateway.edge.rows import time_text
from gateway.edge.state_backup import sweep_snapshots, take_snapshot
from gateway.errors import GatewayError, HoldFailed
from gateway.mail.attached import mentions
from gateway.mail.authentication import normal_address
from gateway.records import OWN_MAILBOX, HeldMail, Incident

if TYPE_CHECKING:
    from gateway.edge.office import Office

Row = dict[str, Any]


async def snapshot(office: "Office") -> Row:
    """Make a copy for a backup; the command line packs it and removes it."""
    settings = office.writer.settings
    return {"name": await take_snapshot(office.ledger, settings.state, settings.ledger_folder)}


async def purge(office: "Office", *, dry_run: bool = False) -> Row:
    """Erase what may not be kept longer (R6), or only count it."""
    if not dry_run:
        sweep_snapshots(office.writer.settings.state)
    clocks = clocks_of(office.writer.settings.retention)
    if not dry_run:
        await office.trials.expire(clocks.incidents)
    return await Purge(office.ledger, office.held, clocks, office.policy(), office.clock(), commit=not dry_run).run()


async def check(office: "Office") -> Row:
    """Read all that is kept; what can't be read ends this with its name."""
    held = await office.held.held()
    problems: list[str] = []
    for mail in held:
        try:
            await office.held.message(mail.id)
        except HoldFailed as trouble:
            problems.append(str(trouble))
    incidents = 0
    async for incident in office.ledger.every_incident():
        incidents += 1
        if incident.held and not any(mail.id == incident.id for mail in held) and not _was_settled(incident):
            problems.append(f"the mail of incident {incident.id} isn't held, and nobody released or deleted it")
    senders = len(await office.ledger.standings(everyone=True))
    waiting = len(await office.ledger.waiting())
    cases = len(await office.ledger.cases())
    return {"incidents": incidents, "cases": cases, "senders": senders, "held": len(held), "outgoing": waiting, "problems": problems}


def _was_settled(incident: Incident) -> bool:
    # a mail that its client was never told to be taken may be held nowhere: the client comes back with it
    return not incident.reply or any(what.startswith(("held mail", "overturned")) for _, _, what in incident.notes)


async def keep(office: "Office", reference: str, by: str, *, hold: bool = True) -> Row:
    """Put an incident under legal hold, or take it from there: nothing of it is deleted while it is."""
    incident = await office.ledger.incident(reference.strip().upper())
    if incident is None:
        raise GatewayError(f"there is no incident {reference}; `courtesy incident list` shows them")
    if incident.legal_hold != hold:
        note = (office.clock(), by, "put under legal hold" if hold else "taken from legal hold")
        incident = replace(incident, legal_hold=hold, notes=(*incident.notes, note))
        await office.ledger.apply(Changes(incidents=(incident,)))
    return {"id": incident.id, "legal_hold": incident.legal_hold}


async def must_not_be_kept(office: "Office", reference: str) -> None:
    """Refuse to delete a held mail that belongs to an incident under legal hold, as its own mail or as that of an appeal (D25).

    Raises:
        GatewayError: it is under legal hold.
    """
    incidents = {reference, *(case.incident for case in await office.ledger.cases() if case.held == reference)}
    for each in sorted(incidents):
        incident = await office.ledger.incident(each)
        if incident is not None and incident.legal_hold:
            raise GatewayError(f"{reference} belongs to incident {incident.id}, which is under legal hold; `courtesy incident keep {incident.id} --end` ends it")


async def evidence(office: "Office", references: list[str], by: str, sha256: str) -> Row:
    """Note on incidents that a package of evidence about them was made, before anybody has it (F19).

    Raises:
        GatewayError: it isn't a manager who answers for it, or an incident is gone.
    """
    if normal_address(by) not in {normal_address(manager) for manager in office.writer.settings.addresses.managers}:
        raise GatewayError(f"{by} isn't one of addresses.managers, and only a named manager hands out evidence")
    for reference in references:
        await office.ledger.update_incident(reference, note=(office.clock(), by, f"evidence package made, SHA-256 {sha256}"))
    return {"incidents": references, "sha256": sha256}


# --- all about one person (R6) ------------------------------------------------------------------------------------------

_REPORTS = (f"{OWN_MAILBOX} report", f"{OWN_MAILBOX} civil")
_DECISIONS = (f"{OWN_MAILBOX} decisions",)



async def export(office: "Office", address: str) -> Row:
    """Everything that is kept about a person: standing, incidents, cases, held mail with its text, mail of ours on its way and sent."""
    address = normal_address(address)
    incidents = await _incidents_of(office, address)
    held = await _held_of(office, address, incidents)
    outgoing = [mail for mail in await office.ledger.waiting() if address in mail.recipients]
    posted = await office.ledger.posted(datetime.min.replace(tzinfo=UTC))
    reports = await _colleagues_wrote(office, address, _REPORTS)
    return {
        "address": address,
        "standing": encode(await office.ledger.standing(address)),
        "incidents": [encode(incident) for incident in incidents],
        "cases": [encode(case) for case in await office.ledger.cases(sender=address)],
        "held": [{**encode(mail), "message": (await office.held.message(mail.id)).decode("utf-8", "replace")} for mail in held],
        # named only: they are a colleague's, and other customers' mail may lie in them
        "reports": [{"id": mail.id, "at": time_text(mail.at)} for mail in reports],
        "outgoing": [{"kind": mail.kind, "created": mail.created.isoformat(), "message": mail.message.decode("utf-8", "replace")} for mail in outgoing],
        "sent": [encode(mail) for mail in posted if address in mail.recipients],
        "rules_on_trial": office.trials.about(address),
    }


async def forget(office: "Office", address: str) -> Row:
    """Erase what is kept about a person, except what is under legal hold; backups made before still have it."""
    address = normal_address(address)
    incidents = await _incidents_of(office, address)
    kept = {incident.id for incident in incidents if incident.legal_hold}
    stays = kept | {case.held for case in await office.ledger.cases(sender=address) if case.incident in kept}
    held = [mail for mail in await _held_of(office, address, incidents) if mail.id not in stays]
    held += await _colleagues_wrote(office, address, (*_REPORTS, *_DECISIONS)) if not kept else []
    for mail in held:
        await office.held.delete(mail.id)
    erased = await office.ledger.forget(address)
    # somebody else's incident in which the address is only the reverse path keeps its record without it
    others = tuple(replace(i, envelope_sender="") for i in incidents if i.sender != address and i.id not in kept)
    await office.ledger.apply(Changes(incidents=others), why="forgotten")
    await office.trials.forget(address)
    return {"address": address, "erased_incidents": erased, "erased_held": len(held), "under_legal_hold": sorted(kept)}


async def _colleagues_wrote(office: "Office", address: str, reasons: tuple[str, ...]) -> list[HeldMail]:
    """What colleagues and managers wrote to us in which an address stands: a reported mail, an answer below which we are quoted."""
    found = [mail for mail in await office.held.held() if mail.reason in reasons]
    return [mail for mail in found if mentions(await office.held.message(mail.id), address)]


async def _incidents_of(office: "Office", address: str) -> list[Incident]:
    found = [i async for i in office.ledger.every_incident() if address in {i.sender, normal_address(i.envelope_sender)}]
    return sorted(found, key=lambda incident: incident.at)


async def _held_of(office: "Office", address: str, incidents: list[Incident]) -> list[HeldMail]:
    his = {incident.id for incident in incidents if incident.sender == address}
    his |= {case.held for case in await office.ledger.cases(sender=address)}
    return [mail for mail in await office.held.held() if mail.id in his or normal_address(mail.envelope.sender) == address]
