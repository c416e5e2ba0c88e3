"""The ladder and the verdict: the histories of the policy's own description, and every cell of its table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.rules import load_rules
from gateway.edge.shipped import folder
from gateway.policy.ladder import active_strikes, rung, suspended
from gateway.policy.verdict import judge
from gateway.values import (
    AlertKind,
    Assessment,
    Basis,
    Category,
    Disposition,
    Finding,
    Identity,
    Level,
    NoticeKind,
    Rung,
    SegmentKind,
    Standing,
    Strike,
    Tag,
    Target,
)

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
KNOWN = Identity("anna@client.example", verified=True, by="dmarc=pass")
FORGED = Identity("anna@client.example", verified=False, by="no word of a trusted host")


@pytest.fixture(scope="module")
def policy():
    return load_rules((folder("rules"),))[0].policy


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def mail(level: Level, category: Category | None = None, tags=frozenset(), basis=Basis.RULES) -> Assessment:
    if category is None:
        category = {Level.SEVERE: Category.DISCRIMINATION, Level.ABUSIVE: Category.INSULT, Level.RUDE: Category.SHOUTING}.get(level)
    findings = (
        () if category is None else (Finding("x.y", category, 10, "words", SegmentKind.OWN, 1, (0, 5), Target.STAFF, "en"),)
    )
    return Assessment(level, 10, "en", (category,) if category else (), frozenset(tags), basis, findings)


CLEAN, RUDE, ABUSIVE = mail(Level.CLEAN), mail(Level.RUDE), mail(Level.ABUSIVE)
SEVERE, THREAT = mail(Level.SEVERE), mail(Level.SEVERE, Category.THREAT)


def story(policy, *events, identity=KNOWN, standing=None):
    """Play (day, assessment) events and return all verdicts."""
    standing = standing or Standing(identity.address)
    verdicts = []
    for number, (at, assessment) in enumerate(events):
        verdict = judge(assessment, identity, standing, policy, day(at), f"INC{number}")
        standing = verdict.standing
        verdicts.append(verdict)
    return verdicts


def test_two_strikes_then_one_decays(policy):
    verdicts = story(policy, (0, ABUSIVE), (10, ABUSIVE), (101, ABUSIVE))
    assert [v.notice for v in verdicts] == [NoticeKind.WARNING, NoticeKind.FINAL_WARNING, NoticeKind.FINAL_WARNING]


def test_severe_then_abusive_is_suspended(policy):
    first, second = story(policy, (0, SEVERE), (5, ABUSIVE))
    assert (first.disposition, first.strikes, first.notice) == (Disposition.FOLD, 2, NoticeKind.FINAL_WARNING)
    assert (second.disposition, second.notice) == (Disposition.HOLD, NoticeKind.SUSPENSION)
    assert second.standing.suspended_until == day(12)


def test_strikes_that_never_meet_bring_a_warning_each_time(policy):
    assert [v.notice for v in story(policy, (0, ABUSIVE), (95, ABUSIVE), (190, ABUSIVE))] == [NoticeKind.WARNING] * 3


def test_a_strike_counts_whatever_row_it_came_from(policy):
    standing = Standing("a@b.example", strikes=(Strike(day(0), "A", Level.ABUSIVE), Strike(day(1), "B", Level.SEVERE), Strike(day(1), "B", Level.SEVERE)))
    assert len(active_strikes(standing, day(2), policy)) == 3
    assert len(active_strikes(standing, day(91), policy)) == 2
    assert len(active_strikes(standing, day(181), policy)) == 1
    assert active_strikes(standing, day(271), policy) == ()


@pytest.mark.parametrize(
    ("assessment", "strikes", "disposition", "left", "notice", "alerts", "proposal"),
    [
        (ABUSIVE, 0, Disposition.FOLD, 1, NoticeKind.WARNING, (), ""),
        (ABUSIVE, 1, Disposition.FOLD, 1, NoticeKind.FINAL_WARNING, (), ""),
        (ABUSIVE, 2, Disposition.HOLD, 1, NoticeKind.SUSPENSION, (), ""),
        (ABUSIVE, 3, Disposition.HOLD, 1, NoticeKind.SUSPENSION, (AlertKind.BLOCK_PROPOSED,), "block"),
        (ABUSIVE, 7, Disposition.HOLD, 1, NoticeKind.SUSPENSION, (AlertKind.BLOCK_PROPOSED,), "block"),
        (SEVERE, 0, Disposition.FOLD, 2, NoticeKind.FINAL_WARNING, (AlertKind.SEVERE,), ""),
        (SEVERE, 1, Disposition.HOLD, 2, NoticeKind.SUSPENSION, (AlertKind.SEVERE,), ""),
        (SEVERE, 2, Disposition.HOLD, 2, NoticeKind.SUSPENSION, (AlertKind.SEVERE, AlertKind.BLOCK_PROPOSED), "block"),
        (SEVERE, 3, Disposition.HOLD, 2, NoticeKind.SUSPENSION, (AlertKind.SEVERE, AlertKind.BLOCK_PROPOSED), "block"),
        (THREAT, 0, Disposition.HOLD, 2, None, (AlertKind.THREAT,), ""),
        (THREAT, 1, Disposition.HOLD, 2, None, (AlertKind.THREAT, AlertKind.BLOCK_PROPOSED), "block"),
        (THREAT, 3, Disposition.HOLD, 2, None, (AlertKind.THREAT, AlertKind.BLOCK_PROPOSED), "block"),
    ],
)
def test_every_cell_of_the_table(policy, assessment, strikes, disposition, left, notice, alerts, proposal):
    before = Standing(KNOWN.address, strikes=tuple(Strike(day(-1), f"OLD{n}", Level.ABUSIVE) for n in range(strikes)))
    verdict = judge(assessment, KNOWN, before, policy, day(0), "NEW")
    assert (verdict.disposition, verdict.strikes, verdict.notice, verdict.alerts, verdict.proposal) == (disposition, left, notice, alerts, proposal)
    assert len(verdict.standing.strikes) == strikes + left
    assert verdict.recordable


def test_the_reason_says_how_many_strikes_there_are_with_those_of_the_mail(policy):
    """`held list` once said "1 strike" of a sender who was held for his third."""
    verdicts = story(policy, (0, ABUSIVE), (1, ABUSIVE), (2, ABUSIVE), (3, SEVERE), (4, THREAT))
    assert [verdict.reason for verdict in verdicts[:4]] == [
        "abusive; 1 strike, the first",
        "abusive; 1 strike, which makes 2",
        "abusive; 1 strike, which makes 3",
        "severe; 2 strikes, which make 5",
    ]
    assert story(policy, (0, SEVERE))[0].reason == "severe; 2 strikes, the first"
    assert story(policy, (0, ABUSIVE), (89, ABUSIVE), (178, ABUSIVE), (280, ABUSIVE))[3].reason == "abusive; 1 strike, which makes 3"


def test_a_suspension_lasts_fourteen_days_for_severe_mail(policy):
    verdicts = story(policy, (0, ABUSIVE), (1, SEVERE))
    assert verdicts[1].standing.suspended_until == day(15)


def test_a_suspension_ends_at_its_minute_and_one_with_a_block_proposed_waits_for_a_person(policy):
    standing = Standing("a@b.example", suspended_until=day(7))
    assert suspended(standing, day(7) - timedelta(seconds=1))
    assert not suspended(standing, day(7))
    assert suspended(replace(standing, block_proposed="X"), day(70))


def test_while_suspended_clean_mail_is_delivered_and_offered_and_the_rest_is_held(policy):
    standing = Standing(KNOWN.address, suspended_until=day(7))
    clean = judge(CLEAN, KNOWN, standing, policy, day(1), "A")
    assert (clean.disposition, clean.alerts, clean.proposal) == (Disposition.DELIVER, (AlertKind.CALM_MAIL,), "lift")
    assert judge(RUDE, KNOWN, standing, policy, day(1), "A").disposition is Disposition.HOLD
    assert judge(ABUSIVE, KNOWN, standing, policy, day(1), "A").disposition is Disposition.HOLD


def test_rude_mail_never_strikes_and_the_second_within_a_month_brings_one_reminder(policy):
    verdicts = story(policy, (0, RUDE), (10, RUDE), (20, RUDE), (41, RUDE), (80, RUDE))
    assert [v.notice for v in verdicts] == [None, NoticeKind.REMINDER, None, NoticeKind.REMINDER, None]
    assert all(v.disposition is Disposition.DELIVER and not v.standing.strikes for v in verdicts)


def test_the_unverified_keep_their_standing_whatever_they_write(policy):
    for assessment, disposition in ((CLEAN, Disposition.DELIVER), (RUDE, Disposition.DELIVER), (ABUSIVE, Disposition.FOLD), (SEVERE, Disposition.FOLD), (THREAT, Disposition.HOLD)):
        before = Standing(FORGED.address, strikes=(Strike(day(-3), "OLD", Level.ABUSIVE),))
        verdict = judge(assessment, FORGED, before, policy, day(0), "NEW")
        assert (verdict.disposition, verdict.notice, verdict.strikes, verdict.standing) == (disposition, None, 0, before)


def test_blocked_is_refused_when_verified_and_held_when_not(policy):
    blocked = Standing(KNOWN.address, blocked_by="boss", blocked_at=day(-1))
    assert judge(CLEAN, KNOWN, blocked, policy, day(0), "A").disposition is Disposition.REFUSE
    assert judge(CLEAN, FORGED, blocked, policy, day(0), "A").disposition is Disposition.HOLD


@pytest.mark.parametrize("identity", [KNOWN, FORGED])
def test_a_blocked_sender_who_answers_a_notice_appeals(policy, identity):
    blocked = Standing(KNOWN.address, blocked_by="boss", blocked_at=day(-1))
    verdict = judge(mail(Level.ABUSIVE), identity, blocked, policy, day(0), "A", appeal=True)
    assert (verdict.appeal, verdict.disposition, verdict.standing, verdict.recordable, verdict.notice) == (True, Disposition.HOLD, blocked, False, None)
    complaint = judge(mail(Level.CLEAN, tags={Tag.COMPLAINT}), KNOWN, blocked, policy, day(0), "A", appeal=True)
    assert (complaint.appeal, complaint.disposition) == (False, Disposition.DELIVER)
    assert judge(mail(Level.CLEAN, tags={Tag.AUTOMATIC}), identity, blocked, policy, day(0), "A", appeal=True).appeal is False
    assert judge(mail(Level.ABUSIVE), KNOWN, Standing(KNOWN.address), policy, day(0), "A", appeal=True) == judge(mail(Level.ABUSIVE), KNOWN, Standing(KNOWN.address), policy, day(0), "A")


@pytest.mark.parametrize("tag", [Tag.COMPLAINT, Tag.LEGAL_NOTICE, Tag.CANCELLATION])
def test_protected_mail_gets_through_whatever_the_standing(policy, tag):
    for standing in (Standing(KNOWN.address, blocked_by="boss"), Standing(KNOWN.address, suspended_until=day(7))):
        assert judge(mail(Level.CLEAN, tags={tag}), KNOWN, standing, policy, day(0), "A").disposition is Disposition.DELIVER
        for level in (mail(Level.ABUSIVE, tags={tag}), mail(Level.SEVERE, Category.THREAT, tags={tag})):
            assert judge(level, KNOWN, standing, policy, day(0), "A").disposition is Disposition.FOLD


def test_self_harm_has_no_consequence_and_brings_a_person(policy):
    verdict = judge(mail(Level.CLEAN, tags={Tag.SELF_HARM}), KNOWN, Standing(KNOWN.address, blocked_by="boss"), policy, day(0), "A")
    assert (verdict.disposition, verdict.alerts, verdict.notice) == (Disposition.DELIVER, (AlertKind.SELF_HARM,), None)


@pytest.mark.parametrize("assessment", [mail(Level.ABUSIVE, tags={Tag.HARDSHIP}), mail(Level.ABUSIVE, basis=Basis.EAR)])
def test_hardship_and_the_ear_alone_are_proposals_to_a_person(policy, assessment):
    before = Standing(KNOWN.address)
    verdict = judge(assessment, KNOWN, before, policy, day(0), "A")
    assert (verdict.disposition, verdict.proposal, verdict.notice, verdict.strikes) == (Disposition.FOLD, "strike", None, 0)
    assert verdict.standing == before
    assert verdict.alerts == (AlertKind.STRIKE_PROPOSED,)


def test_a_calm_rewrite_cancels_the_strike_that_it_answers(policy):
    warned = story(policy, (0, ABUSIVE))[0].standing
    verdict = judge(CLEAN, KNOWN, warned, policy, day(1), "NEXT", answers=frozenset({"INC0"}))
    assert verdict.standing.strikes == ()
    assert judge(CLEAN, KNOWN, warned, policy, day(1), "NEXT", answers=frozenset({"OTHER"})).standing == warned


def test_the_same_notice_is_not_sent_twice_within_seven_days(policy):
    verdicts = story(policy, (0, ABUSIVE), (1, ABUSIVE), (2, ABUSIVE), (3, ABUSIVE), (9.5, ABUSIVE))
    assert [v.notice for v in verdicts] == [NoticeKind.WARNING, NoticeKind.FINAL_WARNING, NoticeKind.SUSPENSION, None, NoticeKind.SUSPENSION]


def test_automatic_mail_is_nobodys_fault(policy):
    before = Standing(KNOWN.address)
    verdict = judge(mail(Level.ABUSIVE, tags={Tag.AUTOMATIC}), KNOWN, before, policy, day(0), "A")
    assert (verdict.standing, verdict.notice, verdict.strikes) == (before, None, 0)


def test_an_allowed_sender_is_never_judged(policy):
    assert judge(THREAT, KNOWN, Standing(KNOWN.address, allowed=True), policy, day(0), "A").disposition is Disposition.DELIVER


def test_rungs(policy):
    strikes = tuple(Strike(day(0), f"I{n}", Level.ABUSIVE) for n in range(2))
    address = "a@b.example"
    assert rung(Standing(address), day(1), policy) is Rung.GOOD
    assert rung(Standing(address, strikes=strikes[:1]), day(1), policy) is Rung.WARNED
    assert rung(Standing(address, strikes=strikes), day(1), policy) is Rung.FINAL_WARNED
    assert rung(Standing(address, strikes=strikes, suspended_until=day(2)), day(1), policy) is Rung.SUSPENDED
    assert rung(Standing(address, blocked_by="boss"), day(1), policy) is Rung.BLOCKED


LEVELS = st.sampled_from([CLEAN, RUDE, ABUSIVE, SEVERE, THREAT, mail(Level.ABUSIVE, tags={Tag.COMPLAINT}), mail(Level.CLEAN, tags={Tag.SELF_HARM})])


@given(st.lists(st.tuples(st.floats(0, 200), LEVELS, st.booleans()), max_size=25))
def test_no_history_refuses_without_a_person_or_strikes_the_unverified(events):
    policy = load_rules_once()
    standing = Standing(KNOWN.address)
    for at, assessment, verified in sorted(events, key=lambda event: event[0]):
        verdict = judge(assessment, KNOWN if verified else FORGED, standing, policy, day(at), "X")
        assert verdict.disposition is not Disposition.REFUSE
        if not verified:
            assert verdict.standing == standing
            assert verdict.notice is None
        assert (verdict.disposition is Disposition.DELIVER) or assessment.level is not Level.CLEAN
        standing = verdict.standing
    assert not standing.blocked_by


_POLICY = []


def load_rules_once():
    if not _POLICY:
        _POLICY.append(load_rules((folder("rules"),))[0].policy)
    return _POLICY[0]
