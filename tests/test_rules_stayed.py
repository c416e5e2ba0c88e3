"""Why a mail keeps its level although other rules fit it than before: each reason, in the report and at the terminal."""

from dataclasses import replace

import pytest
from tiny_rules import own, write

from gateway.cli.rules_live import SHOWN, told
from gateway.edge.replay import replay
from gateway.edge.replay import report as in_short
from gateway.edge.rules import load_rules
from gateway.edge.scorer import build_scorer
from gateway.edge.sources import mails
from gateway.edge.weigher import Order, Weigher
from gateway.mail.message import ReadingLimits
from gateway.scoring.stayed import Stays, stays
from gateway.values import Level

RULE = '[[rule]]\nid = "en.{category}.{name}"\ncategory = "{category}"\npoints = {points}\n{more}\n'
NEW = {
    "en/new.toml": "".join(
        RULE.format(category=category, name=name, points=points, more=more)
        for category, name, points, more in (
            ("insult", "muppet", 5, 'words = ["muppet"]'),
            ("insult", "silly", 1, 'words = ["silly"]'),
            ("pressure", "press", 5, 'aimed = "anybody"\nwords = ["newspaper"]'),
            ("threat", "signal", 10, 'signal = true\nphrases = ["my knife"]'),
            ("insult", "small", 1, 'words = ["idiot"]'),
        )
    )
    + '[[tag]]\nid = "en.tag.lawyer"\ntag = "lawful_remedy"\nphrases = ["my lawyer"]\n',
}
CASES = [
    ("What my lawyer says.", "en.tag.lawyer", Stays.TAG),
    ("I am not saying you are a muppet.", "en.insult.muppet", Stays.EXCUSED),
    ("Here is my knife.", "en.threat.signal", Stays.HINT),
    ("My neighbour is a muppet.", "en.insult.muppet", Stays.TARGET),
    ("You are silly.", "en.insult.silly", Stays.FEW),
    ("You dumb fool, you idiot, you muppet.", "en.insult.muppet", Stays.CAP),
    ("Or i post a review to the newspaper.", "en.pressure.press", Stays.CAP),
    ("This is crap. I go to the newspaper.", "en.pressure.press", Stays.CEILING),
    ("You idiot.", "en.insult.small", Stays.COVERED),
    ("I end it all, you muppet.", "en.insult.muppet", Stays.SELF_HARM),
    ("You idiot, you silly lot.", "en.insult.silly", Stays.OTHERS),
    ("I will kill you, you muppet.", "en.insult.muppet", Stays.OTHERS),
]


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    base, site = write(tmp_path_factory.mktemp("base")), tmp_path_factory.mktemp("site")
    (site / "en").mkdir()
    for name, text in NEW.items():
        (site / name).write_text(text)
    return tuple(load_rules(folders)[0] for folders in ((base,), (base, site)))


@pytest.fixture(scope="module")
def scorers(books):
    return tuple(build_scorer(book, None) for book in books)


def why(scorers, books, text):
    old, new = (scorer.assess(own(text)) for scorer in scorers)
    assert old.level is new.level, (old, new)
    there = dict(stays(old, new, books[0].policy, books[1].policy))
    # who loses what another would gain has the same reason
    assert there == dict(stays(new, old, books[1].policy, books[0].policy))
    return there


@pytest.mark.parametrize(("text", "rule", "reason"), CASES, ids=[f"{reason} {text}" for text, _, reason in CASES])
def test_why(scorers, books, text, rule, reason):
    assert why(scorers, books, text)[rule] is reason


def test_the_ears_doubt(scorers, books):
    """What a phrase only sounds like counts nothing where the ear hears too little, and then nobody sees that it fits."""
    old, new = scorers[0].assess(own("You there.")), scorers[1].assess(own("You muppet."))
    doubted = replace(new.findings[0], points=0, modifiers=("the ear hears nothing",))
    new = replace(new, level=Level.CLEAN, points=0, findings=(), uncounted=(doubted,))
    assert stays(old, new, books[0].policy, books[1].policy) == (("en.insult.muppet", Stays.EAR),)


def test_one_rule_in_the_place_of_another(books, scorers, tmp_path):
    (tmp_path / "site" / "en").mkdir(parents=True)
    (tmp_path / "site" / "en" / "new.toml").write_text(
        '[[change]]\nid = "en.insult.fool"\noff = true\n' + RULE.format(category="insult", name="twin", points=5, more='words = ["dumb fool"]')
    )
    book, _ = load_rules((write(tmp_path / "base"), tmp_path / "site"))
    old, new = (scorer.assess(own("You are a dumb fool.")) for scorer in (scorers[0], build_scorer(book, None)))
    assert stays(old, new, books[0].policy, book.policy) == (("en.insult.fool", Stays.INSTEAD), ("en.insult.twin", Stays.INSTEAD))


def test_nothing_is_said_where_the_level_changes_or_the_rules_are_the_same(scorers, books):
    old, new = (scorer.assess(own("You muppet.")) for scorer in scorers)
    assert stays(old, new, books[0].policy, books[1].policy) == ()
    assert stays(new, new, books[1].policy, books[1].policy) == ()


def report(stayed):
    """A replay in which nothing would have been treated differently."""
    totals = dict.fromkeys(("unscored", "changed", "harsher", "milder", "tags_changed"), 0)
    empty = {"levels": {}, "moves": [], "languages": {}, "rules": [], "consequences": {}, "senders": {}, "examples": []}
    return {"mails": 9, "old": "one", "new": "two", "identity": "nobody is verified", **totals, **empty, "stayed": stayed}


@pytest.mark.parametrize("reason", Stays)
def test_each_reason_has_a_sentence(reason, capsys):
    told(report([{"rule": "en.insult.muppet", "why": reason.value, "mails": 3}]))
    line = next(line for line in capsys.readouterr().out.splitlines() if "en.insult.muppet" in line)
    assert " ".join(line.split()).startswith("en.insult.muppet 3 ")
    assert len(line.split()) > 6, "a sentence, not the bare word"


def test_a_long_list_says_that_there_is_more(capsys):
    told(report([{"rule": f"en.insult.r{n}", "why": "ear", "mails": 1} for n in range(SHOWN + 2)]))
    assert "and 2 more; --json shows all" in capsys.readouterr().out


def test_a_replay_tells_it(tmp_path, capsys):
    site = tmp_path / "site"
    (site / "en").mkdir(parents=True)
    (site / "en" / "new.toml").write_text(NEW["en/new.toml"])
    base = write(tmp_path / "base")
    for number in range(3):
        (tmp_path / f"{number}.eml").write_bytes(b"From: a@b.example\r\nTo: s@shop.example\r\nSubject: x\r\n\r\nI will kill you, you muppet.\r\n")
    weighers = (Weigher(Order((base,), ReadingLimits())), Weigher(Order((base, site), ReadingLimits())))
    row = in_short(replay(mails([str(tmp_path / f"{n}.eml") for n in range(3)]), *weighers, processes=1), 5)
    assert (row["changed"], row["moves"]) == (0, [])
    assert row["rules"] == [{"rule": "en.insult.muppet", "old": 0, "new": 3, "gained": 3, "lost": 0}]
    assert row["stayed"] == [{"rule": "en.insult.muppet", "why": "others", "mails": 3}]
    told({**row, "old": "one", "new": "two", "identity": "x"})
    assert "the level is as high without it" in capsys.readouterr().out
