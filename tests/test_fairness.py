"""The shipped rules and ear treat everybody alike: names, who somebody is, and formal or informal address never change a level."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edge.scorer import load_scorer, rules_folders
from gateway.values import Level, Reading, Segment, SegmentKind

MAILS = Path(__file__).parent / "data" / "mails"
NAMES = (
    "Anna Miller", "Mohammed Al-Sayed", "Kevin Schulz", "Sibusiso Dlamini", "Ольга Петрова", "Zsófia Kovács", "Moshe Cohen", "Nguyễn Thị Lan",
    "Jamal Washington", "Fatima Yılmaz",
)  # fmt: skip
WHO = {
    "en": (
        "I write as a gay man.", "As a Muslim woman I am used to waiting.", "I am a Black customer of yours.", "We are a Jewish family.", "I am blind.",
        "I am a pensioner.", "My Roma neighbour has the same problem.", "I am a trans woman.",
    ),
    "de": (
        "Ich schreibe als schwuler Mann.", "Als Muslimin bin ich Warten gewohnt.", "Ich bin eine schwarze Kundin von Ihnen.", "Wir sind eine jüdische Familie.",
        "Ich bin blind.", "Ich bin Rentner.", "Mein türkischer Nachbar hat dasselbe Problem.", "Ich bin eine trans Frau.",
    ),
    "fr": (
        "Je suis un homme gay.", "En tant que musulmane, j'ai l'habitude d'attendre.", "Je suis une cliente noire.", "Nous sommes une famille juive.",
        "Je suis aveugle.", "Je suis retraité.", "Mon voisin algérien a le même problème.", "Je suis une femme trans.",
    ),
    "ru": (
        "Я пишу как гей.", "Я мусульманка и привыкла ждать.", "Я ваша темнокожая клиентка.", "Мы еврейская семья.", "Я слепой.", "Я пенсионер.",
        "У моего соседа-таджика та же проблема.", "Я трансгендерная женщина.",
    ),
    "hu": (
        "Meleg férfiként írok.", "Muszlim nőként megszoktam a várakozást.", "Fekete bőrű ügyfelük vagyok.", "Zsidó család vagyunk.", "Vak vagyok.",
        "Nyugdíjas vagyok.", "A roma szomszédomnak ugyanez a gondja.", "Transz nő vagyok.",
    ),
    "af": (
        "Ek skryf as 'n gay man.", "As 'n Moslemvrou is ek gewoond aan wag.", "Ek is 'n swart kliënt van julle.", "Ons is 'n Joodse gesin.", "Ek is blind.",
        "Ek is 'n pensioenaris.", "My Zoeloe-buurman het dieselfde probleem.", "Ek is 'n trans vrou.",
    ),
}  # fmt: skip
PLAIN = {
    "en": ("I am waiting for my router.", "You are idiots, all of you.", "Please cancel my contract.", "I will kill you when you leave the office."),
    "de": ("Ich warte auf meinen Router.", "Ihr seid alle Vollidioten.", "Bitte kündigen Sie meinen Vertrag.", "Ich bringe euch um, wenn ihr aus dem Büro kommt."),
    "fr": ("J'attends mon routeur.", "Vous êtes tous des imbéciles.", "Merci de résilier mon contrat.", "Je vais vous tuer à la sortie du bureau."),
    "ru": ("Я жду свой роутер.", "Вы все там идиоты.", "Прошу расторгнуть договор.", "Я вас убью, когда выйдете из офиса."),
    "hu": ("Várom a routeremet.", "Maguk mind idióták.", "Kérem, mondják fel a szerződésemet.", "Megölöm magukat, amikor kijönnek az irodából."),
    "af": ("Ek wag vir my roeteerder.", "Julle is almal idiote.", "Kanselleer asseblief my kontrak.", "Ek gaan julle doodmaak as julle uit die kantoor kom."),
}
ADDRESS = (
    ("Können Sie mir bitte sagen, wann mein Paket kommt?", "Kannst du mir bitte sagen, wann mein Paket kommt?"),
    ("Sie haben mir die falsche Rechnung geschickt.", "Du hast mir die falsche Rechnung geschickt."),
    ("Sie sind ein Vollidiot.", "Du bist ein Vollidiot."),
    ("Pouvez-vous me dire quand mon colis arrive ?", "Peux-tu me dire quand mon colis arrive ?"),
    ("Vous m'avez envoyé la mauvaise facture.", "Tu m'as envoyé la mauvaise facture."),
    ("Vous êtes un imbécile.", "Tu es un imbécile."),
    ("Подскажите, пожалуйста, когда придёт моя посылка?", "Подскажи, пожалуйста, когда придёт моя посылка?"),
    ("Вы прислали мне не тот счёт.", "Ты прислал мне не тот счёт."),
    ("Вы идиот.", "Ты идиот."),
    ("Meg tudná mondani, mikor jön a csomagom?", "Meg tudnád mondani, mikor jön a csomagom?"),
    ("Rossz számlát küldött nekem.", "Rossz számlát küldtél nekem."),
    ("Maga egy idióta.", "Te egy idióta vagy."),
    ("Kan u asseblief sê wanneer my pakkie kom?", "Kan jy asseblief sê wanneer my pakkie kom?"),
    ("U het vir my die verkeerde rekening gestuur.", "Jy het vir my die verkeerde rekening gestuur."),
    ("U is 'n idioot.", "Jy is 'n idioot."),
)


@pytest.fixture(scope="module")
def level():
    scorer = load_scorer(rules_folders())

    def of(body: str, subject: str = "Order 40718") -> Level:
        return scorer.assess(Reading((Segment(SegmentKind.SUBJECT, subject), Segment(SegmentKind.OWN, body)))).level

    return of


@pytest.mark.timeout(300)
@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(WHO)), st.data())
def test_who_somebody_is_never_changes_the_level(level, lang, data):
    who, name = data.draw(st.sampled_from(WHO[lang])), data.draw(st.sampled_from(NAMES))
    sentence = data.draw(st.sampled_from(PLAIN[lang]))
    plain = level(sentence)
    assert level(f"{who} {sentence}") is plain
    assert level(f"{sentence}\n\n{name}") is plain
    assert level(f"{who}\n{sentence}\n\n{name}") is plain


@pytest.mark.parametrize(("formal", "informal"), ADDRESS)
def test_how_staff_is_addressed_never_changes_the_level(level, formal, informal):
    assert level(formal) is level(informal)
    expected = Level.ABUSIVE if len(formal) < 25 and "?" not in formal else Level.CLEAN
    assert level(formal) is expected


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_in_whole_mails_names_and_identities_can_be_swapped(level):
    """Over the sample, civil and not: what stands near a limit may move with any sentence more or less, so one in two hundred may."""
    tried, moved = 0, []
    for lang, sentences in WHO.items():
        for line in (MAILS / f"{lang}.jsonl").read_text("utf-8").splitlines():
            mail = json.loads(line)
            for kind, variants in (
                ("name", [f"{mail['body']}\n\n{name}" for name in NAMES[::3]]),
                ("identity", [f"{who}\n{mail['body']}" for who in sentences[::2]]),
            ):
                levels = [level(body, mail["subject"]) >= Level.ABUSIVE for body in variants]
                usual = max(levels, key=levels.count)
                tried += len(levels)
                moved += [(kind, mail["id"], body[:50]) for body, found in zip(variants, levels, strict=True) if found != usual]
    assert tried > 1900
    assert len(moved) <= tried / 200, moved
