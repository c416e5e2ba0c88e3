"""Who says what to whom: targets, excuses, disguises, the sum."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_rules import FILES, own, scorer_of, write

from gateway.scoring.fold import fold
from gateway.scoring.words import Disguises, sentences
from gateway.values import Level, Reading, Segment, SegmentKind, Tag, Target


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    return scorer_of(write(tmp_path_factory.mktemp("rules")))


@pytest.mark.parametrize(
    "text",
    [
        "You are an idiot.",
        "u 1d10t",
        "You are an I-D-I-O-T",
        "you i d i o t",
        "You id\u200biot",
        "You idіоt",
        "you idiooooot",
        "YOU ID*OT",
        "You are a dumb fool.",
        "you fucking lot",
        "You f**king lot",
        "You eat like a guinea pig.",
        "Back to your cage!",
        "Sie sind ein Vollidiot.",
        "Sie sind daemliche Leute, das ist so.",
        "Du bist nicht nett, du Schweinebacke",
    ],
)
def test_abusive(scorer, text):
    assert scorer.assess(own(text)).level is Level.ABUSIVE, scorer.assess(own(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("I am an idiot, sorry.", "at self"),
        ("I feel like an idiot.", "at self"),
        ("My neighbour is an idiot.", "at third_party"),
        ("I am not saying you are an idiot.", "negated"),
        ("Your agent called me an idiot.", "reported speech"),
        ('Then he said "you are an idiot" and left.', "between quotation marks"),
        ("I never called anybody there an idiot.", "negated"),
    ],
)
def test_excused(scorer, text, why):
    assessment = scorer.assess(own(text))
    assert assessment.level is Level.CLEAN
    assert why in assessment.uncounted[0].modifiers


@pytest.mark.parametrize(
    "text",
    ["She is a skilled worker.", "The gift arrived.", "You use it like a monkey wrench.", "Order f1d10 is late.", "#idea for you", "My order is a bargain at A55 prices"],
)
def test_innocent(scorer, text):
    assert scorer.assess(own(text)).level is Level.CLEAN


def test_two_words_in_quotation_marks_after_you_are_irony(scorer):
    assert scorer.assess(own("You “idiots” did it again.")).level is Level.ABUSIVE


def test_a_third_party_is_remembered_over_the_next_sentence(scorer):
    text = "My neighbour took the parcel. What an idiot! Please send me the receipt."
    assessment = scorer.assess(own(text))
    assert assessment.level is Level.CLEAN
    assert assessment.uncounted[0].target is Target.THIRD_PARTY


def test_swearing_at_nobody_is_rude_however_much_there_is(scorer):
    assert scorer.assess(own("Crap router. Crap app. Crap router. Crap weather.")).level is Level.RUDE


def test_pressure_never_exceeds_rude(scorer):
    assert scorer.assess(own("Do it or i post a bad review. Today or i post a review. or i post the review")).level is Level.RUDE


def test_a_threat_is_severe_and_insults_never_are(scorer):
    assert scorer.assess(own("I will kill you.")).level is Level.SEVERE
    assert scorer.assess(own("You idiot, idiot, idiot. You dumb fool. You fucking idiot!")).level is Level.ABUSIVE


def test_a_signal_alone_counts_nothing(scorer):
    assessment = scorer.assess(own("I drove past your house."))
    assert assessment.level is Level.CLEAN
    assert "signal" in assessment.uncounted[0].modifiers


def test_only_subject_and_own_words_count(scorer):
    insult = "You are an idiot."
    for kind in SegmentKind:
        level = scorer.assess(Reading((Segment(kind, insult),))).level
        expected = Level.ABUSIVE if kind in {SegmentKind.SUBJECT, SegmentKind.OWN} else Level.RUDE if kind is SegmentKind.SIGNATURE else Level.CLEAN
        assert level is expected, kind


def test_self_harm_is_clean_and_tagged(scorer):
    assessment = scorer.assess(own("You idiots. I will end it all tonight."))
    assert (assessment.level, assessment.tags) == (Level.CLEAN, {Tag.SELF_HARM})


def test_weak_tags_need_two_sentences(scorer):
    assert Tag.COMPLAINT not in scorer.assess(own("He was rude.")).tags
    assert Tag.COMPLAINT in scorer.assess(own("He was rude. I ask for an apology.")).tags


def test_shouting_is_rude_and_acronyms_are_not(scorer):
    assert scorer.assess(own("WHERE IS MY PARCEL I WANT IT NOW TODAY PLEASE ANSWER")).level is Level.RUDE
    assert scorer.assess(own("The USB HDMI PCI card and the GPU fail with ERR.")).level is Level.CLEAN


def test_a_word_that_two_rules_know_counts_once(scorer):
    assert scorer.assess(own("You fucking idiot")).points <= 11


def test_spans_point_into_the_original_text(scorer):
    text = "Straße — you ID\u00adIOT!"
    finding = scorer.assess(own(text)).findings[0]
    assert text[slice(*finding.span)] == finding.text == "ID\u00adIOT"


def test_the_arithmetic_adds_up(scorer):
    assessment = scorer.assess(own("You complete idiot. You fucking lot."))
    assert assessment.points == sum(finding.points for finding in assessment.findings)
    assert assessment.arithmetic[-3:] == (
        "a mail is rude from 2 points on; all 11 count towards it",
        "a mail is abusive from 5 points on; all 11 count towards it",
        "a mail is severe from 10 points on; none of the 11 counts towards it, for all are of a kind that never makes a mail severe",
    )


def test_the_arithmetic_says_why_many_points_may_not_reach_far(scorer):
    """Pressure and swearing at nobody are rude however much of them there is (D5, F10), and a stranger who adds up wants to know why."""
    assessment = scorer.assess(own("Crap. This is crap. Or i post a review."))
    assert (assessment.level, assessment.points) == (Level.RUDE, 7)
    assert assessment.arithmetic[-1] == (
        "a mail is abusive from 5 points on; none of the 7 counts towards it, for all are of a kind that never makes a mail abusive"
    )
    assessment = scorer.assess(own("Crap. Or i post a review. You idiot."))
    assert "a mail is abusive from 5 points on; 5 of the 10 count towards it, the others are of a kind that never makes a mail abusive" in assessment.arithmetic


@given(st.text(max_size=300))
def test_nothing_written_breaks_it_and_the_same_text_gives_the_same(scorer, text):
    assert scorer.assess(own(text)) == scorer.assess(own(text))


@pytest.mark.parametrize("text", ["*" * 5000, "a b c d " * 800, "i.d.i.o.t." * 900, "<" * 4000, "\u0336" * 4000, "f*" * 3000, "1d" * 4000, '"' * 3000, "You are an idiot. " * 3500])
def test_hostile_text_is_weighed_quickly(scorer, text):
    import time

    started = time.process_time()
    scorer.assess(own(text))
    assert time.process_time() - started < 2


def test_sentences_stand_in_order_also_when_a_long_one_is_cut(scorer):
    part = scorer.part(0, Segment(SegmentKind.OWN, "word " * 300 + ". You are an idiot. " + "more " * 200))
    places = [(sentence.start, sentence.end) for sentence in part.sentences]
    assert places == sorted(places)
    assert all(before[1] <= after[0] for before, after in pairwise(places))


NAMES = st.sampled_from(["Anna", "Mohammed", "Kevin", "Sibusiso", "Ольга", "Zsófia", "Nguyễn", "O'Brien"])
WHO = st.sampled_from(["gay man", "Muslim woman", "blind person", "Black customer", "Jewish family", "trans woman", "pensioner"])


@given(NAMES, WHO, st.sampled_from(["I am waiting for my router.", "You are an idiot.", "Please cancel my contract.", "I will kill you."]))
def test_names_and_identities_never_change_the_level(scorer, name, who, sentence):
    plain = scorer.assess(own(sentence)).level
    assert scorer.assess(own(f"My name is {name}. As a {who} I write to you. {sentence}")).level is plain


def test_an_initial_does_not_end_a_sentence(scorer):
    folded = fold("Please ask Mr. A. B. Miller of plan b. He knows.")
    assert [len(sentence.tokens) for sentence in sentences(folded, Disguises(lambda _: False, lambda _: False, lambda _: None))] == [3, 8]


@pytest.mark.parametrize("text", ["You eat like l'1d1ot de service, d'1d1ot", "I will k1ll all of you."])
def test_a_disguise_is_seen_behind_an_elision_and_in_the_words_of_a_phrase(scorer, text):
    assert scorer.assess(own(text)).level >= Level.ABUSIVE


def test_an_innocent_run_of_words_names_nobody(tmp_path):
    morphology = FILES["en/morphology.toml"].replace('innocent = ["skilled"]', 'innocent = ["skilled", "thank-you"]')
    scorer = scorer_of(write(tmp_path, {**FILES, "en/morphology.toml": morphology}))
    assert scorer.assess(own("The thank-you like a guinea pig was nice.")).level is Level.CLEAN
    assert scorer.assess(own("Thank you, you eat like a guinea pig.")).level is Level.ABUSIVE


@pytest.mark.parametrize(("text", "level"), [("You are like a g o a t to me.", Level.ABUSIVE), ("Rooms g o a x are free.", Level.CLEAN)])
def test_a_word_of_a_class_is_read_through_spaced_letters(scorer, text, level):
    assert scorer.assess(own(text)).level is level


def test_the_crook_of_the_sentence_before_is_the_neighbour(scorer):
    assert scorer.assess(own("Please don't give it to my neighbour, will you. The idiot took it.")).level is Level.CLEAN
    assert scorer.assess(own("Please don't give it to my neighbour. You idiot.")).level is Level.ABUSIVE
