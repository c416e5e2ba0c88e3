"""How well we did, for the digest: what was overturned, rules that never hit, time to our notices, promises kept."""

import statistics
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from gateway.policy.figures import Judged, Judgement, Promises, Promptness
from gateway.policy.imported import elsewhere
from gateway.policy.kept import Kept, Span, misconduct
from gateway.policy.reports import called_civil, unseen
from gateway.policy.weeks import Week
from gateway.records import CaseState, Incident, IncidentState
from gateway.values import NoticeKind

YEAR = 52
"""Weeks in which a rule may hit before it is called one that never does."""
_ENOUGH_WEEKS = 8
"""Before so many weeks are counted no rule is called so."""
_MOST_ROWS = 10
_PROMPT = timedelta(minutes=5)
"""How soon a notice should leave (D11)."""

_NOTICES = frozenset({NoticeKind.REMINDER, NoticeKind.WARNING, NoticeKind.FINAL_WARNING, NoticeKind.SUSPENSION})
"""Those that answer a mail; the others tell of a person's decision, whenever that is."""


def judgement_of(kept: Kept, quarter: list[Incident], week: Week) -> Judgement:
    """What was overturned or called civil, by rule and language, what we did not see, and which rules never hit.

    Args:
        kept: what is remembered.
        quarter: incidents of the last quarter.
        week: up to which.
    """
    rules: dict[str, Counter[str]] = {}
    languages: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for incident in quarter:
        said = _said(incident)
        names = {rule for rule, points in incident.findings if points > 0} if "unseen" not in said else ()
        for count in (total, languages.setdefault(incident.language, Counter()), *(rules.setdefault(name, Counter()) for name in names)):
            count.update(said)
    never, weeks = _never_hit(kept, week)
    return Judgement(
        incidents=total["incidents"],
        overturned=total["overturned"],
        civil=total["civil"],
        unseen=total["unseen"],
        rules=_doubted(rules)[:_MOST_ROWS],
        languages=_doubted(languages),
        never_hit=never,
        rules_in_force=len(kept.rules),
        weeks=weeks,
    )


def _said(incident: Incident) -> tuple[str, ...]:
    """As what an incident counts in our judgement: what we had not seen, or what wasn't mail, is none of it."""
    if unseen(incident):
        return ("unseen",)
    if not misconduct(incident) or elsewhere(incident):
        return ()
    overturned = ("overturned",) if incident.state is IncidentState.OVERTURNED else ()
    return ("incidents", *overturned, *(("civil",) if called_civil(incident) else ()))


def _doubted(counts: Mapping[str, Counter[str]]) -> tuple[Judged, ...]:
    rows = [Judged(name, of["incidents"], of["overturned"], of["civil"], of["unseen"]) for name, of in counts.items()]
    wrong = (row for row in rows if row.overturned or row.civil or row.unseen)
    return tuple(sorted(wrong, key=lambda row: (-row.overturned, -row.civil, -row.unseen, -row.rate, row.name)))


def _never_hit(kept: Kept, week: Week) -> tuple[tuple[str, ...], int]:
    """Rules without a hit in the weeks in which hits were counted, at most a year of them."""
    days = [day for day, counters in kept.counters.items() if week.plus(1 - YEAR).monday <= day <= week.sunday]
    counted = [day for day in days if any(name.startswith("rule.") for name in kept.counters[day])]
    weeks = (week.sunday - min(counted)).days // 7 + 1 if counted else 0
    if weeks < _ENOUGH_WEEKS:
        return (), weeks
    hit = {name.removeprefix("rule.") for day in counted for name in kept.counters[day] if name.startswith("rule.")}
    return tuple(sorted(kept.rules - hit)), weeks


def promptness(kept: Kept, incidents: list[Incident]) -> tuple[Promptness, ...]:
    """From the mail to the notice, and to the alert, of this week's incidents."""
    came = {incident.id: incident.at for incident in incidents}
    took: dict[str, list[timedelta]] = {"notice": [], "alert": []}
    given_up: Counter[str] = Counter()
    for mail in kept.posted:
        family, _, rest = mail.id.partition(".")
        kind, _, reference = rest.partition(".")
        reference = reference.partition(".")[0]
        if reference not in came or family not in took or (family == "notice" and kind not in _NOTICES):
            continue
        if mail.error:
            given_up[family] += 1
        else:
            took[family].append(max(timedelta(), mail.at - came[reference]))
    return tuple(
        Promptness(
            name=family,
            sent=len(spans),
            median=statistics.median_high(spans) if spans else timedelta(),
            slowest=max(spans, default=timedelta()),
            late=sum(span > _PROMPT for span in spans),
            given_up=given_up[family],
        )
        for family, spans in took.items()
        if spans or given_up[family]
    )


def promises(kept: Kept, this: Span, now: datetime) -> Promises:
    """What we owed by a day of this week, and what became of it."""
    closed = [case for case in kept.cases if case.closed is not None and case.closed in this]
    in_time = sum(case.closed is not None and case.closed <= case.due for case in closed)
    until = min(now, this.end)
    ends = [s for s in kept.standings if s.suspended_until is not None and s.suspended_until in this and s.suspended_until <= now]
    broken = sum(bool(standing.block_proposed) for standing in ends)
    return Promises(
        answered_in_time=in_time,
        answered_late=len(closed) - in_time,
        unanswered=sum(case.state is CaseState.OPEN and case.due <= until for case in kept.cases),
        ended=len(ends) - broken,
        not_ended=broken,
    )
