"""Which own sentences are shown in front of a folded mail, and how found words are masked."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edge.languages import LANGUAGES
from gateway.edge.shipped import folder
from gateway.edge.spoken import load_spoken
from gateway.mail import excerpts
from gateway.mail.excerpts import masked, sentences
from gateway.values import Assessment, Category, Finding, Level, Reading, Segment, SegmentKind, Target

ASKS = excerpts.asking(entry for said in load_spoken(LANGUAGES, [folder("templates")])[0].values() for entry in said.requests)


def calm_sentences(reading, assessment):
    return excerpts.calm_sentences(reading, assessment, ASKS)


def finding(text, words, category=Category.INSULT, index=1, points=5):
    start = text.index(words)
    return Finding("x.y", category, points, words, SegmentKind.OWN, index, (start, start + len(words)), Target.STAFF, "en")


def assessed(*findings, uncounted=(), level=Level.ABUSIVE):
    return Assessment(level, 5, "en", tuple({f.category for f in findings}), findings=findings, uncounted=uncounted)


def reading(own, *more):
    return Reading((Segment(SegmentKind.SUBJECT, "You idiots, please answer order 4711?"), Segment(SegmentKind.OWN, own), *more))


ANGRY = (
    "Good morning to all of you. You are complete idiots! My order 40718 has not arrived since Monday. "
    "Could you please send the second box? I have been waiting at home. What do you idiots do all day? Thank you and goodbye for now."
)


def test_the_request_is_shown_and_the_abuse_is_not():
    shown = calm_sentences(reading(ANGRY), assessed(finding(ANGRY, "complete idiots"), finding(ANGRY, "you idiots do")))
    assert shown == ("My order 40718 has not arrived since Monday.", "Could you please send the second box?")


def test_what_was_seen_and_does_not_count_is_not_shown_either():
    shown = calm_sentences(reading(ANGRY), assessed(finding(ANGRY, "complete idiots"), uncounted=(finding(ANGRY, "second box", points=0),)))
    assert not any("second box" in sentence for sentence in shown)


def test_a_mail_without_a_request_shows_nothing():
    text = "Did they find you in a petting zoo? Why do I even write to you. My goldfish would have understood it by now."
    assert calm_sentences(reading(text), assessed()) == ()


def test_disguised_words_and_missed_quotes_are_not_shown():
    text = "When do you f*ckers refund me? Please refund me, you 1d10ts. > Please tell us your order number.\n\nPlease refund order 12."
    assert calm_sentences(reading(text), assessed()) == ("Please refund order 12.",)


def test_only_own_segments_are_looked_at():
    quoted = Segment(SegmentKind.QUOTED, "Could you please tell us your order number 99?")
    shown = calm_sentences(reading(ANGRY, quoted, Segment(SegmentKind.HIDDEN, "Please send me 100 euros?")), assessed(finding(ANGRY, "idiots")))
    assert not any("99" in sentence or "100" in sentence or "4711" in sentence for sentence in shown)


@pytest.mark.parametrize("category", [Category.THREAT, Category.STALKING])
def test_nothing_is_shown_of_a_mail_with_a_threat(category):
    text = "I know when your shift ends. Could you please send the second box?"
    assert calm_sentences(reading(text), assessed(finding(text, "your shift", category), level=Level.SEVERE)) == ()


def test_nothing_is_shown_of_an_unscored_mail():
    assert calm_sentences(reading(ANGRY), Assessment(None)) == ()


def test_shouted_and_overlong_and_empty_sentences_are_left_out():
    text = "WHERE IS MY ORDER 4711 NOW PLEASE? Ok. Why " + "very " * 100 + "long? Please answer me now!! I need the invoice for order 12."
    assert calm_sentences(reading(text), assessed()) == ("I need the invoice for order 12.",)


@pytest.mark.parametrize(
    ("calm", "wanted"),
    [
        ("Das Wetter ist heute wirklich sehr schön hier. Ich bin heute schon früh aufgestanden. Der Tag war lang und müde.", "Bitte erstatten Sie mir den Betrag."),
        ("Le temps est vraiment très beau ici aujourd'hui. Je me suis levée très tôt ce matin. La journée fut longue.", "Pourriez-vous me rembourser la somme ?"),
        ("Сегодня здесь действительно очень хорошая погода. Утро выдалось ранним и длинным днём. День прошёл совсем обычно.", "Прошу вернуть мне деньги за билет."),
        ("Ma itt igazán nagyon szép idő van kint. Reggel nagyon korán volt az ébredés. A nap egészen hosszúra nyúlt.", "Kérem, küldjék el a számlát nekem."),
        ("Die weer is vandag regtig baie mooi hier buite. Dit was vanoggend nog vroeg en donker. Die dag was lank.", "Stuur asseblief vir my die faktuur."),
    ],
)
def test_requests_are_known_in_every_language(calm, wanted):
    assert wanted in calm_sentences(reading(f"{calm} {wanted}"), assessed())


def test_lines_and_controls_are_cleaned_before_they_are_shown():
    text = "Please\r\nsend me\u202e the\x00 invoice for order 12."
    assert calm_sentences(reading(text), assessed()) == ("Please send me the invoice for order 12.",)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.integers(0, 300), st.integers(1, 40))
def test_no_shown_sentence_touches_a_finding(text, start, length):
    hit = Finding("x.y", Category.INSULT, 5, "", SegmentKind.OWN, 1, (start, start + length), Target.STAFF, "en")
    spans = sentences(text)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    shown = calm_sentences(reading(text), assessed(hit))
    assert len(shown) <= 3
    assert all("\n" not in sentence for sentence in shown)


def test_a_long_text_takes_no_time():
    calm_sentences(reading("please " * 200_000), assessed())
    calm_sentences(reading("\n" * 500_000), assessed())
    masked("a b " * 500_000)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Idiot", "I•••t"),
        ("Sie Vollidiot!", "S•e V•••••••t!"),
        ("1d10t", "1•••t"),
        ("i d i o t", "i•••••••t"),
        ("du", "d•"),
        ("a", "a"),
        ("«дурак», hülye", "«д•••к», h•••e"),
        ("fool\r\nBcc:\x00 x", "f••l B•c: x"),
        ("", ""),
    ],
)
def test_masking_keeps_the_first_and_the_last_letter(text, shown):
    assert masked(text) == shown


@given(st.text(alphabet=st.characters(categories=("L", "N")), min_size=3, max_size=30))
def test_a_masked_word_shows_two_letters(word):
    assert sum(character != "•" for character in masked(word)) == 2
