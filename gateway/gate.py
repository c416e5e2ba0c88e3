"""The path: how a mail travels from the end of its data to the reply. Everything that decides is called from here by name."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway import replies
from gateway.errors import GatewayError, LedgerFailed
from gateway.mail.mark import courtesy_field
from gateway.mail.trace import delivery_key, message_hash, prepend, received_field
from gateway.numbers import Policy
from gateway.policy.answerable import SAME_TEXT, answered_before, must_be_told, why_not
from gateway.policy.cases import case_kind
from gateway.policy.incidents import answered_incidents, incident_of, new_reference, observed, verdict_of
from gateway.policy.verdict import judge, matters, without_notice
from gateway.ports import (
    Arrival,
    Cases,
    Delivery,
    HeldStore,
    Identifier,
    Judged,
    Ledger,
    Onlooker,
    OwnMailboxes,
    Reader,
    Recent,
    Watch,
    WatchedEvent,
    Writer,
)
from gateway.records import CaseKind, HeldMail, Incident, OutgoingMail
from gateway.unattended import ALONE, FORGETFUL, UNWATCHED
from gateway.values import (
    AlertKind,
    Assessment,
    Disposition,
    Envelope,
    Identity,
    Mode,
    Reading,
    Reply,
    Standing,
    Tag,
    Verdict,
)

log = logging.getLogger("courtesy.gate")


@dataclass(frozen=True, slots=True)
class House:
    """What the path must know of the site.

    Attributes:
        protected: local parts whose mail is never touched (RFC 5321 section 4.5.1, RFC 2142; policy contradiction 6).
        own: our own addresses, lower case, which are never answered.
        mark: prepend X-Courtesy to what is delivered.
        complaints: the address at which everything is a complaint, lower case.
    """

    mode: Mode
    hostname: str
    appeals: str
    own: frozenset[str]
    protected: frozenset[str] = frozenset({"postmaster", "abuse"})
    protected_addresses: frozenset[str] = frozenset()
    mark: bool = True
    complaints: str = ""


_UNREAD = Reading(())
_NOT_SCORED = Assessment(level=None, tags=frozenset({Tag.UNSCORED}))
_NOBODY = Identity("", verified=False, by="not asked")
_PLAIN = Verdict(Disposition.DELIVER, Standing(""))


@dataclass(frozen=True, slots=True)
class Case:
    """One mail on its way: what came, what it says, who is accountable, what follows."""

    envelope: Envelope
    message: bytes
    reference: str
    now: datetime
    key: str = ""
    reading: Reading = _UNREAD
    assessment: Assessment = _NOT_SCORED
    weighed: Assessment = _NOT_SCORED
    identity: Identity = _NOBODY
    standing: Standing | None = None
    verdict: Verdict = _PLAIN
    incident: Incident | None = None
    asked: bool = False
    proven: str = ""
    answers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Gate:
    """The path with its ports; holds no state of its own."""

    house: House
    policy: Callable[[], Policy]
    reader: Reader
    identifier: Identifier
    ledger: Ledger
    held: HeldStore
    writer: Writer
    own: OwnMailboxes
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    watch: Watch = UNWATCHED
    recent: Recent = FORGETFUL
    cases: Cases | None = None
    onlooker: Onlooker = ALONE

    async def handle(self, envelope: Envelope, message: bytes, delivery: Delivery) -> Reply:
        """Take one mail from its last byte to the reply that its client gets.

        Args:
            envelope: recipients were all accepted at RCPT.
            message: as received, CRLF lines.
            delivery: the open transaction with the mailbox server.

        Returns:
            Reply: downstream's own, or ours; a positive one only when somebody durable has the mail.
        """
        try:
            envelope, taken = await self._own_mail(envelope, message)
            if taken:
                self.watch.event(WatchedEvent.OWN)
            if taken and not envelope.recipients:
                return replies.ACCEPTED_OWN
            case = await self._judged(envelope, message)
            if isinstance(case, Reply):
                self.watch.event(WatchedEvent.RESENT)
                return case
            reply = await self._act(case, delivery)
            self.watch.mail(case.assessment.level, case.verdict.disposition)
            await self._settle(case, reply)
            await self._open_case(case, reply)
            self._show(case, reply)
        except GatewayError as trouble:
            log.warning("temporary failure: %s", trouble)
            self.watch.event(WatchedEvent.TEMPORARY)
            return trouble.reply
        return reply

    async def _own_mail(self, envelope: Envelope, message: bytes) -> tuple[Envelope, bool]:
        """Consume what is for the gateway itself; the rest travels on."""
        ours = [self.own.owns(recipient) for recipient in envelope.recipients]
        if not any(ours):
            return envelope, False
        await self.own.take(_narrowed(envelope, ours), message)
        return _narrowed(envelope, [not mine for mine in ours]), True

    async def _judged(self, envelope: Envelope, message: bytes) -> Case | Reply:
        """Read, weigh, identify, judge, record; a Reply when this mail was settled before."""
        now = self.clock()
        case = Case(envelope, message, new_reference(now, self.random(5)), now)
        if self.house.mode is Mode.PASS:
            return case
        reading, weighed = await self.reader.weigh(message, envelope.sender)
        identity = await self.identifier.identify(reading, envelope)
        key = delivery_key(envelope, message)
        assessment = self.recent.weighed(weighed, identity, key, self.policy(), now)
        proven = self.writer.proven_answer(reading)
        answers = answered_incidents(reading, proven)
        case = replace(case, key=key, reading=reading, assessment=assessment, weighed=weighed, identity=identity, proven=proven, answers=answers)
        await self._count(now, assessment, envelope)
        try:
            case = await self._identified(case)
            async with self.ledger.turn(identity.address):
                return await self._recorded(case)
        except LedgerFailed as trouble:
            # the ledger's trouble is never the customer's: plain delivery, no consequence
            log.error("ledger: %s; delivered plain", trouble)  # noqa: TRY400 - the sentence says it all
            self.watch.event(WatchedEvent.NO_LEDGER)
            return case

    async def _identified(self, case: Case) -> Case:
        """Ask who really wrote it where that matters; outside the sender's turn, so that no forger's DNS makes him wait."""
        if case.identity.verified:
            return case
        standing = await self.ledger.standing(case.identity.address)
        if not matters(case.assessment, case.identity, standing, self.policy(), case.now, case.answers):
            return case
        return await self._asked(case)

    async def _asked(self, case: Case) -> Case:
        if case.asked or case.identity.verified:
            return case
        identity = await self.identifier.confirm(case.identity, case.reading, case.envelope, case.message)
        return replace(case, identity=identity, asked=True)

    async def _recorded(self, case: Case) -> Case | Reply:
        envelope, reading, identity, now, key = case.envelope, case.reading, case.identity, case.now, case.key
        before = await self.ledger.seen(identity.address, key)
        if before is not None and before.reply:
            return _reply_again(before.reply)
        standing = await self.ledger.standing(identity.address)
        observing = self.house.mode is Mode.OBSERVE
        if before is not None:
            # recorded, but its client never heard: act again as it was recorded, strike nobody again
            verdict = verdict_of(before, standing)
            verdict = observed(verdict, standing) if observing or before.mode is Mode.OBSERVE else verdict
            return replace(case, reference=before.id, verdict=verdict, incident=before)
        verdict = judge(case.assessment, identity, standing, self.policy(), now, case.reference, case.answers, appeal=bool(case.proven))
        verdict = self._unanswered(verdict, case, standing)
        verdict = self._possible(verdict, envelope)
        would_be = verdict
        if observing:
            verdict = observed(verdict, standing)
        elif verdict.notice is not None or AlertKind.STRIKE_PROPOSED in verdict.alerts:
            self.recent.answered(identity.address, case.assessment.likeness, now)
        incident = None
        if verdict.recordable:
            incident = incident_of(
                would_be,
                case.assessment,
                identity,
                envelope,
                reading,
                key=key,
                reference=case.reference,
                message_sha256=message_hash(case.message),
                now=now,
                mode=self.house.mode,
            )
            await self.ledger.record(incident, verdict.standing if verdict.standing != standing else None)
        elif verdict.standing != standing:
            await self.ledger.put_standing(verdict.standing)
        return replace(case, standing=standing, verdict=verdict, incident=incident)

    def _unanswered(self, verdict: Verdict, case: Case, standing: Standing) -> Verdict:
        """The verdict without the notice that may not be written, and without a second strike for the same text."""
        identity, likeness = case.identity, case.assessment.likeness
        answered = verdict.notice is not None or verdict.strikes or AlertKind.STRIKE_PROPOSED in verdict.alerts
        if answered and self.recent.same_text(identity.address, likeness, case.now):
            log.info("%s: no notice: %s", case.reference, SAME_TEXT)
            self.watch.notice_suppressed(SAME_TEXT)
            return answered_before(verdict, standing, case.now)
        reason = why_not(case.reading, case.envelope, identity, self.house.own)
        if not reason and not must_be_told(verdict.notice):
            reason = self.recent.why_not(standing, case.now)
        if not reason:
            return verdict
        if verdict.notice is not None:
            self.watch.notice_suppressed(reason)
        log.debug("%s: no notice: %s", case.reference, reason)
        return without_notice(verdict, standing, self.policy(), case.now)

    async def _act(self, case: Case, delivery: Delivery) -> Reply:
        """Do to the mail what the verdict says; protected recipients get it verbatim whatever it says."""
        envelope, verdict = case.envelope, case.verdict
        if verdict.disposition is Disposition.DELIVER:
            return await delivery.deliver(envelope.recipients, self._stamped(case))
        protected = [r for r in envelope.recipients if self._protected(r)]
        others = [r for r in envelope.recipients if not self._protected(r)]
        reply: Reply | None = None
        if protected:
            reply = await delivery.deliver(protected, self._stamped(case))
            if not reply.positive:
                return reply
        if not others:
            return reply or replies.TROUBLE
        if verdict.appeal:
            await self.own.take(replace(envelope, recipients=(self.house.appeals,), recipient_options=()), case.message)
            return replies.ACCEPTED_OWN
        if verdict.disposition is Disposition.FOLD and case.incident is not None:
            folded = self.writer.folded(case.incident, case.reading, case.assessment, case.envelope, case.message)
            return await delivery.deliver(others, prepend(folded, self._trace(case), self._mark(case)))
        if verdict.disposition is Disposition.REFUSE and not protected:
            return replies.blocked(case.reference, self.house.appeals)
        return await self._hold(case, tuple(others))

    async def _hold(self, case: Case, recipients: tuple[str, ...]) -> Reply:
        wanted = [recipient in recipients for recipient in case.envelope.recipients]
        held = HeldMail(case.reference, case.now, _narrowed(case.envelope, wanted), case.verdict.reason, len(case.message))
        await self.held.hold(held, case.message)
        return replies.ACCEPTED_HELD

    async def _settle(self, case: Case, reply: Reply) -> None:
        """Note what became of it, and send what the incident calls for, now that it really happened."""
        if case.incident is None:
            return
        outgoing: tuple[OutgoingMail, ...] = ()
        level = case.assessment.level.word if case.assessment.level is not None else "unscored"
        mode, disposition = self.house.mode.value, case.incident.disposition.value
        fields = {"event": "incident", "reference": case.reference, "mode": mode, "level": level, "disposition": disposition, "code": reply.code}
        log.info("%s: %s, %s, %s, reply %d", case.reference, mode, level, disposition, reply.code, extra=fields)
        try:
            if reply.positive:
                told = replace(case.verdict, disposition=self._done(case))
                outgoing = self.writer.outgoing(case.incident, told, case.reading, case.assessment, case.message)
            final = str(reply) if reply.positive or reply.code >= 500 else ""
            if final or outgoing:
                await self.ledger.settle(case.incident, final, outgoing)
        except LedgerFailed as trouble:
            log.error("%s: the reply couldn't be noted: %s", case.reference, trouble)  # noqa: TRY400 - the sentence says it all

    async def _open_case(self, case: Case, reply: Reply) -> None:
        """What somebody must answer by a date becomes a case, once it really arrived, whatever its sender's standing (F13, H5)."""
        to_complaints = any(recipient.lower() == self.house.complaints for recipient in case.envelope.recipients)
        kind = case_kind(case.assessment, to_complaints=to_complaints)
        observing = self.house.mode is not Mode.ENFORCE and kind is not CaseKind.CARE
        if self.cases is None or kind is None or observing or not reply.positive:
            return
        case = await self._asked(case)  # the mail is delivered: nothing waits but the reply
        arrival = Arrival(
            kind,
            case.reference,
            case.now,
            case.envelope,
            case.message,
            case.reading,
            case.assessment,
            case.identity,
            self._done(case),
            noticed=case.verdict.notice is not None,
            incident=case.incident.id if case.incident is not None else "",
        )
        try:
            await self.cases.arrived(arrival)
        except LedgerFailed as trouble:
            log.error("%s: the case couldn't be opened: %s", case.reference, trouble)  # noqa: TRY400 - the sentence says it all
        except Exception:  # the mail is delivered: nothing that fails now may have its client send it once more
            log.exception("%s: the case couldn't be opened", case.reference)

    def _show(self, case: Case, reply: Reply) -> None:
        """Let who looks on see a mail that is settled; one that its client brings again is seen then."""
        if case.standing is None or not (reply.positive or reply.code >= 500):
            return
        incident = case.incident.id if case.incident is not None else ""
        self.onlooker.judged(
            Judged(case.reference, case.now, case.envelope, case.reading, case.weighed, case.identity, case.standing, self.policy(), case.answers, incident)
        )

    async def _count(self, now: datetime, assessment: Assessment, envelope: Envelope) -> None:
        counters = {"mails": 1, f"level.{assessment.level.word if assessment.level is not None else 'unscored'}": 1}
        counters[f"language.{assessment.language}"] = 1
        counters |= {f"category.{category.value}": 1 for category in assessment.categories}
        counters |= {f"rule.{finding.rule}": 1 for finding in assessment.findings}
        complained = Tag.COMPLAINT in assessment.tags
        for recipient in envelope.recipients[:20]:
            counters |= {f"mailbox.{recipient.lower()}": 1, **({f"complaint.{recipient.lower()}": 1} if complained else {})}
        try:
            await self.ledger.count(now, counters)
        except LedgerFailed as trouble:
            log.warning("not counted: %s", trouble)

    # --- small things -------------------------------------------------------------------------------------------------

    def _protected(self, recipient: str) -> bool:
        local = recipient.rpartition("@")[0].lower()
        return local in self.house.protected or recipient.lower() in self.house.protected_addresses

    def _done(self, case: Case) -> Disposition:
        """What was really done with a mail that was taken, as its sender and the managers are told."""
        if any(self._protected(recipient) for recipient in case.envelope.recipients):
            return Disposition.DELIVER  # somebody of the team has it as it came
        return case.verdict.disposition

    def _possible(self, verdict: Verdict, envelope: Envelope) -> Verdict:
        """What will really be done: protected recipients get it verbatim, and what one of them gets isn't refused."""
        protected = [self._protected(recipient) for recipient in envelope.recipients]
        if all(protected):
            return replace(verdict, disposition=Disposition.DELIVER)
        if any(protected) and verdict.disposition is Disposition.REFUSE:
            return replace(verdict, disposition=Disposition.HOLD)
        return verdict

    def _trace(self, case: Case) -> str:
        return received_field(case.envelope, self.house.hostname, case.reference, case.now)

    def _mark(self, case: Case) -> str | None:
        if not self.house.mark or self.house.mode is Mode.PASS:
            return None
        return courtesy_field(case.assessment, case.reference)

    def _stamped(self, case: Case) -> bytes:
        return prepend(case.message, self._trace(case), self._mark(case))


def _narrowed(envelope: Envelope, wanted: list[bool]) -> Envelope:
    """The envelope with some of its recipients."""
    options = envelope.recipient_options or ((),) * len(envelope.recipients)
    kept = [(recipient, option) for recipient, option, want in zip(envelope.recipients, options, wanted, strict=True) if want]
    return replace(envelope, recipients=tuple(r for r, _ in kept), recipient_options=tuple(o for _, o in kept))


def _reply_again(reply: str) -> Reply:
    """The reply that was given before, from its stored form."""
    lines = reply.split("\r\n")
    code = int(lines[0][:3])
    return Reply(code, "\n".join(line[4:] for line in lines))
