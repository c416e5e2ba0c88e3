"""What is looked for in a page that a browser shows: computed colours, boxes, headings, landmarks, tables, languages; and axe-core's own list.

axe-core comes inside a wheel of a few hundred kilobytes, so that no Node is needed: pip install --no-deps axe-playwright-python
"""

import importlib.util
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from browser import Browser

CI = os.environ.get("COURTESY_CI") == "1"
PICTURES = os.environ.get("COURTESY_PICTURES") or (str(Path(__file__).parents[1] / ".ci" / "pictures") if CI else "")
SCREENS = {"600": (600, False), "600-dark": (600, True), "360": (360, False), "360-dark": (360, True)}
"""Of mails: width and whether it is dark."""
MORE_SCREENS = {**SCREENS, "320": (320, False), "1200": (1200, False), "1200-dark": (1200, True)}
PICTURED = {"600", "360-dark", "1200"}
LEAST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3, for text of this size."""
LEAST_OF_BARS = 3
"""Success criterion 1.4.11, for what is no text."""
DARK = 200
"""Sum of red, green and blue below which a page is dark."""

_LOOK = """(width => {
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const against = (one, other) => (Math.max(light(one), light(other)) + .05) / (Math.min(light(one), light(other)) + .05);
  const background = element => {
    for (let e = element; e; e = e.parentElement) {
      const found = colour(getComputedStyle(e).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const found = Object.fromEntries(['faint', 'outside', 'tiny', 'split', 'bars', 'headings', 'landmarks', 'tables', 'languages', 'pictures', 'other'].map(name => [name, []]));
  const all = [...document.querySelectorAll('*')], some = (tag, from = document) => [...from.querySelectorAll(tag)];
  const said = node => node.textContent.trim().replace(/\\s+/g, ' ').slice(0, 40);

  // text as it is drawn
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walker.nextNode();) {
    if (!node.data.trim()) continue;
    const element = node.parentElement, style = getComputedStyle(element);
    const contrast = against(colour(style.color), background(element));
    const bold = parseInt(style.fontWeight) >= 700, size = parseFloat(style.fontSize);
    if (contrast < (size >= 24 || bold && size >= 18.66 ? 3 : LEAST)) found.faint.push([said(node), contrast]);
    if (size < 13 && !element.closest('[aria-hidden]')) found.tiny.push([said(node), style.fontSize]);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.left < -.5 || box.right > width + .5) found.outside.push([said(node), box.left, box.right]);
    // whole words, except on the smallest screens
    for (const word of node.data.matchAll(/(?<![^\\s("„«])[\\p{L}-]{2,25}(?![^\\s,.:;)"“»?!])/gu)) {
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
      if (lines.size > 1 && width > 320 && !word[0].includes('-') && !some('wbr', element).length) found.split.push(word[0]);
    }
  }
  for (const bar of some('.bar')) {
    const contrast = against(colour(getComputedStyle(bar).backgroundColor), background(bar.parentElement.closest('table').parentElement));
    if (contrast < BARS) found.bars.push(contrast);
  }

  // headings go down a step at a time, and landmarks hold what there is
  const levels = some('h1,h2,h3,h4,h5,h6').map(h => [Number(h.tagName[1]), said(h)]);
  levels.forEach(([level, text], i) => {
    if (!text) found.headings.push('an empty one');
    if (level > (i ? levels[i - 1][0] : 0) + 1) found.headings.push(`h${level} ${text}`);
  });
  if (levels.length && levels.filter(([level]) => level === 1).length !== 1) found.headings.push('not one h1');
  if (some('main').length > 1) found.landmarks.push('more than one main');
  if (some('main').length) for (const node of document.body.childNodes)
    if (said(node) && node.nodeName !== 'MAIN') found.landmarks.push(`outside main: ${said(node)}`);
  for (const nav of some('nav,[role=navigation]')) if (!nav.getAttribute('aria-label')) found.landmarks.push('a nav without a label');

  // tables: either plain layout or whole data tables
  for (const table of some('table')) {
    const own = tag => some(tag, table).filter(e => e.closest('table') === table);
    const name = said(table);
    if (table.getAttribute('role') === 'presentation') {
      if (own('th,caption,thead').length || table.hasAttribute('summary')) found.tables.push(`layout with heads: ${name}`);
      continue;
    }
    if (!table.getAttribute('aria-label') && !own('caption').length) found.tables.push(`no name: ${name}`);
    if (!own('th').length || own('th').some(th => !['col', 'row'].includes(th.scope) || !said(th))) found.tables.push(`heads: ${name}`);
    if (new Set(own('tr').map(tr => tr.cells.length)).size > 1) found.tables.push(`uneven rows: ${name}`);
    for (const td of own('td')) {
      const columns = own('thead tr').map(tr => tr.cells[td.cellIndex]?.scope === 'col');
      if (!some('th[scope=row]', td.parentElement).length || columns.includes(false)) found.tables.push(`a cell without a head: ${said(td)}`);
    }
  }

  // languages
  const known = code => { try { return Intl.getCanonicalLocales(code).length === 1; } catch { return false; } };
  for (const e of some('[lang],[hreflang]')) if (![e.lang, e.hreflang].every(code => !code || known(code))) found.languages.push(e.outerHTML.slice(0, 60));
  for (const a of some('a[hreflang]')) if (a.hreflang !== a.lang) found.languages.push(said(a));

  // nothing is a picture, nothing comes from elsewhere, nothing runs
  for (const e of all) for (const part of ['', '::before', '::after']) {
    const style = getComputedStyle(e, part || null);
    if (/url\\(/.test(style.backgroundImage + style.content + style.listStyleImage)) found.pictures.push(`${e.tagName}${part}`);
  }
  for (const image of document.images) if (!image.hasAttribute('alt')) found.pictures.push('no alt');
  found.pictures.push(...some('img,svg,canvas,video,audio,object,embed,iframe,input[type=image]').map(e => e.tagName));
  found.pictures.push(...performance.getEntriesByType('resource').map(r => r.name));
  found.other.push(...some('script,form,[onclick],[onload]').map(e => e.tagName));
  if (!document.title.trim()) found.other.push('no title');
  if (/user-scalable=no|maximum-scale/.test(document.querySelector('meta[name=viewport]')?.content ?? 'maximum-scale')) found.other.push('viewport');
  const ids = all.map(e => e.id).filter(Boolean);
  if (new Set(ids).size < ids.length) found.other.push('an id twice');
  for (const a of some('a')) if (!said(a) || !a.getAttribute('href')) found.other.push('an empty link');

  return {
    ...found,
    overflow: document.documentElement.scrollWidth - width,  // innerWidth grows with what is too wide
    page: colour(getComputedStyle(document.body).backgroundColor).slice(0, 3),
    text: document.body.innerText,
    language: document.documentElement.lang,
    main: some('main').length,
  };
})(WIDTH)""".replace("LEAST", str(LEAST_CONTRAST)).replace("BARS", str(LEAST_OF_BARS))

_AXE = """axe.run(document, {runOnly: {type: 'tag', values: %s}, resultTypes: ['violations']})
  .then(found => found.violations.map(v => `${v.id}: ${v.nodes.length} x ${v.nodes[0].target} ${v.nodes[0].any.map(c => c.message)[0] ?? ''}`))"""
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""What is asked of every mail; a page is asked for `best-practice` too: landmarks and one main heading."""


@dataclass(frozen=True)
class Look:
    """What was seen of one page on one screen."""

    seen: dict

    @property
    def troubles(self) -> dict:
        """What is wrong, by kind; empty when nothing is."""
        wrong = {name: found for name, found in self.seen.items() if isinstance(found, list) and found and name != "page"}
        return wrong | ({"overflow": self.seen["overflow"]} if self.seen["overflow"] > 0 else {})

    @property
    def dark(self) -> bool:
        return sum(self.seen["page"]) < DARK

    @property
    def text(self) -> str:
        return self.seen["text"]


def look(browser: Browser, name: str, html: str, screen: str) -> Look:
    """Show a page, save its picture under a name where pictures are wanted, and look; without a name there is no picture."""
    width, dark = MORE_SCREENS[screen]
    browser.show(html, width, dark=dark)
    seen = Look(browser.ask(_LOOK.replace("WIDTH", str(width))))
    if PICTURES and name and screen in PICTURED:
        browser.picture(Path(PICTURES) / f"{name}-{screen}.png")
    return seen


@cache
def axe_core() -> str | None:
    """The source of axe-core, None when it isn't installed."""
    found = importlib.util.find_spec("axe_playwright_python")
    file = Path(found.origin).with_name("axe.min.js") if found and found.origin else None
    return file.read_text(encoding="utf-8") if file and file.is_file() else None


def axe(browser: Browser, html: str, screen: str, *tags: str) -> list[str]:
    """What axe-core says against a page."""
    width, dark = MORE_SCREENS[screen]
    browser.show(html, width, dark=dark)
    browser.ask(f"{axe_core()};0")
    found = browser.ask(_AXE % json.dumps(tags or WCAG))
    assert isinstance(found, list)
    return found
