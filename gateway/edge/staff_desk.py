"""Where staff report what the gateway did not see, and say that a mail was civil (F22, D18, D19)."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.edge.case_desk import OwnLetter
from gateway.edge.ledger_files import Changes
from gateway.edge.office import Office
from gateway.edge.own_mailboxes import Fate
from gateway.edge.rows import Refused
from gateway.edge.vouching import Vouching
from gateway.mail.attached import Attached, attached_mails, named_references
from gateway.mail.facts import AlertFacts, AnswerFacts
from gateway.mail.trace import delivery_key
from gateway.policy.choices import incident_choices
from gateway.policy.incidents import new_reference
from gateway.policy.reports import CIVIL, report_note, reported_incident
from gateway.policy.tokens import TokenState, check_token
from gateway.ports import Reader
from gateway.records import Action, Incident, IncidentState
from gateway.values import AlertKind, Envelope, Mode

log = logging.getLogger("courtesy.staff")

_OF_A_SENDER = 50
"""Incidents of a sender among which a reported mail is looked for."""


@dataclass(frozen=True, slots=True)
class StaffDesk(ABC):
    """What both desks share: whom they listen to, and how they answer."""

    office: Office
    vouching: Vouching
    reader: Reader
    random: Callable[[int], bytes]

    async def take(self, token: str, letter: OwnLetter) -> Fate:
        """Deal with a colleague's mail and answer it once; anybody else's is brought to the managers as it is.

        Raises:
            LedgerFailed: nothing was noted.
        """
        identity = await self.vouching.vouched(letter)
        if not (identity.verified and self.vouching.colleague(identity)):
            log.info("%s: no verified colleague (%s); brought to the managers", letter.reference, identity.by)
            return Fate.BROUGHT
        name = f"report.{delivery_key(letter.envelope, letter.message)[:16]}"
        async with self.office.ledger.turn(name):
            if not await self.office.ledger.knows_mail(name):
                await self._answer(name, letter, identity.address, await self._facts(token, letter, identity.address))
        return Fate.ANSWERED

    @abstractmethod
    async def _facts(self, token: str, letter: OwnLetter, agent: str) -> AnswerFacts:
        """Deal with it, and say what is to be answered."""

    async def _answer(self, name: str, letter: OwnLetter, agent: str, facts: AnswerFacts) -> None:
        writer = self.office.writer
        mail = writer.answer(
            name,
            writer.templates.answers.report(writer.settings.language, facts),
            to=agent,
            language=writer.settings.language,
            reply_to=writer.own_address("report", "report", facts.related) if facts.related else "",
            message_id=letter.reading.message_id,
            references=letter.reading.references,
        )
        await self.office.ledger.apply(Changes(outgoing=(mail,)))

    async def _incident(self, references: tuple[str, ...]) -> Incident | None:
        """The first of some references that is an incident's."""
        for reference in references[:20]:
            if (incident := await self.office.ledger.incident(reference)) is not None:
                return incident
        return None

    async def _tell(self, incident: Incident, about: str, agent: str, original: bytes | None, choices: tuple[Action, ...]) -> None:
        """Bring it to the managers."""
        writer = self.office.writer
        facts = AlertFacts(
            reference=incident.id,
            disposition=incident.disposition,
            at=incident.at,
            sender=incident.sender or incident.envelope_sender,
            verified=incident.verified,
            by=incident.by,
            recipients=incident.recipients,
            categories=incident.categories,
            excerpts=(incident.excerpt,) if incident.excerpt else (),
            strikes=incident.strikes,
            attached=original is not None and writer.attaches(original),
            choices=writer.words_of(choices),
            about=about,
            related=agent,
        )
        note = writer.templates.alert(AlertKind.REPORT, writer.settings.language, facts)
        kind = f"alert.{AlertKind.REPORT.value}"
        mails = writer.forwarded(kind, incident.id, note, original, reply_to=writer.decisions(incident.id) if choices else "")
        # the same incident may be reported again; and the name tells it from the alerts that must leave at once
        marked = tuple(replace(mail, id=f"told.{mail.id.partition('.')[2]}.{self.random(4).hex()}") for mail in mails)
        await self.office.ledger.apply(Changes(outgoing=marked))


@dataclass(frozen=True, slots=True)
class ReportDesk(StaffDesk):
    """Takes what comes to the report address: a mail forwarded as an attachment, or details of a report that was made."""

    async def _facts(self, token: str, letter: OwnLetter, agent: str) -> AnswerFacts:
        mails = attached_mails(letter.message)
        proof = check_token("report", token, letter.at, self.office.writer.secret)
        if not mails and proof.state is TokenState.VALID and (known := await self._incident((proof.reference.upper(),))) is not None:
            note = report_note(agent, letter.reading.own_text, letter.at, "details")
            await self.office.ledger.update_incident(known.id, note=note)
            return AnswerFacts(letter.reference, "details", related=known.id)
        if not mails:
            return AnswerFacts(letter.reference, "empty")
        known = await self._incident(tuple(reference for mail in mails for reference in mail.references))
        # of a folded mail the innermost is the customer's own
        original = mails[1] if mails[0].references and len(mails) > 1 else mails[0]
        return await self._reported(original, known, letter, agent)

    async def _reported(self, original: Attached, known: Incident | None, letter: OwnLetter, agent: str) -> AnswerFacts:
        ledger, settings = self.office.ledger, self.office.writer.settings
        reading, assessment = await self.reader.weigh(original.message, original.return_path or "unknown")
        identity = await self.vouching.identifier.identify(reading, Envelope(original.return_path, ()))
        # a mail without a word of its own is read by its attachment: those aren't the colleague's words
        text = "" if letter.reading.own_text.strip() == reading.own_text.strip() else letter.reading.own_text
        if known is None and reading.message_id:
            of_sender = await ledger.incidents(sender=identity.address, limit=_OF_A_SENDER)
            known = next((incident for incident in of_sender if incident.message_id == reading.message_id), None)
        if known is not None:
            known = await ledger.update_incident(known.id, note=report_note(agent, text, letter.at))
            await self._tell(known, "report", agent, original.message, _open_choices(known))
            return AnswerFacts(letter.reference, "known", related=known.id)
        incident = reported_incident(
            original.message,
            reading,
            assessment,
            identity,
            return_path=original.return_path,
            reference=new_reference(letter.at, self.random(5)),
            agent=agent,
            text=text,
            now=letter.at,
            mode=settings.mode,
        )
        await ledger.record(incident, None)
        counted = settings.staff.reports == "count" and incident.state is IncidentState.OPEN and await self._counted(incident, agent)
        incident = await ledger.incident(incident.id) or incident
        await self._tell(incident, "report", agent, original.message, _open_choices(incident))
        return AnswerFacts(letter.reference, "counted" if counted else "reported", related=incident.id)

    async def _counted(self, incident: Incident, agent: str) -> bool:
        """Count it at once, where that is the site's wish and the sender can be told."""
        try:
            await self.office.call("incident.confirm", {"reference": incident.id, "by": agent})
        except Refused as why:
            log.info("%s: a manager decides about it: %s", incident.id, why)
            return False
        return True


@dataclass(frozen=True, slots=True)
class CivilDesk(StaffDesk):
    """Takes what comes to the civil address: a mail of which a colleague says that it was civil."""

    async def _facts(self, token: str, letter: OwnLetter, agent: str) -> AnswerFacts:
        del token
        mails = attached_mails(letter.message)
        marked = tuple(reference for mail in mails for reference in mail.references)
        incident = await self._incident((*marked, *named_references(f"{letter.reading.subject}\n{letter.reading.own_text}")))
        if incident is None:
            return AnswerFacts(letter.reference, "unknown")
        incident = await self.office.ledger.update_incident(incident.id, note=report_note(agent, letter.reading.own_text, letter.at, CIVIL))
        await self._tell(incident, "civil", agent, mails[-1].message if mails else None, _open_choices(incident))
        return AnswerFacts(letter.reference, "civil", related=incident.id)


def _open_choices(incident: Incident) -> tuple[Action, ...]:
    """What can still be decided."""
    if incident.state is IncidentState.OVERTURNED or incident.mode is Mode.OBSERVE:
        return ()
    choices = incident_choices(incident)
    return choices if incident.state is IncidentState.OPEN else tuple(choice for choice in choices if choice in {Action.OVERTURN, Action.BLOCK})
