"""Rules reloaded while mail flows over SMTP through the real process: nothing lost, nothing judged by half a set.

benchmarks/reload.py does it 200 times under 5,000 mails; COURTESY_SMTP_RELOADS and COURTESY_SMTP_MAILS ask for more here.
"""

import pytest
from reloading import Reloading, asked_for

RELOADS, MAILS = asked_for("COURTESY_SMTP_RELOADS", 3), asked_for("COURTESY_SMTP_MAILS", 80)


@pytest.mark.slow
@pytest.mark.timeout(240 + 60 * RELOADS)
async def test_reloads_while_mail_flows_over_smtp(tmp_path):
    report = await Reloading(tmp_path).run(RELOADS, MAILS)
    assert report.reloads == RELOADS, str(report)
    assert report.mails >= MAILS
    assert len(report.judged) > 1, "all of it was judged by one set"
    assert report.unscored == 0, str(report)
    assert report.weighers == 1, str(report)
