"""What the digest says of the rules: how many changes went live, how many were refused, how a trial ended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.edge.digest_rules import rules_lines, rules_week
from gateway.edge.digest_samples import QUIET
from gateway.edge.digest_words import load_digest_words
from gateway.edge.rules_store import RulesEvent, RulesStore
from gateway.edge.shadow_store import ShadowRecord, ShadowStore, TrialState
from gateway.edge.shipped import folder
from gateway.edge.template_words import load_words
from gateway.policy.compared import TallyKept
from gateway.policy.figures import RulesWeek
from gateway.policy.shadowed import TrialKept

START = datetime(2026, 11, 23, tzinfo=UTC)
END = START + timedelta(days=7)


def remember(state, *events):
    for hours, what, version in events:
        RulesStore(state).note(RulesEvent(START + timedelta(hours=hours), what, version))


def test_a_start_is_no_change_and_other_weeks_dont_count(tmp_path):
    remember(tmp_path, (-30, "loaded", "a"), (-20, "failed", ""), (-10, "loaded", "b"))
    remember(tmp_path, (1, "loaded", "b"), (2, "loaded", "c"), (3, "failed", ""), (4, "failed", ""), (5, "loaded", "c"), (6, "shadow.ended", "d"), (7, "loaded", "b"))
    remember(tmp_path, (24 * 7, "loaded", "x"), (24 * 7 + 1, "failed", ""))
    assert rules_week(tmp_path, START, END) == RulesWeek(live=2, refused=2)


def test_a_change_while_the_service_was_down_is_one(tmp_path):
    remember(tmp_path, (-30, "loaded", "a"), (1, "loaded", "b"))
    assert rules_week(tmp_path, START, END) == RulesWeek(live=1)


def test_the_very_first_rules_are_no_change(tmp_path):
    assert rules_week(tmp_path, START, END) == RulesWeek()
    remember(tmp_path, (1, "loaded", "a"))
    assert rules_week(tmp_path, START, END).empty


def trial(ended, state=TrialState.ENDED):
    tally = TallyKept(counts=((("mails",), 40), (("changed",), 3)))
    return ShadowRecord("cafe00000000", "/x", START, END, state=state, ended=ended, trial=TrialKept(tally))


def test_a_trial_is_told_in_the_week_in_which_it_ended(tmp_path):
    store = ShadowStore(tmp_path)
    store.save(trial(None, TrialState.RUNNING))
    assert rules_week(tmp_path, START, END).empty
    store.save(trial(END - timedelta(seconds=1)))
    assert rules_week(tmp_path, START, END) == RulesWeek(0, 0, "cafe00000000", 40, 3)
    assert rules_week(tmp_path, END, END + timedelta(days=7)).empty
    store.save(trial(START, TrialState.FAILED))
    assert rules_week(tmp_path, START, END).switched_off


def words(language):
    folders = [folder("templates")]
    found, problems = load_digest_words({language: load_words(language, folders)[0]}, folders, ZoneInfo("UTC"))
    assert not problems
    return found[language]


@pytest.mark.parametrize("language", ["en", "fr", "de", "ru", "hu", "af"])
def test_its_lines(language):
    week = RulesWeek(3, 1, "cafe00000000", 4_000, 12)
    live, tried = rules_lines(week, words(language))
    assert {"3", "1"} <= set(live.replace(";", " ").replace(".", " ").split())
    assert "cafe00000000" in tried
    assert "12" in tried
    assert list(rules_lines(replace(week, live=0, refused=0), words(language))) == [tried]
    (off,) = rules_lines(RulesWeek(tried="cafe00000000", switched_off=True), words(language))
    assert off != tried
    assert not list(rules_lines(RulesWeek(), words(language)))


def test_a_week_in_which_rules_were_refused_is_not_quiet():
    assert QUIET.quiet
    assert not replace(QUIET, rules=RulesWeek(refused=1)).quiet
    assert not replace(QUIET, rules=RulesWeek(tried="cafe00000000")).quiet
