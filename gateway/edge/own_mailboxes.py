"""The gateway's own addresses: what comes to appeals, report, civil and decisions is kept and brought to a person."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.edge.case_desk import CaseDesk, OwnLetter
from gateway.edge.ledger_files import Changes
from gateway.edge.smtp_recipients import Recipients
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.writer import MailWriter
from gateway.errors import GatewayError, HoldFailed
from gateway.mail.facts import Rendered
from gateway.policy.incidents import new_reference
from gateway.ports import HeldStore, Reader
from gateway.records import OWN_MAILBOX, HeldMail
from gateway.values import Envelope

log = logging.getLogger("courtesy.own")


class Desk(Protocol):
    """Takes what comes to one of our own mailboxes."""

    async def take(self, token: str, letter: OwnLetter) -> bool:
        """Deal with a mail that is kept already.

        Args:
            token: in the address, as it came, "" for none.
            letter: what came.

        Returns:
            bool: False when it is to be brought to the managers as it is.
        """
        ...


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
    desk: CaseDesk
    desks: Mapping[str, Desk] = field(default_factory=dict)
    """By mailbox; what comes to any other is brought to the managers."""

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
        await self.held.hold(HeldMail(reference, now, envelope, f"{OWN_MAILBOX} {name}", len(message)), message)
        reading, assessment = await self.reader.weigh(message, envelope.sender)
        if not envelope.sender or reading.automatic:
            # an auto-reply to a notice or alert of ours: kept, brought to nobody, answered by nobody (RFC 3834 section 2)
            log.info("%s: automatic mail to %s kept", reference, name)
            return
        text = f"A mail came to {name}. It is kept as {reference} (courtesy held show {reference})."
        note = Rendered(f"Mail to {name} [{reference}]", text, f"<p>{text}</p>")
        letter = OwnLetter(envelope, message, reading, assessment, reference, now)
        try:
            if name == "appeals":
                await self.desk.appealed(names[name], letter)
                return
            if name in self.desks and await self.desks[name].take(names[name], letter):
                return
            await self.ledger.apply(Changes(outgoing=self.writer.forwarded(name, reference, note, message)))
        except GatewayError as trouble:
            raise HoldFailed(f"{reference}: the managers couldn't be told: {trouble}") from trouble
