"""The gateway's own addresses: what comes to appeals, report, civil and decisions is kept and brought to a person."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.edge.ledger_files import Changes
from gateway.edge.smtp_recipients import Recipients
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.writer import MailWriter
from gateway.errors import GatewayError, HoldFailed
from gateway.mail.facts import Rendered
from gateway.policy.incidents import new_reference
from gateway.policy.tokens import TokenState, check_token
from gateway.ports import HeldStore, Reader
from gateway.records import HeldMail
from gateway.values import Envelope

log = logging.getLogger("courtesy.own")


@dataclass(frozen=True, slots=True)
class OwnMail:
    """A `gateway.ports.OwnMailboxes`: stores first, then brings the mail to the managers by the outbox."""

    recipients: Recipients
    held: HeldStore
    ledger: TinyLedger
    writer: MailWriter
    reader: Reader
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]

    def owns(self, recipient: str) -> bool:
        """Whether a recipient is one of ours."""
        return self.recipients.own(recipient) is not None

    async def take(self, envelope: Envelope, message: bytes) -> None:
        """Consume a mail: stored durably, then forwarded to the managers unless a machine wrote it.

        Raises:
            HoldFailed: it couldn't be stored durably.
        """
        now = self.clock()
        reference = new_reference(now, self.random(5))
        names = {found[0]: found[1] for r in envelope.recipients if (found := self.recipients.own_token(r)) is not None}
        name = min(names)
        await self.held.hold(HeldMail(reference, now, envelope, f"came to our own mailbox {name}", len(message)), message)
        reading, _ = await self.reader.weigh(message, envelope.sender)
        if not envelope.sender or reading.automatic:
            # an auto-reply to a notice or alert of ours: kept, brought to nobody, answered by nobody (RFC 3834 section 2)
            log.info("%s: automatic mail to %s kept", reference, name)
            return
        lines = [f"A mail came to {name}. It is kept as {reference} (courtesy held show {reference})."]
        if name == "appeals":
            proof = check_token("appeal", names[name], now, self.writer.secret)
            lines.append(await self._appeal(proof.reference.upper(), proof.state, reference, now))
        text = "\n\n".join(lines)
        note = Rendered(f"Mail to {name} [{reference}]", text, "".join(f"<p>{line}</p>" for line in lines))
        try:
            await self.ledger.apply(Changes(outgoing=self.writer.forwarded(name, reference, note, message)))
        except GatewayError as trouble:
            raise HoldFailed(f"{reference}: the managers couldn't be told: {trouble}") from trouble

    async def _appeal(self, incident: str, state: TokenState, reference: str, now: datetime) -> str:
        if state is TokenState.FORGED:
            return "It bears no token of a notice of ours; read it with care."
        known = await self.ledger.incident(incident)
        if known is not None:
            await self.ledger.update_incident(incident, note=(now, known.sender, f"appeal received, kept as {reference}"))
        late = " The time to appeal is over." if state is TokenState.EXPIRED else ""
        return f"It is an appeal against the decision on incident {incident} (courtesy incident show {incident}).{late}"
