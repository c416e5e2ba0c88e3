"""The same text many times in a short while is rude, and what people may have to repeat isn't (R14, A4, A5, A8)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from gate_house import abusive
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.recent import RecentMail
from gateway.edge.rules import load_rules
from gateway.edge.settings import NoticeSettings
from gateway.edge.shipped import folder
from gateway.policy.answerable import ENOUGH
from gateway.policy.flooding import Sent, alike, copies, weighed
from gateway.scoring.fold import fold
from gateway.scoring.likeness import likeness
from gateway.values import Assessment, Basis, Category, Identity, Level, NoticeKind, Standing, Tag

POLICY = load_rules((folder("rules"),), frozenset())[0].policy
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TEXT = "You broke my kitchen door when the new washing machine was brought in and I want that paid for."
ANNA = Identity("anna@client.example", verified=True, by="mx.shop.example")


def look(text):
    return likeness([fold(text).text], POLICY.flooding.asks)


def clean(text, *tags):
    return Assessment(Level.CLEAN, language="en", tags=frozenset(tags), likeness=look(text))


def story(times, text=TEXT, *tags, every=timedelta(minutes=5), key="mail {}"):
    """The assessment of the last of some mails with the same text."""
    mails = [Sent(NOW - every * n, key.format(n), look(text)) for n in range(1, times)]
    return weighed(clean(text, *tags), key.format(0), mails, POLICY, NOW)


def flooded(assessment):
    return Category.FLOODING in assessment.categories


def test_the_sixth_copy_within_an_hour_is_rude():
    assert not flooded(story(5))
    rude = story(6)
    assert (rude.level, rude.basis, rude.points) == (Level.RUDE, Basis.RULES, POLICY.rude)
    assert rude.categories == (Category.FLOODING,)
    assert rude.findings[0].clause == ("R14",)
    assert rude.arithmetic[-1] == "+2 flooding, the same text 6 times"


def test_the_same_all_over_the_week_is_patience():
    assert not flooded(story(40, every=timedelta(hours=2)))


def test_a_clients_resends_are_one_mail_however_often_they_come():
    assert not flooded(story(30, key="the same mail"))


@pytest.mark.parametrize("tag", [Tag.CANCELLATION, Tag.COMPLAINT, Tag.ESCALATION_REQUEST, Tag.LAWFUL_REMEDY, Tag.LEGAL_NOTICE, Tag.HARDSHIP])
def test_what_may_have_to_be_said_again_has_room_until_a_day_is_full_of_it(tag):
    assert not flooded(story(19, TEXT, tag))
    assert flooded(story(20, TEXT, tag))


@pytest.mark.parametrize("tag", [Tag.AUTOMATIC, Tag.SELF_HARM])
def test_machines_and_people_in_need_are_no_flooders(tag):
    assert not flooded(story(50, TEXT, tag))


@pytest.mark.parametrize(
    "text",
    [
        "It is two weeks now and I would really like a reply about the broken door, please.",
        "Je me permets une relance au sujet de la porte abîmée lors de votre livraison du mois dernier.",
        "Leider habe ich noch nichts gehört, was die beschädigte Küchentür angeht, und frage daher wieder.",
        "До сих пор никто не сказал, кто заплатит за дверь, которую вы сломали при доставке машины.",
        "Még mindig várom, hogy valaki megmondja, ki fizeti ki a szállításkor összetört konyhaajtót.",
        "Ek wag nog om te hoor wie vir die kombuisdeur gaan betaal wat met die aflewering gebreek is.",
    ],
)
def test_asking_for_an_answer_is_no_flood_in_any_language(text):
    assert look(text).asks
    assert not flooded(story(12, text))
    assert flooded(story(20, text))


def test_a_few_words_are_a_conversation():
    assert not flooded(story(12, "Thank you very"))
    assert not flooded(story(40, "4711 0815"))
    assert not flooded(story(40, ""))


def test_another_order_is_another_request():
    mails = [Sent(NOW, str(n), look(f"Please send me the invoice of order {4700 + n} once more.")) for n in range(20)]
    assert not flooded(weighed(clean("Please send me the invoice of order 4711 once more."), "new", mails[:11], POLICY, NOW))


def test_a_copy_with_another_greeting_or_disguise_is_a_copy():
    long = " ".join(f"{TEXT} And the {word} too was damaged on that day." for word in ("hall", "lamp", "wall", "floor", "frame"))
    for changed in (f"Hello again! {long}", long.upper(), long.replace("oo", "o\u200bo"), f"{long}\n\nAnna"):
        assert copies(look(changed), "x", [Sent(NOW, "y", look(long))], NOW - timedelta(hours=1), POLICY.flooding.alike) == 2


def test_an_answer_on_the_same_subject_is_no_copy():
    other = "The new washing machine runs well now, thank you, but who pays for the kitchen door that was broken?"
    assert alike(look(TEXT), look(other)) < 0.5


def test_a_flood_of_abuse_stays_abuse():
    mail = replace(abusive(), likeness=look(TEXT))
    after = weighed(mail, "new", [Sent(NOW, str(n), look(TEXT)) for n in range(9)], POLICY, NOW)
    assert (after.level, after.basis, after.categories) == (Level.ABUSIVE, mail.basis, (Category.INSULT, Category.FLOODING))


def test_an_unscored_mail_stays_unscored():
    mail = Assessment(None, tags=frozenset({Tag.UNSCORED}), likeness=look(TEXT))
    assert weighed(mail, "new", [Sent(NOW, str(n), look(TEXT)) for n in range(9)], POLICY, NOW) is mail


WORDS = st.lists(st.sampled_from(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]), max_size=40).map(" ".join)


@given(WORDS, WORDS)
def test_likeness_is_the_same_both_ways_and_whole_with_itself(one, other):
    assert alike(look(one), look(other)) == alike(look(other), look(one))
    assert 0 <= alike(look(one), look(other)) <= 1
    assert alike(look(one), look(one)) == (1.0 if one else 0.0)


def test_a_sites_own_numbers_keep_the_shipped_table_unless_they_have_their_own(tmp_path):
    shipped = (folder("rules") / "policy.toml").read_text(encoding="utf-8")
    before, _, rest = shipped.partition("[flooding]")
    without = before + "# The ladder" + rest.partition("# The ladder")[2]
    (tmp_path / "policy.toml").write_text(without, encoding="utf-8")
    assert load_rules((folder("rules"), tmp_path), frozenset())[0].policy.flooding == POLICY.flooding
    (tmp_path / "policy.toml").write_text(f"{without}\n[flooding]\nmails = 9\n", encoding="utf-8")
    own = load_rules((folder("rules"), tmp_path), frozenset())[0].policy.flooding
    assert (own.mails, own.asks) == (9, ())


# --- what is remembered of it -------------------------------------------------------------------------------------


def send(recent, text=TEXT, who=ANNA, *, key, at=NOW):
    return flooded(recent.weighed(clean(text), who, key, POLICY, at))


def test_a_forger_cannot_make_somebody_a_flooder():
    recent = RecentMail(NoticeSettings())
    forged = replace(ANNA, verified=False)
    for number in range(10):
        send(recent, who=forged, key=f"forged {number}")
    assert not send(recent, key="her own")
    assert send(recent, who=forged, key="one more")


def test_senders_do_not_add_up():
    recent = RecentMail(NoticeSettings())
    assert not any(send(recent, who=Identity(f"{n}@client.example", verified=True, by=""), key=str(n)) for n in range(30))


def test_memory_is_bounded_and_forgets_whoever_was_quiet_longest():
    recent = RecentMail(NoticeSettings())
    for number in range(10_100):
        send(recent, f"{TEXT} {number}", Identity(f"{number}@client.example", verified=True, by=""), key=str(number))
        recent.answered(f"{number}@client.example", look(TEXT), NOW)
    assert recent._came.total == recent._written.total == 10_000
    for number in range(200):
        recent.answered("anna@client.example", look(f"{TEXT} {number}"), NOW)
    assert len(recent._answered.of("client.example")) == 50


def test_one_text_of_a_domain_is_answered_once_whatever_number_it_bears():
    recent = RecentMail(NoticeSettings())
    text = "Thank you for your mail. Your ticket is {}. We are no idiots and will answer you as soon as we can, said the helpful program."
    recent.answered("ticket+1@desk.example", look(text.format(1)), NOW)
    assert recent.same_text("ticket+2@desk.example", look(text.format(2)), NOW + timedelta(hours=1))
    assert not recent.same_text("ticket+2@other.example", look(text.format(2)), NOW)
    assert not recent.same_text("ticket+2@desk.example", look(TEXT), NOW)
    assert not recent.same_text("ticket+2@desk.example", look(text.format(2)), NOW + timedelta(hours=25))
    assert not RecentMail(NoticeSettings(same_text_hours=0)).same_text("ticket+1@desk.example", look(text), NOW)


def test_an_address_has_its_notices_of_the_day_also_after_a_restart():
    recent = RecentMail(NoticeSettings(per_peer=2))
    nobody = Standing("anna@client.example")
    recent.answered("anna@client.example", look(TEXT), NOW)
    assert recent.why_not(nobody, NOW) == ""
    recent.answered("anna@client.example", look(TEXT), NOW)
    assert recent.why_not(nobody, NOW) == ENOUGH
    assert recent.why_not(nobody, NOW + timedelta(hours=25)) == ""
    told = Standing("anna@client.example", notices=tuple((kind.value, NOW) for kind in (NoticeKind.WARNING, NoticeKind.FINAL_WARNING)))
    assert RecentMail(NoticeSettings(per_peer=2)).why_not(told, NOW) == ENOUGH
