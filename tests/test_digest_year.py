"""A simulated year of a company: the digest of each Monday adds up against an independent count of what the ledger holds, and reads as it should.

200,000 mails in six languages, three managers who decide; benchmarks/digest.py writes all of these digests to a folder.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from simulated_company import FIRST, RULES, YEAR, Company

from gateway.policy.figures import ItemKind
from gateway.records import CaseState, IncidentState
from gateway.values import AlertKind, Level, Mode, NoticeKind, Rung

pytestmark = pytest.mark.timeout(900)  # half a minute, where nobody else wants the processor
LAST = FIRST.plus(YEAR - 1)
LOOKED_AT = tuple(FIRST.plus(number) for number in (3, 16, 29, 42, YEAR - 1))
"""Weeks after which everything is read, to be counted by itself."""


@dataclass
class Left:
    """All raw records, as they are on a Monday."""

    incidents: list
    standings: list
    held: list
    cases: list


@dataclass
class Lived:
    """What a company left: its digests by week, the raw records of some Mondays and of the last, and the counters."""

    zone: object
    pages: object
    digests: dict
    left: dict
    counters: dict

    @property
    def end(self):
        return self.left[max(self.left)]


async def _left(company):
    return Left(
        [incident async for incident in company.ledger.every_incident()],
        list(await company.ledger.standings(everyone=True)),
        list(await company.office.held.held()),
        list(await company.ledger.cases()),
    )


async def _live(folder, mode=Mode.ENFORCE, weeks=YEAR, mails=4_000):
    company = await Company.open(folder, mode=mode)
    try:
        digests, left = {}, {}
        for week in (FIRST.plus(number) for number in range(weeks)):
            await company.live_week(week, mails)
            digests[week] = await company.digest(week)
            if week in LOOKED_AT or week == FIRST.plus(weeks - 1):
                left[week] = await _left(company)
        counters = await company.ledger.counters(date(2026, 1, 1), date(2027, 12, 31))
        return Lived(company.settings.zone, company.office.writer.templates.digests, digests, left, counters)
    finally:
        await company.ledger.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return asyncio.run(_live(tmp_path_factory.mktemp("company")))


def local_week(at: datetime, zone):
    """The independent way: ISO weeks of the local calendar."""
    return at.astimezone(zone).isocalendar()[:2]


def measures_of(digest):
    return {measure.name: measure.now for measure in digest.measures}


def bad(incident):
    return incident.level is not None and incident.level >= Level.ABUSIVE


def test_it_is_a_whole_year(lived):
    assert len(lived.digests) == YEAR
    assert 200_000 < sum(digest.mails for digest in lived.digests.values()) < 215_000
    assert {measure.name for digest in lived.digests.values() for measure in digest.languages} == {"en", "de", "fr", "hu", "ru", "af"}
    names = {measure.name for digest in lived.digests.values() for measure in digest.measures}
    assert names >= {"notices", "strikes", "suspensions", "held", "refused", "blocked", "overturned", "complaints", "appeals"}


def test_counters_add_up(lived):
    """Every mail of every day is in exactly one week's figures."""
    for week, digest in lived.digests.items():
        mine = Counter()
        for day, counters in lived.counters.items():
            if day.isocalendar()[:2] == week.monday.isocalendar()[:2]:
                mine.update(counters)
        measures = measures_of(digest)
        assert digest.mails == measures["mails"] == mine["mails"] > 0
        assert sum(measures.get(name, 0) for name in ("clean", "rude", "abusive", "severe", "unscored")) == mine["mails"]
        assert {measure.name: measure.now for measure in digest.languages} == {
            name.removeprefix("language."): number for name, number in mine.items() if name.startswith("language.")
        }
        assert sum(measure.now for measure in digest.languages) == mine["mails"]
        assert {measure.name: measure.now for measure in digest.categories} == {
            name.removeprefix("category."): number for name, number in mine.items() if name.startswith("category.")
        }
    assert sum(digest.mails for digest in lived.digests.values()) == sum(counters["mails"] for counters in lived.counters.values())


def test_incidents_add_up(lived):
    expected = {week: Counter() for week in lived.digests}
    by_name = {week.monday.isocalendar()[:2]: week for week in lived.digests}
    for incident in lived.end.incidents:
        count = expected[by_name[local_week(incident.at, lived.zone)]]
        count["incidents"] += 1
        count["strikes"] += incident.strikes
        count["notices"] += incident.notice is not None and incident.reply[0] == "2"
        count["suspensions"] += incident.notice is NoticeKind.SUSPENSION
        count[incident.disposition.value] += 1
        if bad(incident):
            count["misconduct"] += 1
            count[f"language.{incident.language}"] += 1
            for recipient in incident.recipients:
                count[f"mailbox.{recipient}"] += 1
        if incident.state is IncidentState.OVERTURNED:
            at = next(at for at, _, what in incident.notes if what.startswith("overturned"))
            expected[by_name[local_week(at, lived.zone)]]["overturned"] += 1
    for case in lived.end.cases:
        expected[by_name[local_week(case.opened, lived.zone)]][f"{case.kind}s"] += 1
    for week, digest in lived.digests.items():
        measures, count = measures_of(digest), expected[week]
        assert digest.incidents == count["incidents"]
        for name in ("strikes", "notices", "suspensions", "overturned", "complaints", "appeals"):
            assert measures.get(name, 0) == count[name], (week.name, name)
        assert (measures.get("held", 0), measures.get("refused", 0)) == (count["hold"], count["refuse"])
        assert dict(digest.language_abuse) == {name[9:]: number for name, number in count.items() if name.startswith("language.")}
        assert {row.address: row.abusive for row in digest.mailboxes if row.abusive} == {
            name[8:]: number for name, number in count.items() if name.startswith("mailbox.")
        }
        assert sum(number for _, number in digest.language_abuse) == count["misconduct"]


def test_the_weeks_before_are_the_earlier_digests(lived):
    weeks = list(lived.digests)
    for place, week in enumerate(weeks):
        for measure in lived.digests[week].measures:
            earlier = [measures_of(lived.digests[before]).get(measure.name, 0) for before in reversed(weeks[max(0, place - 4) : place])]
            if measure.name == "blocked":  # a block that was lifted since is none
                assert all(now <= then for now, then in zip(measure.before, earlier, strict=True)), week.name
            else:
                assert list(measure.before) == earlier, (week.name, measure.name)


@pytest.mark.parametrize("week", LOOKED_AT, ids=lambda week: week.name)
def test_what_waits_is_what_is_open(lived, week):
    digest, left = lived.digests[week], lived.left[week]
    items = digest.items
    assert [item.number for item in items] == list(range(1, len(items) + 1))
    assert [item.overdue for item in items] == sorted((item.overdue for item in items), reverse=True)
    blocks = {standing.block_proposed for standing in left.standings if standing.block_proposed}
    opened = {i.id: i for i in left.incidents if i.state is IncidentState.OPEN}
    expected = {
        *(("held", mail.id) for mail in left.held if not mail.released_by),
        *((case.kind.value, case.reference) for case in left.cases if case.state is CaseState.OPEN),
        *(("block", reference) for reference in blocks & opened.keys()),
        *(("strike", i.id) for i in opened.values() if i.proposal == "strike"),
    }
    # a held mail about which something else is asked is one item; an early end of a suspension is asked once a sender
    asked = {(item.kind.value, item.reference) for item in items if item.kind is not ItemKind.LIFT} | {("held", item.reference) for item in items if item.held}
    assert asked <= expected
    assert not digest.more or len(items) == 40
    if not digest.more:
        assert asked == expected
    assert items


def test_all_that_can_wait_was_waited_for(lived):
    items = [item for digest in lived.digests.values() for item in digest.items]
    assert {item.kind for item in items} >= {ItemKind.HELD, ItemKind.BLOCK, ItemKind.STRIKE, ItemKind.COMPLAINT, ItemKind.APPEAL}
    assert 0 < sum(item.overdue for item in items) < len(items)


@pytest.mark.parametrize("week", LOOKED_AT, ids=lambda week: week.name)
def test_how_we_judged_adds_up(lived, week):
    judgement = lived.digests[week].judgement
    since, upto = week.plus(-12).start(lived.zone), week.end(lived.zone)
    quarter = [i for i in lived.left[week].incidents if since <= i.at < upto]
    reported = [i for i in quarter if AlertKind.REPORT in i.alerts or (not bad(i) and any(what.startswith("reported") for *_, what in i.notes))]
    judged = [i for i in quarter if bad(i) and i not in reported]
    wrong = [i for i in judged if i.state is IncidentState.OVERTURNED]
    civil = [i for i in judged if any(what.startswith("called civil") for *_, what in i.notes)]
    assert (judgement.incidents, judgement.overturned, judgement.civil, judgement.unseen) == (len(judged), len(wrong), len(civil), len(reported))
    for name, all_of in (("overturned", wrong), ("civil", civil), ("unseen", reported)):
        assert sum(getattr(row, name) for row in judgement.languages) == len(all_of)
        for row in judgement.languages:
            assert getattr(row, name) == sum(i.language == row.name for i in all_of)
    for row in judgement.rules:
        for name, all_of in (("incidents", judged), ("overturned", wrong), ("civil", civil)):
            assert getattr(row, name) == sum(row.name in dict(i.findings) for i in all_of)
    number = (week.monday - FIRST.monday).days // 7 + 1
    days = [day for day in lived.counters if week.plus(1 - YEAR).monday <= day <= week.sunday]
    hit = {name[5:] for day in days for name in lived.counters[day] if name.startswith("rule.")}
    assert set(judgement.never_hit) == (RULES - hit if number >= 8 else set())
    assert (judgement.rules_in_force, judgement.weeks) == (len(RULES), number)


@pytest.mark.parametrize("week", LOOKED_AT, ids=lambda week: week.name)
def test_senders_who_came_back_add_up(lived, week):
    left = lived.left[week]
    since, start, upto = week.plus(-12).start(lived.zone), week.start(lived.zone), week.end(lived.zone)
    bad_ones = [i for i in left.incidents if since <= i.at < upto and bad(i) and i.verified and i.state is not IncidentState.OVERTURNED]
    quarter, of_week = Counter(i.sender for i in bad_ones), Counter(i.sender for i in bad_ones if i.at >= start)
    standings = {standing.address: standing for standing in left.standings}
    rows = lived.digests[week].repeats
    assert len(rows) == min(10, sum(quarter[sender] > 1 for sender in of_week))
    for row in rows:
        assert (row.week, row.quarter) == (of_week[row.address], quarter[row.address])
        standing = standings[row.address]
        assert row.until == standing.suspended_until
        assert (row.rung is Rung.BLOCKED) is bool(standing.blocked_by)
        assert row.strikes <= len(standing.strikes)
        assert row.strikes or not standing.strikes or standing.strikes[-1].at < upto - timedelta(days=80)
    named = {row.address for row in rows}
    worst = min((of_week[row.address], quarter[row.address]) for row in rows)
    assert all((number, quarter[sender]) <= worst for sender, number in of_week.items() if sender not in named and quarter[sender] > 1)


def test_colleagues_had_their_say(lived):
    judgement = lived.digests[LAST].judgement
    assert min(judgement.overturned, judgement.civil, judgement.unseen) > 0


def test_notices_are_timed(lived):
    for digest in lived.digests.values():
        notice = next(row for row in digest.promptness if row.name == "notice")
        assert notice.sent == measures_of(digest)["notices"]
        assert notice.median <= notice.slowest


@pytest.mark.parametrize("week", LOOKED_AT, ids=lambda week: week.name)
def test_what_was_promised_adds_up(lived, week):
    promises, left = lived.digests[week].promises, lived.left[week]
    mine = week.monday.isocalendar()[:2]
    closed = [case for case in left.cases if case.closed and local_week(case.closed, lived.zone) == mine]
    assert promises.answered_in_time == sum(case.closed <= case.due for case in closed)
    assert promises.answered_late == sum(case.closed > case.due for case in closed)
    assert promises.unanswered == sum(case.state is CaseState.OPEN and case.due <= week.end(lived.zone) for case in left.cases)
    ended = [s for s in left.standings if s.suspended_until and local_week(s.suspended_until, lived.zone) == mine]
    assert promises.ended + promises.not_ended == len(ended)


READ = [(0, "en"), (3, "fr"), (7, "de"), (17, "hu"), (29, "af"), (33, "ru"), *((YEAR - 1, language) for language in ("en", "fr", "de", "ru", "hu", "af"))]
"""The first week, some more - the clocks change in the eighth and the thirtieth, the year in the eighteenth -, and the last in each language."""


@pytest.mark.parametrize(("number", "language"), READ)
def test_they_read_as_they_should(lived, golden, number, language):
    rendered = lived.pages.render(lived.digests[FIRST.plus(number)], language)
    golden.check(f"digests/{language}-{FIRST.plus(number).name}.txt", f"Subject: {rendered.subject}\n\n{rendered.text}")


@pytest.mark.parametrize(("number", "language"), [(0, "ru"), (YEAR - 1, "de")])
def test_html_is_what_it_was(lived, golden, number, language):
    golden.check(f"digests/{language}-{FIRST.plus(number).name}.html", lived.pages.render(lived.digests[FIRST.plus(number)], language).html)


def test_a_company_that_only_observes(tmp_path):
    lived = asyncio.run(_live(tmp_path, Mode.OBSERVE, weeks=2, mails=1_000))
    digest = lived.digests[FIRST.plus(1)]
    assert digest.observed == digest.incidents > 0
    assert not digest.items or {item.kind for item in digest.items} == {ItemKind.COMPLAINT}
    assert not digest.promptness
    assert digest.at.tzinfo is UTC
    text = lived.pages.render(digest, "en").text
    assert text.splitlines()[1].startswith("The gateway only observes: every mail was delivered")
