"""Our HTML as a browser shows it: wide, narrow and dark, nothing cut off, nothing too faint, nothing fetched from anywhere.

With COURTESY_PICTURES=FOLDER (or under COURTESY_CI) every page is saved as a picture.
"""

import os
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from browser import Browser, program
from golden import FOLDER
from template_facts import alert_facts, fold_facts, notice_facts

from gateway.edge import template_samples
from gateway.edge.templates import LANGUAGES, Templates
from gateway.values import AlertKind, NoticeKind

CI = os.environ.get("COURTESY_CI") == "1"
PICTURES = os.environ.get("COURTESY_PICTURES") or (str(Path(__file__).parents[1] / ".ci" / "pictures") if CI else "")
SCREENS = {"wide": (1000, False), "narrow": (320, False), "dark": (1000, True), "dark-narrow": (360, True)}
LEAST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3, for text of this size."""

LOOK = """(() => {
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const background = element => {
    for (let e = element; e; e = e.parentElement) {
      const found = colour(getComputedStyle(e).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const faint = [], outside = [], tiny = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walker.nextNode();) {
    if (!node.data.trim()) continue;
    const style = getComputedStyle(node.parentElement);
    const [one, other] = [light(colour(style.color)), light(background(node.parentElement))];
    const contrast = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
    if (contrast < LEAST) faint.push([node.data.trim().slice(0, 40), contrast]);
    if (parseFloat(style.fontSize) < 13) tiny.push([node.data.trim().slice(0, 40), style.fontSize]);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.left < -.5 || box.right > innerWidth + .5) outside.push([node.data.trim().slice(0, 40), box.left, box.right]);
  }
  return {
    faint, outside, tiny,
    overflow: document.documentElement.scrollWidth - innerWidth,
    page: colour(getComputedStyle(document.body).backgroundColor),
    text: document.body.innerText,
    language: document.documentElement.lang,
    untold: [...document.querySelectorAll('table')].filter(t => t.getAttribute('role') !== 'presentation' && !t.querySelector('th')).length,
    images: [...document.images].filter(i => !i.hasAttribute('alt')).length,
    fetched: performance.getEntriesByType('resource').map(r => r.name),
    scripts: document.scripts.length,
  };
})()""".replace("LEAST", str(LEAST_CONTRAST))


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


def pages(templates, language):
    for notice in NoticeKind:
        yield f"notice-{notice}", templates.notice(notice, language, notice_facts(notice)).html
    for alert in AlertKind:
        yield f"alert-{alert}", templates.alert(alert, language, template_samples.ALERTS[-1]).html
    yield "fold", templates.fold_note(language, fold_facts()).html


def looked_at(browser, name, html, screen):
    width, dark = SCREENS[screen]
    browser.show(html, width, dark=dark)
    seen = browser.ask(LOOK)
    if PICTURES:
        browser.picture(Path(PICTURES) / f"{name}-{screen}.png")
    return seen


def flat(text):
    return " ".join(text.replace("\u00a0", " ").split())


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_can_be_read(browser, templates, language, screen):
    for name, html in pages(templates, language):
        seen = looked_at(browser, f"{language}-{name}", html, screen)
        trouble = {key: seen[key] for key in ("faint", "outside", "tiny", "fetched", "untold", "images", "scripts") if seen[key]}
        assert not trouble, (name, trouble)
        assert seen["overflow"] <= 0, name
        assert seen["language"] == language
        assert (sum(seen["page"][:3]) < 200) is SCREENS[screen][1], (name, seen["page"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_what_the_text_says(browser, templates, language):
    for kind in NoticeKind:
        rendered = templates.notice(kind, language, notice_facts(kind))
        seen = flat(looked_at(browser, f"{language}-notice-{kind}", rendered.html, "wide")["text"])
        body, _, rows = rendered.text.partition("\n-----\n")
        for paragraph in re.split(r"\n\n|\n- ", body):
            assert flat(paragraph).removeprefix("- ") in seen, (kind, paragraph)
        for row in filter(None, rows.split("\n")):
            assert all(flat(part) in seen for part in re.split(r"(?<=\w)\s?: ", row, maxsplit=1)), (kind, row)


DIGESTS = sorted((FOLDER / "digests").rglob("*.html"))


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("digest", DIGESTS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_digests_can_be_read(browser, digest, screen):
    seen = looked_at(browser, f"digest-{digest.parent.name}-{digest.stem}", digest.read_text(encoding="utf-8"), screen)
    trouble = {key: seen[key] for key in ("faint", "outside", "fetched", "untold", "images", "scripts") if seen[key]}
    assert not trouble
    assert seen["overflow"] <= 0


@pytest.mark.parametrize("screen", SCREENS)
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
        seen = looked_at(browser, name, html, screen)
        assert seen["overflow"] <= 0, name
        assert seen["outside"] == [], name


def test_the_look_sees_what_is_wrong(browser):
    """So that a page can fail: faint text, text outside, and a page that stays light in the dark."""
    bad = "<body style='background:#fff;margin:0'><p style='color:#bbb;width:2000px;white-space:nowrap'>" + "faint and wide " * 60 + "</p><img src=x></body>"
    seen = looked_at(browser, "bad", bad, "dark-narrow")
    assert seen["faint"]
    assert seen["outside"]
    assert seen["overflow"] > 0
    assert seen["images"] == 1
    assert sum(seen["page"][:3]) > 700
