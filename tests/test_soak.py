"""A bounded run of mixed load: memory flat, no descriptor, no task, no weigher left over. benchmarks/soak.py runs it for longer."""

import pytest
from soaking import Soak


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_mixed_load_leaves_nothing_behind(tmp_path):
    report = await Soak(tmp_path).run(seconds=40, reload_every=8)
    assert report.tasks_left == []
    assert report.descriptors_left <= 2, str(report)
    assert report.grown(1) < 15, str(report)
    assert report.weighers == 1, str(report)
    assert {"civil 2xx", "abusive 2xx", "big 2xx", "hostile 2xx", "hostile 5xx", "tls 2xx"} <= report.replies.keys()
    assert not any("Traceback" in line or "unexpected" in line for line in report.lines), str(report)
