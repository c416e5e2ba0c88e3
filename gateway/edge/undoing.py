"""Undoing for everybody what a version of the rules led to, as an operation of the office (H9)."""

from typing import TYPE_CHECKING

from gateway.edge.rows import Refused, Row, time_text
from gateway.policy.undoing import led_to
from gateway.records import Incident

if TYPE_CHECKING:
    from gateway.edge.office import Office


async def overturn_rules(office: "Office", version: str, by: str, *, rule: str = "", commit: bool = False) -> Row:
    """Undo every incident that a version of the rules, or one rule in it, led to; the oldest first, so that mail is released in order.

    Args:
        office: does it.
        version: of the rules, whole or its first six digits or more.
        by: who decides.
        rule: only what wouldn't have reached its level without this rule.
        commit: False only says what it would be.

    Returns:
        Row: the incidents, how many are undone, what couldn't be, and whom a person has blocked: that is decided one by one.
    """
    policy = office.policy()
    found = sorted([i async for i in office.ledger.every_incident() if led_to(i, version, rule, policy)], key=lambda i: (i.at, i.id))
    undone, failed = 0, []
    for incident in found if commit else ():
        try:
            await office.incident_overturn(incident.id, by)
            undone += 1
        except Refused as trouble:
            failed.append({"id": incident.id, "why": str(trouble)})
    senders = {incident.sender for incident in found}
    blocked = sorted(standing.address for standing in await office.ledger.standings() if standing.blocked_by and standing.address in senders)
    return {"incidents": [_row(incident) for incident in found], "overturned": undone, "failed": failed, "blocked_senders": blocked}


def _row(incident: Incident) -> Row:
    return {
        "id": incident.id,
        "at": time_text(incident.at),
        "sender": incident.sender,
        "level": incident.level.word if incident.level is not None else None,
        "points": incident.points,
        "rules": [name for name, points in incident.findings if points > 0],
        "disposition": incident.disposition.value,
        "strikes": incident.strikes,
        "notice": incident.notice.value if incident.notice else None,
        "state": incident.state.value,
        "rules_version": incident.rules_version,
    }
