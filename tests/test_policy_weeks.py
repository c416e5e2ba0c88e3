"""Weeks: names, borders by the clocks of a zone, clock changes, turns of the year."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.weeks import Week

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["UTC", "Europe/Berlin", "Europe/Moscow", "Africa/Johannesburg", "America/New_York", "Asia/Tehran", "Asia/Beirut", "Pacific/Apia", "Australia/Lord_Howe"]


@pytest.mark.parametrize(
    ("name", "monday"),
    [
        ("2026-W47", date(2026, 11, 16)),
        ("2026-w01", date(2025, 12, 29)),
        ("2026-W53", date(2026, 12, 28)),
        ("2027-W01", date(2027, 1, 4)),
        (" 2020-W53 ", date(2020, 12, 28)),
    ],
)
def test_names(name, monday):
    week = Week.named(name)
    assert week.monday == monday
    assert Week.named(week.name) == week
    assert week.name == name.strip().upper()


@pytest.mark.parametrize("name", ["2026-W54", "2025-W53", "2026-W00", "2026-47", "W47", "0000-W01", "2026-W477", "next", ""])
def test_what_is_no_week_is_refused_with_an_example(name):
    with pytest.raises(ValueError, match="2026-W47"):
        Week.named(name)


@pytest.mark.parametrize(
    ("name", "start", "hours"),
    [
        ("2026-W12", datetime(2026, 3, 15, 23, tzinfo=UTC), 168),
        ("2026-W13", datetime(2026, 3, 22, 23, tzinfo=UTC), 167),
        ("2026-W14", datetime(2026, 3, 29, 22, tzinfo=UTC), 168),
        ("2026-W43", datetime(2026, 10, 18, 22, tzinfo=UTC), 169),
        ("2026-W44", datetime(2026, 10, 25, 23, tzinfo=UTC), 168),
    ],
)
def test_a_week_begins_at_midnight_by_the_clocks_of_the_zone_also_when_they_change(name, start, hours):
    week = Week.named(name)
    assert week.start(BERLIN) == start
    assert week.end(BERLIN) - week.start(BERLIN) == timedelta(hours=hours)


def test_the_last_hours_before_monday_belong_to_the_old_week():
    border = datetime(2026, 10, 25, 23, tzinfo=UTC)  # Monday, 26 October, 0:00 in Berlin; Sunday had 25 hours
    assert Week.of(border, BERLIN).name == "2026-W44"
    assert Week.of(border - timedelta(microseconds=1), BERLIN).name == "2026-W43"
    assert Week.of(border, UTC).name == "2026-W43"


@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 10), date(2037, 12, 20)))
def test_weeks_follow_one_another_without_gap_or_overlap(zone, day):
    zone = ZoneInfo(zone)
    week = Week(day - timedelta(days=day.weekday()))
    assert week.end(zone) == week.plus(1).start(zone)
    assert Week.of(week.start(zone), zone) == week
    assert Week.of(week.end(zone) - timedelta(microseconds=1), zone) == week
    assert next(iter(week.days)) == week.monday
    assert list(week.days)[-1] == week.sunday
    assert Week.named(week.name) == week
