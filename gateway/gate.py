"""The path: how a mail travels from the end of its data to the reply. Everything that decides is called from here by name."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway import replies
from gateway.errors import GatewayError, LedgerFailed
from gateway.mail.mark import courtesy_field
from gateway.mail.trace import delivery_key, prepend, received_field
from gateway.policy.answerable import why_not
from gateway.policy.incidents import answered_incidents, incident_of, new_reference, observed, verdict_of
from gateway.policy.verdict import judge, without_notice
from gateway.ports import Delivery, HeldStore, Identifier, Ledger, OwnMailboxes, Reader, Writer
from gateway.records import HeldMail, Incident, OutgoingMail
from gateway.values import Assessment, Disposition, Envelope, Identity, Mode, Policy, Reading, Reply, Standing, Tag, Verdict

log = logging.getLogger("courtesy.gate")


@dataclass(frozen=True, slots=True)
class House:
    """What the path must know of the site.

    Attributes:
        domain: of our own message ids, by which an answer to a notice is known.
        protected: local parts whose mail is never touched (RFC 5321 section 4.5.1, RFC 2142; policy contradiction 6).
        own: our own addresses, lower case, which are never answered.
        mark: prepend X-Courtesy to what is delivered.
    """

    mode: Mode
    hostname: str
    domain: str
    appeals: str
    own: frozenset[str]
    protected: frozenset[str] = frozenset({"postmaster", "abuse"})
    protected_addresses: frozenset[str] = frozenset()
    mark: bool = True


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
    reading: Reading = _UNREAD
    assessment: Assessment = _NOT_SCORED
    identity: Identity = _NOBODY
    verdict: Verdict = _PLAIN
    incident: Incident | None = None


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
            if taken and not envelope.recipients:
                return replies.ACCEPTED_OWN
            case = await self._judged(envelope, message)
            if isinstance(case, Reply):
                return case
            reply = await self._act(case, delivery)
            await self._settle(case, reply)
        except GatewayError as trouble:
            log.warning("temporary failure: %s", trouble)
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
        reading, assessment = await self.reader.weigh(message, envelope.sender)
        identity = await self.identifier.identify(reading, envelope)
        case = replace(case, reading=reading, assessment=assessment, identity=identity)
        await self._count(now, assessment, envelope)
        try:
            async with self.ledger.turn(identity.address):
                return await self._recorded(case)
        except LedgerFailed as trouble:
            # the ledger's trouble is never the customer's: plain delivery, no consequence
            log.error("ledger: %s; delivered plain", trouble)  # noqa: TRY400 - the sentence says it all
            return case

    async def _recorded(self, case: Case) -> Case | Reply:
        envelope, reading, identity, now = case.envelope, case.reading, case.identity, case.now
        key = delivery_key(envelope, case.message)
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
        verdict = judge(case.assessment, identity, standing, self.policy(), now, case.reference, answered_incidents(reading, self.house.domain))
        if reason := why_not(reading, envelope, identity, self.house.own):
            verdict = without_notice(verdict, standing)
            log.debug("%s: no notice: %s", case.reference, reason)
        verdict = self._possible(verdict, envelope)
        would_be = verdict
        if observing:
            verdict = observed(verdict, standing)
        incident = None
        if verdict.recordable:
            incident = incident_of(
                would_be, case.assessment, identity, envelope, reading, key=key, reference=case.reference, now=now, mode=self.house.mode
            )
            await self.ledger.record(incident, verdict.standing if verdict.standing != standing else None)
        elif verdict.standing != standing:
            await self.ledger.put_standing(verdict.standing)
        return replace(case, verdict=verdict, incident=incident)

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
        log.info("%s: %s, %s, %s, reply %d", case.reference, self.house.mode.value, level, case.incident.disposition.value, reply.code)
        try:
            if reply.positive:
                told = case.verdict
                if any(self._protected(recipient) for recipient in case.envelope.recipients):
                    told = replace(told, disposition=Disposition.DELIVER)  # somebody of the team has it as it came
                outgoing = self.writer.outgoing(case.incident, told, case.reading, case.assessment, case.message)
            final = str(reply) if reply.positive or reply.code >= 500 else ""
            if final or outgoing:
                await self.ledger.settle(case.incident, final, outgoing)
        except LedgerFailed as trouble:
            log.error("%s: the reply couldn't be noted: %s", case.reference, trouble)  # noqa: TRY400 - the sentence says it all

    async def _count(self, now: datetime, assessment: Assessment, envelope: Envelope) -> None:
        counters = {"mails": 1, f"level.{assessment.level.word if assessment.level is not None else 'unscored'}": 1}
        counters[f"language.{assessment.language}"] = 1
        counters |= {f"category.{category.value}": 1 for category in assessment.categories}
        counters |= {f"mailbox.{recipient.lower()}": 1 for recipient in envelope.recipients[:20]}
        try:
            await self.ledger.count(now, counters)
        except LedgerFailed as trouble:
            log.warning("not counted: %s", trouble)

    # --- small things -------------------------------------------------------------------------------------------------

    def _protected(self, recipient: str) -> bool:
        local = recipient.rpartition("@")[0].lower()
        return local in self.house.protected or recipient.lower() in self.house.protected_addresses

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
