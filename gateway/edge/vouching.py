"""Who wrote to one of our own mailboxes: verified like any author, or a colleague on a network of ours."""

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from gateway.edge.case_desk import OwnLetter
from gateway.edge.settings import StaffSettings
from gateway.mail.authentication import why_nobody
from gateway.ports import Identifier
from gateway.values import Identity


@dataclass(frozen=True, slots=True)
class Vouching:
    """A `gateway.edge.decision_desk.Vouching`; the From line alone never counts."""

    identifier: Identifier
    staff: StaffSettings

    async def vouched(self, letter: OwnLetter) -> Identity:
        """The author, verified by a trusted host, by our own checks, or by the network that he writes from."""
        identity = await self.identifier.identify(letter.reading, letter.envelope)
        if not identity.verified:
            identity = await self.identifier.confirm(identity, letter.reading, letter.envelope, letter.message)
        if not identity.verified and self.colleague(identity) and not why_nobody(letter.reading) and self._inside(letter.envelope.client):
            return replace(identity, verified=True, by="a network of ours")
        return identity

    def colleague(self, identity: Identity) -> bool:
        """Whether an address is of a domain of our own people."""
        return identity.address.rpartition("@")[2] in self.staff.domains

    def _inside(self, client: str) -> bool:
        try:
            address = ip_address(client)
        except ValueError:
            return False
        return any(address in ip_network(network) for network in self.staff.networks)
