"""The gateway's own addresses: what comes to appeals, report, civil and decisions is kept and brought to a person."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.edge.case_desk import CaseDesk, OwnLetter
from gateway.edge.held import HeldFolder
from gateway.edge.ledger_files import Changes
from gateway.edge.smtp_recipients import Recipients
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.writer import MailWriter
from gateway.errors import GatewayError, HoldFailed
from gateway.mail.facts import Rendered
from gateway.policy.incidents import new_reference
from gateway.ports import Reader
from gateway.records import OWN_MAILBOX, HeldMail
from gateway.values import Envelope

log = logging.getLogger("courtesy.own")


class Fate(StrEnum):
    """What became of a mail to one of our own mailboxes, in the words that are kept with it."""

    ANSWERED = "dealt with and answered"
    BROUGHT = "brought to the managers"
    AUTOMATIC = "a machine wrote it: kept, brought to nobody"
    LEFT = ""
    """Nothing was done, as nobody trusted stands behind its sender."""


class Desk(Protocol):
    """Takes what comes to one of our own mailboxes."""

    async def take(self, token: str, letter: OwnLetter) -> Fate:
        """Deal with a mail that is kept already.

        Args:
            token: in the address, as it came, "" for none.
            letter: what came.

        Returns:
            Fate: BROUGHT when it is yet to be brought to the managers as it is.
        """
        ...


@dataclass(frozen=True, slots=True)
class OwnMail:
    """A `gateway.ports.OwnMailboxes`: stores first, then brings the mail to the managers by the outbox."""

    recipients: Recipients
    held: HeldFolder
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
        fate = await self._dealt_with(OwnLetter(envelope, message, *await self.reader.weigh(message, envelope.sender), reference, now), name, names[name])
        if fate is Fate.LEFT:
            return
        try:
            await self.held.settle(reference, fate.value)
        except HoldFailed as trouble:
            # it is done: a client that sent it again would only have it done twice
            log.warning("%s: %s, but that couldn't be noted: %s", reference, fate.value, trouble)

    async def _dealt_with(self, letter: OwnLetter, name: str, token: str) -> Fate:
        reference = letter.reference
        if not letter.envelope.sender or letter.reading.automatic:
            # an auto-reply to a notice or alert of ours: kept, brought to nobody, answered by nobody (RFC 3834 section 2)
            log.info("%s: automatic mail to %s kept", reference, name)
            return Fate.AUTOMATIC
        text = f"A mail came to {name}. It is kept as {reference} (courtesy held show {reference})."
        note = Rendered(f"Mail to {name} [{reference}]", text, f"<p>{text}</p>")
        try:
            if name == "appeals":
                await self.desk.appealed(token, letter)
                return Fate.BROUGHT
            fate = await self.desks[name].take(token, letter) if name in self.desks else Fate.BROUGHT
            if fate is Fate.BROUGHT:
                await self.ledger.apply(Changes(outgoing=self.writer.forwarded(name, reference, note, letter.message)))
        except GatewayError as trouble:
            raise HoldFailed(f"{reference}: the managers couldn't be told: {trouble}") from trouble
        return fate
