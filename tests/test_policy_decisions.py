"""A manager's answer is understood or left alone, never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.languages import LANGUAGES
from gateway.edge.shipped import folder
from gateway.edge.spoken import load_spoken
from gateway.policy.decision_words import DecisionWords, vocabulary
from gateway.policy.decisions import Fault, understand
from gateway.records import Action, DecisionItem

A = Action
SPOKEN = [said.decisions for said in load_spoken(LANGUAGES, [folder("templates")])[0].values()]
WORDS = vocabulary(SPOKEN)
ITEMS = (
    DecisionItem(1, "HELD", (A.RELEASE, A.DELETE, A.OVERTURN)),
    DecisionItem(2, "STRIKE", (A.STRIKE, A.DISMISS, A.OVERTURN), A.STRIKE),
    DecisionItem(3, "BLOCK", (A.BLOCK, A.DISMISS, A.OVERTURN, A.PARDON, A.RELEASE, A.DELETE), A.BLOCK),
    DecisionItem(4, "LIFT", (A.LIFT, A.DISMISS), A.LIFT),
    DecisionItem(5, "APPEAL", (A.GRANT, A.UPHOLD)),
    DecisionItem(6, "CASE", (A.ANSWERED,)),
)


def decided(text, items=ITEMS):
    return {(d.item.number, d.action.value) for d in understand(text, items, WORDS).decisions}


def faults(text, items=ITEMS):
    return {(u.fault.value, u.number) for u in understand(text, items, WORDS).unclear}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 release", {(1, "release")}),
        ("release 1", {(1, "release")}),
        ("1: release", {(1, "release")}),
        ("1) RELEASE.", {(1, "release")}),
        ("#1 -> release!", {(1, "release")}),
        ("- item 1: please release, thanks", {(1, "release")}),
        ("3 confirm block", {(3, "block")}),
        ("3 block confirmed", {(3, "block")}),
        ("3 confirm", {(3, "block")}),
        ("all confirm", {(2, "strike"), (3, "block"), (4, "lift")}),
        ("Confirm all", {(2, "strike"), (3, "block"), (4, "lift")}),
        ("all delete", {(1, "delete"), (3, "delete")}),
        ("1 release, 2 strike; 5 grant", {(1, "release"), (2, "strike"), (5, "grant")}),
        ("1 release 2 strike", {(1, "release"), (2, "strike")}),
        ("1 release 2 strike 5 grant", {(1, "release"), (2, "strike"), (5, "grant")}),
        ("release 1 strike 2", {(1, "release"), (2, "strike")}),
        ("1 3 release 2 strike, 6 answered", {(1, "release"), (3, "release"), (2, "strike"), (6, "answered")}),
        ("please release item 1, strike item 2 grant 5", {(1, "release"), (2, "strike"), (5, "grant")}),
        ("1 freigeben 2 verwarnen", {(1, "release"), (2, "strike")}),
        ("1-3 overturn", {(1, "overturn"), (2, "overturn"), (3, "overturn")}),
        ("overturn 1 - 3", {(1, "overturn"), (2, "overturn"), (3, "overturn")}),
        ("#1\u2013#3: overturn, please", {(1, "overturn"), (2, "overturn"), (3, "overturn")}),
        ("1, 2-3 overturn; 4 lift", {(1, "overturn"), (2, "overturn"), (3, "overturn"), (4, "lift")}),
        ("1-2 overturn 5 grant", {(1, "overturn"), (2, "overturn"), (5, "grant")}),
        ("1 and 2 overturn", {(1, "overturn"), (2, "overturn")}),
        ("overturn 1, 2 and 3", {(1, "overturn"), (2, "overturn"), (3, "overturn")}),
        ("3 block, 3 delete", {(3, "block"), (3, "delete")}),
        ("1 release\n1 release", {(1, "release")}),
        ("Guten Morgen,\n\n1 freigeben\n2 verwarnen\n\nGruß\nP. Chef\nHauptstr. 3, 12345 Berlin", {(1, "release"), (2, "strike")}),
        ("Bonjour,\n3 bloquer, 4 lever\nMerci", {(3, "block"), (4, "lift")}),
        ("3 заблокировать\n5 оставить в силе", {(3, "block"), (5, "uphold")}),
        ("1 kézbesít\nmind jóváhagy", {(1, "release"), (2, "strike"), (3, "block"), (4, "lift")}),
        ("2 tel, 1 vrylaat asseblief", {(2, "strike"), (1, "release")}),
        ("2 ablehnen, 5 ablehnen", {(2, "dismiss"), (5, "uphold")}),
        ("6 erledigt", {(6, "answered")}),
        ("1 LÖSCHEN", {(1, "delete")}),
        ("1 loschen", {(1, "delete")}),
    ],
)
def test_what_is_clear_is_understood(text, wanted):
    assert decided(text) == wanted
    assert faults(text) == set()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("release", {("which", 0)}),
        ("9 release", {("no_item", 9)}),
        ("4 release", {("not_allowed", 4)}),
        ("1 confirm", {("nothing_proposed", 1)}),
        ("all grant pardon", {("unknown", 0)}),
        ("1-9 overturn", {("unknown", 0)}),
        ("3-1 overturn", {("unknown", 0)}),
        ("1-3-26 overturn", {("unknown", 0)}),
        ("1-3.26 overturn", {("unknown", 0)}),
        ("1-3", set()),
        ("all 1-3 overturn", {("unknown", 0)}),
        ("1 release 2", {("unknown", 0)}),
        ("release 1 strike", {("unknown", 0)}),
        ("1 release 2 relase", {("unknown", 0), ("unsure", 1)}),
        ("not 1 release 2 strike", {("unknown", 0)}),
        ("1 release 2 strike, 3", {("unknown", 0), ("unsure", 1)}),
        ("1-3 overturn\nnot 2-3, 1", {("unknown", 0), ("unsure", 1), ("unsure", 2), ("unsure", 3)}),
        ("1.3 release", {("unknown", 0)}),
        ("1/3 release", {("unknown", 0)}),
        ("1 release?", {("unknown", 0)}),
        ("don't release 1", {("unknown", 0)}),
        ("1 nicht freigeben", {("unknown", 0)}),
        ("ne pas supprimer 1", {("unknown", 0)}),
        ("не удалять 1", {("unknown", 0)}),
        ("1 release tomorrow", {("unknown", 0)}),
        ("2 relase\n1 confirm", {("unknown", 0), ("nothing_proposed", 1)}),
        ("all confirm except 3", {("unknown", 0)}),
        ("overturn 1, 2, 3 block", {("unknown", 0)}),
        ("2 strike, 3", {("unknown", 0)}),
        ("1 release\n1 delete", {("conflict", 1)}),
        ("2 strike\n2 dismiss", {("conflict", 2)}),
        ("1 overturn\n1 delete", {("conflict", 1)}),
        ("1 release\nno, wait", {("unknown", 0), ("unsure", 1)}),
        ("1 freigeben\n\ndoch nicht", {("unknown", 0), ("unsure", 1)}),
    ],
)
def test_what_is_not_clear_is_not_done(text, wanted):
    assert decided(text) == set()
    assert faults(text) == wanted


def test_a_range_says_of_which_it_cant_be_meant():
    assert decided("1-3 release") == {(1, "release"), (3, "release")}
    assert faults("1-3 release") == {("not_allowed", 2)}


def test_a_line_that_isnt_understood_is_about_all_numbers_of_its_range():
    assert decided("2 strike\n1-3 overturn tomorrow") == set()
    assert faults("2 strike\n1-3 overturn tomorrow") == {("unknown", 0), ("unsure", 2)}


def test_a_line_that_may_take_one_back_stops_only_that_one():
    text = "all confirm\nexcept 3"
    assert decided(text) == {(2, "strike"), (4, "lift")}
    assert faults(text) == {("unknown", 0), ("unsure", 3)}


def test_a_negation_of_another_number_stops_nothing():
    assert decided("1 release\n\nnot 2") == {(1, "release")}


@pytest.mark.parametrize("text", ["", "Thank you for the report.", "yes", "Regards\nThe boss, Hauptstr. 3", "12345", "Sent from my phone", "1 relase"])
def test_mere_talk_decides_nothing_and_is_no_fault(text):
    assert understand(text, ITEMS, WORDS).decisions == ()
    assert understand(text, ITEMS, WORDS).unclear == ()


def test_a_disclaimer_below_decides_nothing():
    text = "1 release\n\nThis mail is confidential. If you are not the intended recipient, please delete it and tell us at +49 30 12345."
    assert decided(text) == {(1, "release")}
    assert faults(text) == set()


def test_an_alert_needs_no_number():
    only = ITEMS[2:3]
    assert decided("block", only) == {(3, "block")}
    assert decided("confirm", only) == {(3, "block")}
    assert decided("1 block", only) == set()


def test_no_word_means_two_things_that_one_item_allows():
    empty = WORDS.joins | WORDS.fillers | WORDS.takes_back
    for phrase, actions in WORDS.actions.items():
        assert len(actions) == 1 or actions <= {A.DISMISS, A.UPHOLD}, phrase
        assert phrase not in WORDS.confirm | WORDS.everything, phrase
        assert phrase not in empty, phrase
        assert not set(phrase.split()) & empty, phrase
    assert not WORDS.confirm & WORDS.everything
    assert not WORDS.fillers & (WORDS.takes_back | WORDS.joins | WORDS.confirm | WORDS.everything)


def test_what_an_admin_prints_is_understood_too():
    words = vocabulary([*SPOKEN, DecisionWords({A.RELEASE: ("durchlassen bitte",), A.DELETE: ("Weg damit",)}, ("einverstanden",), ("sämtliche",))])
    assert {d.action for d in understand("1 weg damit", ITEMS, words).decisions} == {A.DELETE}
    assert len(understand("sämtliche einverstanden", ITEMS, words).decisions) == 3


@pytest.mark.parametrize(("language", "words"), list(zip(LANGUAGES, SPOKEN, strict=True)))
def test_every_language_says_everything(language, words):
    assert set(words.actions) == set(Action)
    assert all(words.actions.values())
    assert all((words.confirm, words.everything, words.joins, words.fillers, words.takes_back))


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text):
    said = understand(text, ITEMS, WORDS)
    for decision in said.decisions:
        assert decision.action in decision.item.actions
    assert all(isinstance(unclear.fault, Fault) for unclear in said.unclear)


_TOKENS = st.sampled_from(["1", "2", "3", "release", "block", "delete", "confirm", "all", ",", "and", "not", "\n", "\n\n", "?", "please", "strike", "ablehnen"])


@given(st.lists(_TOKENS, max_size=12))
def test_a_decision_is_always_one_that_its_item_allows_and_never_contradicts_another(tokens):
    said = understand(" ".join(tokens), ITEMS, WORDS)
    assert len({(d.item.number, d.action) for d in said.decisions}) == len(said.decisions)
    for number in {d.item.number for d in said.decisions}:
        actions = {d.action for d in said.decisions if d.item.number == number}
        assert not {A.RELEASE, A.DELETE} <= actions
        assert not {A.BLOCK, A.DISMISS} <= actions
