"""How an incident stands now: its record says what was done with the mail then, its held mail and its strikes have gone on since."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.edge.rows import Row
from gateway.policy.ladder import active_strikes
from gateway.records import Incident, IncidentState

if TYPE_CHECKING:
    from gateway.edge.office import Office
    from gateway.values import Standing


async def now_of(office: "Office", incidents: Sequence[Incident]) -> list[Row]:
    """What has become of each of some incidents, as JSON values.

    Args:
        office: knows held mail and standings.
        incidents: as recorded.

    Returns:
        list[Row]: for each whether its mail is still held, who released it, whether a person must decide, how many of its
        strikes count.
    """
    standings: dict[str, Standing] = {}
    rows = []
    for incident in incidents:
        mail = await office.held.show(incident.id) if incident.held else None
        held_now = mail is not None and mail.waits
        if incident.strikes and incident.sender not in standings:
            standings[incident.sender] = await office.ledger.standing(incident.sender)
        active = active_strikes(standings[incident.sender], office.clock(), office.policy()) if incident.strikes else ()
        rows.append({
            "held_now": held_now,
            "released_by": mail.released_by if mail is not None else "",
            "waits": held_now or incident.state is IncidentState.OPEN,
            "strikes_in_force": sum(strike.incident == incident.id for strike in active),
        })  # fmt: skip
    return rows
