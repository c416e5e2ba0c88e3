from zoneinfo import ZoneInfo

import pytest
from template_facts import alert_facts, answer_facts, fold_facts, notice_facts

from gateway.edge.templates import LANGUAGES, Templates
from gateway.values import AlertKind, Category, NoticeKind


@pytest.fixture(scope="module")
def templates():
    return Templates("en", ZoneInfo("Europe/Berlin"))


def page(rendered):
    return f"Subject: {rendered.subject}\n\n{rendered.text}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_notices_read_as_they_should(templates, golden, language, kind):
    golden.check(f"notices/{language}/{kind}.txt", page(templates.notice(kind, language, notice_facts(kind))))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", AlertKind)
def test_alerts_read_as_they_should(templates, golden, language, kind):
    golden.check(f"alerts/{language}/{kind}.txt", page(templates.alert(kind, language, alert_facts(kind))))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("about", ["read", "nothing", "no_token", "expired"])
def test_answers_to_managers_read_as_they_should(templates, golden, language, about):
    golden.check(f"answers/{language}/decision-{about}.txt", page(templates.answers.decision(language, answer_facts(about))))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("about", ["reported", "counted", "known", "empty", "details", "civil", "unknown"])
def test_answers_to_colleagues_read_as_they_should(templates, golden, language, about):
    golden.check(f"answers/{language}/report-{about}.txt", page(templates.answers.report(language, answer_facts(about))))


@pytest.mark.parametrize("language", LANGUAGES)
def test_notes_before_folded_mail_read_as_they_should(templates, golden, language):
    golden.check(f"fold/{language}.txt", page(templates.fold_note(language, fold_facts())))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_html_is_what_it_was(templates, golden, language, kind):
    golden.check(f"notices/{language}/{kind}.html", templates.notice(kind, language, notice_facts(kind)).html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reminder_of_a_flood_reads_as_it_should(templates, golden, language):
    facts = notice_facts(NoticeKind.REMINDER, categories=(Category.FLOODING,), clauses=("R14",))
    golden.check(f"notices/{language}/reminder-flooding.txt", page(templates.notice(NoticeKind.REMINDER, language, facts)))
