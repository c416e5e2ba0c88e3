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
from gateway.edge.template_text import french_spaces, wrapped
from gateway.edge.template_words import LANGUAGES
from gateway.edge.toml_lines import toml_problem
from gateway.errors import BadInput, Problem
from gateway.numbers import Policy
from gateway.policy.steps import Told, told

FILE = "policy.toml"
NAMES = {"en": "English", "fr": "Français", "de": "Deutsch", "ru": "Русский", "hu": "Magyar", "af": "Afrikaans"}
_PLACE = re.compile(r"\{(\w+)\}")
_Texts: TypeAlias = Mapping[str, str | list[str]]


class _Filled(Protocol):
    def __call__(self, text: object, **places: object) -> str: ...


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What of a site stands on the page.

    Attributes:
        support: address of the support, "" to leave it out; `complaints` likewise.
        incidents_days: how long records of incidents are kept, 0 for until a person deletes them; the other two likewise.
    """

    support: str = ""
    complaints: str = ""
    incidents_days: int = 365
    excerpts_days: int = 90
    evidence_days: int = 730


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


def policy_pages(policy: Policy, facts: PageFacts, site_folder: Path | None = None) -> tuple[Page, ...]:
    """Write the policy in every language.

    Args:
        policy: the company's numbers in force.
        facts: of the site.
        site_folder: an admin's own templates and words, laid over the shipped ones.

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
    for language in LANGUAGES:
        values = _values(language, _words(language, folders), policy, facts)
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
        "others": [(code, name) for code, name in NAMES.items() if code != language],
    }


def _step(words: _Texts, step: Told, filled: _Filled) -> tuple[str, str]:
    places = words["place"]
    return filled(places[min(step.place, len(places) - 1)]), filled(words[f"step_{step.step}"], days=step.days)


def _words(language: str, folders: list[Path]) -> _Texts:
    """The words of a language: the site's key by key over ours; every key that English has must be there."""
    merged: dict[str, str | list[str]] = {}
    for folder in reversed(folders):
        path = folder / language / FILE
        if not path.is_file():
            continue
        try:
            merged |= tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise BadInput((toml_problem(str(path), error),)) from None
    needed: _Texts = tomllib.loads((shipped.folder("templates") / "en" / FILE).read_text(encoding="utf-8"))
    wrong = [key for key, value in needed.items() if type(merged.get(key)) is not type(value) or _places(merged[key]) - _places(value)]
    if wrong:
        raise BadInput((Problem(f"{language}/{FILE}", 0, f"{', '.join(wrong)}: missing, of another kind than in English, or with a place that nothing fills"),))
    return merged


def _places(value: str | list[str]) -> set[str]:
    return set(_PLACE.findall(value if isinstance(value, str) else " ".join(value)))
