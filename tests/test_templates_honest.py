"""No notice says of a mail what wasn't done with it, threatens where it only asks, or labels a person (F6, H3, H8)."""

import itertools
import re
from zoneinfo import ZoneInfo

import pytest
from template_facts import ARRIVED, NOT_ARRIVED, notice_facts

from gateway.edge.shipped import folder
from gateway.edge.template_words import load_words
from gateway.edge.templates import LANGUAGES, SPEAK_OF_A_MAIL, Templates
from gateway.values import Category, Disposition, NoticeKind

# Any word with which a sentence could speak of the fate of a mail in the past.
FATE = {
    "en": r"\b(delivered|forwarded|reached|passed on|accepted|was held|been held|refused by|discarded|deleted|kept safe|arrived)\b",
    "fr": r"\b(remis|livré|transmis|parvenue?|arrivée?|distribué|retenu|supprimé|accepté)\b",
    "de": r"\b(zugestellt|weitergeleitet|weitergegeben|ausgeliefert|übermittelt|angekommen|angenommen|angehalten|gelöscht|zurückgehalten|aufbewahrt)\b",
    "ru": r"\b(доставлен[оаы]?|передан[оаы]?|получен[оаы]?|переслан[оаы]?|задержан[оаы]?|удален[оаы]?|удалён|(?<!решение )принято)\b",
    "hu": r"\b(kézbesítettük|továbbítottuk|megkapták|megkaptuk|eljutott|megérkezett|visszatartottuk|töröltük|kézbesítve)\b",
    "af": r"\b(afgelewer|deurgegee|aangestuur|teruggehou|uitgevee|ontvang)\b|het ons span bereik",
}
# No threats where we only ask (F6): nothing of blocking, suspending, consequences, authorities.
THREATS = {
    "en": r"suspend|block|consequence|police|authorit|legal|final|last time",
    "fr": r"suspen|bloqu|conséquence|police|autorité|juridique|derni",
    "de": r"aussetz|sperr|konsequenz|polizei|behörde|rechtlich|letzte",
    "ru": r"приостан|блокир|полици|юридич|последн(?!стви)",
    "hu": r"felfüggeszt|letilt|rendőr|hatóság|jogi|utols",
    "af": r"opskort|blokkeer|gevolge|polisie|owerheid|regs|laaste",
}
LABELS = {
    "en": r"\byou (are|were|have been) (?!to |not |asked|in contact)|your behaviou?r",
    "fr": r"\bvous (êtes|étiez|avez été)\b(?! en contact)|votre comportement",
    "de": r"\bSie (sind|waren)\b|Ihr(em|es)? Verhalten",
    "ru": r"\bВы (грубы|оскорб|наруш)|Ваше поведение",
    "hu": r"\bÖn (sértő|durva|goromba)|magatartása|viselkedése",
    "af": r"\bu (is|was) (?!welkom)|u gedrag",
}

# What always reaches us must name the complaints address: nothing else is certain for whoever is suspended or blocked.
ALWAYS = {"en": r"\balways\b", "fr": r"\btoujours\b", "de": r"\bimmer\b", "ru": r"\bвсегда\b", "hu": r"\bmindig\b", "af": r"\baltyd\b"}
COMPLAINTS = {
    "en": r"complaint", "fr": r"réclamation", "de": r"beschwerde", "ru": r"жалоб", "hu": r"panasz", "af": r"klagte",
}  # fmt: skip
SAY_NO_PERSON = {NoticeKind.APOLOGY, NoticeKind.REINSTATEMENT, NoticeKind.ACKNOWLEDGEMENT, NoticeKind.APPEAL_UPHELD, NoticeKind.APPEAL_GRANTED}
"""Their own last sentence says that a person reads the answer."""


def source(language, kind):
    return (folder("templates") / language / "notice" / f"{kind}.j2").read_text(encoding="utf-8")


SPEAKING = [kind for kind in NoticeKind if "{{ done }}" in source("en", kind)]


@pytest.fixture(scope="module")
def templates():
    return Templates("en", ZoneInfo("Europe/Berlin"))


def flat(text):
    return " ".join(text.replace("\u00a0", " ").split())


def visible(html):
    body = re.sub(r"<style>.*?</style>", " ", html, flags=re.DOTALL)
    return flat(re.sub(r"<[^>]+>", " ", body).replace("&#39;", "'").replace("&amp;", "&"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "disposition"), list(itertools.product(NoticeKind, [None, *Disposition])))
def test_a_notice_says_what_was_really_done_and_nothing_else(templates, language, kind, disposition):
    if disposition is None and kind in SPEAK_OF_A_MAIL:
        return  # not written at all, see below
    for categories in ((Category.INSULT,), (Category.FLOODING,), ()):
        rendered = templates.notice(kind, language, notice_facts(kind, disposition=disposition, categories=categories))
        speaks = disposition is not None and kind in SPEAKING
        for form in (flat(rendered.text), visible(rendered.html)):
            assert bool(re.search(ARRIVED[language], form)) is (speaks and disposition in {Disposition.DELIVER, Disposition.FOLD})
            assert bool(re.search(NOT_ARRIVED[language], form)) is (speaks and disposition in {Disposition.HOLD, Disposition.REFUSE})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_only_the_sentence_of_the_disposition_speaks_of_the_fate_of_the_mail(language, kind):
    body = source(language, kind).partition("\n")[2]
    assert not re.search(FATE[language], body, re.IGNORECASE)
    assert "disposition" not in body
    assert ("{{ done }}" in body) is (kind in SPEAKING)


def test_every_kind_that_is_about_a_mail_speaks_of_its_fate():
    assert set(SPEAKING) >= SPEAK_OF_A_MAIL
    assert set(NoticeKind) - set(SPEAKING) == {NoticeKind.REINSTATEMENT, NoticeKind.APPEAL_UPHELD}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_that_complaints_always_arrive_is_said_of_the_complaints_address(templates, language, kind):
    facts = notice_facts(kind)
    body = flat(templates.notice(kind, language, facts).text).partition("-----")[0]
    promises = [s for s in re.split(r"(?<=[.!?]) ", body) if re.search(ALWAYS[language], s) and re.search(COMPLAINTS[language], s, re.IGNORECASE)]
    assert all(facts.complaints in promise or facts.support in promise for promise in promises), promises
    assert bool(promises) is (kind in {NoticeKind.FINAL_WARNING, NoticeKind.SUSPENSION, NoticeKind.BLOCK, NoticeKind.APPEAL_UPHELD})


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_other_shared_sentences_are_silent_about_it_and_the_four_differ(language):
    words, problems = load_words(language, [folder("templates")])
    assert not problems
    for key in ("why", "repeated", "again", "always", "person", "automatic", "manual"):
        assert not re.search(FATE[language], words.text("sentences", key), re.IGNORECASE)
    done = {key: words.text("done", key) for key in ("delivered", "folded", "held", "refused")}
    assert {key for key, text in done.items() if re.search(ARRIVED[language], text)} == {"delivered", "folded"}
    assert {key for key, text in done.items() if re.search(NOT_ARRIVED[language], text)} == {"held", "refused"}
    assert len(set(done.values())) == 4


@pytest.mark.parametrize("kind", [NoticeKind.REMINDER, NoticeKind.WARNING, NoticeKind.FINAL_WARNING, NoticeKind.SUSPENSION])
def test_a_notice_about_a_mail_that_nobody_says_the_fate_of_is_not_written(templates, kind):
    with pytest.raises(ValueError, match="really done"):
        templates.notice(kind, "en", notice_facts(kind, disposition=None))


@pytest.mark.parametrize("language", LANGUAGES)
def test_released_mail_is_mentioned_only_when_some_was_released(templates, language):
    words, _ = load_words(language, [folder("templates")])
    label = words.text("labels", "released")
    for released in (0, 3):
        text = flat(templates.notice(NoticeKind.REINSTATEMENT, language, notice_facts(NoticeKind.REINSTATEMENT, released=released)).text)
        assert (label in text) is (released > 0)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [NoticeKind.REMINDER, NoticeKind.WARNING])
def test_the_first_notices_do_not_threaten(templates, language, kind):
    rendered = templates.notice(kind, language, notice_facts(kind))
    assert not re.search(THREATS[language], f"{rendered.subject} {rendered.text}", re.IGNORECASE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_notices_speak_of_the_message_never_of_the_person(templates, language, kind):
    assert not re.search(LABELS[language], templates.notice(kind, language, notice_facts(kind)).text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_notices_are_short_and_say_how_to_reach_a_person_and_who_decided(templates, language, kind):
    facts = notice_facts(kind)
    text = flat(templates.notice(kind, language, facts).text)
    words, _ = load_words(language, [folder("templates")])
    assert len(text.split()) <= 190
    assert "!" not in text.replace(words.text("phrases", "greeting"), "")
    # an acknowledgement decides nothing
    assert (words.text("sentences", "automatic" if facts.automatic else "manual") in text) is (kind is not NoticeKind.ACKNOWLEDGEMENT)
    assert (words.text("sentences", "person") in text) is (kind not in SAY_NO_PERSON)
    assert "K7Q2-9MX" in text
    assert "https://shop.example/respect" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_flood_is_told_of_as_one(templates, language):
    words, _ = load_words(language, [folder("templates")])
    flood = notice_facts(NoticeKind.REMINDER, categories=(Category.FLOODING,), clauses=("R14",))
    both = notice_facts(NoticeKind.REMINDER, categories=(Category.FLOODING, Category.PRESSURE), clauses=("R14",))
    told = words.text("sentences", "repeated").partition("{%")[0]
    assert told in flat(templates.notice(NoticeKind.REMINDER, language, flood).text)
    assert told not in flat(templates.notice(NoticeKind.REMINDER, language, both).text)
