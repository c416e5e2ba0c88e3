"""From HTML to the text that a reader sees, with quoted parts marked by "> ", and the text that is hidden from him.

Own linear scanner: every byte is looked at a bounded number of times whatever a sender writes, and text is lost nowhere.
"""

import html
import re
from dataclasses import dataclass, field

from gateway.mail import css
from gateway.mail.css import Colour, Declarations, Sheet

_LONGEST = 1_000_000
"""Beyond so many characters tags are only stripped."""

_MARKUP = re.compile(r"<(?=[a-zA-Z/!?])")
_TAG = re.compile(r"<(?P<close>/?)(?P<name>[a-zA-Z][^\s/<>]{0,60})(?P<rest>[^<>\"']*)>")
_NAME = re.compile(r"[a-zA-Z][^\s/<>]{0,60}")
_ATTRIBUTE = re.compile(r"\s*/*\s*([^\s=>/\"'][^\s=>/]*|[\"'])(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]*)))?")
_ANY_TAG = re.compile(r"<[^<>]*>")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")

_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dir", "div", "dl", "dt", "fieldset", "figcaption",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "p", "pre",
    "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre"})
_VOID = frozenset({
    "area", "base", "basefont", "br", "col", "embed", "hr", "img", "input", "keygen", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
_RAW = frozenset({"script", "style", "title", "textarea", "xmp", "noframes", "iframe", "noembed"})
_HIDDEN_TAGS = frozenset({"head", "template", "object", "svg", "math", "audio", "video", "canvas", "datalist"})
_SELF_CLOSING = frozenset({"p", "li", "td", "th", "tr", "dd", "dt", "option"})
_QUOTE_MARKS = (
    "gmail_quote", "gmail_attr", "yahoo_quoted", "moz-cite-prefix", "moz-forward-container", "protonmail_quote", "zmail_extra", "cite-prefix",
    "tutanota_quote", "quotedtext", "yandex-quote", "mailru-blockquote", "mail-quote", "gmx-quote",
)  # fmt: skip
_QUOTE_BEGINS = ("divrplyfwdmsg", "appendonsend", "stopspelling", "mail-editor-reference-message-container", "olk_src_body_section")
"""Elements of Outlook after which, not in which, the quoted mail stands to the end of the text."""


@dataclass(frozen=True, slots=True)
class Page:
    """What an HTML part says: text that is seen, quoted lines marked by "> ", and text that is hidden."""

    visible: str
    hidden: str = ""


@dataclass(slots=True)
class _Element:
    name: str
    gone: bool = False
    unseen: bool = False
    tiny: bool = False
    ink: Colour | None = (0, 0, 0)
    paper: Colour | None = (255, 255, 255)
    quoted: bool = False
    preformatted: bool = False
    shown: bool = True


def read(source: str) -> Page:
    """Turn an HTML part into text.

    Args:
        source: decoded HTML.

    Returns:
        Page: what is seen and what is hidden; nothing of the source's text is lost, long sources are only stripped.
    """
    page = _Scanner(source[:_LONGEST]).run()
    if len(source) > _LONGEST:
        rest = _unescaped(_ANY_TAG.sub(" ", source[_LONGEST:]))
        return Page(f"{page.visible}\n{rest}", page.hidden)
    return page


def _unescaped(text: str) -> str:
    if "&" in text:
        text = html.unescape(_HUGE_REFERENCE.sub("\ufffd", text))
    if not text.isascii():
        text = text.replace("\xad", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@dataclass(slots=True)
class _Lines:
    """Collects text into lines; a run of spaces is one, a line that isn't wanted yet costs nothing."""

    lines: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    quoted: bool = False

    def put(self, text: str, *, quoted: bool) -> None:
        if quoted != self.quoted and self.parts:
            self.end()
        self.quoted = quoted
        self.parts.append(text)

    def end(self, *, blank: bool = False) -> None:
        line = _SPACES.sub(" ", "".join(self.parts)).strip(" ") if self.parts else ""
        self.parts.clear()
        if line:
            self.lines.append(f"> {line}" if self.quoted else line)
        elif blank and self.lines and self.lines[-1]:
            self.lines.append("")

    def text(self) -> str:
        self.end()
        return _BLANK_LINES.sub("\n\n", "\n".join(self.lines)).strip("\n")


class _Scanner:
    def __init__(self, source: str) -> None:
        self._source = source
        self._lower = source.lower() if len(source.lower()) == len(source) else source
        self._visible = _Lines()
        self._hidden = _Lines()
        self._stack = [_Element("")]
        self._open: dict[str, int] = {}
        self._sheet = Sheet()
        self._missing: set[str] = set()
        self._rest_quoted = False

    def run(self) -> Page:
        source, position = self._source, 0
        while True:
            found = _MARKUP.search(source, position)
            if not found:
                self._text(source[position:])
                break
            if (mark := found.start()) > position:
                self._text(source[position:mark])
            position = self._markup(mark)
        return Page(self._visible.text(), self._hidden.text())

    # --- markup ---------------------------------------------------------------------------------------------------

    def _markup(self, mark: int) -> int:
        """Handle what begins with "<" and return where to go on."""
        source = self._source
        quick = _TAG.match(source, mark)
        if quick:
            end = quick.end()
            if quick["close"]:
                self._close(quick["name"].lower())
                return end
            return self._start(quick["name"].lower(), quick["rest"], end)
        following = source[mark + 1 : mark + 2]
        if following == "!":
            return self._declaration(mark)
        if following in {"/", "?"}:
            name = _NAME.match(source, mark + 2) if following == "/" else None
            if following == "/" and not name and source[mark + 2 : mark + 3] != ">":
                return self._bogus(mark)
            end = self._find(">", mark)
            if end < 0:
                return self._as_text(mark, 2)
            if name:
                self._close(name[0].lower())
            return end + 1
        return self._long_tag(mark)

    def _long_tag(self, mark: int) -> int:
        """A start tag with quotes in it, or without an end."""
        source = self._source
        begun = _NAME.match(source, mark + 1)
        name, position = (begun[0].lower(), begun.end()) if begun else ("", mark + 1)
        attributes: dict[str, str] = {}
        while True:
            while source[position : position + 1] in {" ", "\t", "\r", "\n", "\f", "/"}:
                position += 1
            if position >= len(source):
                self._text(_ANY_TAG.sub(" ", source[mark:]))  # a tag that never ends: browsers drop it, lenient programs don't
                return position
            if source[position] == ">":
                return self._start(name, attributes, position + 1)
            found = _ATTRIBUTE.match(source, position)
            if not found or found.end() == position:
                position += 1
                continue
            if len(attributes) < 200:
                attributes.setdefault(found[1].lower()[:60], next((value for value in found.groups()[1:] if value is not None), ""))
            position = found.end()

    def _declaration(self, mark: int) -> int:
        """Comments are hidden but looked at nowhere: no program shows them; conditional ones of Outlook alike."""
        source = self._source
        if source.startswith("<!--", mark):
            if source.startswith((">", "->"), mark + 4):
                return source.index(">", mark + 4) + 1
            end = self._find("-->", mark + 4)
            other = self._find("--!>", mark + 4)
            if end < 0 and other < 0:
                self._hide(source[mark + 4 :])
                return len(source)
            if end < 0 or 0 <= other < end:
                return other + 4
            return end + 3
        return self._bogus(mark)

    def _bogus(self, mark: int) -> int:
        end = self._find(">", mark)
        return end + 1 if end >= 0 else self._as_text(mark, 2)

    def _find(self, what: str, position: int) -> int:
        """Find, remembering what is nowhere in the rest, so that no search runs to the end twice in vain."""
        if what in self._missing:
            return -1
        found = self._source.find(what, position)
        if found < 0:
            self._missing.add(what)
        return found

    def _as_text(self, mark: int, length: int) -> int:
        self._text(self._source[mark : mark + length])
        return mark + length

    # --- elements -------------------------------------------------------------------------------------------------

    def _start(self, name: str, rest: "str | dict[str, str]", end: int) -> int:
        if name in _RAW:
            return self._raw(name, end)
        if name == "br":
            self._target().end(blank=True)
            return end
        attributes = rest if isinstance(rest, dict) else _attributes(rest) if "=" in rest or "hidden" in rest.lower() else {}
        top = self._stack[-1]
        if (top.name == name and name in _SELF_CLOSING) or (top.name == "p" and name in _BLOCKS):
            self._breaks(top.name)
            self._pop(top.name)
        self._breaks(name)
        if name in _VOID:
            if name == "img":
                self._text(" ")
            return end
        self._push(name, attributes)
        return end

    def _push(self, name: str, attributes: dict[str, str]) -> None:
        parent = self._stack[-1]
        element = _Element(
            name, parent.gone, parent.unseen, parent.tiny, parent.ink, parent.paper, parent.quoted, parent.preformatted, parent.shown
        )  # fmt: skip
        marks = ""
        if attributes:
            marks = f"{attributes.get('class', '')} {attributes.get('id', '')}".lower()[:500]
            self._dress(element, name, attributes)
        elif self._sheet.rules and (style := self._sheet.of(name, [], "")):
            _apply(element, style)
        if name in _HIDDEN_TAGS or "hidden" in attributes:
            element.gone = True
        if name == "pre":
            element.preformatted = True
        if name == "blockquote" or (marks.strip() and any(mark in marks for mark in _QUOTE_MARKS)):
            element.quoted = True
        if marks.strip() and any(mark in marks for mark in _QUOTE_BEGINS):
            self._rest_quoted = True
        element.shown = not (element.gone or element.unseen or element.tiny or css.alike(element.ink, element.paper))
        self._stack.append(element)
        self._open[name] = self._open.get(name, 0) + 1

    def _dress(self, element: _Element, name: str, attributes: dict[str, str]) -> None:
        style: Declarations = {}
        if "bgcolor" in attributes:
            style["background-color"] = attributes["bgcolor"].lower().strip()
        if "background" in attributes:
            style["background"] = "url"
        if name == "font" and "color" in attributes:
            style["color"] = attributes["color"].lower().strip()
        if name == "body" and "text" in attributes:
            style["color"] = attributes["text"].lower().strip()
        style = css.laid_over(
            style, self._sheet.of(name, attributes.get("class", "").lower().split()[:20], attributes.get("id", "").lower())
        )
        if "style" in attributes:
            style = css.laid_over(style, css.declarations(html.unescape(_HUGE_REFERENCE.sub("", attributes["style"][:20_000]))))
        if style:
            _apply(element, style)

    def _close(self, name: str) -> None:
        if name == "br":
            self._target().end(blank=True)
            return
        if name == "p" and not self._open.get("p"):
            self._target().end(blank=True)
            return
        if self._open.get(name):
            self._breaks(name)
            self._pop(name)
            self._breaks(name)

    def _pop(self, name: str) -> None:
        """Close elements down to one of this name; each was opened once, so this is linear in all."""
        while len(self._stack) > 1:
            closed = self._stack.pop().name
            self._open[closed] -= 1
            if closed == name:
                return

    def _breaks(self, name: str) -> None:
        if name in _BLOCKS:
            self._target().end(blank=name in _SPACED)
        elif name in _CELLS:
            self._text("\t ")

    def _raw(self, name: str, position: int) -> int:
        """The inside of an element without markup; styles are read, the rest no reader sees."""
        needle = f"</{name}"
        end = -1 if needle in self._missing else self._lower.find(needle, position)
        if end < 0:
            self._missing.add(needle)
            inside, after = (self._source[position:], len(self._source)) if name in {"style", "script"} else ("", position)
        else:
            inside = self._source[position:end]
            close = self._find(">", end)
            after = close + 1 if close >= 0 else len(self._source)
        if name == "style":
            self._sheet.add(inside)
        elif name in {"textarea", "xmp"}:
            self._text(inside)
        return after

    # --- text -----------------------------------------------------------------------------------------------------

    def _target(self) -> _Lines:
        return self._visible if self._stack[-1].shown else self._hidden

    def _text(self, text: str) -> None:
        element = self._stack[-1]
        text = _unescaped(text)
        if not element.shown:
            self._hide(text)
            return
        quoted = element.quoted or self._rest_quoted
        if element.preformatted and "\n" in text:
            *whole, last = text.split("\n")
            for line in whole:
                self._visible.put(line, quoted=quoted)
                self._visible.end(blank=True)
            text = last
        if text:
            self._visible.put(text, quoted=quoted)

    def _hide(self, text: str) -> None:
        self._hidden.put(text, quoted=False)


def _attributes(rest: str) -> dict[str, str]:
    """Attributes without quotes."""
    found: dict[str, str] = {}
    for word in rest.replace("/", " ").split()[:200] if "://" not in rest else rest.split()[:200]:
        name, _, value = word.partition("=")
        found.setdefault(name.lower(), value)
    return found


def _apply(element: _Element, style: Declarations) -> None:
    element.gone = element.gone or css.hides(style)
    element.unseen = css.unseen(style, element.unseen)
    element.tiny = css.tiny(style, element.tiny)
    if "color" in style:
        element.ink = css.colour(style["color"])
    for name in ("background", "background-color"):
        if name in style and not style[name].startswith(("transparent", "inherit", "initial", "none")):
            element.paper = css.colour(
                style[name].split(" ")[0] if name == "background" and not style[name].startswith("rgb") else style[name]
            )
