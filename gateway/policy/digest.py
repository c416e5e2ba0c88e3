"""The weekly digest's figures, reckoned from what the ledger knows (policy points D20, D28, F23, A10, H7)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, tzinfo

from gateway.numbers import Policy
from gateway.policy.figures import Digest, Mailbox, Measure, Repeat
from gateway.policy.kept import Kept, Span, misconduct
from gateway.policy.ladder import active_strikes, rung
from gateway.policy.review import judgement_of, promises, promptness
from gateway.policy.waiting import waiting
from gateway.policy.weeks import Week
from gateway.records import CaseKind, Incident, IncidentState
from gateway.values import Disposition, Level, NoticeKind, Standing

BEFORE = 4
"""Weeks that a week is measured against (D20)."""
QUARTER = 13
"""Weeks over which senders repeat themselves and our errors are counted: a single week has too few."""
_MOST_ITEMS = 40
_MOST_ROWS = 10

OVERTURNED = "overturned"
"""What the note of an overturned incident says."""


def oldest_wanted(week: Week, zone: tzinfo) -> datetime:
    """From when on a week's digest wants the incidents."""
    return week.plus(1 - QUARTER).start(zone)


def _span(week: Week, zone: tzinfo) -> Span:
    return Span(week, week.start(zone), week.end(zone))


def make_digest(kept: Kept, week: Week, zone: tzinfo, policy: Policy, now: datetime, *, decide_days: int) -> Digest:
    """Reckon the figures of a week.

    Args:
        kept: what is remembered.
        week: which week.
        zone: of the week's borders and the counters' days.
        policy: for standings.
        now: aware; what waits for a decision and who stands where is as of now.
        decide_days: in how many days a person should have decided.

    Returns:
        Digest: one set of figures for every form of it.
    """
    spans = [_span(week.plus(-number), zone) for number in range(BEFORE + 1)]
    this = spans[0]
    # a week that we know from its middle on would pass for a weak one
    first_day = min(kept.counters, default=week.monday)
    known = [span for span in spans[1:] if span.week.monday >= first_day]
    sums = {span.week: _sums(kept.counters, span.week) for span in [this, *known]}
    mine = [incident for incident in kept.incidents if incident.at in this]
    latest = Week.of(now, zone).plus(-1) <= week
    standings = {standing.address: standing for standing in kept.standings}
    items = waiting({i.id: i for i in kept.incidents}, standings, kept.held, kept.cases, now, decide_days) if latest else ()
    oldest = oldest_wanted(week, zone)
    quarter = [i for i in kept.incidents if oldest <= i.at < this.end]
    return Digest(
        week=week,
        at=now,
        finished=now >= this.end,
        latest=latest,
        mails=sums[week]["mails"],
        incidents=len(mine),
        observed=sum(incident.state is IncidentState.WOULD_BE for incident in mine),
        items=items[:_MOST_ITEMS],
        more=max(0, len(items) - _MOST_ITEMS),
        measures=_measures(kept, this, known, sums),
        categories=_grouped("category.", this, known, sums),
        mailboxes=_mailboxes(mine, sums[week]),
        languages=_grouped("language.", this, known, sums),
        language_abuse=tuple(Counter(i.language for i in mine if misconduct(i)).most_common()),
        repeats=_repeats(quarter, this, standings, policy, now),
        judgement=judgement_of(kept, quarter, week),
        promptness=promptness(kept, mine),
        promises=promises(kept, this, now),
        rules=kept.rules_week,
    )


def _sums(counters: Mapping[date, Mapping[str, int]], week: Week) -> Counter[str]:
    total: Counter[str] = Counter()
    for day in week.days:
        total.update(counters.get(day, {}))
    return total


# --- the week against the weeks before ------------------------------------------------------------------------------------


def _measures(kept: Kept, this: Span, known: list[Span], sums: Mapping[Week, Counter[str]]) -> tuple[Measure, ...]:
    columns = [_numbers(kept, span, sums[span.week]) for span in [this, *known]]
    measures = [Measure(name, columns[0][name], tuple(column[name] for column in columns[1:])) for name in columns[0]]
    return tuple(measure for measure in measures if measure.name == "mails" or not measure.empty)


def _numbers(kept: Kept, span: Span, sums: Counter[str]) -> dict[str, int]:
    incidents = [incident for incident in kept.incidents if incident.at in span]
    return {
        "mails": sums["mails"],
        **{level.word: sums[f"level.{level.word}"] for level in Level},
        "unscored": sums["level.unscored"],
        "notices": sum(incident.notice is not None and not incident.reply.startswith(("4", "5")) for incident in incidents),
        "strikes": sum(incident.strikes for incident in incidents),
        "suspensions": sum(incident.notice is NoticeKind.SUSPENSION for incident in incidents),
        "held": sum(incident.disposition is Disposition.HOLD for incident in incidents),
        "refused": sum(incident.disposition is Disposition.REFUSE for incident in incidents),
        "blocked": sum(standing.blocked_at is not None and standing.blocked_at in span for standing in kept.standings),
        "overturned": sum(at in span for incident in kept.incidents for at in _overturned_at(incident)),
        "complaints": sum(case.opened in span for case in kept.cases if case.kind is CaseKind.COMPLAINT),
        "appeals": sum(case.opened in span for case in kept.cases if case.kind is CaseKind.APPEAL),
    }


def _overturned_at(incident: Incident) -> Iterator[datetime]:
    """When a person undid it, at most once: the last time."""
    if incident.state is IncidentState.OVERTURNED:
        yield from [at for at, _, what in incident.notes if what.startswith(OVERTURNED)][-1:]


def _grouped(prefix: str, this: Span, known: list[Span], sums: Mapping[Week, Counter[str]]) -> tuple[Measure, ...]:
    """The counters that begin alike, the most frequent first; those without any this week are left out."""
    names = [name for name, number in sums[this.week].items() if name.startswith(prefix) and number]
    measures = [Measure(name.removeprefix(prefix), sums[this.week][name], tuple(sums[span.week][name] for span in known)) for name in names]
    return tuple(sorted(measures, key=lambda measure: (-measure.now, measure.name)))


# --- who gets it, and who does it ------------------------------------------------------------------------------------------


def _mailboxes(incidents: list[Incident], sums: Counter[str]) -> tuple[Mailbox, ...]:
    """The mailboxes that got misconduct or complaints, the most exposed first."""
    abusive: Counter[str] = Counter()
    severe: Counter[str] = Counter()
    for incident in incidents:
        if misconduct(incident):
            recipients = {recipient.lower() for recipient in incident.recipients}
            abusive.update(recipients)
            severe.update(recipients if incident.level is Level.SEVERE else ())
    complaints = {name.removeprefix("complaint."): number for name, number in sums.items() if name.startswith("complaint.")}
    rows = [
        Mailbox(address, sums[f"mailbox.{address}"], abusive[address], severe[address], complaints.get(address, 0))
        for address in abusive.keys() | complaints.keys()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.abusive, -row.complaints, row.address))[:_MOST_ROWS])


def repeat_senders(incidents: Iterable[Incident], week: Week, zone: tzinfo) -> set[str]:
    """The senders whom a week's digest names as those who came back.

    Args:
        incidents: those since `oldest_wanted`.
        week: of the digest.
        zone: of the week's borders.
    """
    this, oldest = _span(week, zone), oldest_wanted(week, zone)
    return {address for address, _, _ in _came_back([i for i in incidents if oldest <= i.at < this.end], this)}


def _came_back(quarter: list[Incident], this: Span) -> list[tuple[str, int, int]]:
    """Who wrote misconduct this week and before, the most persistent first: address, number this week and in the quarter."""
    upheld = [i for i in quarter if misconduct(i) and i.verified and i.sender and i.state is not IncidentState.OVERTURNED]
    all_of, of_week = Counter(i.sender for i in upheld), Counter(i.sender for i in upheld if i.at in this)
    rows = [(address, number, all_of[address]) for address, number in of_week.items() if all_of[address] > 1]
    return sorted(rows, key=lambda row: (-row[1], -row[2], row[0]))[:_MOST_ROWS]


def _repeats(quarter: list[Incident], this: Span, standings: Mapping[str, Standing], policy: Policy, now: datetime) -> tuple[Repeat, ...]:
    rows = []
    for address, number, before in _came_back(quarter, this):
        standing = standings.get(address, Standing(address))
        strikes = len(active_strikes(standing, now, policy))
        rows.append(Repeat(address, number, before, rung(standing, now, policy), strikes, standing.suspended_until))
    return tuple(rows)
