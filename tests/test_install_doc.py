"""docs/install.md can be followed: its settings load, its layouts are those that the test with real servers takes."""

import re
from pathlib import Path

import pytest

from gateway.edge.settings import parse_settings

TEXT = (Path(__file__).parents[1] / "docs" / "install.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
WHOLE = [block for block in BLOCKS if "[downstream]" in block]
PARTS = [block for block in BLOCKS if "[downstream]" not in block]


def test_there_are_settings_for_each_layout():
    assert len(WHOLE) == 3
    assert len(PARTS) == 1


@pytest.mark.parametrize("block", WHOLE, ids=lambda block: re.search(r'\[downstream\]\naddress = "([^"]+)"', block)[1])
def test_its_settings_load_and_only_observe(block):
    settings = parse_settings(block, "install.md")
    assert settings.mode.value == "observe"
    assert settings.addresses.support_mailbox.addr_spec == "support@shop.example"


def test_what_is_to_be_added_after_the_queue_loads_with_the_rest():
    before = next(block for block in WHOLE if "127.0.0.1:10025" in block)
    assert "[identity]" not in before
    assert parse_settings(before + PARTS[0], "install.md").identity.trusted_authserv_ids == ("mx.shop.example",)


def test_its_headings_are_where_its_links_lead():
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^## (.+)$", TEXT, re.MULTILINE)}
    for target in re.findall(r"\]\(#([^)]+)\)", TEXT):
        assert target in anchors
