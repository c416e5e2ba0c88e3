"""The weekly digest as operations of the office: gather what is remembered, show it, send it once."""

import asyncio
import logging
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.edge.digest_rules import rules_week
from gateway.edge.rows import Refused, Row
from gateway.mail import compose
from gateway.mail.facts import Rendered
from gateway.policy.digest import make_digest, oldest_wanted, repeat_senders
from gateway.policy.figures import Digest
from gateway.policy.kept import Kept
from gateway.policy.review import YEAR
from gateway.policy.weeks import Week
from gateway.records import DecisionList, Incident, IncidentState, OutgoingMail

if TYPE_CHECKING:
    from gateway.edge.office import Office

KIND = "digest"

log = logging.getLogger("courtesy.digest")


async def show(office: "Office", week: str | None = None) -> Row:
    """The digest of a week, the last full one when none is named, as it would be sent now."""
    chosen = _week(office, week)
    if chosen.start(office.writer.settings.zone) > office.clock():
        raise Refused(f"{chosen.name} has not begun yet")
    digest, rendered = await _made(office, chosen)
    return {
        "week": chosen.name,
        "subject": rendered.subject,
        "text": rendered.text,
        "html": rendered.html,
        "items": [_item_row(digest, number) for number in range(len(digest.items))],
    }


async def send(office: "Office", week: str | None = None) -> Row:
    """Send the digest of a week, or of every full week since the last one that was sent; each week once.

    Returns:
        Row: the weeks that are sent now, and those that were sent before.
    """
    settings = office.writer.settings
    if not settings.addresses.managers:
        raise Refused("nobody is named in addresses.managers, so there is nobody to send the digest to")
    now = office.clock()
    if week is not None and _week(office, week).end(settings.zone) > now:
        raise Refused(f"{_week(office, week).name} is not over yet; without --send its digest is shown as far as it goes")
    weeks = await _missed(office) if week is None else [_week(office, week)]
    before = [one.name for one in weeks if await office.ledger.decision_list(one.name) is not None]
    sent = [one.name for one in weeks if one.name not in before and await _sent(office, one)]
    return {"sent": sent, "sent_before": before}


def _week(office: "Office", name: str | None) -> Week:
    if name is None:
        return Week.of(office.clock(), office.writer.settings.zone).plus(-1)
    try:
        return Week.named(name)
    except ValueError as error:
        raise Refused(str(error)) from None


async def _missed(office: "Office") -> list[Week]:
    """The last full week and those before it of which no digest was sent, back to the last that was; oldest first.

    The first digest of all is that of the last full week; and what is older than a year isn't made up for.
    """
    last = _week(office, None)
    missed: list[Week] = []
    for number in range(YEAR):
        if await office.ledger.decision_list(last.plus(-number).name) is not None:
            return missed[::-1]
        missed.append(last.plus(-number))
    return [last]


async def _made(office: "Office", week: Week) -> tuple[Digest, Rendered]:
    settings = office.writer.settings
    now = office.clock()
    kept = await gather(office, week)
    language = office.writer.managers_language

    def make() -> tuple[Digest, Rendered]:
        digest = make_digest(kept, week, settings.zone, office.policy(), now, decide_days=settings.digest.decide_days)
        return digest, office.writer.templates.digests.render(digest, language)

    return await asyncio.to_thread(make)


async def gather(office: "Office", week: Week) -> Kept:
    """Fetch what a week's digest is made of."""
    ledger, zone = office.ledger, office.writer.settings.zone
    since, end = oldest_wanted(week, zone), week.end(zone)
    incidents: dict[str, Incident] = {incident.id: incident for incident in await ledger.incidents(since=since, until=end)}
    for state in (IncidentState.OPEN, IncidentState.OVERTURNED):
        incidents |= {incident.id: incident for incident in await ledger.incidents(state=state)}
    held = await office.held.held()
    for mail in held:
        if mail.id not in incidents and (incident := await ledger.incident(mail.id)) is not None:
            incidents[mail.id] = incident
    # of those with nothing but strikes only the few who are named
    standings = {standing.address: standing for standing in await ledger.standings(decided=True)}
    named = repeat_senders(incidents.values(), week, zone) - standings.keys()
    return Kept(
        counters=await ledger.counters(week.plus(1 - YEAR).monday, week.sunday),
        incidents=tuple(incidents.values()),
        standings=(*standings.values(), *await ledger.standings_of(named)),
        held=held,
        posted=await ledger.posted(week.start(zone)),
        cases=await ledger.cases(),
        rules=office.rules(),
        rules_week=await asyncio.to_thread(rules_week, office.writer.settings.state, week.start(zone), end),
    )


async def _sent(office: "Office", week: Week) -> bool:
    digest, rendered = await _made(office, week)
    asked = DecisionList(week.name, digest.at, tuple(item.decision for item in digest.items))
    if not await office.ledger.ask(asked, (_mail(office, week, rendered, digest.at),)):
        return False  # somebody else was quicker
    log.info("digest of %s on its way, %d to decide", week.name, len(digest.items), extra={"event": "digest", "week": week.name})
    return True


def _mail(office: "Office", week: Week, rendered: Rendered, now: datetime) -> OutgoingMail:
    writer = office.writer
    managers = writer.settings.addresses.managers
    message = compose.alert_message(
        rendered,
        sender=writer.gateway,
        reply_to=writer.decisions(week.name),
        to=managers,
        language=writer.managers_language,
        date=now,
        message_id=compose.message_id(f"{KIND}.{week.name}.{secrets.token_hex(6)}", writer.domain),
        boundary=secrets.token_hex(12),
    )
    return OutgoingMail(f"{KIND}.{week.name}", KIND, "", managers, message, now)


def _item_row(digest: Digest, place: int) -> Row:
    item = digest.items[place]
    return {
        "number": item.number,
        "kind": item.kind.value,
        "reference": item.reference,
        "since": item.at.isoformat(timespec="seconds"),
        "due": item.due.isoformat(timespec="seconds"),
        "overdue": item.overdue,
        "actions": [action.value for action in item.actions],
        "proposed": item.proposed.value if item.proposed else None,
    }
