"""Incidents of other channels on the same ladder: phone, chat, reviews, the counter (D10), oral warnings too (D22)."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.numbers import Policy
from gateway.policy.choices import ladder_row
from gateway.policy.incidents import new_reference
from gateway.policy.ladder import consequence, steps
from gateway.records import Incident, IncidentState
from gateway.values import Basis, Category, Disposition, Level, Mode, Standing, Strike

_LONGEST_EXCERPT = 300
_IMPORTED = "imported"
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """What a colleague wrote down of an incident elsewhere.

    Attributes:
        id: in the system it comes from; with the channel it is unique.
        parties: who else was there, or at whom it was aimed.
        measure: "none", "oral_warning" or "written_warning".
    """

    id: str
    at: datetime
    channel: str
    sender: str
    level: Level
    summary: str
    reported_by: str
    parties: tuple[str, ...]
    categories: tuple[Category, ...]
    measure: str
    language: str


def imported_incident(told: Told, *, by: str, now: datetime, mode: Mode) -> Incident:
    """The record of an incident elsewhere; the same one has the same id and key however often it is imported.

    Args:
        told: what was written down.
        by: who imports it.
        now: aware.
        mode: of the gateway; while it only observes, nothing counts.
    """
    digest = hashlib.sha256(f"import\0{told.channel}\0{told.id}".encode())
    notes = [(told.at, told.reported_by, f"reported: {told.summary}")]
    if told.measure != "none":
        notes.append((told.at, told.reported_by, told.measure.replace("_", " ")))
    return Incident(
        id=new_reference(_ANY_DAY, digest.digest()[:5]),
        key=digest.hexdigest(),
        at=told.at,
        sender=told.sender,
        verified=True,
        by=f"{told.reported_by}, by {told.channel}",
        envelope_sender="",
        recipients=(told.reported_by, *told.parties),
        subject=f"({told.channel})",
        message_id="",
        level=told.level,
        points=0,
        language=told.language,
        categories=told.categories,
        tags=(),
        basis=Basis.RULES,
        findings=(),
        excerpt=told.summary[:_LONGEST_EXCERPT],
        disposition=Disposition.DELIVER,
        strikes=0,
        notice=None,
        alerts=(),
        proposal="",
        reason=f"{_IMPORTED}: {told.channel} {told.id}",
        rules_version="",
        mode=mode,
        state=IncidentState.WOULD_BE if mode is not Mode.ENFORCE else IncidentState.DONE,
        notes=(*notes, (now, by, _IMPORTED)),
    )


def counted(incident: Incident, standing: Standing, policy: Policy, *, warned: bool) -> tuple[Incident, Standing]:
    """An imported incident with its strikes, and the standing that they leave; nobody is told and nobody is suspended by it.

    Args:
        incident: as imported.
        standing: of its sender, before it.
        policy: the company's numbers.
        warned: the sender was warned then; else his strike is no step up the ladder, for nobody told him.
    """
    wiped = standing.allowed or (standing.pardoned_at is not None and incident.at <= standing.pardoned_at)
    if wiped or incident.state is IncidentState.WOULD_BE or incident.level is None or incident.level < Level.ABUSIVE:
        return incident, standing
    number = consequence(ladder_row(incident), steps(standing, incident.at, policy), policy).strikes
    new = tuple(Strike(incident.at, incident.id, incident.level, told=warned) for _ in range(number))
    strikes = sorted((*standing.strikes, *new), key=lambda strike: strike.at)
    return replace(incident, strikes=number), replace(standing, strikes=tuple(strikes))


def elsewhere(incident: Incident) -> bool:
    """Whether an incident was on another channel, so that no rule of ours judged it."""
    return any(what == _IMPORTED for _, _, what in incident.notes)
