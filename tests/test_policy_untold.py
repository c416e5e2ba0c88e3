"""Nobody climbs the ladder without a word, and nobody's DNS is asked for nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.rules import load_rules
from gateway.edge.shipped import folder
from gateway.policy.ladder import rung, steps
from gateway.policy.verdict import judge, matters, without_notice
from gateway.values import (
    AlertKind,
    Assessment,
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
ANNA = Identity("anna@client.example", verified=True, by="dmarc=pass")
FORGED = Identity("anna@client.example", verified=False, by="no word of a trusted host")


@pytest.fixture(scope="module")
def policy():
    return load_rules((folder("rules"),))[0].policy


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def mail(level: Level, category: Category, *tags: Tag) -> Assessment:
    finding = Finding("x.y", category, 10, "words", SegmentKind.OWN, 1, (0, 5), Target.STAFF, "en")
    return Assessment(level, 10, "en", (category,), frozenset(tags), findings=(finding,))


CLEAN = Assessment(Level.CLEAN)
RUDE = mail(Level.RUDE, Category.SHOUTING)
ABUSIVE = mail(Level.ABUSIVE, Category.INSULT)
SEVERE = mail(Level.SEVERE, Category.DISCRIMINATION)
THREAT = mail(Level.SEVERE, Category.THREAT)


def story(policy, *events, standing=None):
    """Play (day, assessment, whether a notice can be sent); all verdicts."""
    standing = standing or Standing(ANNA.address)
    verdicts = []
    for number, (at, assessment, told) in enumerate(events):
        verdict = judge(assessment, ANNA, standing, policy, day(at), f"INC{number}")
        if not told:
            verdict = without_notice(verdict, standing, policy, day(at))
        standing = verdict.standing
        verdicts.append(verdict)
    return verdicts


def told_of(verdict):
    return verdict.disposition, verdict.strikes, verdict.notice, verdict.proposal


def test_the_first_untold_strike_stays_and_from_then_on_a_person_decides(policy):
    verdicts = story(policy, *((number, ABUSIVE, False) for number in range(6)))
    assert told_of(verdicts[0]) == (Disposition.FOLD, 1, None, "")
    assert verdicts[0].standing.strikes == (Strike(day(0), "INC0", Level.ABUSIVE, told=False),)
    assert verdicts[0].standing.notices == ()
    for verdict in verdicts[1:]:
        assert told_of(verdict) == (Disposition.FOLD, 0, None, "strike")
        assert verdict.alerts == (AlertKind.STRIKE_PROPOSED,)
        assert verdict.standing == verdicts[0].standing
        assert verdict.recordable


def test_who_was_never_told_begins_with_the_first_warning(policy):
    untold, first, second = story(policy, (0, ABUSIVE, False), (1, ABUSIVE, True), (2, ABUSIVE, True))
    assert rung(untold.standing, day(1), policy) is Rung.GOOD
    assert (first.notice, second.notice) == (NoticeKind.WARNING, NoticeKind.FINAL_WARNING)
    assert steps(second.standing, day(2), policy) == 2
    assert len(second.standing.strikes) == 3


def test_nobody_is_suspended_without_a_word(policy):
    verdicts = story(policy, (0, ABUSIVE, True), (1, ABUSIVE, True), (2, ABUSIVE, False))
    assert told_of(verdicts[2]) == (Disposition.FOLD, 0, None, "strike")
    assert verdicts[2].standing == verdicts[1].standing
    assert verdicts[2].standing.suspended_until is None


def test_who_is_suspended_stays_so_and_his_mail_is_held(policy):
    standing = Standing(ANNA.address, strikes=tuple(Strike(day(0), f"O{n}", Level.ABUSIVE) for n in range(3)), suspended_until=day(7))
    (verdict,) = story(policy, (2, SEVERE, False), standing=standing)
    assert told_of(verdict) == (Disposition.HOLD, 0, None, "strike")
    assert verdict.alerts == (AlertKind.SEVERE,)
    assert verdict.standing == standing


def test_a_block_is_not_proposed_on_strikes_of_which_he_heard_nothing(policy):
    standing = Standing(ANNA.address, strikes=tuple(Strike(day(0), f"O{n}", Level.ABUSIVE) for n in range(3)))
    (verdict,) = story(policy, (9, ABUSIVE, False), standing=standing)
    assert told_of(verdict) == (Disposition.FOLD, 0, None, "strike")
    assert verdict.alerts == (AlertKind.STRIKE_PROPOSED,)
    assert verdict.standing.block_proposed == ""


def test_severe_mail_still_alarms(policy):
    first, second = story(policy, (0, SEVERE, False), (1, SEVERE, False))
    assert (told_of(first), first.alerts) == ((Disposition.FOLD, 2, None, ""), (AlertKind.SEVERE,))
    assert (told_of(second), second.alerts) == ((Disposition.FOLD, 0, None, "strike"), (AlertKind.SEVERE,))


def test_a_threat_has_no_notice_by_policy_so_its_strikes_count(policy):
    first, second = story(policy, (0, THREAT, False), (1, ABUSIVE, True))
    assert told_of(first) == (Disposition.HOLD, 2, None, "")
    assert second.notice is NoticeKind.SUSPENSION


def test_an_old_untold_strike_is_gone_with_the_others(policy):
    verdicts = story(policy, (0, ABUSIVE, False), (91, ABUSIVE, False))
    assert told_of(verdicts[1]) == (Disposition.FOLD, 1, None, "")


def test_a_reminder_that_cant_be_sent_is_none_and_no_more(policy):
    verdicts = story(policy, (0, RUDE, False), (1, RUDE, False), (2, RUDE, True))
    assert [v.notice for v in verdicts] == [None, None, NoticeKind.REMINDER]
    assert all(not v.proposal and not v.strikes for v in verdicts)


MAILS = st.sampled_from([CLEAN, RUDE, ABUSIVE, SEVERE, mail(Level.ABUSIVE, Category.INSULT, Tag.COMPLAINT)])
_POLICY = load_rules((folder("rules"),))[0].policy


@given(st.lists(st.tuples(st.floats(0, 300), MAILS, st.booleans()), max_size=25))
def test_whoever_is_suspended_was_told_and_warned_before(events):
    heard = []
    standing = Standing(ANNA.address)
    for number, (at, assessment, told) in enumerate(sorted(events, key=lambda event: event[0])):
        verdict = judge(assessment, ANNA, standing, _POLICY, day(at), f"I{number}")
        if not told:
            verdict = without_notice(verdict, standing, _POLICY, day(at))
            assert verdict.notice is None
        if verdict.standing.suspended_until != standing.suspended_until:
            assert verdict.notice is NoticeKind.SUSPENSION or NoticeKind.SUSPENSION in heard
        if verdict.notice is NoticeKind.SUSPENSION:
            assert {NoticeKind.WARNING, NoticeKind.FINAL_WARNING} & set(heard)
        assert not (verdict.notice and verdict.proposal == "strike")
        assert sum(not strike.told for strike in standing.strikes) <= 2 or at > 90
        heard += [verdict.notice] if verdict.notice else []
        standing = verdict.standing


# --- whom else a block would hit ------------------------------------------------------------------------------------


def test_a_proposed_block_says_that_it_is_a_shared_mailbox(policy):
    info = Identity("info@client.example", verified=True, by="dmarc=pass", many="shared mailbox")
    standing = Standing(info.address, strikes=tuple(Strike(day(0), f"O{n}", Level.ABUSIVE) for n in range(3)))
    verdict = judge(ABUSIVE, info, standing, policy, day(1), "A")
    assert (verdict.proposal, verdict.reason) == ("block", "abusive; 1 strike, which makes 4; shared mailbox")
    assert judge(ABUSIVE, info, Standing(info.address), policy, day(1), "A").reason == "abusive; 1 strike, the first"


# --- whether it matters who wrote it --------------------------------------------------------------------------------

GOOD = Standing(ANNA.address)
BLOCKED = Standing(ANNA.address, blocked_by="boss")
SUSPENDED = Standing(ANNA.address, suspended_until=day(7))
WARNED = Standing(ANNA.address, strikes=(Strike(day(-1), "OLD", Level.ABUSIVE),))


@pytest.mark.parametrize(
    ("assessment", "standing", "answers", "matter"),
    [
        (CLEAN, GOOD, (), False),
        (CLEAN, WARNED, (), False),
        (CLEAN, WARNED, ("OTHER",), False),
        (Assessment(None), GOOD, (), False),
        (mail(Level.CLEAN, Category.SHOUTING, Tag.AUTOMATIC), GOOD, (), False),
        (ABUSIVE, Standing(ANNA.address, allowed=True), (), False),
        (CLEAN, WARNED, ("OLD",), True),
        (CLEAN, BLOCKED, (), True),
        (CLEAN, SUSPENDED, (), True),
        (RUDE, GOOD, (), True),
        (ABUSIVE, GOOD, (), True),
        (THREAT, GOOD, (), True),
        (mail(Level.CLEAN, Category.SHOUTING, Tag.SELF_HARM), GOOD, (), True),
        (mail(Level.CLEAN, Category.SHOUTING, Tag.COMPLAINT), BLOCKED, (), False),
    ],
)
def test_when_it_matters_who_wrote_it(policy, assessment, standing, answers, matter):
    assert matters(assessment, FORGED, standing, policy, day(0), frozenset(answers)) is matter
    assert matters(assessment, ANNA, standing, policy, day(0), frozenset(answers)) is False
