"""The customer's own deadline: taken when it is plain, in six languages, and never guessed."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.languages import LANGUAGES
from gateway.edge.shipped import folder
from gateway.edge.spoken import load_spoken
from gateway.policy.deadline_words import DeadlineWords
from gateway.policy.deadlines import deadline_of

WORDS = {language: said.deadlines for language, said in load_spoken(LANGUAGES, [folder("templates")])[0].items()}

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
BERLIN = ZoneInfo("Europe/Berlin")

PLAIN = {
    "en": (
        ("Please reply within 14 days.", "2026-12-08"),
        ("I require a full refund within two weeks, failing which I will write to the ombudsman.", "2026-12-08"),
        ("Please answer within 14 days of receipt of this letter.", "2026-12-08"),
        ("Please answer within ten working days.", "2026-12-08"),
        ("I expect a refund by 5 December.", "2026-12-05"),
        ("I expect a refund by December 5th, 2026.", "2026-12-05"),
        ("I want a written answer by Friday, 4th of December 2026.", "2026-12-04"),
        ("You have until 5 Dec. 2026 to put this right.", "2026-12-05"),
        ("Please answer no later than 2026-12-05.", "2026-12-05"),
        ("Please answer before 5 December.", "2026-12-04"),
        ("Please answer by 25/12/2026.", "2026-12-25"),
        ("Please answer by 12/25/2026.", "2026-12-25"),
        ("Please let me know by 3 January.", "2027-01-03"),
        ("I ask for a reply within one month.", "2026-12-24"),
        ("If no engineer attends within seven days I will report you.", "2026-12-01"),
        ("Unless the money is here by 5 December I shall issue proceedings.", "2026-12-05"),
        ("I expect a refund by 20 December. Please reply by 5 December.", "2026-12-05"),
    ),
    "fr": (
        ("Merci de me répondre d'ici le 5 décembre.", "2026-12-05"),
        ("J'exige une réponse au plus tard le 1er décembre 2026.", "2026-12-01"),
        ("Vous avez jusqu'au vendredi 4 décembre pour me rembourser.", "2026-12-04"),
        ("Veuillez me rembourser avant le 05/12/2026.", "2026-12-04"),
        ("Je demande une réponse sous huit jours.", "2026-12-02"),
        ("Sauf versement sous dix jours, je saisirai le tribunal.", "2026-12-04"),
        ("Je vous mets en demeure de me rembourser dans un délai de quinze jours à compter de la réception de la présente.", "2026-12-09"),
    ),
    "de": (
        ("Bis zum 5. Dezember erwarte ich Ihre schriftliche Antwort.", "2026-12-05"),
        ("Ich setze Ihnen eine Frist bis zum 05.12.2026.", "2026-12-05"),
        ("Bitte antworten Sie bis spätestens Freitag, den 4. Dezember 2026.", "2026-12-04"),
        ("Bitte überweisen Sie den Betrag bis 5.12.", "2026-12-05"),
        ("Ich setze Ihnen eine Frist von 14 Tagen.", "2026-12-08"),
        ("Bitte erstatten Sie den Betrag binnen zwei Wochen nach Erhalt dieses Schreibens.", "2026-12-08"),
        ("Ich erwarte Ihre Antwort vor dem 5. Dezember.", "2026-12-04"),
        ("Sollte bis zum 5. Dezember keine Antwort vorliegen, wenden wir uns an das Amt.", "2026-12-05"),
    ),
    "ru": (
        ("Прошу ответить до 5 декабря.", "2026-12-05"),
        ("Жду ответа не позднее 05.12.2026.", "2026-12-05"),
        ("Требую вернуть деньги в течение десяти дней с момента получения этого письма.", "2026-12-04"),
        ("Прошу дать ответ до пятницы, 4 декабря 2026 года.", "2026-12-04"),
    ),
    "hu": (
        ("Kérem, válaszoljanak december 5-ig.", "2026-12-05"),
        ("Legkésőbb 2026. december 5-én várom a válaszukat.", "2026-12-05"),
        ("Kérem a visszatérítést 2026.12.05-ig.", "2026-12-05"),
        ("Felszólítom önöket, hogy 14 napon belül fizessenek.", "2026-12-08"),
        ("Két héten belül kérem a választ.", "2026-12-08"),
        ("Ha december 9-ig nem módosítják, a békéltető testülethez fordulok.", "2026-12-09"),
    ),
    "af": (
        ("Antwoord asseblief teen 5 Desember.", "2026-12-05"),
        ("Ek verwag u antwoord nie later nie as 5 Desember 2026.", "2026-12-05"),
        ("Ek eis 'n terugbetaling binne 14 dae.", "2026-12-08"),
        ("Word die bedrag nie binne tien dae betaal nie, dagvaar ek u.", "2026-12-04"),
        ("U het tot Vrydag 4 Desember, anders skryf ek aan die ombud.", "2026-12-04"),
    ),
}

NOT_PLAIN = {
    "en": (
        "You promised delivery by 5 December, please look into it.",
        "Please note: according to your terms, returns within 14 days are free.",
        "Please answer by 05/12/2026.",  # the fifth of December or the twelfth of May
        "Please answer by Friday.",
        "Please answer soon.",
        "Please refund my order of 5 December.",
        "I ordered two tickets for 5 December and want my money back.",
        "I am on holiday until 5 December, please write afterwards.",
        "Please answer by 20 November.",  # past, and the next one is a year away
        "Please answer by 5 December 2025.",
        "Please answer by 31 November.",
        "Please answer by 5 December 2028.",
        "Please refund what I returned within 14 days of delivery.",
        "We were there by 5 December. Please answer.",
        "Please answer within 999 days.",
        "If I order by 5 December, when will it come?",
    ),
    "fr": ("Vous aviez promis une livraison d'ici le 5 décembre, merci de vérifier.", "Je pars dans 3 jours, merci de me répondre.", "Deux billets pour le 5 décembre : je demande un remboursement."),
    "de": (
        "Sie haben mir die Lieferung bis zum 5. Dezember versprochen, bitte prüfen Sie das.",
        "Ich bin bis zum 5. Dezember im Urlaub, bitte schreiben Sie danach.",
        "Mein Vertrag läuft bis zum 31. Dezember, bitte bestätigen Sie das.",
        "Bitte erstatten Sie mir, was ich innerhalb von 14 Tagen nach Lieferung zurückgesandt habe.",
    ),
    "ru": ("Вы обещали доставить до 5 декабря, прошу разобраться.", "Мой договор действует до 31 декабря, прошу подтвердить."),
    "hu": ("Azt ígérték, hogy december 5-ig megjön, kérem, nézzenek utána.", "Kérem, december 5 után keressenek."),
    "af": ("U het belowe dat dit teen 5 Desember kom, kyk asseblief.", "Ek is tot 5 Desember weg, skryf asseblief daarna."),
    "und": ("Please reply within 14 days.",),
}


@pytest.mark.parametrize(("language", "text", "day"), [(language, *row) for language, rows in PLAIN.items() for row in rows])
def test_a_plain_deadline_is_taken(language, text, day):
    found = deadline_of(f"Hello,\n\n{text}\n\nAnna", WORDS[language], NOW, BERLIN)
    assert found is not None
    assert found.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M") == f"{day} 23:59"


@pytest.mark.parametrize(("language", "text"), [(language, text) for language, texts in NOT_PLAIN.items() for text in texts])
def test_what_is_not_plain_is_left(language, text):
    assert deadline_of(text, WORDS.get(language), NOW, BERLIN) is None


def test_hours_are_counted_from_now():
    assert deadline_of("Please answer within 48 hours.", WORDS["en"], NOW, BERLIN) == NOW + timedelta(hours=48)


def test_the_day_ends_where_the_site_is():
    for zone in (BERLIN, ZoneInfo("Pacific/Auckland"), ZoneInfo("America/Los_Angeles")):
        found = deadline_of("Please answer by 5 December.", WORDS["en"], NOW, zone)
        assert found.astimezone(zone).date().isoformat() == "2026-12-05"


def test_the_end_of_a_month_has_no_thirty_first_day():
    assert deadline_of("Please answer within one month.", WORDS["en"], datetime(2027, 1, 31, 12, tzinfo=UTC), UTC).date().isoformat() == "2027-02-28"


@given(st.sampled_from([*WORDS, "und"]), st.text(max_size=300), st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)))  # noqa: DTZ001
def test_whatever_a_mail_says_a_deadline_is_soon_and_not_past(language, text, at):
    now = at.replace(tzinfo=UTC)
    found = deadline_of(f"Please answer, asseblief, bitte. {text}", WORDS.get(language), now, BERLIN)
    assert found is None or now < found <= now + timedelta(days=185)


@pytest.mark.parametrize("text", ["please by " * 20_000, "please by the " + "friday " * 50_000, "please " + "5." * 100_000, "please within " + "1" * 100_000, "by 5 dec. " * 20_000, "if " * 30_000, "ha " * 30_000])
def test_a_hostile_text_takes_no_time(text):
    begun = time.process_time()
    for words in WORDS.values():
        deadline_of(text, words, NOW, BERLIN)
    assert time.process_time() - begun < 2.0


def test_a_language_may_know_one_way_to_say_it_or_none():
    """What a table leaves out is heard less; it never makes everything a deadline."""
    text = "Please answer within 14 days. I expect it by 5 December, by 06.12.2026, or in 3 hours."
    assert deadline_of(text, DeadlineWords(), NOW, BERLIN) is None
    assert deadline_of(text, DeadlineWords(demand=("please",), days=("days",)), NOW, BERLIN) is None
    only = DeadlineWords(demand=("please",), days=("days",), within=("within",))
    assert deadline_of(text, only, NOW, BERLIN).date().isoformat() == "2026-12-08"


def test_an_entry_is_no_regular_expression():
    words = DeadlineWords(demand=("please",), days=("d.ys", "day*"), within=("within",))
    assert deadline_of("Please answer within 14 daxs.", words, NOW, BERLIN) is None
    assert deadline_of("Please answer within 14 days.", words, NOW, BERLIN) is not None
