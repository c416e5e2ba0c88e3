"""What people decide: the commands about senders, incidents and held mail, as one set of operations.

The service runs them when it is asked over its control socket; without a service the command line runs them itself.
Every operation answers with plain JSON values, which is what both ways can carry.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.addresses import LARGE_ORGANISATION, SHARED_MAILBOX, linked_spelling, many_people
from gateway.edge import casework, digest_office, importing, keeping, proposals, rules_history, undoing
from gateway.edge.codec import encode
from gateway.edge.held import HeldFolder
from gateway.edge.incident_now import now_of
from gateway.edge.ledger_files import Changes
from gateway.edge.rows import Refused, Row
from gateway.edge.rows import time_text as _time
from gateway.edge.shadow_store import NO_TRIALS, Trials
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.writer import MailWriter
from gateway.mail.authentication import normal_address
from gateway.mail.trace import prepend, received_field
from gateway.numbers import Policy
from gateway.policy.ladder import active_strikes, rung
from gateway.records import HeldMail, Incident, IncidentState, OutgoingMail
from gateway.values import Disposition, Envelope, NoticeKind, Reply, Standing

_WHOM_ELSE = {
    SHARED_MAILBOX: "{address} looks like a shared mailbox: a block would also stop everybody else who writes from it",
    LARGE_ORGANISATION: "{domain} is a large organisation: a block of {address} may stop more people than one",
}


@dataclass(frozen=True, slots=True)
class Office:
    """The operations; `call` runs one by its name."""

    ledger: TinyLedger
    held: HeldFolder
    writer: MailWriter
    policy: Callable[[], Policy]
    send: Callable[[Envelope, bytes], Awaitable[Reply]]
    hostname: str
    clock: Callable[[], datetime]
    many: frozenset[str] = frozenset()
    """What the site knows of addresses behind which more people than one stand."""
    rules: Callable[[], frozenset[str]] = frozenset
    """Ids of the rules in force that give points."""
    trials: Trials = NO_TRIALS
    """What is kept about senders while other rules are on trial."""

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Run an operation.

        Args:
            name: for example "sender.pardon".
            arguments: its keyword arguments, JSON values.

        Raises:
            Refused: it can't be done, or there is no such operation.
        """
        operation = OPERATIONS.get(name)
        if operation is None:
            raise Refused(f"there is no operation {name}")
        return await operation(self, **arguments)

    # --- senders ------------------------------------------------------------------------------------------------------

    async def sender_list(self, *, everyone: bool = False) -> list[Row]:
        """Senders who are not plainly good, or everybody the ledger knows."""
        return [self._standing_row(standing) for standing in await self.ledger.standings(everyone=everyone)]

    async def sender_show(self, address: str) -> Row:
        """One sender with his incidents, newest first, and his cases, the first to come due first."""
        address = normal_address(address)
        standing = await self.ledger.standing(address)
        incidents = await self.ledger.incidents(sender=address, limit=50)
        cases = await casework.listed(self, everything=True, sender=address)
        if standing == Standing(address) and not incidents and not cases:
            raise Refused(f"nothing is known of {address}")
        row = self._standing_row(standing)
        row["strikes"] = [{"at": _time(s.at), "incident": s.incident, "level": s.level.word, "told": s.told} for s in standing.strikes]
        row["incidents"] = await self._incident_rows(incidents)
        row["cases"] = cases
        row["also_writes_as"] = await self._linked(address)
        row["many_people"] = many_people(address, self.many)
        return row

    async def sender_standing(self, address: str) -> Row:
        """What judges a sender's next mail: his standing as it is kept, good for one of whom nothing is known."""
        address = _address(address)
        return {"standing": encode(await self.ledger.standing(address)), "many": many_people(address, self.many)}

    async def _linked(self, address: str) -> list[str]:
        """Other spellings of the same mailbox that the ledger knows: for a person to see, never judged as one."""
        spelling = linked_spelling(address)
        return sorted(other for other in await self.ledger.senders() if other != address and linked_spelling(other) == spelling)

    async def sender_pardon(self, address: str, by: str) -> Row:
        """Wipe a sender's slate: strikes, suspension, block and proposals go; it holds from the next mail on."""
        address = _address(address)
        now = self.clock()
        before = await self.ledger.standing(address)
        if before == Standing(address) and not await self.ledger.incidents(sender=address, limit=1):
            raise Refused(f"nothing is known of {address}")
        after = Standing(address, allowed=before.allowed, notices=before.notices, pardoned_at=now)
        restricted = bool(before.blocked_by) or (before.suspended_until is not None and before.suspended_until > now)
        notice = await self._decision_notice(NoticeKind.REINSTATEMENT, address, after) if restricted else ()
        await self.ledger.apply(Changes(standings=(after,), outgoing=notice))
        await self._close_proposals(address, now, by, f"pardoned by {by}")
        return {**self._standing_row(after), "noticed": bool(notice)}

    async def sender_block(self, address: str, by: str, *, really: bool = False) -> Row:
        """Block a sender: a person's decision, refused in session from the next mail on; he is told how to appeal (F18, D24).

        Where more people than one may be hit, it must be meant: `really`.
        """
        address = _address(address)
        if not really and (many := many_people(address, self.many)):
            why = _WHOM_ELSE[many].format(address=address, domain=address.rpartition("@")[2])
            raise Refused(f"{why}; if that is meant: courtesy sender block {address} --really")
        now = self.clock()
        before = await self.ledger.standing(address)
        if before.blocked_by:
            raise Refused(f"{address} was blocked before, by {before.blocked_by}")
        after = replace(before, blocked_by=by, blocked_at=now, block_proposed="", suspended_until=None, allowed=False)
        notice = await self._decision_notice(NoticeKind.BLOCK, address, after)
        await self.ledger.apply(Changes(standings=(after,), outgoing=notice))
        await self._close_proposals(address, now, by, f"blocked by {by}")
        return {**self._standing_row(after), "noticed": bool(notice)}

    async def sender_allow(self, address: str, by: str) -> Row:
        """Never judge a sender again; his slate is wiped."""
        address = _address(address)
        now = self.clock()
        after = Standing(address, allowed=True, pardoned_at=now)
        await self.ledger.apply(Changes(standings=(after,)))
        await self._close_proposals(address, now, by, f"allowed by {by}")
        return self._standing_row(after)

    async def _close_proposals(self, address: str, now: datetime, by: str, what: str) -> None:
        for incident in await self.ledger.incidents(sender=address, state=IncidentState.OPEN):
            await self.ledger.update_incident(incident.id, state=IncidentState.DONE, note=(now, by, what))

    async def _decision_notice(self, kind: NoticeKind, address: str, standing: Standing) -> tuple[OutgoingMail, ...]:
        """A notice of a person's decision, to somebody whom a trusted host vouched for before; else none."""
        verified = [i for i in await self.ledger.incidents(sender=address, limit=50) if i.verified and i.envelope_sender]
        return (self.writer.decision(kind, verified[0], standing),) if verified else ()

    def _standing_row(self, standing: Standing) -> Row:
        now = self.clock()
        return {
            "address": standing.address,
            "standing": rung(standing, now, self.policy()).value,
            "active_strikes": len(active_strikes(standing, now, self.policy())),
            "suspended_until": _time(standing.suspended_until),
            "block_proposed": standing.block_proposed,
            "blocked_by": standing.blocked_by,
            "blocked_at": _time(standing.blocked_at),
            "allowed": standing.allowed,
            "pardoned_at": _time(standing.pardoned_at),
        }

    # --- incidents ----------------------------------------------------------------------------------------------------

    async def incident_list(self, *, sender: str | None = None, state: str | None = None, limit: int | None = 50) -> list[Row]:
        """Incidents, newest first."""
        found = await self.ledger.incidents(
            sender=normal_address(sender) if sender else None, state=IncidentState(state) if state else None, limit=limit
        )
        return await self._incident_rows(found)

    async def _incident_rows(self, incidents: Sequence[Incident]) -> list[Row]:
        return [{**_incident_row(incident), **now} for incident, now in zip(incidents, await now_of(self, incidents), strict=True)]

    async def incident_show(self, reference: str) -> Row:
        """One incident, whole."""
        incident = await self._incident(reference)
        return {
            **(await self._incident_rows((incident,)))[0],
            "by": incident.by,
            "envelope_sender": incident.envelope_sender,
            "message_id": incident.message_id,
            "points": incident.points,
            "language": incident.language,
            "basis": incident.basis.value,
            "findings": [{"rule": rule, "points": points} for rule, points in incident.findings],
            "excerpt": incident.excerpt,
            "reason": incident.reason,
            "rules_version": incident.rules_version,
            "alerts": [alert.value for alert in incident.alerts],
            "reply": incident.reply,
            "notes": [{"at": _time(at), "by": by, "what": what} for at, by, what in incident.notes],
        }

    async def incident_overturn(self, reference: str, by: str) -> Row:
        """Undo an incident: its strikes go, its mail is released, the sender gets an apology (H9)."""
        async with self.ledger.turn((await self._incident(reference)).sender):
            incident = await self._incident(reference)  # as it is now that its sender's turn is ours
            if incident.state is IncidentState.OVERTURNED:
                raise Refused(f"{incident.id} was overturned before")
            undone, after, released = await self.undo(incident, by, "overturned")
            told = incident.notice is not None and incident.verified and incident.state is not IncidentState.WOULD_BE
            apology = (self.writer.decision(NoticeKind.APOLOGY, await self.as_it_is_now(incident), after),) if told else ()
            await self.ledger.apply(Changes(incidents=(undone,), standings=(after,), outgoing=apology))
        return {**_incident_row(undone), "released": released, "noticed": told}

    async def undo(self, incident: Incident, by: str, what: str) -> tuple[Incident, Standing, bool]:
        """Undo an incident except for writing it down; its held mail is delivered.

        Args:
            incident: that isn't overturned.
            by: who decides.
            what: what he does, for the incident's notes.

        Returns:
            tuple: the incident and its sender's standing as they are to be written, and whether held mail was delivered.

        Raises:
            Refused: the mailbox server doesn't take the held mail; nothing is undone.
        """
        now, policy = self.clock(), self.policy()
        standing = await self.ledger.standing(incident.sender)
        after = replace(standing, strikes=tuple(strike for strike in standing.strikes if strike.incident != incident.id))
        if not active_strikes(after, now, policy) or _suspended_by(incident, standing, policy):
            after = replace(after, suspended_until=None)
        if after.block_proposed == incident.id:
            after = replace(after, block_proposed="")
        mail = await self.held.show(incident.id)
        released = mail is not None and not mail.released_by
        if released:
            await self.held_release(incident.id, by)
            incident = await self._incident(incident.id)
        undone = replace(incident, state=IncidentState.OVERTURNED, notes=(*incident.notes, (now, by, what)))
        return undone, after, released

    async def as_it_is_now(self, incident: Incident) -> Incident:
        """The incident as a mail of ours may speak of it: held mail that was delivered since is delivered (H8)."""
        mail = await self.held.show(incident.id)
        return replace(incident, disposition=Disposition.DELIVER) if mail is not None and mail.released_by else incident

    async def _incident(self, reference: str) -> Incident:
        incident = await self.ledger.incident(reference.strip().upper())
        if incident is None:
            raise Refused(f"there is no incident {reference}; `courtesy incident list` shows them")
        return incident

    # --- held mail ----------------------------------------------------------------------------------------------------

    async def held_list(self, *, everything: bool = False) -> list[Row]:
        """Held mail, oldest first, and mail to our own mailboxes about which nothing was done; all that is kept when everything is asked for."""
        return [_held_row(mail) for mail in await self.held.held() if everything or mail.waits or (mail.ours and not mail.settled)]

    async def held_show(self, reference: str) -> Row:
        """One held mail with its message, bytes that aren't UTF-8 replaced."""
        mail = await self._held(reference)
        return {**_held_row(mail), "message": (await self.held.message(mail.id)).decode("utf-8", "replace")}

    async def held_release(self, reference: str, by: str) -> Row:
        """Deliver a held mail as it was received; it isn't judged again."""
        mail = await self._held(reference)
        if mail.ours:
            raise Refused(f"{mail.id} {mail.reason}, where nobody waits for it: `courtesy held show {mail.id}` shows it, and what it asks is done by the other commands")
        if mail.released_by:
            raise Refused(f"{mail.id} was released before, by {mail.released_by}")
        message = await self.held.message(mail.id)
        stamped = prepend(message, received_field(mail.envelope, self.hostname, mail.id, self.clock()), None)
        reply = await self.send(mail.envelope, stamped)
        if not reply.positive:
            raise Refused(f"the mailbox server didn't take {mail.id}: {reply}; it is still held")
        released = await self.held.release(mail.id, by, self.clock())
        await self._note(mail.id, by, "released")
        return _held_row(released)

    async def held_delete(self, reference: str, by: str) -> Row:
        """Delete a held mail for good."""
        mail = await self._held(reference)
        await keeping.must_not_be_kept(self, mail.id)
        await self.held.delete(mail.id)
        await self._note(mail.id, by, "deleted")
        return {**_held_row(mail), "deleted": True}

    async def _held(self, reference: str) -> HeldMail:
        mail = await self.held.show(reference.strip().upper())
        if mail is None:
            raise Refused(f"no mail is held as {reference}; `courtesy held list` shows them")
        return mail

    async def _note(self, reference: str, by: str, what: str) -> None:
        if await self.ledger.incident(reference) is not None:
            await self.ledger.update_incident(reference, note=(self.clock(), by, f"held mail {what}"))


def _suspended_by(incident: Incident, standing: Standing, policy: Policy) -> bool:
    """Whether the suspension in force is the one that this incident began."""
    spans = {timedelta(days=cell.suspend_days) for _, cells in policy.ladder for cell in cells if cell.suspend_days}
    return standing.suspended_until is not None and standing.suspended_until - incident.at in spans


def _address(text: str) -> str:
    """The normal form of what a person typed, when it is one address and nothing around it."""
    address = normal_address(text)
    local, at, domain = address.rpartition("@")
    if not (at and local and domain) or any(c.isspace() or c in "<>,;" for c in address):
        raise Refused(f"{text} is not a mail address; write name@domain")
    return address


def _incident_row(incident: Incident) -> Row:
    return {
        "id": incident.id,
        "at": _time(incident.at),
        "sender": incident.sender,
        "verified": incident.verified,
        "recipients": list(incident.recipients),
        "subject": incident.subject,
        "level": incident.level.word if incident.level is not None else None,
        "categories": [category.value for category in incident.categories],
        "tags": [tag.value for tag in incident.tags],
        "disposition": incident.disposition.value,
        "strikes": incident.strikes,
        "notice": incident.notice.value if incident.notice else None,
        "proposal": incident.proposal,
        "state": incident.state.value,
        "mode": incident.mode.value,
        "held": incident.held,
        "legal_hold": incident.legal_hold,
    }


def _held_row(mail: HeldMail) -> Row:
    return {
        "id": mail.id,
        "at": _time(mail.at),
        "sender": mail.envelope.sender,
        "recipients": list(mail.envelope.recipients),
        "reason": mail.reason,
        "size": mail.size,
        "released_by": mail.released_by,
        "waits": mail.waits,
        "ours": mail.ours,
        "settled": mail.settled,
    }


OPERATIONS: dict[str, Callable[..., Awaitable[Any]]] = {
    "sender.list": Office.sender_list,
    "sender.show": Office.sender_show,
    "sender.standing": Office.sender_standing,
    "sender.pardon": Office.sender_pardon,
    "sender.block": Office.sender_block,
    "sender.allow": Office.sender_allow,
    "sender.export": keeping.export,
    "sender.forget": keeping.forget,
    "incident.list": Office.incident_list,
    "incident.show": Office.incident_show,
    "incident.overturn": Office.incident_overturn,
    "incident.overturn_rules": undoing.overturn_rules,
    "incident.import": importing.import_file,
    "incident.confirm": proposals.confirm,
    "incident.dismiss": proposals.dismiss,
    "incident.lift": proposals.lift,
    "incident.keep": keeping.keep,
    "incident.evidence": keeping.evidence,
    "held.list": Office.held_list,
    "held.show": Office.held_show,
    "held.release": Office.held_release,
    "held.delete": Office.held_delete,
    "case.list": casework.listed,
    "case.show": casework.show,
    "case.close": casework.close,
    "digest.show": digest_office.show,
    "digest.send": digest_office.send,
    "ledger.snapshot": keeping.snapshot,
    "ledger.purge": keeping.purge,
    "ledger.check": keeping.check,
    "rules.history": rules_history.history,
}
