"""From facts to the words of a mail: jinja2 in a sandbox, a site's folder laid over the shipped one.

Everything is compiled and rendered once at the start, so that a broken template is found then and not in a mail.
A template is plain text: its first line is "Subject: ...", then paragraphs with blank lines between them; a paragraph
of lines that begin with "- " is a list. Text and HTML are made of the same paragraphs, so they can't say two things.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.edge import shipped, template_samples
from gateway.edge.answer_pages import AnswerPages
from gateway.edge.digest_pages import DigestPages
from gateway.edge.languages import LANGUAGES, STANDS_IN, WORDS_FILE
from gateway.edge.spoken import load_spoken
from gateway.edge.template_text import Row, french_spaces, read, template_problem, wrapped
from gateway.edge.template_words import Words, load_words
from gateway.errors import BadInput, Problem
from gateway.mail.excerpts import asking, masked
from gateway.mail.facts import AlertFacts, FoldFacts, NoticeFacts, Rendered
from gateway.mail.fields import one_line
from gateway.policy.decision_words import DecisionWords
from gateway.values import AlertKind, Category, Disposition, NoticeKind

__all__ = ["LANGUAGES", "Templates"]

_DONE: Mapping[Disposition, str] = {
    Disposition.DELIVER: "delivered",
    Disposition.FOLD: "folded",
    Disposition.HOLD: "held",
    Disposition.REFUSE: "refused",
}
SPEAK_OF_A_MAIL = frozenset({NoticeKind.REMINDER, NoticeKind.WARNING, NoticeKind.FINAL_WARNING, NoticeKind.SUSPENSION})
"""Notices that must say what became of the mail (H8); the others may."""

_FIXED = ("layout.txt.j2", "layout.html.j2")


class Templates:
    """All mails of ours in all languages."""

    def __init__(self, site_language: str, zone: ZoneInfo, site_folder: Path | None = None, more: Sequence[str] = ()) -> None:
        """Load, compile and try everything.

        Args:
            site_language: of alerts and notes, and of notices where the mail's language is none of ours.
            zone: in which times are shown.
            site_folder: an admin's own templates and words; what is missing there comes from the shipped folder.
            more: languages beside the shipped ones, each with a folder there.

        Raises:
            BadInput: with every problem at once, each with file and line.
        """
        self._site_language = site_language
        self.languages = (*LANGUAGES, *more)
        """All of them."""
        self._zone = zone
        self._folders = [*([site_folder] if site_folder else []), shipped.folder("templates")]
        problems = _strangers(site_folder, self._folders[-1], self.languages) if site_folder else []
        if site_folder and not site_folder.is_dir():
            problems.append(Problem(str(site_folder), 0, "is not a folder"))
        if absent := [code for code in more if not any((folder / code / WORDS_FILE).is_file() for folder in self._folders)]:
            text = "is missing, and this language is named in languages; put the folder of its templates there (docs/new-language.md)"
            raise BadInput((*problems, *(Problem(str(self._folders[0] / code / WORDS_FILE), 0, text) for code in absent)))
        self._environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(str(folder)) for folder in self._folders]),
            undefined=StrictUndefined,
            autoescape=lambda name: bool(name and name.endswith(".html.j2")),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            auto_reload=False,
        )
        self._environment.filters["wrapped"] = wrapped
        # In the plain files a line with nothing but a tag is a blank line, and a tag at the end of a line eats nothing.
        self._plain = self._environment.overlay(trim_blocks=False)
        self._sentences: dict[tuple[str, str, str], Template] = {}
        self._words: dict[str, Words] = {}
        for language in self.languages:
            self._words[language], found = load_words(language, self._folders)
            problems.extend(found)
        self.spoken, found = load_spoken(self.languages, self._folders)
        problems.extend(found)
        self.asks = asking(entry for said in self.spoken.values() for entry in said.requests)
        """Finds words in which people ask for something."""
        self.digests = DigestPages(self._environment, self._folders, self._words, zone)
        problems.extend(self.digests.problems)
        self.answers = AnswerPages(self._folders, self._words, self.digests.answers, self._written)
        problems.extend(self.answers.problems)
        problems += self._lacking(more)
        self.warnings = tuple(problem for problem in problems if problem.severity != "error")
        """What the languages lack that a site adds: English stands in for it."""
        if len(problems) == len(self.warnings):
            problems += [*self._trial(), *self.digests.trial()]
        if len(problems) > len(self.warnings):
            raise BadInput(tuple(problems))

    @property
    def decisions(self) -> Iterator[DecisionWords]:
        """How managers decide, in all languages: what people say, and what our mails print."""
        for language in self.languages:
            confirm, everything = self.digests.confirmations(language)
            printed = {action: tuple(words.split(",")) for action, words in self.digests.answers(language).items()}
            yield from (self.spoken[language].decisions, DecisionWords(printed, tuple(confirm.split(",")), tuple(everything.split(","))))

    def resolve(self, language: str) -> str:
        """The language that a mail is written in: the wanted one if it is ours, else the site's."""
        return language if language in self._words else self._site_language

    def notice(self, kind: NoticeKind, language: str, facts: NoticeFacts) -> Rendered:
        """Write a notice to a sender.

        Args:
            kind: which notice.
            language: of the sender's mail; see `resolve`.
            facts: what it is about.

        Returns:
            Rendered: with a subject that is the same for everybody.

        Raises:
            ValueError: the kind speaks of a mail and the facts don't say what was done with it.
        """
        if facts.disposition is None and kind in SPEAK_OF_A_MAIL:
            raise ValueError(f"a {kind} must say what was really done with the mail")
        words = self._words[self.resolve(language)]
        company = one_line(facts.company, 80) or one_line(facts.support, 320)
        at = words.moment(facts.at, self._zone)
        categories = _categories(words, facts.categories[:2])
        clauses = _clauses(words, facts.clauses, 1, with_id=False)
        values = {
            "at": at,
            "categories": categories or words.text("phrases", "unknown_category"),
            "clauses": clauses,
            "support": one_line(facts.support, 320),
            "company": company,
            "until": words.moment(facts.until, self._zone) if facts.until else "",
            "disposition": _DONE[facts.disposition] if facts.disposition else "none",
            "released": facts.released,
            "due": words.day(facts.due.astimezone(self._zone).date()) if facts.due else "",
            "reference": one_line(facts.reference, 60),
            "complaints": one_line(facts.complaints, 320),
            "repeated": facts.categories == (Category.FLOODING,),
        }
        # The only sentences that speak of the mail's fate are chosen by what was really done (H8).
        values["done"] = self._sentence(words, "done", _DONE[facts.disposition], values) if facts.disposition else ""
        values["decided"] = self._sentence(words, "sentences", "automatic" if facts.automatic else "manual", values)
        for key in ("again", "always", "person"):
            values[key] = self._sentence(words, "sentences", key, values)
        values["why"] = self._sentence(words, "sentences", "repeated" if values["repeated"] else "why", values)
        label = _labels(words)
        policy = one_line(facts.policy_url, 500)
        complaints = one_line(facts.complaints, 320)
        rows = [
            Row(label["reference"], one_line(facts.reference, 60)),
            *([Row(label["received"], at)] if facts.disposition else []),
            *([Row(label["released"], words.number(facts.released))] if facts.released else []),
            *([Row(label["policy"], policy, policy if policy.startswith(("https://", "http://")) else "")] if policy else []),
            *([Row(label["complaints"], complaints, f"mailto:{complaints}")] if complaints else []),
        ]
        return self._written(words, f"notice/{kind}.j2", values, rows, company=company)

    def alert(self, kind: AlertKind, language: str, facts: AlertFacts) -> Rendered:
        """Write an alert to the managers; the words that were found are masked.

        Args:
            kind: why they are told.
            language: usually the site's.
            facts: what it is about.
        """
        words = self._words[self.resolve(language)]
        label = _labels(words)
        done = "observed" if facts.observed else _DONE[facts.disposition] if facts.disposition else "none"
        sender = one_line(facts.sender, 320) or "<>"
        known = label["verified"] if facts.verified else label["unverified"]
        many = facts.many.replace(" ", "_")
        excerpts = " | ".join(masked(excerpt, 120) for excerpt in facts.excerpts[:5])
        reference, at = one_line(facts.reference, 60), words.moment(facts.at, self._zone)
        categories = _categories(words, facts.categories[:3])
        until = words.moment(facts.until, self._zone) if facts.until else ""
        deadline = words.day(facts.deadline) if facts.deadline else ""
        choices = tuple(one_line(choice, 30) for choice in facts.choices)
        values = {
            "at": at,
            "reference": reference,
            "sender": sender,
            "verified": facts.verified,
            "disposition": done,
            "categories": categories,
            "until": until,
            "deadline": deadline,
            "strikes": facts.strikes,
            "attached": facts.attached,
            "choices": choices,
            "about": facts.about,
            "related": one_line(facts.related, 60),
        }
        rows = [
            Row(label["reference"], reference),
            Row(label["sender"], f"{sender} ({known}{f': {one_line(facts.by, 80)}' if facts.by else ''}){f'; {label[many]}' if many else ''}"),
            Row(label["recipients"], ", ".join(one_line(address, 320) for address in facts.recipients[:10])),
            Row(label["received"], at),
            Row(label["category"], categories),
            Row(label["rule"], _clauses(words, facts.clauses, 3, with_id=True)),
            Row(label["action"], words.text("action", done)),
            Row(label["excerpts"], excerpts),
            Row(label["strikes"], words.number(facts.strikes) if facts.strikes else ""),
            Row(label["until"], until),
            Row(label["deadline"], deadline),
            Row(label["choices"], " / ".join(choices)),
        ]
        return self._written(words, f"alert/{kind}.j2", values, [row for row in rows if row.value])

    def fold_note(self, language: str, facts: FoldFacts) -> Rendered:
        """Write the calm note that stands in front of a folded mail.

        Args:
            language: usually the site's.
            facts: what it is about.
        """
        words = self._words[self.resolve(language)]
        label = _labels(words)
        reference, at, sender = one_line(facts.reference, 60), words.moment(facts.at, self._zone), one_line(facts.sender, 320)
        values = {
            "at": at,
            "reference": reference,
            "sender": sender,
            "categories": _categories(words, facts.categories[:2]) or words.text("phrases", "unknown_category"),
            "sentences": tuple(one_line(sentence, 300) for sentence in facts.sentences[:3]),
        }
        rows = [
            Row(label["reference"], reference),
            Row(label["sender"], sender),
            Row(label["received"], at),
            Row(label["rule"], _clauses(words, facts.clauses, 2, with_id=True)),
        ]
        return self._written(words, "fold.j2", values, [row for row in rows if row.value])

    def _sentence(self, words: Words, table: str, key: str, values: Mapping[str, object]) -> str:
        place = (words.language, table, key)
        if place not in self._sentences:
            self._sentences[place] = self._environment.from_string(words.text(table, key))
        return self._sentences[place].render(values)

    def _written(self, words: Words, name: str, values: Mapping[str, object], rows: Sequence[Row], *, company: str = "") -> Rendered:
        template = self._plain.select_template([f"{words.language}/{name}", *self._instead(words.language, name)])
        rendered = template.render(values)
        subject, blocks = read(french_spaces(rendered) if words.language == "fr" else rendered)
        notice = name.startswith("notice/")
        frame = {
            "language": words.language,
            "subject": subject,
            "blocks": blocks,
            "rows": rows,
            "greeting": words.text("phrases", "greeting") if notice else "",
            "closing": words.text("phrases", "closing") if notice else "",
            "company": company,
            "colon": words.text("phrases", "colon"),
        }
        text, html = (self._environment.get_template(layout).render(frame) for layout in _FIXED)
        return Rendered(subject, text.strip("\n") + "\n", html + "\n")

    def _lacking(self, more: Sequence[str]) -> Iterator[Problem]:
        """The templates for which English stands in, in the languages that a site adds."""
        own = self._folders[0]
        for language in more:
            for path in sorted((self._folders[-1] / LANGUAGES[0]).rglob("*.j2")):
                place = own / language / path.relative_to(self._folders[-1] / LANGUAGES[0])
                if not place.is_file():
                    yield Problem(str(place), 0, STANDS_IN, "warning")

    @staticmethod
    def _instead(language: str, name: str) -> tuple[str, ...]:
        return () if language in LANGUAGES else (f"{LANGUAGES[0]}/{name}",)

    def _trial(self) -> list[Problem]:
        """Render everything once with sample values; a notice's subject must not depend on them."""
        problems: list[Problem] = []
        for words in self._words.values():
            sentences = [place for place in words.texts if place[0] in {"sentences", "done"}]
            for table, key in sentences:
                try:
                    self._sentence(words, table, key, template_samples.SENTENCE)
                except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                    problems.append(Problem(*words.places[table, key], f"{table}.{key}: {error}"))
        if problems:
            return problems
        for language in self.languages:
            subjects: dict[str, str] = {}
            for name, attempt in self._attempts(language):
                path = self._path(f"{language}/{name}")
                try:
                    subject = attempt().subject
                except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                    problems.append(template_problem(error, path, self._folders))
                    continue
                if name.startswith("notice/") and subjects.setdefault(name, subject) != subject:
                    problems.append(Problem(path, 1, "the subject of a notice must be fixed words"))
        return list(dict.fromkeys(problems))

    def _attempts(self, language: str) -> Iterator[tuple[str, Callable[[], Rendered]]]:
        for notice in NoticeKind:
            for facts in template_samples.NOTICES:
                if facts.disposition or notice not in SPEAK_OF_A_MAIL:
                    yield f"notice/{notice}.j2", partial(self.notice, notice, language, facts)
        for alert in AlertKind:
            for alert_facts in template_samples.ALERTS:
                yield f"alert/{alert}.j2", partial(self.alert, alert, language, alert_facts)
        yield from self.answers.attempts(language)
        for fold_facts in template_samples.FOLDS:
            yield "fold.j2", partial(self.fold_note, language, fold_facts)

    def _path(self, name: str) -> str:
        return str(next((folder / name for folder in self._folders if (folder / name).is_file()), self._folders[-1] / name))


def _categories(words: Words, categories: Sequence[Category]) -> str:
    return words.listed([words.text("categories", category) for category in dict.fromkeys(categories)])


def _clauses(words: Words, clauses: Sequence[str], most: int, *, with_id: bool) -> str:
    """The titles of the first policy points that have one."""
    titles = {point: title for point in clauses if (title := words.clause(point))}
    return " | ".join(f"{title} ({point})" if with_id else title for point, title in list(titles.items())[:most])


def _labels(words: Words) -> dict[str, str]:
    return {key: text for (table, key), text in words.texts.items() if table == "labels"}


def _strangers(folder: Path, ours: Path, languages: Sequence[str]) -> list[Problem]:
    """Template files of a site that nothing would ever use, a misspelt name for example."""
    problems = []
    for path in sorted(folder.rglob("*.j2")):
        name = path.relative_to(folder)
        head, *rest = name.parts
        known = Path(LANGUAGES[0], *rest) if rest and head in languages else name
        if not (ours / known).is_file():
            beside = ", ".join(sorted(near.name for near in (ours / known).parent.glob("*.j2"))) or f"the folders {', '.join(languages)}"
            if rest and head not in languages and (folder / head / WORDS_FILE).is_file():
                beside += f"; if {head} is a language, name it in languages"
            problems.append(Problem(str(path), 0, f"no mail uses this file; there are {beside}"))
    return problems
