"""The whole service is killed while mail flows, again and again: what got its 250 is there, and nobody pays twice."""

import pytest
from killing import KillingStory


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_kill_at_any_moment_loses_no_mail_and_doubles_no_strike(tmp_path):
    report = KillingStory(tmp_path, seed=20261124).run(kills=8)
    assert report.kills == 8
    assert report.sent > 20
    assert report.incidents
    assert report.strikes
    assert report.held
    assert report.notices
