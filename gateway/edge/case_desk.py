"""Where cases are opened: for mail that arrived and must be answered by a date, and for appeals by plain reply (F13-F15, A18)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.edge.case_mail import CaseMail
from gateway.edge.ledger_files import Changes
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.writer import MailWriter
from gateway.mail.trace import delivery_key
from gateway.policy.answerable import why_not
from gateway.policy.cases import AppealFate, appeal_against, appeal_fate, due_at, earlier_appeal
from gateway.policy.deadline_words import DeadlineWords
from gateway.policy.deadlines import deadline_of
from gateway.policy.tokens import Proof, TokenState, check_token, token_in_ids
from gateway.ports import Arrival, Recent
from gateway.records import Case, CaseKind, CaseState, Incident, OutgoingMail
from gateway.values import Assessment, Envelope, Identity, Level, Reading, Tag

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OwnLetter:
    """What came to the appeals address: what it says, and under which id it is kept."""

    envelope: Envelope
    message: bytes
    reading: Reading
    assessment: Assessment
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """A `gateway.ports.Cases`; takes appeals too.

    Attributes:
        own: our own addresses, lower case, which are never answered.
        recent: whom we wrote to lately.
    """

    ledger: TinyLedger
    writer: MailWriter
    own: frozenset[str]
    recent: Recent

    async def arrived(self, arrival: Arrival) -> None:
        """Open the case of a mail that arrived, bring it to the complaints address, and acknowledge it when the site wishes.

        Raises:
            LedgerFailed: nothing was opened and nothing goes out.
        """
        identity, settings = arrival.identity, self.writer.settings
        complaints = settings.addresses.own("complaints").lower()
        days = settings.cases.care_days if arrival.kind is CaseKind.CARE else settings.cases.complaint_days
        deadline = None
        if arrival.kind is not CaseKind.CARE:
            deadline = deadline_of(arrival.reading.own_text, self._deadlines(arrival.assessment.language), arrival.at, settings.zone)
        case = Case(
            reference=arrival.reference,
            kind=arrival.kind,
            sender=identity.address,
            verified=identity.verified,
            language=arrival.assessment.language,
            opened=arrival.at,
            due=due_at(arrival.at, days, deadline),
            owner=self._owner,
            key=delivery_key(arrival.envelope, arrival.message),
            message_id=arrival.reading.message_id,
            incident=arrival.incident,
            deadline=deadline,
        )
        async with self.ledger.turn(identity.address):
            mails: tuple[OutgoingMail, ...] = ()
            if not arrival.noticed and await self._acknowledges(case, arrival.reading, arrival.envelope, identity, arrival.assessment):
                case = replace(case, acknowledged=True)
                mails = (
                    CaseMail(self.writer).acknowledgement(
                        case, by=self._promised(case, days), disposition=arrival.disposition, references=arrival.reading.references
                    ),
                )
            copies = CaseMail(self.writer).copy(
                case, arrival.envelope, arrival.message, disposition=arrival.disposition, by=identity.by, owners=(complaints,)
            )
            await self._open(case, Changes(outgoing=(*copies, *mails)), arrival.assessment)

    async def appealed(self, token: str, letter: OwnLetter) -> None:
        """Take what came to the appeals address, and bring it to the managers as what it is.

        Args:
            token: in the address, as it came.
            letter: what came, already kept.

        Raises:
            LedgerFailed: nothing was opened and nothing goes out.
        """
        key = delivery_key(letter.envelope, letter.message)
        token = token or self._token(letter)
        proof = check_token("appeal", token, letter.at, self.writer.secret)
        if proof.state is TokenState.FORGED:
            await self._answered(check_token("case", token, letter.at, self.writer.secret), letter)
            return
        incident = await self.ledger.incident(proof.reference.upper())
        if incident is None:
            await self._tell(letter, AppealFate.ANSWER, self._blank(letter), proof.reference.upper())
            return
        async with self.ledger.turn(incident.sender):
            if await self.ledger.case_of_key(key) is not None:
                return  # its client sent it again, the managers have it
            standing = await self.ledger.standing(incident.sender)
            against, decider = appeal_against(incident, standing)
            earlier = earlier_appeal(await self.ledger.cases(sender=incident.sender), incident.id, against, standing)
            fate = appeal_fate(proof.state, against, earlier)
            if fate is AppealFate.OPENED:
                case = self._appeal(letter, incident, key, against, decider)
                await self._opened(case, letter, incident)
                return
            await self._tell(letter, fate, earlier or self._blank(letter, incident), earlier.reference if earlier is not None else incident.id)

    # --- how ---

    def _token(self, letter: OwnLetter) -> str:
        """The token in the Message-ID of what a letter answers, for a client that lost the one in Reply-To."""
        answered = (*letter.reading.references, *letter.reading.in_reply_to)
        return token_in_ids(answered, "notice", self.writer.domain) or token_in_ids(answered, "case", self.writer.domain)

    @staticmethod
    def _promised(case: Case, days: int) -> datetime:
        """By when we promise an answer: the customer's deadline where it leaves us our own time, else that time (H8)."""
        return max(case.due, due_at(case.opened, days, None))

    def _deadlines(self, language: str) -> DeadlineWords | None:
        said = self.writer.templates.spoken.get(language)
        return said.deadlines if said else None

    @property
    def _owner(self) -> str:
        settings = self.writer.settings
        return settings.cases.owner or next(iter(settings.addresses.managers), "") or settings.addresses.own("complaints")

    def _appeal(self, letter: OwnLetter, incident: Incident, key: str, against: str, decider: str) -> Case:
        return Case(
            reference=letter.reference,
            kind=CaseKind.APPEAL,
            sender=incident.sender,
            verified=incident.verified,
            language=letter.assessment.language,
            opened=letter.at,
            due=due_at(letter.at, self.writer.settings.cases.appeal_days, None),
            owner=self._owner,
            key=key,
            message_id=letter.reading.message_id,
            incident=incident.id,
            against=against,
            decider=decider,
            held=letter.reference,
        )

    async def _opened(self, case: Case, letter: OwnLetter, incident: Incident) -> None:
        # the token proves that the notice reached whom it was for, so it stands in for a trusted host's word
        author = Identity(incident.sender, verified=incident.verified, by="the token of a notice of ours")
        mails: tuple[OutgoingMail, ...] = ()
        if await self._acknowledges(case, letter.reading, letter.envelope, author, letter.assessment):
            case = replace(case, acknowledged=True)
            mails = (CaseMail(self.writer).acknowledgement(case, by=case.due, disposition=None, references=letter.reading.references),)
        told = CaseMail(self.writer).appeal(case, AppealFate.OPENED, letter.envelope, letter.message, related=incident.id, urgent=_urgent(letter.assessment))
        noted = replace(incident, notes=(*incident.notes, (letter.at, incident.sender, f"appeal received, kept as {case.reference}")))
        await self._open(case, Changes(incidents=(noted,), outgoing=(*told, *mails)), letter.assessment)

    async def _open(self, case: Case, changes: Changes, assessment: Assessment) -> None:
        """Write a new case with what comes with it; the same mail again opens nothing and sends nothing."""
        if await self.ledger.case_of_key(case.key) is None and await self.ledger.case(case.reference) is None:
            await self.ledger.apply(replace(changes, cases=(case,)), case.sender)
            if case.acknowledged:
                self.recent.answered(case.sender, assessment.likeness, case.opened)

    async def _answered(self, proof: Proof, letter: OwnLetter) -> None:
        """Bring an answer to a mail of ours about a case to the managers, or what proves nothing."""
        about = await self.ledger.case(proof.reference.upper()) if proof.reference else None
        if about is None:
            fate = AppealFate.FORGED if proof.state is TokenState.FORGED else AppealFate.ANSWER
            await self._tell(letter, fate, self._blank(letter), proof.reference.upper())
            return
        fate = AppealFate.ANSWER
        if about.kind is CaseKind.APPEAL:
            fate = AppealFate.AGAIN if about.state is CaseState.OPEN else AppealFate.DECIDED
        await self._tell(letter, fate, about, about.reference)

    async def _tell(self, letter: OwnLetter, fate: AppealFate, case: Case, related: str) -> None:
        """Bring a mail that opens no case to the managers, and note it where there is something to note it on."""
        shown = replace(case, reference=letter.reference, opened=letter.at)
        mails = CaseMail(self.writer).appeal(shown, fate, letter.envelope, letter.message, related=related, urgent=_urgent(letter.assessment))
        noted: tuple[Case, ...] = ()
        if (known := await self.ledger.case(case.reference)) is not None:
            noted = (replace(known, notes=(*known.notes, (letter.at, known.sender, f"wrote again, kept as {letter.reference}"))),)
        await self.ledger.apply(Changes(cases=noted, outgoing=mails), case.sender)

    def _blank(self, letter: OwnLetter, incident: Incident | None = None) -> Case:
        """What a mail that opens no case is shown as: its author is whom our notice went to, else whoever it says."""
        author = letter.reading.authors[0].address if letter.reading.authors else letter.envelope.sender
        return Case(
            reference=letter.reference,
            kind=CaseKind.APPEAL,
            sender=incident.sender if incident is not None else author,
            verified=incident is not None and incident.verified,
            language=letter.assessment.language,
            opened=letter.at,
            due=letter.at,
            owner="",
        )

    async def _acknowledges(self, case: Case, reading: Reading, envelope: Envelope, author: Identity, assessment: Assessment) -> bool:
        """Whether the sender is told that his mail arrived: by every rule that a notice obeys, and so often a day at most."""
        settings = self.writer.settings
        if not settings.cases.acknowledge or case.kind is CaseKind.CARE or why_not(reading, envelope, author, self.own):
            return False
        earlier = await self.ledger.cases(sender=case.sender)
        today = sum(old.acknowledged and case.opened - old.opened < _DAY for old in earlier)
        return (
            today < settings.notices.per_peer
            and not self.recent.why_not(await self.ledger.standing(case.sender), case.opened)
            and not self.recent.same_text(case.sender, assessment.likeness, case.opened)
        )


def _urgent(assessment: Assessment) -> bool:
    return assessment.level is Level.SEVERE or Tag.SELF_HARM in assessment.tags
