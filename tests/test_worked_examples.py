"""The worked examples of docs/rules.md do what they say: their files are taken out of the document and tried."""

import re
from pathlib import Path

import pytest

from gateway.edge.rules import load_rules
from gateway.edge.rules_check import check_examples, sentence
from gateway.edge.scorer import build_scorer, rules_folders

TEXT = (Path(__file__).parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")
SECTION = re.search(r"^## Three worked examples\n(.*?)^## ", TEXT, re.DOTALL | re.MULTILINE)[1]
FILES = re.findall(r"```toml\n# /etc/courtesy/rules/(\S+)\n(.*?)```", SECTION, re.DOTALL)
TABLE = re.findall(r"^\| (.+?) \| (clean|abusive) \| (clean|abusive) \|$", SECTION, re.MULTILINE)


def scorer(*folders):
    return build_scorer(load_rules(folders, frozenset({"en"}))[0], None)


@pytest.fixture(scope="module")
def before():
    return scorer(*rules_folders())


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("rules")
    for name, text in FILES:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def after(site):
    return scorer(*rules_folders(site))


def test_there_are_three():
    assert len(re.findall(r"^### ", SECTION, re.MULTILINE)) == 3
    assert len({name for name, _ in FILES}) == len(FILES) == 4
    assert len(TABLE) == 6


@pytest.mark.parametrize(("mail", "was", "is_now"), TABLE)
def test_each_mail_is_judged_as_the_table_says(before, after, mail, was, is_now):
    assert before.assess(sentence(mail)).level.word == was
    assert after.assess(sentence(mail)).level.word == is_now


def test_rules_check_has_nothing_to_say(site):
    folders = rules_folders(site)
    book, warnings = load_rules(folders, frozenset({"en"}))
    assert not [problem for problem in warnings if str(site) in problem.file]
    assert not check_examples(book, build_scorer(book, None), ["en"], layer=1)
