"""Our own mail about cases: to the customer who waits for an answer, and to those who owe it."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway.edge.writer import MailWriter
from gateway.mail.facts import AlertFacts
from gateway.policy.cases import AppealFate
from gateway.policy.choices import case_choices
from gateway.records import Action, Case, CaseKind, CaseOutcome, Incident, OutgoingMail
from gateway.values import AlertKind, Disposition, Envelope, NoticeKind, Standing

_OUTCOMES = {CaseOutcome.UPHELD: NoticeKind.APPEAL_UPHELD, CaseOutcome.GRANTED: NoticeKind.APPEAL_GRANTED}
_COPIES = {CaseKind.COMPLAINT: AlertKind.COMPLAINT, CaseKind.LEGAL: AlertKind.LEGAL_NOTICE}
"""What goes to the complaints address; of a person in danger the managers hear by the alert of the incident."""


@dataclass(frozen=True, slots=True)
class CaseMail:
    """Writes what a case calls for."""

    writer: MailWriter

    def copy(self, case: Case, envelope: Envelope, message: bytes, *, disposition: Disposition, by: str, owners: tuple[str, ...]) -> tuple[OutgoingMail, ...]:
        """The mail to the complaints address that brings a complaint or legal notice besides its normal delivery.

        Args:
            case: that the mail opened.
            envelope: of the mail.
            message: as received.
            disposition: what was really done with it.
            by: what verified the author, or why he is unverified.
            owners: to whom it goes.
        """
        kind = _COPIES.get(case.kind)
        if kind is None:
            return ()
        there = any(recipient.lower() in owners for recipient in envelope.recipients)
        attached = not there and self.writer.attaches(message)
        facts = replace(self._about(case, envelope), disposition=disposition, by=by, attached=attached)
        return self._alert(kind, facts, message if attached else None, owners, choices=case_choices(case.kind))

    def appeal(
        self, case: Case, fate: AppealFate, envelope: Envelope, message: bytes, *, related: str, urgent: bool
    ) -> tuple[OutgoingMail, ...]:
        """The mail to the managers that brings what came to the appeals address.

        Args:
            case: the appeal, or what it would be: its reference is that under which the mail is kept.
            fate: what became of it.
            envelope: of the mail.
            message: as received.
            related: the incident that is appealed, or the earlier case.
            urgent: somebody should look at once.
        """
        facts = replace(self._about(case, envelope), about=fate.value, related=related, attached=self.writer.attaches(message))
        if fate is not AppealFate.OPENED:
            facts = replace(facts, deadline=None)
        choices = case_choices(case.kind) if fate is AppealFate.OPENED else ()
        return self._alert(AlertKind.APPEAL, facts, message, (), urgent=urgent, name="appeals", choices=choices)

    def overdue(self, case: Case) -> tuple[OutgoingMail, ...]:
        """The mail to the owner of a case whose answer is late."""
        facts = replace(self._about(case, None), about=case.kind.value, related=case.incident)
        return self._alert(AlertKind.OVERDUE, facts, None, (case.owner,) if case.owner else (), choices=case_choices(case.kind))

    def acknowledgement(self, case: Case, *, by: datetime, disposition: Disposition | None, references: tuple[str, ...]) -> OutgoingMail:
        """The mail to the sender that says when his mail arrived and what its reference is (A18, F14).

        Args:
            case: of a verified sender.
            by: by when we promise an answer.
            disposition: what was really done with his mail; None when it came to a mailbox of ours.
            references: of his mail.
        """
        facts = replace(self.writer.facts(case.reference, disposition, case.opened), due=by)
        return self.writer.letter(
            NoticeKind.ACKNOWLEDGEMENT,
            facts,
            to=case.sender,
            language=case.language,
            message_id=case.message_id,
            references=references,
            thing="case",
        )

    def outcome(self, case: Case, outcome: CaseOutcome, incident: Incident | None, standing: Standing, done: Disposition | None) -> OutgoingMail:
        """The mail to the sender that says how his appeal ended.

        Args:
            case: the appeal.
            outcome: upheld or granted.
            incident: that it is about, None when it isn't kept any more.
            standing: after the decision.
            done: what was really done with the mail that the incident is about, None to say nothing of it.
        """
        at = incident.at if incident is not None else case.opened
        facts = replace(self.writer.facts(case.reference, done, at), until=standing.suspended_until, automatic=False)
        language = incident.language if incident is not None else case.language
        return self.writer.letter(_OUTCOMES[outcome], facts, to=case.sender, language=language, message_id=case.message_id, thing="case")

    def _about(self, case: Case, envelope: Envelope | None) -> AlertFacts:
        return AlertFacts(
            reference=case.reference,
            disposition=None,
            at=case.opened,
            sender=case.sender or (envelope.sender if envelope is not None else ""),
            verified=case.verified,
            recipients=envelope.recipients if envelope is not None else (),
            deadline=self._day(case.due),
        )

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.writer.settings.zone).date()

    def _alert(
        self,
        kind: AlertKind,
        facts: AlertFacts,
        message: bytes | None,
        to: tuple[str, ...],
        *,
        urgent: bool = False,
        name: str = "",
        choices: tuple[Action, ...] = (),
    ) -> tuple[OutgoingMail, ...]:
        note = self.writer.templates.alert(kind, self.writer.settings.language, replace(facts, choices=self.writer.words_of(choices)))
        reply_to = self.writer.decisions(facts.reference) if choices else ""
        return self.writer.forwarded(name or f"alert.{kind.value}", facts.reference, note, message, to=to, urgent=urgent, reply_to=reply_to)
