"""An alert names a shared mailbox, in every language, so that who decides about a block knows whom else it hits."""

import tomllib
from zoneinfo import ZoneInfo

import pytest
from template_facts import alert_facts

from gateway.edge.languages import LANGUAGES
from gateway.edge.shipped import folder
from gateway.edge.templates import Templates
from gateway.values import AlertKind


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("many", ["shared mailbox", "large organisation"])
def test_an_alert_says_that_others_may_be_hit(language, many):
    label = tomllib.loads((folder("templates") / language / "words.toml").read_text())["labels"][many.replace(" ", "_")]
    templates = Templates(language, ZoneInfo("UTC"), None)
    told = templates.alert(AlertKind.BLOCK_PROPOSED, language, alert_facts(AlertKind.BLOCK_PROPOSED, many=many))
    assert label in " ".join(told.text.split())
    assert label not in " ".join(templates.alert(AlertKind.BLOCK_PROPOSED, language, alert_facts(AlertKind.BLOCK_PROPOSED)).text.split())
