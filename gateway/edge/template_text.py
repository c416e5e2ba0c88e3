"""The plain form of a template: a subject line, paragraphs, lists; and where in it something went wrong."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateNotFound, TemplateSyntaxError

from gateway.errors import Problem
from gateway.mail.fields import one_line, paragraph_text

_SUBJECT = "Subject:"
_WIDTH = 72


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or a list when it has entries."""

    text: str = ""
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled fact below the text; `href` only ever is an address of ours."""

    label: str
    value: str
    href: str = ""


def read(rendered: str) -> tuple[str, tuple[Block, ...]]:
    """Read a rendered template.

    Args:
        rendered: "Subject: ..." in the first line, then paragraphs with blank lines between them.

    Returns:
        tuple[str, tuple[Block, ...]]: the subject on one line, and the paragraphs.

    Raises:
        ValueError: there is no subject or nothing below it.
    """
    first, _, rest = paragraph_text(rendered).strip().partition("\n")
    subject = one_line(first.removeprefix(_SUBJECT))
    if not first.startswith(_SUBJECT) or not subject:
        raise ValueError('the first line must be "Subject: ..."')
    blocks: list[Block] = []
    for paragraph in re.split(r"\n[ \t]*\n", rest):
        lines = [line.strip() for line in paragraph.split("\n") if line.strip()]
        if lines and all(line.startswith("- ") for line in lines):
            # Blank lines between entries, as a loop leaves them, don't end a list.
            before = blocks.pop().entries if blocks and blocks[-1].entries else ()
            blocks.append(Block(entries=(*before, *(line[2:].strip() for line in lines))))
        elif lines:
            blocks.append(Block(text=" ".join(lines)))
    if not blocks:
        raise ValueError("there is no text below the subject")
    return subject, tuple(blocks)


def french_spaces(text: str) -> str:
    """No line may begin with the punctuation that French sets off by a space."""
    return re.sub(r"(?<=\S) (?=[:;!?»])|(?<=«) ", "\u00a0", text)


def wrapped(text: str, bullet: str = "") -> str:
    """A paragraph in lines of at most 72 characters, words and addresses whole."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def template_problem(error: Exception, path: str, folders: Sequence[Path]) -> Problem:
    """What went wrong in a template, with the file and line that a person wrote.

    Args:
        error: raised while compiling or rendering.
        path: the file that was to be rendered.
        folders: where templates lie.
    """
    if isinstance(error, TemplateSyntaxError):
        return Problem(error.filename or path, error.lineno, error.message or "can't be understood")
    if isinstance(error, TemplateNotFound):
        return Problem(path, 0, f"is missing or includes a file that is missing: {error.message}")
    line, trace = 0, error.__traceback__
    while trace:
        # jinja2 rewrites its frames to the lines of the template.
        name = trace.tb_frame.f_code.co_filename
        if any(name.startswith(str(folder)) for folder in folders):
            path, line = name, trace.tb_lineno
        trace = trace.tb_next
    return Problem(path, line or 1, str(error))
