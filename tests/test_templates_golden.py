from zoneinfo import ZoneInfo

import pytest
from template_facts import alert_facts, fold_facts, notice_facts

from gateway.edge.templates import LANGUAGES, Templates
from gateway.values import AlertKind, NoticeKind


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
def test_notes_before_folded_mail_read_as_they_should(templates, golden, language):
    golden.check(f"fold/{language}.txt", page(templates.fold_note(language, fold_facts())))


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_is_what_it_was(templates, golden, language):
    rendered = templates.notice(NoticeKind.WARNING, language, notice_facts(NoticeKind.WARNING))
    golden.check(f"notices/{language}/warning.html", rendered.html)
