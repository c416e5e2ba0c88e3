"""Weeks of a simulated company: digests add up against an independent count of what the ledger holds, and read as they should.

benchmarks/digest.py plays the whole year.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest
from simulated_company import FIRST, RULES, Company

from gateway.edge.digest_office import gather
from gateway.policy.digest import make_digest
from gateway.policy.figures import ItemKind
from gateway.records import IncidentState
from gateway.values import Level, Mode, NoticeKind

WEEKS = 10
LAST = FIRST.plus(WEEKS - 1)


@dataclass
class Lived:
    """What a company left: its digests by week, and the raw records."""

    zone: object
    pages: object
    digests: dict
    incidents: list
    counters: dict
    standings: list
    held: list
    cases: list


async def _live(folder, mode=Mode.ENFORCE, weeks=WEEKS, mails=2_500):
    company = await Company.open(folder, weeks=weeks, mode=mode)
    try:
        await company.live(mails)
        digests = {}
        for number in range(weeks):
            week = FIRST.plus(number)
            kept = await gather(company.office, week)
            digests[week] = make_digest(kept, week, company.settings.zone, company.policy, company.clock.now, decide_days=5)
        return Lived(
            company.settings.zone,
            company.office.writer.templates.digests,
            digests,
            [incident async for incident in company.ledger.every_incident()],
            await company.ledger.counters(date(2026, 1, 1), date(2027, 12, 31)),
            list(await company.ledger.standings(everyone=True)),
            list(await company.office.held.held()),
            list(await company.ledger.cases()),
        )
    finally:
        await company.ledger.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return asyncio.run(_live(tmp_path_factory.mktemp("company")))


def local_week(at: datetime, zone):
    """The independent way: ISO weeks of the local calendar."""
    return at.astimezone(zone).isocalendar()[:2]


def test_counters_add_up(lived):
    """Every mail of every day is in exactly one week's figures."""
    for week, digest in lived.digests.items():
        mine = Counter()
        for day, counters in lived.counters.items():
            if day.isocalendar()[:2] == week.monday.isocalendar()[:2]:
                mine.update(counters)
        measures = {measure.name: measure.now for measure in digest.measures}
        assert digest.mails == measures["mails"] == mine["mails"] > 0
        assert sum(measures.get(name, 0) for name in ("clean", "rude", "abusive", "severe", "unscored")) == mine["mails"]
        assert {measure.name: measure.now for measure in digest.languages} == {
            name.removeprefix("language."): number for name, number in mine.items() if name.startswith("language.")
        }
        assert sum(measure.now for measure in digest.languages) == mine["mails"]
        assert sum(measure.now for measure in digest.categories) == sum(n for name, n in mine.items() if name.startswith("category."))
    assert sum(digest.mails for digest in lived.digests.values()) == sum(counters["mails"] for counters in lived.counters.values())


def test_incidents_add_up(lived):
    expected = {week: Counter() for week in lived.digests}
    by_name = {week.monday.isocalendar()[:2]: week for week in lived.digests}
    for incident in lived.incidents:
        count = expected[by_name[local_week(incident.at, lived.zone)]]
        count["incidents"] += 1
        count["strikes"] += incident.strikes
        count["notices"] += incident.notice is not None and incident.reply[0] == "2"
        count["suspensions"] += incident.notice is NoticeKind.SUSPENSION
        count[incident.disposition.value] += 1
        if incident.level is not None and incident.level >= Level.ABUSIVE:
            count["misconduct"] += 1
            count[f"language.{incident.language}"] += 1
            for recipient in incident.recipients:
                count[f"mailbox.{recipient}"] += 1
        if incident.state is IncidentState.OVERTURNED:
            at = next(at for at, _, what in incident.notes if what == "overturned")
            expected[by_name[local_week(at, lived.zone)]]["overturned"] += 1
    for case in lived.cases:
        expected[by_name[local_week(case.opened, lived.zone)]]["complaints"] += 1
    for week, digest in lived.digests.items():
        measures = {measure.name: measure.now for measure in digest.measures}
        count = expected[week]
        assert digest.incidents == count["incidents"]
        for name in ("strikes", "notices", "suspensions", "overturned", "complaints"):
            assert measures.get(name, 0) == count[name], (week.name, name)
        assert (measures.get("held", 0), measures.get("refused", 0)) == (count["hold"], count["refuse"])
        assert dict(digest.language_abuse) == {name[9:]: number for name, number in count.items() if name.startswith("language.")}
        assert {row.address: row.abusive for row in digest.mailboxes if row.abusive} == {
            name[8:]: number for name, number in count.items() if name.startswith("mailbox.")
        }
        assert sum(number for _, number in digest.language_abuse) == count["misconduct"]
        assert sum(measures.get(name, 0) for name in ("abusive", "severe")) >= count["misconduct"]


def test_the_weeks_before_are_the_earlier_digests(lived):
    weeks = list(lived.digests)
    for place, week in enumerate(weeks):
        for measure in lived.digests[week].measures:
            earlier = [{m.name: m.now for m in lived.digests[before].measures}.get(measure.name, 0) for before in reversed(weeks[max(0, place - 4) : place])]
            assert list(measure.before) == earlier, (week.name, measure.name)


def test_what_waits_is_what_is_open(lived):
    items = lived.digests[LAST].items
    assert not any(digest.items for week, digest in lived.digests.items() if week != LAST)
    assert [item.number for item in items] == list(range(1, len(items) + 1))
    assert [item.overdue for item in items] == sorted((item.overdue for item in items), reverse=True)
    waiting = {mail.id for mail in lived.held if not mail.released_by}
    assert {item.reference for item in items if item.held} == waiting
    assert {item.reference for item in items if item.kind is ItemKind.COMPLAINT} == {case.reference for case in lived.cases if case.closed is None}
    blocks = {standing.block_proposed for standing in lived.standings if standing.block_proposed}
    assert {item.reference for item in items if item.kind is ItemKind.BLOCK} == blocks & {i.id for i in lived.incidents if i.state is IncidentState.OPEN}
    strikes = {i.id for i in lived.incidents if i.state is IncidentState.OPEN and i.proposal == "strike"}
    assert {item.reference for item in items if item.kind is ItemKind.STRIKE} == strikes
    assert len(items) > 5
    assert any(item.overdue for item in items)


def test_how_we_judged_adds_up(lived):
    """Ten weeks are less than a quarter, so it is all that happened."""
    judgement = lived.digests[LAST].judgement
    upto = LAST.end(lived.zone)
    bad = [i for i in lived.incidents if i.at < upto and i.level is not None and i.level >= Level.ABUSIVE]
    wrong = [i for i in bad if i.state is IncidentState.OVERTURNED]
    assert (judgement.incidents, judgement.overturned) == (len(bad), len(wrong))
    assert sum(row.overturned for row in judgement.languages) == len(wrong) > 0
    for row in judgement.rules:
        assert row.overturned == sum(row.name in dict(i.findings) for i in wrong)
        assert row.incidents == sum(row.name in dict(i.findings) for i in bad)
    hit = {name[5:] for counters in lived.counters.values() for name in counters if name.startswith("rule.")}
    assert set(judgement.never_hit) == RULES - hit
    assert (judgement.rules_in_force, judgement.weeks) == (len(RULES), WEEKS)


def test_notices_of_the_last_week_are_timed(lived):
    notice = next(row for row in lived.digests[LAST].promptness if row.name == "notice")
    assert notice.sent == {measure.name: measure.now for measure in lived.digests[LAST].measures}["notices"]
    assert notice.median <= notice.slowest


@pytest.mark.parametrize(
    ("number", "language"), [(0, "en"), (3, "fr"), (6, "ru"), (7, "hu"), (8, "af"), (9, "en"), (9, "de"), (9, "fr"), (9, "ru"), (9, "hu"), (9, "af")]
)
def test_they_read_as_they_should(lived, golden, number, language):
    rendered = lived.pages.render(lived.digests[FIRST.plus(number)], language)
    golden.check(f"digests/{language}-{FIRST.plus(number).name}.txt", f"Subject: {rendered.subject}\n\n{rendered.text}")


def test_html_is_what_it_was(lived, golden):
    golden.check(f"digests/de-{LAST.name}.html", lived.pages.render(lived.digests[LAST], "de").html)


def test_a_company_that_only_observes(tmp_path):
    lived = asyncio.run(_live(tmp_path, Mode.OBSERVE, weeks=2, mails=1_000))
    digest = lived.digests[FIRST.plus(1)]
    assert digest.observed == digest.incidents > 0
    assert not digest.items or {item.kind for item in digest.items} == {ItemKind.COMPLAINT}
    assert not digest.promptness
    assert digest.at.tzinfo is UTC
    text = lived.pages.render(digest, "en").text
    assert text.splitlines()[1].startswith("The gateway only observes: every mail was delivered")
