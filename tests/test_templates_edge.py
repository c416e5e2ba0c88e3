"""Completeness, sites that lay their own words over ours, broken templates, and values that pretend to be templates."""

import re
import shutil
import unicodedata
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from template_facts import alert_facts, fold_facts, notice_facts

from gateway.edge.shipped import folder
from gateway.edge.template_words import load_words
from gateway.edge.templates import LANGUAGES, Templates
from gateway.errors import BadInput
from gateway.values import AlertKind, Category, NoticeKind

BERLIN = ZoneInfo("Europe/Berlin")
TEMPLATES = Templates("de", BERLIN)
HOSTILE = "{{ 7*7 }}{% for x in y %}<script>alert(1)</script>\r\nBcc: x@y\x00\u202e\x1b[31m"


class Balance(HTMLParser):
    """Whether every tag is closed in its turn."""

    VOID = frozenset({"meta", "br", "img"})

    def __init__(self):
        super().__init__()
        self.open = []
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def all_mails(language):
    for kind in NoticeKind:
        yield TEMPLATES.notice(kind, language, notice_facts(kind))
    for kind in AlertKind:
        yield TEMPLATES.alert(kind, language, alert_facts(kind))
    yield TEMPLATES.fold_note(language, fold_facts())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_kind_word_and_clause(language):
    root = folder("templates") / language
    assert {path.stem for path in (root / "notice").glob("*.j2")} == set(NoticeKind)
    assert {path.stem for path in (root / "alert").glob("*.j2")} == set(AlertKind)
    words, problems = load_words(language, [folder("templates")])
    english, _ = load_words("en", [folder("templates")])
    assert not problems
    assert set(words.texts) == set(english.texts)
    assert {key for table, key in words.texts if table == "categories"} == set(Category)


def test_no_language_was_left_in_english():
    english, _ = load_words("en", [folder("templates")])
    for language in set(LANGUAGES) - {"en"}:
        words, _ = load_words(language, [folder("templates")])
        same = {place for place, text in words.texts.items() if english.texts[place] == text}
        assert same <= {("phrases", "colon"), ("phrases", "and"), ("dates", "moment"), ("categories", "provocation"), ("categories", "stalking")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_lines_are_short_and_the_subjects_are_one_line(language):
    for rendered in all_mails(language):
        assert "\n" not in rendered.subject
        assert len(rendered.subject) <= 120
        assert all(len(line) <= 130 for line in rendered.text.split("\n"))
        assert "\n\n\n" not in rendered.text
        assert not re.search(r"\{\{|\}\}|\{%|None|Undefined", rendered.text + rendered.subject)


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_is_well_formed_speaks_its_language_and_says_the_same(language):
    for rendered in all_mails(language):
        page = Balance()
        page.feed(rendered.html)
        page.close()
        assert not page.open
        names = dict(page.tags[:1])
        assert names["html"]["lang"] == language
        assert all(attributes.get("role") == "presentation" for tag, attributes in page.tags if tag == "table")
        assert not {"img", "script", "link", "iframe", "form"} & {tag for tag, _ in page.tags}
        assert all("color:" in a["style"] for tag, a in page.tags if a.get("bgcolor"))
        body = re.sub(r"<style>.*?</style>", " ", rendered.html, flags=re.DOTALL)
        body = re.sub(r"<[^>]+>", " ", body).replace("&#39;", "'").replace("&#34;", '"')
        shown = set(re.findall(r"\w+", body))
        assert set(re.findall(r"\w+", rendered.text)) <= shown


def test_a_language_that_is_not_ours_gets_the_site_language():
    assert TEMPLATES.resolve("nl") == "de"
    assert TEMPLATES.resolve("und") == "de"
    facts = notice_facts(NoticeKind.WARNING)
    assert TEMPLATES.notice(NoticeKind.WARNING, "nl", facts) == TEMPLATES.notice(NoticeKind.WARNING, "de", facts)


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", "24 November 2026, 10:05 (UTC+1)"),
        ("fr", "24 novembre 2026 à 10:05 (UTC+1)"),
        ("de", "24. November 2026, 10:05 Uhr (UTC+1)"),
        ("ru", "24 ноября 2026 г., 10:05 (UTC+1)"),
        ("hu", "2026. november 24. 10:05, UTC+1"),
        ("af", "24 November 2026 om 10:05 (UTC+1)"),
    ],
)
def test_times_are_shown_in_the_zone_of_the_site(language, wanted):
    text = TEMPLATES.notice(NoticeKind.WARNING, language, notice_facts(NoticeKind.WARNING)).text
    assert wanted in " ".join(text.split())


def test_summer_time_first_of_a_month_in_french_and_half_hours():
    words, _ = load_words("fr", [folder("templates")])
    at = notice_facts(NoticeKind.WARNING).at.replace(month=7, day=1)
    assert words.moment(at, BERLIN) == "1er juillet 2026 à 11:05 (UTC+2)"
    assert words.moment(at, ZoneInfo("Asia/Kolkata")) == "1er juillet 2026 à 14:35 (UTC+5:30)"
    assert words.moment(at, ZoneInfo("UTC")) == "1er juillet 2026 à 09:05 (UTC)"
    with pytest.raises(ValueError, match="naive"):
        words.moment(at.replace(tzinfo=None), BERLIN)


# --- values from outside -------------------------------------------------------------------------------------------


def harmless(rendered):
    for text in (rendered.subject, rendered.text, rendered.html):
        assert not any(unicodedata.category(c) in {"Cc", "Cf"} and c != "\n" for c in text)
    assert "<script" not in rendered.html


def test_values_are_never_read_as_templates_or_html():
    alert = TEMPLATES.alert(AlertKind.SEVERE, "en", alert_facts(AlertKind.SEVERE, sender=HOSTILE, by=HOSTILE, recipients=(HOSTILE,)))
    harmless(alert)
    assert "{{ 7*7 }}" in alert.text
    assert "49" not in alert.text
    assert "&lt;script&gt;" in alert.html
    harmless(TEMPLATES.fold_note("fr", fold_facts(sender=HOSTILE, sentences=(HOSTILE, HOSTILE), reference=HOSTILE)))
    for kind in NoticeKind:
        harmless(TEMPLATES.notice(kind, "ru", notice_facts(kind, company=HOSTILE, reference=HOSTILE, support=HOSTILE, policy_url=HOSTILE)))


def test_a_policy_address_that_is_no_web_address_is_no_link():
    rendered = TEMPLATES.notice(NoticeKind.WARNING, "en", notice_facts(NoticeKind.WARNING, policy_url="javascript:alert(1)"))
    assert 'href="javascript' not in rendered.html


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), st.sampled_from(LANGUAGES))
def test_any_text_in_the_facts_is_harmless(text, language):
    harmless(TEMPLATES.alert(AlertKind.THREAT, language, alert_facts(AlertKind.THREAT, sender=text, excerpts=(text,), by=text)))
    harmless(TEMPLATES.fold_note(language, fold_facts(sentences=(text,), sender=text)))


def test_found_words_are_masked_and_never_in_the_subject():
    rendered = TEMPLATES.alert(AlertKind.SEVERE, "en", alert_facts(AlertKind.SEVERE, excerpts=("you miserable cockroach", "i d i o t")))
    assert "cockroach" not in rendered.subject + rendered.text + rendered.html
    assert "y•u m•••••••e c•••••••h | i•••••••t" in " ".join(rendered.text.split())


@pytest.mark.parametrize("kind", NoticeKind)
def test_the_subject_of_a_notice_is_fixed(kind):
    one = TEMPLATES.notice(kind, "hu", notice_facts(kind)).subject
    other = TEMPLATES.notice(kind, "hu", notice_facts(kind, reference="Z", company="Other", categories=(), clauses=())).subject
    assert one == other


def test_a_clause_that_customers_are_not_told_of_is_left_out():
    text = TEMPLATES.notice(NoticeKind.WARNING, "en", notice_facts(NoticeKind.WARNING, clauses=("H8", "X1"))).text
    assert "rule:" not in text
    assert "H8" not in text


# --- a site's own folder ---------------------------------------------------------------------------------------------


def test_a_site_changes_one_word_and_one_template_and_keeps_the_rest(tmp_path):
    (tmp_path / "en" / "notice").mkdir(parents=True)
    (tmp_path / "en" / "words.toml").write_text('[phrases]\ngreeting = "Good day,"\n', encoding="utf-8")
    (tmp_path / "en" / "notice" / "warning.j2").write_text("Subject: Our own words\n\n{{ done }}\n", encoding="utf-8")
    site = Templates("en", BERLIN, tmp_path)
    warning = site.notice(NoticeKind.WARNING, "en", notice_facts(NoticeKind.WARNING))
    assert warning.subject == "Our own words"
    assert warning.text.startswith("Good day,\n\nYour message of")
    assert "Kind regards" in warning.text
    assert site.notice(NoticeKind.WARNING, "de", notice_facts(NoticeKind.WARNING)) == TEMPLATES.notice(NoticeKind.WARNING, "de", notice_facts(NoticeKind.WARNING))


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("en/notice/warning.j2", "Subject: A\n\n{{ done }}\n\n{{ unheard_of }}\n", r"warning\.j2:5: error: 'unheard_of' is undefined"),
        ("en/notice/warning.j2", "Subject: A\n\n{% if done %}\n", r"warning\.j2:3: error: "),
        ("en/notice/warning.j2", "Subject: A {{ at }} {{ sender }}\n\nB\n", r"warning\.j2:1: error: 'sender' is undefined"),
        ("en/notice/warning.j2", "Subject: A {{ categories }}\n\nB\n", r"warning\.j2:1: error: the subject of a notice must be fixed words"),
        ("en/notice/warning.j2", "Hello\n\nB\n", r'warning\.j2:1: error: the first line must be "Subject: \.\.\."'),
        ("en/notice/warning.j2", "Subject: A\n", r"warning\.j2:1: error: there is no text below the subject"),
        ("en/alert/threat.j2", "Subject: A\n\n{{ ''.__class__.__mro__ }}\n", r"threat\.j2:3: error: "),
        ("en/alert/threat.j2", "Subject: A\n\n{{ 1 // 0 }}\n", r"threat\.j2:3: error: "),
        ("en/alert/threat.j2", "Subject: A\n\n{% include 'nothing' %}\n", r"threat\.j2: error: is missing or includes"),
        ("en/notice/warnin.j2", "Subject: A\n\nB\n", r"warnin\.j2: error: no mail uses this file"),
        ("en/words.toml", "[phrases]\nand = 3\n", r"words\.toml:2: error: phrases\.and must be a text"),
        ("en/words.toml", "[phrases]\n\nend = 'x'\n", r"words\.toml:3: error: phrases\.end is not a known key"),
        ("en/words.toml", "[phrases\n", r"words\.toml:1: error: not valid TOML"),
        ("en/words.toml", "[sentences]\nagain = '{{ nothing }}'\n", r"words\.toml:2: error: sentences\.again: 'nothing' is undefined"),
        ("en/words.toml", "[done]\n\nheld = '{{ at '\n", r"words\.toml:3: error: done\.held: "),
        ("en/words.toml", "top = 'x'\n", r"words\.toml:1: error: top is not a known key"),
    ],
)
def test_broken_words_and_templates_are_found_at_the_start_with_file_and_line(tmp_path, name, content, wanted):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        Templates("en", BERLIN, tmp_path)
    assert re.search(wanted, str(caught.value)), str(caught.value)
    assert str(path) in str(caught.value)


def test_every_broken_file_is_named_at_once(tmp_path):
    shutil.copytree(folder("templates"), tmp_path / "site")
    for language in ("ru", "hu"):
        (tmp_path / "site" / language / "fold.j2").write_text("Subject: {{ nothing }}\n\nx\n", encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        Templates("en", BERLIN, tmp_path / "site")
    assert {problem.file.split("/")[-2] for problem in caught.value.problems} == {"ru", "hu"}


def test_a_site_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BadInput, match="is not a folder"):
        Templates("en", BERLIN, tmp_path / "nowhere")
