import os

import pytest
from golden import Golden
from hypothesis import settings

# machines are noisy: a slow example is no failure (speed is measured in benchmarks/)
settings.register_profile("courtesy", deadline=None, print_blob=True)
settings.load_profile("courtesy")


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing with them")


@pytest.fixture
def golden(request):
    return Golden(update=request.config.getoption("--update-golden"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where CI has to bring every server, a test that skips for want of one has failed."""
    report = yield
    if report.skipped and os.environ.get("COURTESY_CI") and item.get_closest_marker("server") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI brings every server: {call.excinfo.value if call.excinfo else 'no reason given'}"
    return report
