"""`score --explain`: golden captures without colour, the same in colour, as HTML; what would have been otherwise."""

import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from rich.console import Console
from tiny_rules import own, scorer_of, write

from gateway.cli import explain
from gateway.cli.explain import show
from gateway.cli.explain_html import page
from gateway.cli.explanation import Mark, Stretch, explanation
from gateway.cli.main import main
from gateway.edge.rules import load_rules
from gateway.edge.scorer import rules_folders
from gateway.scoring.levels import Otherwise, missing_points, otherwise
from gateway.values import Assessment, Category, Finding, Level, Reading, Segment, SegmentKind, Target

POLICY = load_rules(rules_folders(), frozenset())[0].policy


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    return scorer_of(write(tmp_path_factory.mktemp("rules")))


def told(scorer, reading, name="a.eml"):
    return explanation(name, reading, scorer.assess(reading), POLICY)


def captured(scorer, reading, monkeypatch, *, colour=False):
    console = Console(width=100, force_terminal=colour, color_system="standard" if colour else None, highlight=False, soft_wrap=True, emoji=False, markup=False)
    monkeypatch.setattr(explain, "Console", lambda **_: console)
    with console.capture() as capture:
        show(told(scorer, reading))
    return capture.get()


READING = Reading((
    Segment(SegmentKind.SUBJECT, "Order 12"),
    Segment(SegmentKind.OWN, "You are an idiot. I am not saying you are a goat.\nI drove past your house."),
    Segment(SegmentKind.QUOTED, "> fool"),
))  # fmt: skip

GOLDEN = """\
a.eml: abusive, 5 points, language en
  subject:
Order 12
  own:
You are an [1:idiot]. I am not saying you are a goat.
I drove past [2:your house].
  quoted: 6 characters, not scored
  counted:
    [1] +5 'idiot': insults at staff (en.insult.fool) [D2 no verbal insults]
  not counted:
    [2] 'your house': intimidation at staff (en.stalking.home; a hint that counts only where the ear agrees, and it doesn't)
  the sum:
    +5 en.insult.fool
    a mail is rude from 2 points on; all 5 count towards it
    a mail is abusive from 5 points on; all 5 count towards it
  otherwise:
    without en.insult.fool it would have been clean
    10 more points would have made it severe
  what would follow for a verified sender with:
    0 active strikes: delivered behind a note, warning to the sender
    1 active strike: delivered behind a note, final warning to the sender
    2 active strikes: held for a person, suspension to the sender
    3 or more active strikes: held for a person, suspension to the sender, the managers are told at once, a person decides about a block
"""


def test_the_golden_capture(scorer, monkeypatch):
    assert captured(scorer, READING, monkeypatch) == GOLDEN


def mark(number, text, words, *, counted=True):
    start = text.index(words)
    return Mark(number, (start, start + len(words)), counted)


MEET = "I will find out where you live, girl."


@pytest.mark.parametrize(
    ("marks", "shown"),
    [
        (("will find", "you live"), "I [1:will find] out where [2:you live], girl."),
        (("I will find out where you live, girl.", "find out where", "girl"), "[1:I will [2:find out where:2] you live, [3:girl:3].:1]"),
        (("find out where", "where you live"), "I will [1:find out [2:where:1] you live:2], girl."),
        (("find out where", "find out where"), "I will [1,2:find out where] you live, girl."),
    ],
    ids=["apart", "one in another", "crossing", "the same words"],
)
def test_brackets_that_meet_say_at_their_end_whose_they_are(marks, shown):
    stretch = Stretch("own", MEET, tuple(mark(number, MEET, words) for number, words in enumerate(marks, 1)))
    assert explain._marked(stretch).plain == shown


def uncounted(text, *spans):
    places = [(text.index(words), text.index(words) + len(words)) for words in spans]
    return tuple(Finding("en.x", Category.INSULT, 5, words, SegmentKind.OWN, 0, place, Target.STAFF, "en") for words, place in zip(spans, places, strict=True))


def test_of_what_isnt_counted_only_what_meets_nothing_is_marked_in_the_text():
    assessment = Assessment(Level.CLEAN, 0, "en", uncounted=uncounted(MEET, "find out where", "find out where you", "find out where", "girl"))
    found = explanation("a.eml", own(MEET), assessment, POLICY)
    (stretch,) = [stretch for stretch in found.stretches if stretch.text]
    assert explain._marked(stretch).plain == "I will [1,3:find out where] you live, [4:girl]."
    assert [line[:3] for line in found.uncounted] == ["[1]", "[2]", "[3]", "[4]"]


def test_of_words_that_count_elsewhere_nothing_else_is_said():
    (finding,) = uncounted(MEET, "girl")
    finding = replace(finding, modifiers=("intense", "signal", "covered", "by en.y", "the ear hears nothing"))
    (line,) = explanation("a.eml", own(MEET), Assessment(Level.CLEAN, 0, "en", uncounted=(finding,)), POLICY).uncounted
    assert line == "[1] 'girl': insults at staff (en.x; the same words count once; by en.y)"


def test_colour_adds_nothing_but_colour(scorer, monkeypatch):
    coloured = captured(scorer, READING, monkeypatch, colour=True)
    assert "\x1b[1;31midiot" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == GOLDEN


def test_a_clean_mail_has_little_to_tell(scorer, monkeypatch):
    shown = captured(scorer, own("Where is my order? Thank you for this and the other one."), monkeypatch)
    assert shown.startswith("a.eml: clean, 0 points, language en\n")
    assert "follow" not in shown


def test_a_threat_is_told_the_same_whatever_came_before(scorer):
    assert told(scorer, own("I will kill you.")).follows[0].startswith("0 active strikes: held for a person")


def test_nothing_of_the_mail_reaches_the_terminal_raw(scorer, monkeypatch):
    hostile = own("You \x1b[31midiot\u202e [bold]x[/bold]\x07")
    shown = captured(scorer, hostile, monkeypatch)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", shown)
    assert "[bold]x[/bold]" in shown


def test_the_page_runs_nothing(scorer):
    html = page([told(scorer, own("<script>alert(1)</script> You are an idiot."), name="<b>a</b>.eml")])
    assert "<script>" not in html
    assert "<b>a</b>" not in html
    assert re.search(r"<mark><sup>1</sup>idiot</mark>", html)
    assert html.count("<h1>") == 1


def findings(scorer, text):
    return scorer.assess(own(text)).findings


def test_which_rule_decides(scorer):
    assert otherwise(findings(scorer, "You are an idiot."), POLICY) == (Otherwise("en.insult.fool", Level.CLEAN),)
    assert otherwise(findings(scorer, "You are an idiot. You eat like a guinea pig."), POLICY) == ()
    assert otherwise((), POLICY) == ()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Good morning to you and the others.", (Level.RUDE, 2)),
        ("The crap router of this and the other.", (Level.ABUSIVE, 5)),  # undirected swearing brings nothing on the way to abusive
        ("You are an idiot.", (Level.SEVERE, 10)),
        ("I will kill you.", None),
    ],
)
def test_how_much_more_it_would_have_taken(scorer, text, missing):
    assert missing_points(findings(scorer, text), POLICY) == missing


def test_the_command_writes_a_page(tmp_path):
    rules = write(tmp_path / "rules")
    mail = tmp_path / "m.eml"
    mail.write_bytes(b"From: a@b.example\r\nSubject: Order\r\n\r\nYou are an idiot and this is not what the team was to do.\r\n")
    done = CliRunner().invoke(main, ["score", "--explain", "--html", str(tmp_path / "m.html"), "--only-rules", str(rules), str(mail)])
    assert done.exit_code == 0, done.output
    assert "<mark><sup>1</sup>idiot</mark>" in (tmp_path / "m.html").read_text("utf-8")
    assert CliRunner().invoke(main, ["score", "--html", "x.html", str(mail)]).exit_code == 2
