"""How mail programs and people frame what isn't their own text: the tables of all languages, ready for matching.

A pattern is plain text with gaps: `<when>` has a date or a time in it (three digits or more), `<who>` is anything but nothing,
`<address>` ends in a mail address, `...` may be anything. Matching is linear in the text whatever an admin writes: no regular expressions of theirs are run.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

_GAP = re.compile(r"<when>|<who>|<address>|\.\.\.")
_WORD = re.compile(r"[^\W_]+")
_DECORATION = "-_=*~<>#— \t"
_DIGITS_OF_A_DATE = 3
_LONGEST_FRAME = 400
"""No attribution line of any mail program is longer; a longer line isn't tried."""

GAPS = frozenset({"<when>", "<who>", "<address>", "..."})


class _Visible(dict[int, int | None]):
    """Code point to itself, None for format characters; worked out on first sight."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code)) == "Cf" else code
        return self[code]


_VISIBLE = _Visible()


def folded(text: str) -> str:
    """The form in which patterns and lines are compared: case, spaces, bold marks, invisible marks and the form of apostrophes don't count."""
    text = unicodedata.normalize("NFC", text).casefold().replace("*", "").replace("’", "'")
    if not text.isascii():
        text = text.translate(_VISIBLE)
    return " ".join(text.split()).replace(" :", ":")


def words(text: str) -> list[str]:
    """The words of a text, case folded."""
    return _WORD.findall(text.casefold())


@dataclass(frozen=True, slots=True)
class _Gap:
    when: bool
    who: bool
    address: bool

    def holds(self, text: str) -> bool:
        """Whether a stretch of text can stand in this gap."""
        if self.when and sum(character.isdigit() for character in text) < _DIGITS_OF_A_DATE:
            return False
        if self.address and "@" not in text.rstrip(" ,>)").rpartition(" ")[2]:
            return False
        return not self.who or bool(text.strip())


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern taken apart: literals with a gap between each two; an empty first or last literal leaves that end open."""

    literals: tuple[str, ...]
    gaps: tuple[_Gap, ...]

    @classmethod
    def of(cls, source: str) -> "Pattern":
        """Take a pattern apart; neighbouring gaps become one that must satisfy both."""
        literals: list[str] = []
        gaps: list[_Gap] = []
        names: list[str] = []
        position = 0
        for found in _GAP.finditer(source):
            literal = source[position : found.start()]
            if names and literal.strip(" ,") == "":
                names.append(found[0])
            else:
                if names:
                    gaps.append(_gap(names))
                literals.append(_literal(literal))
                names = [found[0]]
            position = found.end()
        if names:
            gaps.append(_gap(names))
        literals.append(_literal(source[position:]))
        return cls(tuple(literals), tuple(gaps))

    def matches(self, text: str) -> bool:
        """Whether the whole of a folded text has this form."""
        first, last = self.literals[0], self.literals[-1]
        if not self.gaps:
            return text == first.strip()
        if not last:
            text += " "  # what stands before a gap at the end may stand there alone
        if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
            return False
        return self._middle(text, len(first), len(text) - len(last))

    def within(self, text: str) -> bool:
        """Whether a folded text has this form somewhere in it."""
        start = text.find(self.literals[0].strip())
        if start < 0:
            return False
        position = start + len(self.literals[0].strip())
        for literal in self.literals[1:]:
            found = text.find(literal.strip(), position)
            if found < 0:
                return False
            position = found + len(literal.strip())
        return True

    def _middle(self, text: str, position: int, end: int) -> bool:
        for literal, gap in zip(self.literals[1:-1], self.gaps, strict=False):
            found = text.find(literal, position, end)
            while found >= 0 and not gap.holds(text[position:found]):
                found = text.find(literal, found + 1, end) if found - position < _LONGEST_FRAME else -1
            if found < 0:
                return False
            position = found + len(literal)
        return self.gaps[-1].holds(text[position:end])


class _Patterns:
    """Many whole-line patterns; only those that share a line's first or last word are tried."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._first: dict[str, list[Pattern]] = {}
        self._last: dict[str, list[Pattern]] = {}
        self._others: list[Pattern] = []
        for pattern in map(Pattern.of, sources):
            head, tail = pattern.literals[0], pattern.literals[-1]
            if " " in head.strip() or head.endswith(" ") or (head and not pattern.gaps):
                self._first.setdefault(head.split()[0], []).append(pattern)
            elif " " in tail.strip() or tail.startswith(" "):
                self._last.setdefault(tail.split()[-1], []).append(pattern)
            else:
                self._others.append(pattern)

    def match(self, text: str) -> bool:
        """Whether a folded text has one of the forms."""
        if not text:
            return False
        candidates = (self._first.get(text.partition(" ")[0], ()), self._last.get(text.rpartition(" ")[2], ()), self._others)
        return any(pattern.matches(text) for patterns in candidates for pattern in patterns)


def _gap(names: list[str]) -> _Gap:
    return _Gap("<when>" in names, "<who>" in names, names[-1] == "<address>")


def _literal(source: str) -> str:
    lead = " " if source[:1].isspace() else ""
    trail = " " if source[-1:].isspace() and source.strip() else ""
    return f"{lead}{folded(source)}{trail}"


@dataclass(frozen=True, slots=True)
class Labels:
    """What header lines of a quoted mail are called."""

    author: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LanguageForms:
    """The tables of one language, as written in rules/LANG/forms.toml.

    Attributes:
        attributions: lines that introduce a quoted mail ("On <when> <who> wrote:").
        originals: names of separators before a quoted mail ("Original Message").
        forwards: names of separators before a forwarded mail.
        labels: header lines of a quoted mail.
        mobile: lines that a mail program adds ("Sent from my ...").
        closings: how a mail ends ("Kind regards").
        disclaimers: phrases that stand in footers only.
        reader: words that speak to the reader ("you", "your").
        common: the commonest words of the language; one of them that another language says to its reader is told apart by them.
        agents: how our side is called in a pasted chat.
        me: how the writer calls himself there.
        replies: subject prefixes of a reply, without the colon.
        forwarded: subject prefixes of a forward.
        automatic: subjects of automatic answers and of delivery failures ("Automatic reply: ...").
    """

    language: str
    attributions: tuple[str, ...] = ()
    originals: tuple[str, ...] = ()
    forwards: tuple[str, ...] = ()
    labels: Labels = field(default_factory=Labels)
    mobile: tuple[str, ...] = ()
    closings: tuple[str, ...] = ()
    disclaimers: tuple[str, ...] = ()
    reader: tuple[str, ...] = ()
    common: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    me: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    automatic: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forms:
    """The tables of all languages together: a mail's frame is in the language of the program, not of the mail."""

    languages: tuple[LanguageForms, ...]

    def attribution(self, line: str) -> bool:
        """Whether a line, unwrapped, introduces a quoted mail."""
        if len(line) > _LONGEST_FRAME:
            return False
        if "@" not in line and not any(character.isdigit() for character in line):
            return False
        text = folded(line)
        return text.endswith(":") and self._attributions.match(text)

    def original(self, line: str) -> bool:
        """Whether a line is the separator before a quoted mail."""
        return self._separator(line, self._originals)

    def forward(self, line: str) -> bool:
        """Whether a line is the separator before a forwarded mail."""
        return self._separator(line, self._forwards)

    def label(self, line: str) -> str:
        """Which header line of a quoted mail this could be: "author", "sent", "to", "subject", or ""."""
        name, colon, value = line.partition(":")
        if not colon or len(name) > 40 or not value.strip(" *_\t\xa0"):
            return ""
        return self._labels.get(folded(name).strip(_DECORATION), "")

    def mobile(self, line: str) -> bool:
        """Whether a line was added by a mail program."""
        if len(line) > 100:
            return False
        text = folded(line)
        return self._mobile.match(text) and not self.speaks_to_reader(line)

    def closing(self, line: str) -> bool:
        """Whether a line is a closing."""
        return len(line) < 60 and folded(line).strip(" ,.!:;-–—") in self._closings

    def disclaimers(self, text: str) -> int:
        """How many phrases that stand in footers only a paragraph has in it."""
        folded_text = folded(text[:4000])
        return sum(pattern.within(folded_text) for pattern in self._disclaimers)

    def speaks_to_reader(self, text: str) -> bool:
        """Whether a text has a word in it that speaks to the reader, in the language that the text is in."""
        found = set(words(text))
        return any(not self._foreign(word, found) for word in found & self._reader)

    def _foreign(self, word: str, found: set[str]) -> bool:
        """Whether a word that speaks to the reader is a common word of another language here: German "du", French "du"."""
        return any(word in common and len(found & common) > 1 for common in self._common)

    def agent(self, label: str) -> bool:
        """Whether a speaker of a pasted chat is one of ours."""
        return not self._agents.isdisjoint(words(label))

    def me(self, label: str) -> bool:
        """Whether a speaker of a pasted chat is the writer."""
        return folded(label) in self._me

    def reply_subject(self, subject: str) -> bool:
        """Whether a subject is that of a reply."""
        return self._prefixed(subject, self._replies)

    def forward_subject(self, subject: str) -> bool:
        """Whether a subject is that of a forwarded mail."""
        return self._prefixed(subject, self._forwarded)

    def automatic_subject(self, subject: str) -> bool:
        """Whether a subject is one that programs write."""
        return self._automatic.match(folded(subject[:_LONGEST_FRAME]))

    @staticmethod
    def _separator(line: str, names: frozenset[str]) -> bool:
        line = line.strip()
        if not line or len(line) > 120 or (line[0] not in _DECORATION and line[-1] != ":"):
            return False
        text = folded(line)
        bare = text.strip(_DECORATION)
        decorated = text[:2] in {"--", "__", "=="} or text.endswith(":")
        return decorated and bare.removesuffix(":").strip(_DECORATION) in names

    @staticmethod
    def _prefixed(subject: str, prefixes: frozenset[str]) -> bool:
        head, colon, _ = subject[:40].partition(":")
        return bool(colon) and re.sub(r"[\[(]?\d+[\])]?$", "", folded(head)).strip() in prefixes

    @cached_property
    def _attributions(self) -> _Patterns:
        return _Patterns(source for table in self.languages for source in table.attributions)

    @cached_property
    def _originals(self) -> frozenset[str]:
        return _set(source for table in self.languages for source in table.originals)

    @cached_property
    def _forwards(self) -> frozenset[str]:
        return _set(source for table in self.languages for source in table.forwards)

    @cached_property
    def _labels(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for table in self.languages:
            for kind in ("author", "sent", "to", "subject"):
                for name in getattr(table.labels, kind):
                    names.setdefault(folded(name), kind)
        return names

    @cached_property
    def _mobile(self) -> _Patterns:
        return _Patterns(source for table in self.languages for source in table.mobile)

    @cached_property
    def _closings(self) -> frozenset[str]:
        return _set(source for table in self.languages for source in table.closings)

    @cached_property
    def _disclaimers(self) -> tuple[Pattern, ...]:
        return tuple(Pattern.of(source) for table in self.languages for source in table.disclaimers)

    @cached_property
    def _reader(self) -> frozenset[str]:
        return _set(source for table in self.languages for source in table.reader)

    @cached_property
    def _common(self) -> tuple[frozenset[str], ...]:
        return tuple(_set(table.common) for table in self.languages)

    @cached_property
    def _agents(self) -> frozenset[str]:
        return _set(source for table in self.languages for source in table.agents)

    @cached_property
    def _me(self) -> frozenset[str]:
        return _set(source for table in self.languages for source in table.me)

    @cached_property
    def _automatic(self) -> _Patterns:
        return _Patterns(source for table in self.languages for source in table.automatic)

    @cached_property
    def _replies(self) -> frozenset[str]:
        return _set(source for table in self.languages for source in table.replies)

    @cached_property
    def _forwarded(self) -> frozenset[str]:
        return _set(source for table in self.languages for source in table.forwarded)


def _set(sources: Iterable[str]) -> frozenset[str]:
    return frozenset(folded(source).removesuffix(":") for source in sources)
