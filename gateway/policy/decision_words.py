"""The words with which managers decide by mail, in all languages: those of templates/LANG/spoken.toml and those that our mails print."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.records import Action

_MARKS = re.compile(r"[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class DecisionWords:
    """How one language says it.

    Attributes:
        actions: phrases for each action; one may stand for two actions when never both can be meant.
        confirm: phrases for "do what is proposed".
        everything: phrases for "all items".
        joins: words between two decisions of a line.
        fillers: words of politeness, which say nothing.
        takes_back: a line with one of these takes something back.
    """

    actions: Mapping[Action, tuple[str, ...]] = field(default_factory=dict)
    confirm: tuple[str, ...] = ()
    everything: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    fillers: tuple[str, ...] = ()
    takes_back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What can be said; see DecisionWords."""

    actions: Mapping[str, frozenset[Action]]
    confirm: frozenset[str]
    everything: frozenset[str]
    joins: frozenset[str] = frozenset()
    fillers: frozenset[str] = frozenset()
    takes_back: frozenset[str] = frozenset()


def plain_word(text: str) -> str:
    """A word as it is compared: without case and accents, with straight apostrophes."""
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold().replace("\u2019", "'")))


def vocabulary(languages: Iterable[DecisionWords]) -> Vocabulary:
    """The words of all languages.

    Args:
        languages: of each language what people say, and what our mails print.
    """
    known = tuple(languages)
    actions: dict[str, frozenset[Action]] = {}
    for words in known:
        for action, phrases in words.actions.items():
            for phrase in _plain(phrases):
                actions[phrase] = actions.get(phrase, frozenset()) | {action}
    return Vocabulary(
        actions=actions,
        confirm=_plain(entry for words in known for entry in words.confirm),
        everything=_plain(entry for words in known for entry in words.everything),
        joins=_plain(entry for words in known for entry in words.joins),
        fillers=_plain(entry for words in known for entry in words.fillers),
        takes_back=_plain(entry for words in known for entry in words.takes_back),
    )


def _plain(entries: Iterable[str]) -> frozenset[str]:
    return frozenset(" ".join(plain_word(entry).split()) for entry in entries if entry.strip())
