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
