"""Phrases as admins write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.scoring.patterns import Atom, PatternError, compiled, parse
from gateway.scoring.places import Places


def shape(text):
    return sorted([sorted((a.kind, a.text) for a in place.atoms), place.gap] for phrase in parse(text) for place in phrase.places)


def test_words_forms_classes_and_gaps():
    (phrase,) = parse("so dumm~ wie ...3 <animal>")
    assert [(next(iter(p.atoms)).kind, next(iter(p.atoms)).text, p.gap) for p in phrase.places] == [
        ("literal", "so", 0),
        ("form", "dumm", 0),
        ("literal", "wie", 0),
        ("class", "animal", 3),
    ]


def test_alternatives_of_single_words_are_one_place():
    (phrase,) = parse("(a|b|<x>|d~) e")
    assert phrase.places[0].atoms == {Atom("literal", "a"), Atom("literal", "b"), Atom("class", "x"), Atom("form", "d")}


def test_optional_words_and_longer_alternatives_are_variants():
    assert len(parse("go (to hell|away)? now")) == 3


def test_apostrophes_and_hyphens_split_words_as_in_text():
    (phrase,) = parse("don't be brain-dead")
    assert [next(iter(p.atoms)).text for p in phrase.places] == ["don", "t", "be", "brain", "dead"]


def test_borders():
    (phrase,) = parse("^go away$")
    assert phrase.at_start
    assert phrase.at_end


@pytest.mark.parametrize(
    ("text", "says"),
    [("(a", "without its )"), ("a)", "without its ("), ("? a", "follows neither"), ("a ...50 b", "at most"), ("(a)?", "nothing at all"), ("<Bad>", "small letters"), ("!!!", "nothing at all")],
)
def test_what_is_wrong_is_said(text, says):
    with pytest.raises(PatternError, match=r".*" + says.replace("(", r"\(").replace(")", r"\)")):
        parse(text)


def test_too_many_variants_are_refused():
    with pytest.raises(PatternError, match="variants"):
        parse(" ".join(["(a b|c d|e f|g h)"] * 6))


@given(st.text(alphabet="ab<>()|?^$.~* 12", max_size=40))
def test_no_phrase_breaks_the_parser(text):
    try:
        assert parse(text)
    except PatternError as error:
        text = str(error)
    else:
        text = "parsed"
    assert text


def found(pattern, words):
    numbers = {}
    phrases = [compiled(p, lambda atom: numbers.setdefault(atom.text, len(numbers)), 0) for p in parse(pattern)]
    present = Places([frozenset({numbers[word]} if word in numbers else ()) for word in words])
    return next((place for p in phrases if (place := p.find(present, len(words)))), None)


def test_gaps_count_words():
    assert found("a ...2 b", ["a", "x", "x", "b"]) == (0, 4)
    assert found("a ...2 b", ["a", "x", "x", "x", "b"]) is None
    assert found("a b", ["a", "x", "b"]) is None
    assert found("^a b$", ["a", "b"]) == (0, 2)
    assert found("^a b$", ["x", "a", "b"]) is None


def test_the_tightest_match_is_reported():
    assert found("a ...8 b", ["a", "x", "a", "x", "b"]) == (2, 5)
