"""The digest as people see it: every language whole, one set of figures in both forms, readable without images."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from gateway.edge.digest_parts import Line, Table
from gateway.edge.digest_samples import FULL, QUIET, SAMPLES
from gateway.edge.digest_view import view
from gateway.edge.digest_words import capital, load_digest_words
from gateway.edge.shipped import folder
from gateway.edge.template_words import load_words
from gateway.edge.templates import LANGUAGES, Templates
from gateway.errors import BadInput
from gateway.policy.figures import ItemKind, Promises, Trend
from gateway.policy.weeks import Week
from gateway.records import Action
from gateway.values import Rung

BERLIN = ZoneInfo("Europe/Berlin")
HOSTILE = "{{ 7*7 }}<script>alert(1)</script>\r\nBcc: x@y\u202e@example.org"


@pytest.fixture(scope="module")
def pages():
    return Templates("en", BERLIN).digests


def words_of(language, *site):
    folders = [*site, folder("templates")]
    found, problems = load_digest_words({language: load_words(language, folders)[0]}, folders, BERLIN)
    return found[language], problems


class Page(HTMLParser):
    """Tags in their turn, tables with their roles, and all that a reader reads."""

    VOID = frozenset({"meta", "br", "img", "wbr"})

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.text.append(data)


def flat(text):
    return " ".join(text.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_and_html_say_the_same(pages, language):
    """Every line, fact, head and cell of the view stands in both."""
    for digest in SAMPLES:
        shown, rendered = view(digest, words_of(language)[0]), pages.render(digest, language)
        text, html = flat(rendered.text).lower(), flat("".join(Page(rendered.html).text))
        said = [shown.title, *shown.lines, *([shown.footer] if shown.footer else [])]
        for section in shown.sections:
            said += [section.title, *section.lines]
            said += [part for entry in section.entries for part in (f"{entry.number}. {entry.title}", *(fact.text for fact in entry.facts))]
        for part in said:
            assert flat(part) in html
            assert flat(part).lower() in text
        for table in (table for section in shown.sections for table in section.tables):
            for row in (table.columns, *((line.head, *line.cells) for line in table.lines)):
                for cell in row:
                    assert flat(cell) in html
                    assert all(word.lower() in text for word in flat(cell).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_reads_well_without_images_and_to_a_screen_reader(pages, language):
    page = Page(pages.render(FULL, language).html)
    assert page.tags[0] == ("html", {"lang": language, "dir": "ltr"})
    assert not [tag for tag, _ in page.tags if tag in {"img", "script", "link", "form", "a", "svg"}]
    assert not any("background-image" in (attrs.get("style") or "") for _, attrs in page.tags)
    tables = [attrs for tag, attrs in page.tags if tag == "table"]
    assert all(attrs["role"] in {"presentation", "table"} for attrs in tables)
    data = [attrs for attrs in tables if attrs["role"] == "table"]
    assert len(data) == 9
    assert len({attrs["aria-label"] for attrs in data}) == len(data)
    assert all(attrs["scope"] in {"col", "row"} for tag, attrs in page.tags if tag == "th")
    bars = [attrs for attrs in tables if "aria-hidden" in attrs]
    assert bars
    assert all(re.fullmatch(r"(100|[1-9]\d?)%", attrs["width"]) for attrs in bars)
    assert [tag for tag, _ in page.tags if re.fullmatch(r"h\d", tag)][:3] == ["h1", "h2", "h3"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_quiet_week_is_three_lines(pages, language):
    assert len(pages.render(QUIET, language).text.splitlines()) == 3
    assert len(view(replace(QUIET, mails=0), words_of(language)[0]).lines) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_found_are_masked_and_the_subject_has_none(pages, language):
    item = replace(FULL.items[0], excerpt="wretched imbecile")
    rendered = pages.render(replace(FULL, items=(item,)), language)
    assert "w••••••d i••••••e" in rendered.text
    for part in (rendered.subject, rendered.text, rendered.html):
        assert "imbecile" not in part
        assert "wretched" not in part
    assert "•" not in rendered.subject


def test_the_subject_counts_what_is_to_be_decided(pages):
    assert pages.render(FULL, "en").subject == "Courtesy report, week 47 (16–22 Nov 2026) – to decide: 10, overdue: 2"
    calm = replace(FULL, items=FULL.items[3:5], more=0)
    assert pages.render(calm, "fr").subject == "Rapport de courtoisie, semaine 47 (16–22 nov. 2026) – à décider : 2"
    assert pages.render(QUIET, "ru").subject == "Отчёт о вежливости, неделя 47 (16–22 нояб. 2026 г.)"
    turn = replace(QUIET, week=Week.named("2026-W53"))
    assert pages.render(turn, "hu").subject == "Jelentés a hangnemről, 53. hét (2026. dec. 28. – 2027. jan. 3.)"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_sender_changes_nothing(pages, language):
    items = (replace(FULL.items[0], sender=HOSTILE, owner=HOSTILE, excerpt=HOSTILE),)
    repeats = tuple(replace(row, address=HOSTILE) for row in FULL.repeats)
    mailboxes = tuple(replace(row, address=HOSTILE) for row in FULL.mailboxes)
    rendered = pages.render(replace(FULL, items=items, repeats=repeats, mailboxes=mailboxes), language)
    assert "script" not in {tag for tag, _ in Page(rendered.html).tags}
    assert "7*7" in rendered.text
    for part in (rendered.subject, rendered.text, rendered.html):
        assert not re.search(r"[\u202e\r\x00]", part)
    assert "\n" not in rendered.subject


def test_only_observing_is_said_first(pages):
    rendered = pages.render(replace(FULL, incidents=30, observed=30), "en")
    assert rendered.text.splitlines()[1].startswith("The gateway only observes: every mail was delivered")
    assert "only observed" in pages.render(replace(FULL, observed=3), "en").text
    assert "observe" not in pages.render(replace(FULL, observed=0), "en").text


def test_nothing_empty_is_shown(pages):
    bare = replace(FULL, items=(), more=0, categories=(), mailboxes=(), languages=(), repeats=(), promptness=(), promises=Promises())
    text = pages.render(bare, "en").text
    assert [line for line in text.splitlines() if line.isupper()] == ["THE WEEK", "HOW WELL WE JUDGED"]


# --- words -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there_and_decides_one_thing(language):
    words, problems = words_of(language)
    assert not problems
    answers = {words.say("actions", action.value).lower() for action in Action}
    assert len(answers) == len(Action)
    assert all(re.fullmatch(r"\w+", answer) for answer in answers)
    assert not answers & {words.say("answers", "confirm").lower(), words.say("answers", "all").lower()}
    for table, keys in (("rungs", Rung), ("kinds", ItemKind)):
        assert {key for place, key in words.own.texts if place == table} == {member.value for member in keys}
    assert {"more", "fewer", "usual", "unknown"} == set(Trend)
    assert len(words.say("columns", "before", weeks="4")) < 32


def test_managers_words_are_handed_to_whoever_reads_their_answers(pages):
    assert pages.answers("de")[Action.RELEASE] == "freigeben"
    assert pages.confirmations("fr") == ("confirmer", "tout")


@pytest.mark.parametrize(("text", "shown"), [("insultes", "Insultes"), ("'n dreigement", "'n Dreigement"), ("«крик»", "«Крик»"), ("", ""), ("123", "123")])
def test_capitals(text, shown):
    assert capital(text) == shown


def test_a_sites_own_words_lie_over_ours_and_keep_their_places(tmp_path):
    (tmp_path / "de").mkdir()
    own = tmp_path / "de" / "digest.toml"
    own.write_text('[lines]\nnothing = "Alles entschieden."\n', encoding="utf-8")
    words, problems = words_of("de", tmp_path)
    assert not problems
    assert words.say("lines", "nothing") == "Alles entschieden."
    own.write_text('[lines]\nquiet = "Gelesen: {count}"\nsilent = "?"\n', encoding="utf-8")
    with pytest.raises(BadInput) as bad:
        Templates("de", BERLIN, tmp_path)
    assert str(bad.value) == (
        f"{own}:3: error: lines.silent is not a known key; remove it or check its spelling\n{own}:2: error: lines.quiet must have these places: {{mails}}"
    )


def test_a_sites_broken_template_is_found_at_the_start(tmp_path):
    (tmp_path / "digest").mkdir()
    page = tmp_path / "digest" / "digest.html.j2"
    shutil.copy(folder("templates") / "digest" / "digest.html.j2", page)
    page.write_text(page.read_text(encoding="utf-8").replace("view.title", "view.heading"), encoding="utf-8")
    with pytest.raises(BadInput, match=re.escape(f"{page}:")):
        Templates("en", BERLIN, tmp_path)


# --- tables as text --------------------------------------------------------------------------------------------------------------


def test_a_table_fits_a_text_mail():
    table = Table(("Sender", "This week", "Standing"), (Line("a" * 30 + "@customer.example", ("2", "suspended until 23 November 2026, strikes: 4")),))
    lines = table.text.splitlines()
    assert max(map(len, lines)) <= 72
    assert "a" * 30 + "@customer.example" in table.text
    assert all(word in table.text for word in ("suspended", "until", "November", "strikes:"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_stays_within_a_line(pages, language):
    for line in pages.render(FULL, language).text.splitlines():
        assert len(line) <= 72
        assert line == line.rstrip()
