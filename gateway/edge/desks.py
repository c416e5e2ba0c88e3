"""Who takes what comes to which of our own mailboxes."""

from collections.abc import Callable, Mapping

from gateway.edge.decision_desk import DecisionDesk
from gateway.edge.office import Office
from gateway.edge.own_mailboxes import Desk
from gateway.edge.staff_desk import CivilDesk, ReportDesk
from gateway.edge.vouching import Vouching
from gateway.ports import Identifier, Reader


def desks_of(office: Office, identifier: Identifier, reader: Reader, random: Callable[[int], bytes]) -> Mapping[str, Desk]:
    """The desks by the name of their mailbox; appeals have theirs already.

    Args:
        office: carries decisions out.
        identifier: says who wrote.
        reader: reads and weighs what is reported.
        random: for references.
    """
    vouching = Vouching(identifier, office.writer.settings.staff)
    return {
        "decisions": DecisionDesk(office, vouching),
        "report": ReportDesk(office, vouching, reader, random),
        "civil": CivilDesk(office, vouching, reader, random),
    }
