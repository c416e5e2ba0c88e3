"""The shipped rules and ear on all labelled mails that the project has: a floor under what was reached.

It guards against regressions. For sample and rounds it is no measure of mails by strangers: rules were mended with many of
them in sight and the ear has learned from them. The last round is kept from both.
"""

import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.edge.scorer import rules_folders
from gateway.edge.weigher import Mail, Order, Weigher
from gateway.mail.message import ReadingLimits
from gateway.values import Level, Tag

DATA = Path(__file__).parent / "data"
UNLEARNED = 17
"""The round that neither rules nor ear have learned from."""
LANGUAGES = ("af", "de", "en", "fr", "hu", "ru")


def labelled(pattern):
    return [json.loads(line) for path in sorted(DATA.glob(pattern)) for line in path.read_text("utf-8").splitlines() if line.strip()]


def message(row):
    mail = EmailMessage()
    mail["From"] = "Customer <customer@client.example>"
    mail["To"] = "support@shop.example"
    mail["Subject"] = row["subject"].replace("\n", " ")
    mail["Message-ID"] = "<labelled@client.example>"
    mail.set_content(row["body"])
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@pytest.fixture(scope="module")
def judged():
    weigher = Weigher(Order(rules_folders(), ReadingLimits()))
    strangers = labelled(f"rounds/*-{UNLEARNED}.jsonl")
    new = {row["id"] for row in strangers}
    rows = {"sample": labelled("mails/*.jsonl"), "rounds": [row for row in labelled("rounds/*.jsonl") if row["id"] not in new], "strangers": strangers}
    return {name: [(row, weigher.weigh(Mail(message(row), "customer@client.example"))[1]) for row in found] for name, found in rows.items()}


@pytest.mark.parametrize(("name", "found_at_least", "accused_at_most"), [("sample", 0.95, 0.01), ("rounds", 0.9, 0.01), ("strangers", 0.8, 0.03)])
def test_abuse_is_found_and_the_civil_are_not_accused(judged, name, found_at_least, accused_at_most):
    abusive = [assessment for row, assessment in judged[name] if row["level"] >= Level.ABUSIVE]
    civil = [(row["id"], assessment) for row, assessment in judged[name] if row["level"] == Level.CLEAN]
    assert len(abusive) >= 96
    assert sum(assessment.level >= Level.ABUSIVE for assessment in abusive) / len(abusive) >= found_at_least
    accused = [identifier for identifier, assessment in civil if assessment.level >= Level.ABUSIVE]
    assert len(accused) / len(civil) <= accused_at_most, accused


def test_no_language_stands_out(judged):
    for language in LANGUAGES:
        pairs = [(row, assessment) for found in judged.values() for row, assessment in found if row["lang"] == language]
        abusive = [assessment for row, assessment in pairs if row["level"] >= Level.ABUSIVE]
        civil = [row["id"] for row, _ in pairs if row["level"] == Level.CLEAN]
        accused = [row["id"] for row, assessment in pairs if row["level"] == Level.CLEAN and assessment.level >= Level.ABUSIVE]
        assert sum(assessment.level >= Level.ABUSIVE for assessment in abusive) / len(abusive) >= 0.75, language
        assert len(accused) / len(civil) <= 0.015, accused  # 2 of 126 while there were four rounds


def test_every_hint_at_self_harm_is_clean_and_brings_a_person(judged):
    hints = [(row, assessment) for name in ("sample", "rounds") for row, assessment in judged[name] if "self_harm" in row.get("flags", ())]
    assert len(hints) >= 200
    assert not [row["id"] for row, assessment in hints if assessment.level is not Level.CLEAN or Tag.SELF_HARM not in assessment.tags]


def test_what_rests_on_the_ear_alone_is_never_severe(judged):
    for found in judged.values():
        for row, assessment in found:
            assert assessment.level < Level.SEVERE or assessment.basis.value != "ear", row["id"]
