"""Our HTML as a browser shows it: wide, narrow and dark, nothing cut off, nothing too faint, nothing fetched, nothing that a screen reader misses.

With COURTESY_PICTURES=FOLDER (or under COURTESY_CI) every page is saved as a picture, wide, narrow and dark.
"""

import re
from zoneinfo import ZoneInfo

import pytest
from browser import Browser, program
from golden import FOLDER
from looking import CI, SCREENS, WCAG, axe, axe_core, look
from template_facts import alert_facts, answer_facts, fold_facts, notice_facts

from gateway.edge.digest_samples import FULL, QUIET
from gateway.edge.policy_page import PageFacts, policy_pages
from gateway.edge.rules import load_rules
from gateway.edge.scorer import rules_folders
from gateway.edge.templates import LANGUAGES, Templates
from gateway.values import AlertKind, NoticeKind

PAGE_SCREENS = ("360", "360-dark", "1200", "1200-dark", "320")
GOLDEN = {f"{path.parent.name}-{path.stem}": path for path in sorted((FOLDER / "digests").rglob("*.html"))}


@pytest.fixture(scope="module")
def browser():
    if program() is None:
        assert not CI, "chromium is missing; .ci/run installs it"
        pytest.skip("no chromium here: the pages are not looked at")
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def templates():
    return Templates("en", ZoneInfo("Europe/Berlin"))


@pytest.fixture(scope="module")
def policy():
    facts = PageFacts("Shop <support@shop.example>", "complaints@shop.example", clauses=frozenset({"D2", "D6", "F3", "R12"}))
    return {page.language: page.html for page in policy_pages(load_rules(rules_folders(), frozenset())[0].policy, facts)}


def mails(templates, language):
    """Every mail of ours that has HTML, by name."""
    for notice in NoticeKind:
        yield f"notice-{notice}", templates.notice(notice, language, notice_facts(notice)).html
    for alert in AlertKind:
        yield f"alert-{alert}", templates.alert(alert, language, alert_facts(alert)).html
    for about in ("read", "nothing", "expired"):
        yield f"decided-{about}", templates.answers.decision(language, answer_facts(about)).html
    for about in ("reported", "civil"):
        yield f"report-{about}", templates.answers.report(language, answer_facts(about)).html
    yield "fold", templates.fold_note(language, fold_facts()).html
    yield "digest-full", templates.digests.render(FULL, language).html
    yield "digest-quiet", templates.digests.render(QUIET, language).html


def flat(text):
    return " ".join(text.replace("\u00a0", " ").split())


# --- our own look -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("screen", [*SCREENS, "320"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_mails_can_be_read(browser, templates, language, screen):
    for name, html in mails(templates, language):
        seen = look(browser, f"{language}-{name}", html, screen)
        assert not seen.troubles, (name, seen.troubles)
        assert seen.seen["language"] == language
        assert seen.dark is screen.endswith("dark"), name


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", GOLDEN)
def test_digests_of_a_year_can_be_read(browser, name, screen):
    assert not look(browser, f"digest-{name}", GOLDEN[name].read_text(encoding="utf-8"), screen).troubles


@pytest.mark.parametrize("screen", PAGE_SCREENS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_policy_page_can_be_read(browser, policy, language, screen):
    seen = look(browser, f"{language}-policy", policy[language], screen)
    assert not seen.troubles
    assert (seen.seen["language"], seen.seen["main"]) == (language, 1)
    assert seen.dark is screen.endswith("dark")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_says_what_its_text_says(browser, templates, language):
    for kind in NoticeKind:
        rendered = templates.notice(kind, language, notice_facts(kind))
        seen = flat(look(browser, f"{language}-notice-{kind}", rendered.html, "600").text)
        body, _, rows = rendered.text.partition("\n-----\n")
        for paragraph in re.split(r"\n\n|\n- ", body):
            assert flat(paragraph).removeprefix("- ") in seen, (kind, paragraph)
        for row in filter(None, rows.split("\n")):
            assert all(flat(part) in seen for part in re.split(r"(?<=\w)\s?: ", row, maxsplit=1)), (kind, row)


@pytest.mark.parametrize("screen", [*SCREENS, "320"])
def test_long_words_and_addresses_stay_inside(browser, templates, screen):
    long = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.example"
    facts = notice_facts(NoticeKind.SUSPENSION, support=long, complaints=long, policy_url=f"https://shop.example/{'x' * 300}", company="C" * 80)
    alert = alert_facts(AlertKind.THREAT, sender=long, recipients=(long,) * 5, excerpts=("w" * 120,))
    fold = fold_facts(sender=long, sentences=("s" * 300,))
    for name, html in (
        ("long-notice", templates.notice(NoticeKind.SUSPENSION, "de", facts).html),
        ("long-alert", templates.alert(AlertKind.THREAT, "de", alert).html),
        ("long-fold", templates.fold_note("de", fold).html),
    ):
        assert not look(browser, name, html, screen).troubles, name


# --- axe-core's ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rules_of_axe(browser):
    if axe_core() is None:
        assert not CI, "axe-core is missing; .ci/run installs it"
        pytest.skip("no axe-core here: pip install --no-deps axe-playwright-python")
    return browser


@pytest.mark.parametrize(("language", "screen"), [*((language, "600") for language in LANGUAGES), ("hu", "360-dark")])
def test_axe_finds_nothing_in_mails(rules_of_axe, templates, language, screen):
    for name, html in mails(templates, language):
        assert axe(rules_of_axe, html, screen) == [], name


@pytest.mark.parametrize("screen", ["1200", "360-dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_in_the_policy_page(rules_of_axe, policy, language, screen):
    assert axe(rules_of_axe, policy[language], screen, *WCAG, "best-practice") == []


# --- that it can fail ---------------------------------------------------------------------------------------------------------

HEAD = '<!DOCTYPE html><html lang="en"><head><title>T</title><meta name="viewport" content="width=device-width"></head>'
GOOD = f"{HEAD}<body style='background:#fff;color:#111;margin:0'><main><h1>One</h1><h2>Two</h2><p>Words.</p></main></body></html>"
TABLE = "<table aria-label='T'><thead><tr><th scope='col'>A</th><th scope='col'>B</th></tr></thead><tbody><tr><th scope='row'>x</th><td>1</td></tr></tbody></table>"
BAD = {
    "faint": GOOD.replace("<p>", "<p style='color:#bbb'>"),
    "outside": GOOD.replace("<p>", "<p style='width:2000px;white-space:nowrap'>" + "wide " * 300),
    "overflow": GOOD.replace("<p>", "<div style='width:2000px'>.</div><p>"),
    "tiny": GOOD.replace("<p>", "<p style='font-size:9px'>"),
    "split": GOOD.replace("<p>", "<p style='width:30px;overflow-wrap:anywhere'>"),
    "bars": GOOD.replace("<p>", "<table role='presentation'><tr><td class='bar' style='background:#ddd'>&nbsp;</td></tr></table><p>"),
    "headings": GOOD.replace("h2", "h3"),
    "landmarks": GOOD.replace("</main>", "</main><p>Lost.</p>"),
    "tables": GOOD.replace("<p>", TABLE.replace("<th scope='row'>x</th>", "<td>x</td>") + "<p>"),
    "languages": GOOD.replace("<p>", "<p lang='xx_!'>"),
    "pictures": GOOD.replace("<p>", "<div style='background-image:url(data:,x)'>.</div><p>"),
    "other": GOOD.replace("<p>", "<a href='#'></a><p>"),
}


def test_the_look_finds_nothing_in_a_good_page(browser):
    assert not look(browser, "", GOOD, "360").troubles
    assert not look(browser, "", GOOD.replace("<p>", f"{TABLE}<p>"), "360").troubles


@pytest.mark.parametrize("wrong", BAD)
def test_the_look_sees_what_is_wrong(browser, wrong):
    assert wrong in look(browser, "", BAD[wrong], "360").troubles


@pytest.mark.parametrize(
    "page",
    [
        GOOD.replace("<p>", TABLE.replace(" scope='row'", "") + "<p>"),
        GOOD.replace("<p>", TABLE.replace(" aria-label='T'", "") + "<p>"),
        GOOD.replace("<p>", TABLE.replace("<td>1</td>", "") + "<p>"),
        GOOD.replace("<p>", TABLE.replace("aria-label", "role='presentation' data-label") + "<p>"),
        GOOD.replace("<p>", "<table><tr><td>1</td></tr></table><p>"),
    ],
)
def test_the_look_sees_every_bad_table(browser, page):
    assert "tables" in look(browser, "", page, "360").troubles


def test_the_look_sees_a_page_that_stays_light_in_the_dark(browser):
    assert not look(browser, "", GOOD, "360-dark").dark


def test_axe_sees_what_is_wrong(rules_of_axe):
    assert axe(rules_of_axe, GOOD, "600", *WCAG, "best-practice") == []
    for wrong, page in {
        "color-contrast": BAD["faint"],
        "html-has-lang": GOOD.replace(' lang="en"', ""),
        "image-alt": GOOD.replace("<p>", "<img src='x'><p>"),
        "link-name": BAD["other"],
        "heading-order": BAD["headings"],
        "region": BAD["landmarks"],
    }.items():
        assert any(found.startswith(f"{wrong}:") for found in axe(rules_of_axe, page, "600", *WCAG, "best-practice")), wrong
