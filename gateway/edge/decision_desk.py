"""Where managers decide by mail: an answer to a digest or an alert is understood, carried out once, and answered (traps 4f60)."""

import logging
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.edge.case_desk import OwnLetter
from gateway.edge.ledger_files import Changes
from gateway.edge.office import Office
from gateway.edge.own_mailboxes import Fate
from gateway.errors import GatewayError, LedgerFailed
from gateway.mail.authentication import normal_address
from gateway.mail.facts import AnswerFacts, AnswerLine
from gateway.mail.trace import delivery_key
from gateway.policy.cases import same_person
from gateway.policy.choices import alert_item
from gateway.policy.decision_words import Vocabulary, vocabulary
from gateway.policy.decisions import Decision, Fault, Understood, said_lines, understand
from gateway.policy.reports import CIVIL, REPORTED
from gateway.policy.tokens import Proof, TokenState, check_token
from gateway.policy.waiting import PROPOSALS
from gateway.records import Action, Case, CaseOutcome, CaseState, DecisionItem, Incident, IncidentState
from gateway.values import Identity

log = logging.getLogger("courtesy.decisions")

_OUTCOMES = {Action.GRANT: CaseOutcome.GRANTED, Action.UPHOLD: CaseOutcome.UPHELD, Action.ANSWERED: CaseOutcome.ANSWERED}
_OF_HELD = frozenset({Action.RELEASE, Action.DELETE})
_MOST_OPEN = 10
_MOST_STRANGE = 3
"""Lines that weren't understood are shown at most of an answer that holds nothing else."""


class Vouching(Protocol):
    """Says who is accountable for a mail that came to one of our own mailboxes."""

    async def vouched(self, letter: OwnLetter) -> Identity:
        """The author, and whether somebody trusted stands behind him."""
        ...


@dataclass(frozen=True, slots=True)
class DecisionDesk:
    """Takes what comes to the decisions address.

    A decision needs both: the token of a mail of ours in the address, and a verified author on the managers' list. To
    anybody else nothing is said.
    """

    office: Office
    vouching: Vouching

    async def take(self, token: str, letter: OwnLetter) -> Fate:
        """Carry out what a manager decided and answer him; a mail that comes twice is answered once.

        Args:
            token: in the address, as it came.
            letter: what came, already kept.

        Raises:
            LedgerFailed: nothing could be noted; what was carried out by then is found done when the mail comes again.
        """
        identity = await self.vouching.vouched(letter)
        managers = {normal_address(address) for address in self.office.writer.settings.addresses.managers}
        if identity.address not in managers or not identity.verified:
            why = identity.by if identity.address in managers else "no manager"
            log.warning("%s: a mail to the decisions address is kept and nothing is done: %s", letter.reference, why)
            return Fate.LEFT
        proof = check_token("decision", token, letter.at, self.office.writer.secret)
        async with self.office.ledger.turn(f"decisions {proof.reference}"):
            await self._decided(proof, letter, identity.address)
        return Fate.ANSWERED

    async def _decided(self, proof: Proof, letter: OwnLetter, by: str) -> None:
        reference = proof.reference.upper()
        name = f"decisions.{reference or letter.reference}.{delivery_key(letter.envelope, letter.message)[:16]}"
        if await self.office.ledger.knows_mail(name):
            log.info("%s: it came before and was answered", letter.reference)
            return
        items = await self._items(reference) if proof.state is TokenState.VALID else ()
        said = understand(letter.reading.own_text, items, self._words()) if items else Understood()
        if said.decisions or said.unclear:
            await self._answer(name, letter, by, await self._carried_out(reference, said, items, by), proof)
            return
        about = {TokenState.FORGED: "no_token", TokenState.EXPIRED: "expired"}.get(proof.state, "nothing")
        # to an alert every line is an answer; below a digest talk may be just that
        strange = said_lines(letter.reading.own_text, self._words())[:_MOST_STRANGE] if len(items) == 1 else []
        left = tuple(AnswerLine(Fault.UNKNOWN.value, line=line) for line in strange)
        facts = AnswerFacts(reference or letter.reference, about, left=left, open=tuple((item.number, item.reference, item.actions) for item in items[:_MOST_OPEN]))
        # to mere talk at most one answer a day: a program that calls itself nothing of the kind would answer it for ever
        await self._answer(f"decisions.{reference or 'none'}.{by}.{letter.at:%Y%m%d}", letter, by, facts, proof)

    def _words(self) -> Vocabulary:
        return vocabulary(self.office.writer.templates.decisions)

    async def _items(self, reference: str) -> tuple[DecisionItem, ...]:
        """What the mail asked that is answered: the list of a digest, or the one thing of an alert."""
        asked = await self.office.ledger.decision_list(reference)
        if asked is not None:
            return asked.items
        item = alert_item(reference, await self.office.ledger.incident(reference), await self.office.ledger.case(reference))
        return () if item is None else (item,)

    async def _answer(self, name: str, letter: OwnLetter, by: str, facts: AnswerFacts, proof: Proof) -> None:
        writer = self.office.writer
        mail = writer.answer(
            name,
            writer.templates.answers.decision(writer.managers_language, facts),
            to=by,
            language=writer.managers_language,
            reply_to=writer.decisions(proof.reference) if proof.state is TokenState.VALID else "",
            message_id=letter.reading.message_id,
            references=letter.reading.references,
        )
        await self.office.ledger.apply(Changes(outgoing=(mail,)))

    async def _carried_out(self, reference: str, said: Understood, items: tuple[DecisionItem, ...], by: str) -> AnswerFacts:
        lines = [await self._carry_out(decision, by) for decision in said.decisions]
        left = [line for line, done in lines if not done]
        left += [AnswerLine(unclear.fault.value, unclear.number, line=unclear.text) for unclear in said.unclear]
        numbers = {unclear.number for unclear in said.unclear}
        unsure = {decision.item.number for decision in said.decisions}
        again = [item for item in items if (item.number in numbers or 0 in numbers) and item.number not in unsure]
        return AnswerFacts(
            reference,
            "read",
            done=tuple(line for line, done in lines if done),
            left=tuple(left),
            open=tuple((item.number, item.reference, item.actions) for item in again[:_MOST_OPEN]),
        )

    # --- one decision -----------------------------------------------------------------------------------------------------

    async def _carry_out(self, decision: Decision, by: str) -> tuple[AnswerLine, bool]:
        """Do it once: what was decided meanwhile, by whomever, stays as it is."""
        item, action = decision.item, decision.action
        line = AnswerLine(action.value, item.number, item.reference)
        incident = await self.office.ledger.incident(item.reference)
        case = await self.office.ledger.case(item.reference)
        late = await self._too_late(decision, incident, case, by)
        if late is not None:
            return replace(line, key=late.key, who=late.who), False
        try:
            await self._do(action, item.reference, incident, by)
        except LedgerFailed:
            raise
        except GatewayError as trouble:
            log.info("%s: %s couldn't be done: %s", item.reference, action, trouble)
            return replace(line, key="failed", why=str(trouble).rstrip(".")), False
        log.info("%s: %s by mail", item.reference, action, extra={"event": "decision", "reference": item.reference, "action": action.value})
        return line, True

    async def _do(self, action: Action, reference: str, incident: Incident | None, by: str) -> None:
        sender = incident.sender if incident is not None else ""
        calls: dict[Action, tuple[str, dict[str, str]]] = {
            Action.RELEASE: ("held.release", {"reference": reference}),
            Action.DELETE: ("held.delete", {"reference": reference}),
            Action.STRIKE: ("incident.confirm", {"reference": reference}),
            Action.LIFT: ("incident.lift", {"reference": reference}),
            Action.DISMISS: ("incident.dismiss", {"reference": reference}),
            Action.OVERTURN: ("incident.overturn", {"reference": reference}),
            Action.BLOCK: ("sender.block", {"address": sender}),
            Action.PARDON: ("sender.pardon", {"address": sender}),
        }
        calls |= {action: ("case.close", {"reference": reference, "outcome": outcome.value}) for action, outcome in _OUTCOMES.items()}
        name, arguments = calls[action]
        await self.office.call(name, {**arguments, "by": by})

    async def _too_late(self, decision: Decision, incident: Incident | None, case: Case | None, by: str) -> AnswerLine | None:
        """Why nothing is left to be decided, None when something is."""
        action, reference = decision.action, decision.item.reference
        if action in _OUTCOMES:
            return _case_is_over(case, action, by)
        if action in _OF_HELD:
            mail = await self.office.held.show(reference)
            if mail is None:
                return _decided_by(_who(incident, "held mail")) if incident is not None else AnswerLine("gone")
            return _decided_by(mail.released_by) if mail.released_by else None
        if incident is None:
            return AnswerLine("gone")
        if incident.state is IncidentState.OVERTURNED:
            return _decided_by(_who(incident))
        # a strike that was confirmed may have led to a proposed block: that is another question
        asked = PROPOSALS[incident.proposal][1][0] if incident.proposal in PROPOSALS else None
        waits = incident.state is IncidentState.OPEN and asked is not None and decision.item.proposed in {asked, None}
        of_proposal = action in {Action.STRIKE, Action.LIFT, Action.DISMISS} or (action in {Action.BLOCK, Action.PARDON} and incident.proposal)
        if of_proposal and not waits:
            return _decided_by(_who(incident))
        if action is Action.BLOCK and (blocked := (await self.office.ledger.standing(incident.sender)).blocked_by):
            return _decided_by(blocked)
        return None


def _case_is_over(case: Case | None, action: Action, by: str) -> AnswerLine | None:
    if case is None:
        return AnswerLine("gone")
    if case.state is CaseState.CLOSED:
        return _decided_by(case.closed_by)
    return AnswerLine("other_person") if action is not Action.ANSWERED and same_person(case.decider, by) else None


def _decided_by(who: str) -> AnswerLine:
    return AnswerLine("stale_by", who=who) if who else AnswerLine("stale")


def _who(incident: Incident, about: str = "") -> str:
    """Who decided last about an incident, or about its held mail."""
    others = ("appeal", REPORTED, CIVIL, *(() if about else ("held mail",)))
    return next((by for _, by, what in reversed(incident.notes) if what.startswith(about) and not what.startswith(others)), "")
