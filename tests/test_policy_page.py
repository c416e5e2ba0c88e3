"""The policy page says what is in force: the ladder's own steps, the site's addresses, what is kept how long."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from gateway.edge import shipped
from gateway.edge.digest_words import capital
from gateway.edge.languages import LANGUAGES
from gateway.edge.policy_page import PageFacts, policy_pages
from gateway.edge.rules import load_rules
from gateway.edge.scorer import rules_folders
from gateway.edge.template_words import load_words
from gateway.errors import BadInput
from gateway.numbers import Consequence
from gateway.policy.steps import Step, Told, told
from gateway.values import Disposition, NoticeKind

POLICY = load_rules(rules_folders(), frozenset())[0].policy
FACTS = PageFacts("Shop <support@shop.example>", "complaints@shop.example")


def pages(policy=POLICY, facts=FACTS, folder=None):
    return {page.language: page for page in policy_pages(policy, facts, folder)}


def test_the_shipped_ladder_is_told_as_it_is():
    assert dict(told(POLICY)) == {
        "abusive": (Told(0, Step.WARNING), Told(1, Step.FINAL), Told(2, Step.SUSPENSION, 7), Told(3, Step.UNTIL, 7)),
        "severe": (Told(0, Step.FINAL), Told(1, Step.UNTIL, 14)),
        "threat": (Told(0, Step.THREAT),),
    }


def test_another_ladder_is_told_otherwise():
    mild = replace(POLICY, decay_days=30, ladder=(("abusive", (Consequence(Disposition.DELIVER), Consequence(Disposition.FOLD, 1, NoticeKind.WARNING))),))
    assert told(mild) == (("abusive", (Told(0, Step.DELIVERED),)),)
    strict = replace(POLICY, decay_days=30, ladder=(("abusive", (Consequence(Disposition.HOLD, 1, NoticeKind.SUSPENSION, suspend_days=21),)),))
    text = " ".join(pages(strict)["en"].text.split())
    assert "21 days" in text
    assert "Every 30 days" in text
    assert "final warning" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_is_whole(language):
    page = pages()[language]
    for shown in (page.html, page.text):
        assert not re.search(r"\{\w+\}|\{\{|Undefined", shown)
        assert "complaints@shop.example" in shown
        assert "support@shop.example" in shown
        for number in ("7", "90", "365", "730"):
            assert re.search(rf"\b{number}\b", shown), number
    assert f'<html lang="{language}"' in page.html
    assert max(map(len, page.text.splitlines())) <= 100


class _Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_html_is_accessible(language):
    outline = _Outline()
    outline.feed(pages()[language].html)
    tags = [tag for tag, _ in outline.tags]
    assert outline.open == []
    assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
    assert "script" not in tags
    assert "img" not in tags
    assert all(attributes.get("scope") == "row" for tag, attributes in outline.tags if tag == "th")
    links = [attributes["href"] for tag, attributes in outline.tags if tag == "a"]
    assert links == [f"policy.{code}.html" for code in LANGUAGES if code != language] or set(links) == {f"policy.{c}.html" for c in LANGUAGES if c != language}


def test_what_a_site_names_is_escaped():
    page = pages(facts=replace(FACTS, support="<script>alert(1)</script>"))["en"]
    assert "<script>" not in page.html
    assert "&lt;script&gt;" in page.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_clauses_in_force_are_named_as_notices_name_them(language):
    with_clauses = pages(facts=replace(FACTS, clauses=frozenset({"D2", "D25", "R14"})))[language]
    without = pages()[language]
    words = load_words(language, [shipped.folder("templates")])[0]
    for shown, lines in ((with_clauses.text, with_clauses.text.splitlines()), (html.unescape(with_clauses.html), html.unescape(with_clauses.html).splitlines())):
        assert any(capital(words.clause("D2")) in line for line in lines)
        assert capital(words.clause("R14")) in shown
        assert capital(words.clause("D7")) not in shown  # no rule serves it
    assert capital(words.clause("D2")) not in without.text


def test_what_is_kept_for_good_is_said():
    text = pages(facts=replace(FACTS, incidents_days=0))["en"].text
    assert "until a person deletes" in " ".join(text.split())


def test_a_sites_words_lie_over_ours_and_broken_ones_are_told(tmp_path):
    (tmp_path / "en").mkdir()
    words = tmp_path / "en" / "policy.toml"
    words.write_text('title = "House rules"\n', encoding="utf-8")
    assert pages(folder=tmp_path)["en"].text.startswith("House rules")
    words.write_text('title = ["House rules"]\n', encoding="utf-8")
    with pytest.raises(BadInput, match="title"):
        pages(folder=tmp_path)
    words.write_text("title = \n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"policy\.toml:1"):
        pages(folder=tmp_path)


def test_the_command_prints_and_writes(tmp_path):
    runner = CliRunner()
    shown = runner.invoke(main, ["policy", "--lang", "de"])
    assert shown.exit_code == 0
    assert shown.output.startswith("Respektvoller Umgang")
    assert "- Keine verbalen Beleidigungen" in shown.output
    written = runner.invoke(main, ["policy", "--out", str(tmp_path / "site")])
    assert written.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == sorted(f"policy.{code}.{kind}" for code in LANGUAGES for kind in ("html", "txt"))


def test_the_command_uses_the_settings(tmp_path):
    settings = tmp_path / "c.toml"
    settings.write_text(
        '[downstream]\naddress = "127.0.0.1:25"\n[accept]\nrecipients = ["support@shop.example"]\n[addresses]\nsupport = "support@shop.example"\n'
        "[retention]\nincidents_days = 400\n",
        encoding="utf-8",
    )
    shown = CliRunner().invoke(main, ["policy", "--config", str(settings)])
    assert shown.exit_code == 0, shown.output
    assert "400 days" in shown.output
    assert "support+complaints@shop.example" in shown.output
    settings.write_text("[downstream]\n", encoding="utf-8")
    broken = CliRunner().invoke(main, ["policy", "--config", str(settings)])
    assert broken.exit_code == 1
    assert "is missing" in broken.output
