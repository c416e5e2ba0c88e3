"""Renders the weekly digest as HTML and text (templates/digest/), a site's folder laid over the shipped one."""

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, TemplateError

from gateway.edge.digest_samples import SAMPLES
from gateway.edge.digest_view import action_word, view
from gateway.edge.digest_words import load_digest_words
from gateway.edge.template_text import template_problem
from gateway.edge.template_words import Words
from gateway.errors import Problem
from gateway.mail.facts import Rendered
from gateway.mail.fields import one_line
from gateway.policy.figures import Digest
from gateway.records import Action

_TEXT = "digest/digest.txt.j2"
_HTML = "digest/digest.html.j2"


class DigestPages:
    """The digest in all languages; `problems` has what is wrong with its words.

    Args:
        environment: that of all templates.
        folders: template folders, the site's first.
        shared: the words that all mails share, by language.
        zone: in which times are shown.
    """

    def __init__(self, environment: Environment, folders: list[Path], shared: Mapping[str, Words], zone: ZoneInfo) -> None:
        self._environment = environment
        self._folders = folders
        self._words, self.problems = load_digest_words(shared, folders, zone)

    def render(self, digest: Digest, language: str) -> Rendered:
        """Write a digest.

        Args:
            digest: its figures.
            language: one of ours.

        Returns:
            Rendered: HTML and text of the same figures; no words of any mail in the subject.
        """
        shown = view(digest, self._words[language])
        text, html = (self._environment.get_template(name).render(view=shown) for name in (_TEXT, _HTML))
        return Rendered(one_line(shown.subject), text.strip("\n") + "\n", html.strip("\n") + "\n")

    def answers(self, language: str) -> Mapping[Action, str]:
        """The words with which managers decide, as the digest prints them."""
        return {action: action_word(self._words[language], action) for action in Action}

    def confirmations(self, language: str) -> tuple[str, str]:
        """The words for "confirm" and "all"."""
        words = self._words[language]
        return words.say("answers", "confirm"), words.say("answers", "all")

    def trial(self) -> list[Problem]:
        """Render samples in every language, so that a broken template is found at the start."""
        problems: list[Problem] = []
        for language in self._words:
            for digest in SAMPLES:
                try:
                    self.render(digest, language)
                except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                    path = next((folder / _HTML for folder in self._folders if (folder / _HTML).is_file()), self._folders[-1] / _HTML)
                    problems.append(template_problem(error, str(path), self._folders))
        return list(dict.fromkeys(problems))
