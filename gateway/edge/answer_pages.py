"""What is answered to managers and staff who write to us (templates/LANG/answer/, answers.toml)."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from gateway.edge import shipped
from gateway.edge.languages import LANGUAGES
from gateway.edge.template_text import Row, french_spaces
from gateway.edge.template_words import Words, load_words
from gateway.errors import Problem
from gateway.mail.facts import AnswerFacts, AnswerLine, Rendered
from gateway.mail.fields import one_line
from gateway.records import Action

FILE = "answers.toml"
_PLACE = re.compile(r"\{(\w+)\}")
_LONGEST_LINE = 80

Write = Callable[[Words, str, Mapping[str, object], Sequence[Row]], Rendered]
"""Fills a template and puts the frame around it."""

_LINES = tuple(AnswerLine(key, 3, "S3", "boss@shop.example", "it is late", "3 relase") for key in ("release", "stale_by", "unknown"))
SAMPLES = tuple(
    AnswerFacts(f"S{number}", about, _LINES[:1] * number, _LINES[1:] * number, ((3, "S3", (Action.RELEASE, Action.DELETE)),) * number, "S9")
    for about in ("read", "nothing", "no_token", "expired", "reported", "counted", "known", "empty", "details", "civil", "unknown")
    for number in (0, 2)
)


class AnswerPages:
    """The answers in all languages; `problems` has what is wrong with their words.

    Args:
        folders: template folders, the site's first.
        shared: the words that all mails share, by language.
        answers: the words of the decisions, by language.
        write: makes a mail of a template.
    """

    def __init__(self, folders: list[Path], shared: Mapping[str, Words], answers: Callable[[str], Mapping[Action, str]], write: Write) -> None:
        self._shared, self._answers, self._write = shared, answers, write
        tree: Mapping[str, Mapping[str, str]] = tomllib.loads((shipped.folder("templates") / "en" / FILE).read_text(encoding="utf-8"))
        needed = {table: tuple(entries) for table, entries in tree.items()}
        self._own: dict[str, Words] = {}
        self.problems: list[Problem] = []
        for language in shared:
            own, wrong = load_words(language, folders, FILE, needed)
            self.problems += wrong
            texts = dict(own.texts)
            for (table, key), text in own.texts.items():
                if strange := set(_PLACE.findall(text)) - set(_PLACE.findall(tree[table][key])):
                    names = ", ".join(sorted(strange))
                    severity = "error" if language in LANGUAGES else "warning"
                    self.problems.append(Problem(*own.places[table, key], f"{table}.{key} has a place that nothing fills: {names}", severity))
                    texts[table, key] = tree[table][key]
            self._own[language] = replace(own, texts=texts)

    def decision(self, language: str, facts: AnswerFacts) -> Rendered:
        """What was done of a manager's answer and what wasn't."""
        words, shown = self._own[language], self._answers(language)
        choices = [
            self._say(language, "open", "item", number=str(number), reference=reference, choices=" / ".join(shown[action] for action in actions))
            for number, reference, actions in facts.open
        ]
        values = {
            "about": facts.about,
            "reference": one_line(facts.reference, 60),
            "done": [self._line(words.language, "done", line) for line in facts.done],
            "left": [self._line(words.language, "left", line) for line in facts.left],
            "open": choices,
        }
        return self._write(self._shared[language], "answer/decision.j2", values, ())

    def report(self, language: str, facts: AnswerFacts) -> Rendered:
        """That a colleague's report arrived, and what the record still wants to know (D18, D19)."""
        values = {"about": facts.about, "reference": one_line(facts.reference, 60), "related": one_line(facts.related, 60)}
        return self._write(self._shared[language], "answer/report.j2", values, ())

    def attempts(self, language: str) -> Iterator[tuple[str, Callable[[], Rendered]]]:
        """Each template with sample facts, to be tried at the start."""
        for facts in SAMPLES:
            yield "answer/decision.j2", partial(self.decision, language, facts)
            yield "answer/report.j2", partial(self.report, language, facts)

    def _line(self, language: str, table: str, line: AnswerLine) -> str:
        places = {"number": str(line.number), "reference": line.reference, "who": line.who, "why": line.why, "line": line.line}
        return self._say(language, table, line.key, **{name: one_line(text, _LONGEST_LINE) for name, text in places.items()})

    def _say(self, language: str, table: str, key: str, **values: str) -> str:
        text = _PLACE.sub(lambda place: values[place[1]], self._own[language].text(table, key))
        return french_spaces(text) if language == "fr" else text
