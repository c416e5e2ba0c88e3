import pytest
from golden import Golden


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing with them")


@pytest.fixture
def golden(request):
    return Golden(update=request.config.getoption("--update-golden"))
