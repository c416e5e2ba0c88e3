"""Folding: one plain form, and the way back to the original text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.scoring.fold import fold, latin_skeleton, readings, umlauts_spelled, without_accents


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("You IDIOT", "you idiot"),
        ("STRASSE straße", "strasse strasse"),
        ("𝖎𝖉𝖎𝖔𝖙 ｉｄｉｏｔ ⓘⓓⓘⓞⓣ", "idiot idiot idiot"),
        ("i\u200bd\u00adi\u2060o\ufefft", "idiot"),
        ("i\u0336d\u0336iot", "idiot"),
        ("hu\u0308lye", "hülye"),
        ("ёлка", "елка"),
        ("don’t", "don't"),
        ("🅸🅳🅸🅾🆃", "idiot"),
        ("a\x00b", "ab"),
        ("й", "й"),
    ],
)
def test_one_plain_form(text, folded):
    assert fold(text).text == folded


def test_a_right_to_left_override_is_read_as_it_is_seen():
    assert fold("you \u202etoidi\u202c").text == "you idiot"


def test_the_way_back_reaches_the_original_words():
    text = "Sie sind ein Spaß\u00advogel, du i\u200bdiot!"
    folded = fold(text)
    start = folded.text.index("idiot")
    first, last = folded.span(start, start + 5)
    assert text[first:last] == "i\u200bdiot"


@given(st.text(max_size=200))
def test_every_folded_span_lies_in_the_text(text):
    folded = fold(text)
    if folded.origin is not None:
        assert len(folded.origin) == len(folded.text)
    for start in range(0, len(folded.text), 7):
        first, last = folded.span(start, start + 1)
        assert 0 <= first < last <= len(text)


@given(st.text(alphabet=st.characters(categories=["Ll", "Lu", "Zs", "Po", "Nd"]), max_size=100))
def test_folding_twice_changes_nothing_more(text):
    once = fold(text).text
    assert fold(once).text == once or unicodedata.normalize("NFKC", once).casefold() != once


@pytest.mark.parametrize(
    ("word", "reading"),
    [("1d10t", "idiot"), ("4rschl0ch", "arschloch"), ("idіоt", "idiot"), ("дуpaк", "дурак"), ("idiooooot", "idiot"), ("д3бил", "дебил"), ("f@ck", "fack")],
)
def test_other_readings(word, reading):
    assert reading in readings(word)


@pytest.mark.parametrize("word", ["idiot", "hülye", "дурак", "order", "straße"])
def test_ordinary_words_have_no_other_reading(word):
    assert readings(word) == []


def test_accents_come_off_latin_letters_only():
    assert without_accents("hülyeség őrült été") == "hulyeseg orult ete"
    assert without_accents("какой") == "какой"
    assert umlauts_spelled("blöd") == "bloed"


@pytest.mark.parametrize("spelling", ["debily", "debili"])
def test_russian_in_latin_letters_has_one_skeleton(spelling):
    assert latin_skeleton(spelling) == latin_skeleton("дебилы")
