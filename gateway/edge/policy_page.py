"""The conduct policy as a page for the company's site, in all languages, from the ladder and the settings in force (policy point D26)."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.edge import shipped
from gateway.edge.digest_words import capital
from gateway.edge.languages import LANGUAGES, name_of
from gateway.edge.template_text import french_spaces, wrapped
from gateway.edge.template_words import load_words
from gateway.edge.toml_lines import toml_problem
from gateway.errors import BadInput, Problem
from gateway.numbers import Policy
from gateway.policy.steps import Told, told

FILE = "policy.toml"
_PLACE = re.compile(r"\{(\w+)\}")
_Texts: TypeAlias = Mapping[str, str | list[str]]


class _Filled(Protocol):
    def __call__(self, text: object, **places: object) -> str: ...


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What of a site stands on the page.

    Attributes:
        support: address of the support, "" to leave it out; `complaints` likewise.
        clauses: policy points that the rules in force serve.
        incidents_days: how long records of incidents are kept, 0 for until a person deletes them; the other two likewise.
    """

    support: str = ""
    complaints: str = ""
    incidents_days: int = 365
    excerpts_days: int = 90
    evidence_days: int = 730
    clauses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Page:
    """The policy in one language."""

    language: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    steps: tuple[tuple[str, str], ...]


def policy_pages(policy: Policy, facts: PageFacts, site_folder: Path | None = None, more: tuple[str, ...] = ()) -> tuple[Page, ...]:
    """Write the policy in every language.

    Args:
        policy: the company's numbers in force.
        facts: of the site.
        site_folder: an admin's own templates and words, laid over the shipped ones.
        more: languages that the site adds.

    Raises:
        BadInput: a file of words is broken or lacks something.
    """
    folders = [*([site_folder] if site_folder else []), shipped.folder("templates")]
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(str(folder)) for folder in folders]),
        undefined=StrictUndefined,
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["wrapped"] = wrapped
    pages = []
    languages = {language: name_of(language) for language in (*LANGUAGES, *more)}
    for language in languages:
        values = _values(language, _words(language, folders), policy, facts)
        values["clauses"] = _clauses(language, folders, facts.clauses)
        values["others"] = [(code, name) for code, name in languages.items() if code != language]
        html, text = (environment.get_template(f"policy/page.{kind}.j2").render(values) for kind in ("html", "txt"))
        pages.append(Page(language, html, re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"))
    return tuple(pages)


def _values(language: str, words: _Texts, policy: Policy, facts: PageFacts) -> dict[str, object]:
    def filled(text: object, **places: object) -> str:
        shown = _PLACE.sub(lambda match: str(places[match[1]]), str(text))
        return french_spaces(shown) if language == "fr" else shown

    shown = {key: filled(value) if isinstance(value, str) and not _PLACE.search(value) else value for key, value in words.items()}
    kept = "kept" if facts.incidents_days and facts.excerpts_days and facts.evidence_days else "forever"
    days = {"incidents": facts.incidents_days, "excerpts": facts.excerpts_days, "evidence": facts.evidence_days}
    return {
        "language": language,
        "words": shown,
        "ladder": [_Row(filled(words[f"row_{name}"]), tuple(_step(words, step, filled) for step in steps)) for name, steps in told(policy)],
        "rest": [filled(text, decay=policy.decay_days) for text in words["rest"]],
        "complaints": filled(words["complaints"], complaints=facts.complaints) if facts.complaints else "",
        "kept": filled(words[kept], **days),
        "contact": filled(words["contact"], support=facts.support) if facts.support else "",
    }


def _clauses(language: str, folders: list[Path], clauses: frozenset[str]) -> list[str]:
    """What notices call the policy points that the rules in force serve, in the order of the words."""
    words, _ = load_words(language, folders)
    titles = [title for (table, point), title in words.texts.items() if table == "clauses" and point in clauses]
    return list(dict.fromkeys(capital(title) for title in titles))


def _step(words: _Texts, step: Told, filled: _Filled) -> tuple[str, str]:
    places = words["place"]
    return filled(places[min(step.place, len(places) - 1)]), filled(words[f"step_{step.step}"], days=step.days)


def _words(language: str, folders: list[Path]) -> _Texts:
    """The words of a language: the site's key by key over ours; every key that English has must be there, or English stands in."""
    needed: _Texts = tomllib.loads((shipped.folder("templates") / LANGUAGES[0] / FILE).read_text(encoding="utf-8"))
    merged: dict[str, str | list[str]] = {} if language in LANGUAGES else dict(needed)
    for folder in reversed(folders):
        path = folder / language / FILE
        if not path.is_file():
            continue
        try:
            merged |= tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise BadInput((toml_problem(str(path), error),)) from None
    wrong = [key for key, value in needed.items() if type(merged.get(key)) is not type(value) or _places(merged[key]) - _places(value)]
    if wrong:
        raise BadInput((Problem(f"{language}/{FILE}", 0, f"{', '.join(wrong)}: missing, of another kind than in English, or with a place that nothing fills"),))
    return merged


def _places(value: str | list[str]) -> set[str]:
    return set(_PLACE.findall(value if isinstance(value, str) else " ".join(value)))
