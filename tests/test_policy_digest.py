"""The digest's figures and what waits for a decision, from a few records at a time."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from ledger_makers import an_incident

from gateway.edge.rules import load_rules
from gateway.edge.shipped import folder
from gateway.policy.digest import make_digest
from gateway.policy.figures import ItemKind, Measure, Trend
from gateway.policy.kept import Kept
from gateway.policy.weeks import Week
from gateway.records import OWN_MAILBOX, Action, Case, CaseKind, CaseState, HeldMail, IncidentState
from gateway.values import AlertKind, Disposition, Envelope, Level, NoticeKind, Rung, Standing, Strike

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = Week(date(2026, 11, 16))
MONDAY = datetime(2026, 11, 16, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def policy():
    return load_rules((folder("rules"),), frozenset())[0].policy


@pytest.fixture
def digest_of(policy):
    def make(week=WEEK, now=NOW, decide_days=5, **kept):
        kept.setdefault("counters", {week.monday: {"mails": 100, "level.clean": 100}})
        return make_digest(Kept(**kept), week, BERLIN, policy, now, decide_days=decide_days)

    return make


def held(reference, at=MONDAY, reason="abusive; 1 strike, which makes 3", released_by=""):
    return HeldMail(reference, at, Envelope("anna@example.net", ("support@shop.example",)), reason, 10, released_by)


def opened(reference, proposal, *, at=MONDAY, **more):
    return an_incident(reference, at=at, proposal=proposal, state=IncidentState.OPEN, **more)


def a_case(reference, kind=CaseKind.COMPLAINT, *, at=MONDAY, due=None, **more):
    return Case(reference, kind, "anna@example.net", verified=True, language="en", opened=at, due=due or at + timedelta(days=7), owner="boss@shop.example", **more)


# --- measures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "before", "trend", "change"),
    [
        (5, (), Trend.UNKNOWN, None),
        (0, (0, 0), Trend.USUAL, None),
        (1, (0, 0), Trend.USUAL, None),
        (2, (0, 0), Trend.MORE, None),
        (12, (10, 10), Trend.USUAL, 0.2),
        (29, (20, 20, 20, 20), Trend.USUAL, 0.45),
        (30, (20, 20, 20, 20), Trend.MORE, 0.5),
        (10, (20, 20, 20, 20), Trend.FEWER, -0.5),
        (4000, (4100, 3900), Trend.USUAL, 0.0),
    ],
)
def test_only_what_chance_rarely_makes_is_a_trend(now, before, trend, change):
    measure = Measure("x", now, before)
    assert measure.trend is trend
    assert measure.change == pytest.approx(change) if change is not None else measure.change is None


def test_the_week_is_measured_against_the_weeks_of_which_all_is_known(digest_of):
    days = {WEEK.monday + timedelta(days=number): {"mails": 10} for number in range(-12, 7)}  # the first week from its Wednesday on
    mails = digest_of(counters=days).measures[0]
    assert (mails.now, mails.before) == (70, (70,))


def test_a_number_that_is_nought_in_all_weeks_is_not_told(digest_of):
    assert [measure.name for measure in digest_of().measures] == ["mails", "clean"]
    names = [measure.name for measure in digest_of(incidents=(an_incident(at=MONDAY - timedelta(days=7)),)).measures]
    assert "strikes" not in names  # of the week before nothing is known
    weeks = {WEEK.plus(-1).monday: {"mails": 100}, WEEK.monday: {"mails": 90}}
    measures = {m.name: m for m in digest_of(counters=weeks, incidents=(an_incident(at=MONDAY - timedelta(days=7)),)).measures}
    assert (measures["strikes"].now, measures["strikes"].before) == (0, (1,))


def test_a_notice_counts_where_the_mail_was_taken(digest_of):
    incidents = tuple(an_incident(f"A{n}", at=MONDAY, reply=reply) for n, reply in enumerate(("250 2.0.0 OK", "", "550 5.1.1 nobody", "451 later")))
    assert {m.name: m.now for m in digest_of(incidents=incidents).measures}["notices"] == 2


def test_an_incident_counts_as_overturned_in_the_week_of_the_decision(digest_of):
    note = (MONDAY, "boss", "overturned")
    old = an_incident(at=MONDAY - timedelta(days=200), state=IncidentState.OVERTURNED, notes=(note, (NOW, "boss", "put under legal hold")))
    assert {m.name: m.now for m in digest_of(incidents=(old,)).measures}["overturned"] == 1


def test_borders_are_those_of_the_zone(digest_of):
    inside = an_incident("IN", at=datetime(2026, 11, 15, 23, tzinfo=UTC))
    before = an_incident("OUT", at=datetime(2026, 11, 15, 22, 59, tzinfo=UTC))
    after = an_incident("LATE", at=datetime(2026, 11, 22, 23, tzinfo=UTC))
    assert digest_of(incidents=(inside, before, after)).incidents == 1


# --- what waits -------------------------------------------------------------------------------------------------------------


def test_items_are_numbered_with_the_overdue_ones_first(digest_of):
    cases = (a_case("C1", due=NOW - timedelta(days=1)), a_case("C2", CaseKind.APPEAL, due=NOW + timedelta(days=1)))
    items = digest_of(
        held=(held("H1", NOW - timedelta(days=4)), held("H2", NOW - timedelta(days=9))),
        incidents=(opened("S1", "strike", at=NOW - timedelta(days=2)),),
        cases=cases,
    ).items
    assert [(item.number, item.reference, item.overdue) for item in items] == [
        (1, "H2", True),
        (2, "C1", True),
        (3, "C2", False),
        (4, "H1", False),
        (5, "S1", False),
    ]
    assert items[2].actions == (Action.GRANT, Action.UPHOLD)
    assert items[4].decision.proposed is Action.STRIKE
    assert items[1].owner == "boss@shop.example"


def test_what_was_decided_or_written_to_us_does_not_wait(digest_of):
    assert not digest_of(held=(held("H1", released_by="boss"), held("H2", reason=f"{OWN_MAILBOX} appeals"))).items
    assert not digest_of(incidents=(an_incident("S1", at=MONDAY, proposal="strike"),)).items
    assert not digest_of(cases=(a_case("C1", state=CaseState.CLOSED),)).items


def test_a_held_mail_with_a_proposal_is_one_item(digest_of):
    threat = opened("S1", "strike", held=True, disposition=Disposition.HOLD, level=Level.SEVERE)
    (item,) = digest_of(incidents=(threat,), held=(held("S1"),)).items
    assert item.kind is ItemKind.STRIKE
    assert item.actions == (Action.STRIKE, Action.DISMISS, Action.OVERTURN, Action.RELEASE, Action.DELETE)
    assert item.held


def test_a_block_is_asked_once_for_a_sender(digest_of):
    first, second = opened("B1", "block"), opened("B2", "block", held=True)
    standing = Standing("anna@example.net", block_proposed="B1", suspended_until=NOW + timedelta(days=3))
    items = digest_of(incidents=(first, second), held=(held("B2"),), standings=(standing,)).items
    assert [(item.reference, item.kind) for item in items] == [("B1", ItemKind.BLOCK), ("B2", ItemKind.HELD)]
    assert Action.BLOCK not in items[1].actions
    assert not digest_of(incidents=(first,), standings=(replace(standing, block_proposed=""),)).items


def test_an_early_end_is_asked_once_and_only_while_the_suspension_lasts(digest_of):
    calm = (opened("L1", "lift"), opened("L2", "lift", at=MONDAY + timedelta(days=1)))
    during = Standing("anna@example.net", suspended_until=NOW + timedelta(days=1))
    assert [item.reference for item in digest_of(incidents=calm, standings=(during,)).items] == ["L1"]
    assert not digest_of(incidents=calm, standings=(replace(during, suspended_until=NOW),)).items
    assert not digest_of(incidents=calm).items


def test_a_held_mail_whose_record_was_erased_still_waits(digest_of):
    (item,) = digest_of(held=(held("H1"),)).items
    assert (item.sender, item.verified, item.actions) == ("anna@example.net", False, (Action.RELEASE, Action.DELETE))


def test_a_long_list_is_cut_and_says_so(digest_of):
    digest = digest_of(held=tuple(held(f"H{number}") for number in range(45)))
    assert (len(digest.items), digest.more) == (40, 5)


def test_only_the_latest_week_lists_what_waits(digest_of):
    digest = digest_of(week=WEEK.plus(-1), held=(held("H1"),))
    assert not digest.latest
    assert not digest.items
    assert digest_of(week=WEEK.plus(1), held=(held("H1"),)).items
    assert not digest_of(week=WEEK.plus(1)).finished


# --- who ----------------------------------------------------------------------------------------------------------------------


def test_mailboxes_with_misconduct_or_complaints_are_told(digest_of):
    counters = {WEEK.monday: {"mails": 90, "mailbox.support@shop.example": 60, "mailbox.a@shop.example": 30, "complaint.a@shop.example": 2}}
    incidents = (an_incident("A1", at=MONDAY, recipients=("Support@shop.example", "support@shop.example")), an_incident("A2", at=MONDAY, level=Level.SEVERE))
    rows = digest_of(counters=counters, incidents=incidents).mailboxes
    assert [(row.address, row.mails, row.abusive, row.severe, row.complaints) for row in rows] == [
        ("support@shop.example", 60, 2, 1, 0),
        ("a@shop.example", 30, 0, 0, 2),
    ]


def test_repeat_senders_are_those_whom_somebody_vouched_for(digest_of):
    incidents = (
        *(an_incident(f"A{n}", at=MONDAY - timedelta(days=30 * n)) for n in range(3)),
        *(an_incident(f"F{n}", at=MONDAY, sender="forged@example.net", verified=False) for n in range(3)),
        *(an_incident(f"O{n}", at=MONDAY, sender="wronged@example.net", state=IncidentState.OVERTURNED) for n in range(3)),
        an_incident("N1", at=MONDAY, sender="new@example.net"),
    )
    standing = Standing("anna@example.net", (Strike(MONDAY, "A0", Level.ABUSIVE),))
    (row,) = digest_of(incidents=incidents, standings=(standing,)).repeats
    assert (row.address, row.week, row.quarter, row.rung, row.strikes) == ("anna@example.net", 1, 3, Rung.WARNED, 1)


# --- how we did -----------------------------------------------------------------------------------------------------------------


def test_what_was_overturned_is_told_per_rule_and_language(digest_of):
    right = tuple(an_incident(f"R{n}", at=MONDAY, findings=(("fr.a.b", 5),)) for n in range(3))
    wrong = an_incident("W1", at=MONDAY, findings=(("fr.a.b", 5), ("fr.x.y", 1), ("fr.n.o", 0)), state=IncidentState.OVERTURNED)
    judgement = digest_of(incidents=(*right, wrong)).judgement
    assert (judgement.incidents, judgement.overturned) == (4, 1)
    assert [(row.name, row.incidents, row.overturned) for row in judgement.rules] == [("fr.x.y", 1, 1), ("fr.a.b", 4, 1)]
    assert [(row.name, row.rate) for row in judgement.languages] == [("fr", 0.25)]


def test_what_colleagues_say_is_told_per_rule_and_language(digest_of):
    """D29: a mail called civil counts against the rules that found it, a reported one against none; nobody judged what was imported."""
    said = {name: (MONDAY, "eva@shop.example", note) for name, note in (("civil", "called civil: She only asks."), ("seen", "reported: Again."), ("other", "imported"))}
    incidents = (
        an_incident("J1", at=MONDAY, findings=(("fr.a.b", 5),)),
        an_incident("J2", at=MONDAY, findings=(("fr.a.b", 5), ("fr.n.o", 0)), notes=(said["civil"], said["civil"])),
        an_incident("J3", at=MONDAY, findings=(("fr.a.b", 5),), notes=(said["seen"],)),
        an_incident("U1", at=MONDAY, language="de", findings=(("de.a.b", 2),), alerts=(AlertKind.REPORT,), state=IncidentState.OVERTURNED),
        an_incident("U2", at=MONDAY, language="de", level=Level.RUDE, findings=(("de.a.b", 2),), notes=(said["seen"],)),
        an_incident("E1", at=MONDAY, findings=(), notes=((MONDAY, "eva", "reported: By phone."), said["other"])),
        an_incident("R1", at=MONDAY, level=Level.RUDE),
    )
    judgement = digest_of(incidents=incidents).judgement
    assert (judgement.incidents, judgement.overturned, judgement.civil, judgement.unseen) == (3, 0, 1, 2)
    assert [(row.name, row.incidents, row.civil, row.unseen) for row in judgement.rules] == [("fr.a.b", 3, 1, 0)]
    assert [(row.name, row.incidents, row.civil, row.unseen) for row in judgement.languages] == [("fr", 3, 1, 0), ("de", 0, 0, 2)]


def test_rules_that_never_hit_are_named_after_eight_weeks(digest_of):
    rules = frozenset({"en.a.hit", "en.a.never"})

    def never(weeks):
        counters = {WEEK.plus(-number).monday: {"mails": 1, "rule.en.a.hit": 1} for number in range(weeks)}
        return digest_of(counters=counters, rules=rules).judgement

    assert (never(7).never_hit, never(7).weeks) == ((), 7)
    assert (never(8).never_hit, never(8).weeks, never(8).rules_in_force) == (("en.a.never",), 8, 2)


@dataclass(frozen=True)
class Left:
    id: str
    at: datetime
    error: str = ""


def test_time_from_the_mail_to_notice_and_alert(digest_of):
    incidents = tuple(an_incident(f"A{n}", at=MONDAY, alerts=(AlertKind.SEVERE,)) for n in range(4))
    seconds = (10, 20, 400)
    posted = [Left(f"notice.warning.A{n}", MONDAY + timedelta(seconds=spent)) for n, spent in enumerate(seconds)]
    posted += [Left("notice.warning.A3", MONDAY + timedelta(days=5), "nobody there"), Left("alert.severe.A0.1", MONDAY + timedelta(seconds=3))]
    posted += [Left("notice.apology.A0", NOW), Left("notice.warning.OTHER", NOW), Left("digest.2026-W46", NOW)]
    notice, alert = digest_of(incidents=incidents, posted=tuple(posted)).promptness
    assert (notice.sent, notice.median, notice.slowest, notice.late, notice.given_up) == (3, timedelta(seconds=20), timedelta(seconds=400), 1, 1)
    assert (alert.name, alert.sent, alert.late) == ("alert", 1, 0)


def test_promised_and_kept(digest_of):
    closed = {"state": CaseState.CLOSED, "closed_by": "boss"}
    cases = (
        a_case("C1", closed=MONDAY + timedelta(days=1), **closed),
        a_case("C2", at=MONDAY - timedelta(days=20), closed=MONDAY, **closed),
        a_case("C3", at=MONDAY - timedelta(days=20)),
        a_case("C4"),
    )
    standings = (
        Standing("a@example.net", suspended_until=MONDAY),
        Standing("b@example.net", suspended_until=MONDAY, block_proposed="B1"),
        Standing("c@example.net", suspended_until=NOW + timedelta(days=1)),
    )
    promises = digest_of(cases=cases, standings=standings).promises
    assert (promises.answered_in_time, promises.answered_late, promises.unanswered) == (1, 1, 1)
    assert (promises.ended, promises.not_ended) == (1, 1)


def test_a_quiet_week(digest_of):
    rude = {WEEK.monday: {"mails": 100, "level.clean": 97, "level.rude": 3}}
    assert digest_of(counters=rude).quiet
    for kept in (
        {"incidents": (an_incident(at=MONDAY),)},
        {"incidents": (an_incident(at=MONDAY, level=Level.RUDE, strikes=0, notice=NoticeKind.REMINDER),)},
        {"held": (held("H1"),)},
        {"cases": (a_case("C1"),)},
        {"standings": (Standing("a@example.net", suspended_until=MONDAY),)},
        {"counters": {WEEK.monday: {"mails": 1, "level.unscored": 1}}},
    ):
        assert not digest_of(**kept).quiet
