"""The learned ear: what it hears, what it may do alone, how it speaks together with rules. Voices here are made by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_rules import FILES, own, scorer_of, write

from gateway.edge.scorer import load_scorer
from gateway.scoring.classes import MARKS
from gateway.scoring.ear import Ear
from gateway.scoring.slots import HEADS, WIDTH, class_slots, word_slots
from gateway.scoring.stretches import Voice, _class_sums, scored
from gateway.scoring.trees import LEAVES, SPLITS, Trees
from gateway.scoring.whole import FEATURES, features
from gateway.values import Basis, Level, Reading, Segment, SegmentKind, Tag

NEVER = 2.0
ALONE, HELPS, SEVERE = 0.8, 0.5, 0.6


def voice(**words: tuple[float, float]) -> Voice:
    """A voice that knows single words: how much each says abuse, and how much something severe."""
    weights = np.zeros((len(HEADS), WIDTH), dtype=np.float32)
    for word, (abuse, severe) in words.items():
        slot = int(word_slots([word])[0][0])
        weights[0, slot], weights[1, slot] = abuse, severe
    return Voice(weights, (-2.0, -2.0, -9.0, -9.0), ((1.0, 0.0, 0.0, 0.0, 0.0),) * len(HEADS), ALONE, HELPS, SEVERE, (NEVER, NEVER))


def knowing(feature: str, least: float, adds: float) -> tuple[Trees, ...]:
    """Trees that look at one number of the mail only, and for abuse only."""
    splits = np.zeros((len(HEADS), 1, SPLITS), dtype=np.int16)
    splits[0, 0, 0] = FEATURES.index(feature)
    thresholds = np.full(splits.shape, np.inf, dtype=np.float32)
    thresholds[0, 0, 0] = least
    leaves = np.zeros((len(HEADS), 1, LEAVES), dtype=np.float32)
    leaves[0, 0, LEAVES // 2 :] = adds
    return tuple(Trees(*arrays) for arrays in zip(splits, thresholds, leaves, strict=True))


LOUD, FAINT = (40.0, 0.0), (11.0, 0.0)
KNOWN = voice(spaniel=LOUD, terrier=(14.0, 0.0), murmur=FAINT, ravine=(40.0, 40.0), whisper=(12.5, 40.0), gorge=(0.0, 40.0))


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    scorer = scorer_of(write(tmp_path_factory.mktemp("rules")))
    scorer._ear = Ear({"en": KNOWN})  # no weights lie beside the tiny rules
    return scorer


def assessed(scorer, text):
    return scorer.assess(own(text))


def test_alone_it_makes_a_mail_abusive_and_shows_the_sentence(scorer):
    assessment = assessed(scorer, "The order came on Monday. You all remind me of a spaniel here. Please send the invoice.")
    assert (assessment.level, assessment.basis) == (Level.ABUSIVE, Basis.EAR)
    assert "spaniel" in assessment.findings[0].text
    assert "invoice" not in assessment.findings[0].text or "spaniel" in assessment.findings[0].text


def test_alone_it_is_never_severe(scorer):
    assert assessed(scorer, "You will see the ravine.").level is Level.ABUSIVE


def test_it_wants_somebody_spoken_to_unless_it_is_beyond_doubt(scorer):
    assert assessed(scorer, "You are a terrier.").level is Level.ABUSIVE
    assert assessed(scorer, "A film of a terrier.").level is Level.CLEAN
    film = "A film about a spaniel and a ravine."
    assert assessed(scorer, film).level is Level.CLEAN
    assert scorer.assess(own(film, subject="Hello")).level is Level.ABUSIVE  # a letter means one of us


def test_a_faint_doubt_is_nothing_by_itself_and_adds_to_a_rule(scorer):
    alone = assessed(scorer, "You murmur all day to the phone.")
    assert alone.level is Level.CLEAN
    assert "too faint to count alone" in alone.uncounted[0].modifiers
    pressed = "Do it today or i post a bad review."
    assert assessed(scorer, pressed).points == 3
    assert assessed(scorer, f"You murmur to the phone. {pressed}").points == 5


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("I drove past your house. I hear the whisper of you all day.", Level.SEVERE),  # something severe, at least faintly abusive
        ("I drove past your house. You murmur there all day.", Level.CLEAN),  # abusive perhaps, nothing severe
        ("I drove past your house. You know the gorge.", Level.CLEAN),  # a severe subject, no abuse
        ("I drove past your house.", Level.CLEAN),
    ],
)
def test_a_signal_counts_when_the_ear_agrees(scorer, text, level):
    assert assessed(scorer, text).level is level


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("It is dark when you go home. You know the ravine.", Level.SEVERE),
        ("It is dark when you go home. I hear the whisper of you all day.", Level.CLEAN),
        ("It is dark when you go home.", Level.CLEAN),
    ],
)
def test_a_loud_signal_only_names_what_the_ear_would_have_accused_alone(scorer, text, level):
    assert assessed(scorer, text).level is level


def test_it_does_not_hear_what_stands_between_quotation_marks(scorer):
    assert assessed(scorer, 'Your agent wrote "you spaniel, you spaniel" and I want this looked into by you.').level is Level.CLEAN


def test_an_ugly_word_that_names_nobody_counts_only_when_the_ear_hears_something(scorer):
    assert assessed(scorer, "The idiot file is on the disk.").level is Level.CLEAN
    assert assessed(scorer, "The idiot file is on the disk. You murmur to the phone.").level is Level.ABUSIVE


def test_it_tags_a_complaint(tmp_path):
    scorer = scorer_of(write(tmp_path))
    weights = np.zeros((len(HEADS), WIDTH), dtype=np.float32)
    weights[HEADS.index("complaint"), int(word_slots(["manners"])[0][0])] = 60.0
    scorer._ear = Ear({"en": Voice(weights, (-9.0, -9.0, -2.0, -9.0), ((1.0, 0.0, 0.0, 0.0, 0.0),) * len(HEADS), ALONE, HELPS, SEVERE, (0.5, NEVER))})
    assert assessed(scorer, "The man at the counter has no manners.").tags == {Tag.COMPLAINT}
    assert assessed(scorer, "The man at the counter has no time.").tags == frozenset()


def test_where_it_hears_no_complaint_the_words_of_rules_are_about_something_else(tmp_path):
    scorer = scorer_of(write(tmp_path))
    text = "He was rude. I ask for an apology."
    assert assessed(scorer, text).tags == {Tag.COMPLAINT}

    def listening(threshold, bias):
        weights = np.zeros((len(HEADS), WIDTH), dtype=np.float32)
        return Ear({"en": Voice(weights, (-9.0, -9.0, bias, -9.0), ((1.0, 0.0, 0.0, 0.0, 0.0),) * len(HEADS), ALONE, HELPS, SEVERE, (threshold, NEVER))})

    scorer._ear = listening(0.9, -2.0)
    assert assessed(scorer, text).tags == {Tag.COMPLAINT}
    scorer._ear = listening(0.9, -4.0)
    assert assessed(scorer, text).tags == frozenset()
    scorer._ear = listening(NEVER, -4.0)  # never learned what a complaint is
    assert assessed(scorer, text).tags == {Tag.COMPLAINT}


def test_a_single_sentence_must_be_louder(tmp_path):
    scorer = scorer_of(write(tmp_path))
    scorer._ear = Ear({"en": replace(voice(spaniel=(14.0, 0.0)), alone=0.5, brief=0.99)})
    long = "The order came on Monday. You are my spaniel. Please send the invoice. It was blue. Thank you for that."
    assert assessed(scorer, "You are my spaniel.").level is Level.CLEAN
    assert assessed(scorer, long).level is Level.ABUSIVE


def test_what_rules_found_makes_it_likelier(tmp_path):
    text = "You are an idiot."
    scorer = scorer_of(write(tmp_path))
    calm = replace(voice(), bias=(-4.0, -4.0, -9.0, -9.0))
    scorer._ear = Ear({"en": calm})
    assert assessed(scorer, text).level is Level.CLEAN  # it hears nothing, and hasn't learned what rules mean
    scorer._ear = Ear({"en": replace(calm, trees=knowing("insult: named", 4.0, 4.5))})
    assert assessed(scorer, text).level is Level.ABUSIVE
    assert assessed(scorer, "Where is my order?").level is Level.CLEAN


def test_trees_look_at_each_mail_by_itself(tmp_path):
    scorer = scorer_of(write(tmp_path))
    scorer._ear = Ear({"en": replace(voice(), trees=knowing("question marks", 1.5, 9.0))})
    assert assessed(scorer, "You there? You?").level is Level.ABUSIVE
    assert assessed(scorer, "You there? You.").level is Level.CLEAN
    assert assessed(scorer, "You there? You?").basis is Basis.EAR


@given(st.lists(st.floats(-50, 50, width=32), min_size=len(FEATURES), max_size=len(FEATURES)), st.integers(0, 2**32 - 1))
def test_trees_walk_as_a_plain_reading_of_them_does(numbers, seed):
    random = np.random.default_rng(seed)
    count = 5
    trees = Trees(
        random.integers(0, len(FEATURES), (count, SPLITS)).astype(np.int16),
        random.normal(scale=20, size=(count, SPLITS)).astype(np.float32),
        random.normal(size=(count, LEAVES)).astype(np.float32),
    )
    values = np.array(numbers, dtype=np.float32)

    def walked(tree: int) -> float:
        node = 0
        while node < SPLITS:
            node = 2 * node + (2 if values[trees.feature[tree, node]] > trees.threshold[tree, node] else 1)
        return float(trees.leaf[tree, node - SPLITS])

    assert trees.value(values) == pytest.approx(sum(map(walked, range(count))), abs=1e-4)


def test_every_number_of_a_mail_has_its_name(scorer):
    seen = scorer.look(Reading((Segment(SegmentKind.SUBJECT, "You IDIOT!"), Segment(SegmentKind.OWN, "Order 4711? You are an idiot. See you."))))
    numbers = dict(zip(FEATURES, features(scored(seen.heard_parts, KNOWN), seen.heard_parts, seen.beside), strict=True))
    assert numbers["question marks"] == numbers["exclamation marks"] == 1
    assert numbers["insult: named"] > 0
    assert numbers["subject: named"] + numbers["subject: nobody named"] > 0
    assert numbers["threat: named"] == numbers["tagged complaint"] == 0
    assert 0 < numbers["share of digits"] < 0.2 < numbers["share of capitals"] < 0.6


MARKED = st.lists(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, MARKS - 1)), max_size=70, unique=True).map(sorted),
    min_size=1, max_size=6,
)  # fmt: skip


@given(MARKED)
def test_classes_weigh_the_same_one_by_one_and_all_at_once(marks):
    random = np.random.default_rng(3)
    weights = np.zeros((len(HEADS), WIDTH), dtype=np.float32)
    slots = np.unique(np.concatenate([class_slots(sentence) for sentence in marks if sentence] or [np.zeros(0, dtype=np.int64)]))
    weights[:, slots] = random.normal(size=(len(HEADS), len(slots)))
    sums = _class_sums(marks, Voice(weights, (0.0,) * len(HEADS), (), 1, 1, 1))
    for n, sentence in enumerate(marks):
        expected = class_slots(sentence) if sentence else np.zeros(0, dtype=np.int64)
        assert np.allclose(sums.weights[n + 1] - sums.weights[n], weights[:, expected].sum(axis=1), atol=1e-3)
        assert sums.counts[n + 1] - sums.counts[n] == len(expected)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("You eat like a guinea pig.", Level.CLEAN),  # a phrase that merely sounds like contempt
        ("You murmur to the phone. You eat like a guinea pig.", Level.ABUSIVE),
        ("I will kill you.", Level.CLEAN),
        ("You murmur to the phone. I will kill you.", Level.SEVERE),
        ("You are an idiot.", Level.CLEAN),
        ("You murmur to the phone. You are an idiot.", Level.ABUSIVE),
        ("Do it today or i post a bad review.", Level.RUDE),  # the ear listens for abuse and doesn't doubt what is rude at most
    ],
)
def test_where_the_ear_hears_nothing_a_phrase_says_little(scorer, text, level):
    assessment = assessed(scorer, text)
    assert assessment.level is level
    assert (level is not Level.CLEAN) or "the ear hears nothing" in assessment.uncounted[0].modifiers


def test_a_rule_of_the_site_counts_whatever_the_ear_hears(tmp_path):
    site = {"en/rules.toml": '[[rule]]\nid = "site.word"\ncategory = "insult"\npoints = 5\nwords = ["flurble"]\n'}
    scorer = load_scorer([write(tmp_path / "shipped"), write(tmp_path / "site", site)], use_ear=False)
    scorer._ear = Ear({"en": replace(KNOWN, bias=(-9.0, -9.0, -9.0, -9.0))})
    assert assessed(scorer, "You are a flurble.").level is Level.ABUSIVE
    assert assessed(scorer, "You are an idiot.").level is Level.CLEAN


def test_a_certain_rule_counts_whatever_the_ear_hears(tmp_path):
    files = {**FILES, "en/rules.toml": FILES["en/rules.toml"].replace('id = "en.threat.kill"', 'id = "en.threat.kill"\ncertain = true')}
    scorer = scorer_of(write(tmp_path, files))
    scorer._ear = Ear({"en": replace(KNOWN, bias=(-9.0, -9.0, -9.0, -9.0))})
    assert assessed(scorer, "I will kill you.").level is Level.SEVERE
