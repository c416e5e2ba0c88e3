"""Importing incidents of other channels, as an operation of the office: all of a file or nothing, each once."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gateway.edge.import_file import ImportedRow, read_rows
from gateway.edge.ledger_files import Changes
from gateway.edge.rows import Refused, Row
from gateway.policy.imported import Told, counted, imported_incident
from gateway.records import Incident
from gateway.values import Level, Standing

if TYPE_CHECKING:
    from gateway.edge.office import Office

_LEVELS = {level.word: level for level in Level}


async def import_file(office: "Office", text: str, name: str, by: str, *, commit: bool = True) -> Row:
    """Import a file of incidents; what was imported before is left alone.

    Args:
        office: does it.
        text: the file's.
        name: the file's, for errors.
        by: who imports it.
        commit: False only checks it.

    Raises:
        BadInput: the file has errors; nothing is imported.
        Refused: an id is taken by something else; nothing is imported.
    """
    settings, now = office.writer.settings, office.clock()
    rows = await asyncio.to_thread(read_rows, text, name, settings.zone, now)
    async with contextlib.AsyncExitStack() as turns:
        for address in sorted({row.sender for row in rows}):
            await turns.enter_async_context(office.ledger.turn(address))
        fresh = [(row, i) for row in rows if await _is_new(office, i := imported_incident(_told(row), by=by, now=now, mode=settings.mode))]
        incidents, standings = await _counted(office, fresh)
        if commit and incidents:
            await office.ledger.apply(Changes(tuple(incidents), tuple(standings)))
    strikes = sum(incident.strikes for incident in incidents)
    return {"rows": len(rows), "imported": len(incidents), "known": len(rows) - len(incidents), "strikes": strikes, "ids": [i.id for i in incidents]}


async def _counted(office: "Office", fresh: Iterable[tuple[ImportedRow, Incident]]) -> tuple[list[Incident], list[Standing]]:
    """The oldest first, as they happened."""
    standings: dict[str, Standing] = {}
    incidents: list[Incident] = []
    for row, imported in sorted(fresh, key=lambda pair: (pair[1].at, pair[1].id)):
        before = standings.get(imported.sender) or await office.ledger.standing(imported.sender)
        incident, standings[imported.sender] = counted(imported, before, office.policy(), warned=row.measure != "none")
        incidents.append(incident)
    return incidents, [standing for standing in standings.values() if standing != Standing(standing.address)]


async def _is_new(office: "Office", incident: Incident) -> bool:
    before = await office.ledger.incident(incident.id)
    if before is not None and before.key != incident.key:
        raise Refused(f"the reference {incident.id} is another incident's; write the id of {incident.reason} differently")
    return before is None


def _told(row: ImportedRow) -> Told:
    return Told(
        id=row.id,
        at=row.at,
        channel=row.channel,
        sender=row.sender,
        level=_LEVELS[row.level],
        summary=" ".join(row.summary.split()),
        reported_by=row.reported_by,
        parties=row.parties,
        categories=row.categories,
        measure=row.measure,
        language=row.language,
    )
