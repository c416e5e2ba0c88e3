"""How a rule fared, as an operation of the office: the incidents in which it counted, and how many a person undid."""

from typing import TYPE_CHECKING, Any

from gateway.records import IncidentState

if TYPE_CHECKING:
    from gateway.edge.office import Office

_LATEST = 10


async def history(office: "Office", rule: str) -> dict[str, Any]:
    """The history of a rule in the ledger, for `rules explain`."""
    found = [incident for incident in await office.ledger.incidents(limit=None) if any(name == rule for name, _ in incident.findings)]
    overturned = [incident for incident in found if incident.state is IncidentState.OVERTURNED]
    return {
        "incidents": len(found),
        "overturned": len(overturned),
        "last": max((incident.at.isoformat(timespec="seconds") for incident in found), default=None),
        "latest": [incident.id for incident in found[:_LATEST]],
        "overturned_latest": [incident.id for incident in overturned[:_LATEST]],
    }
