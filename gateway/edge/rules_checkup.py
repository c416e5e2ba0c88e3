"""Everything that can be said of a set of rules before it goes live: `rules check` prints it, `rules activate` heeds it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from gateway.edge import shipped
from gateway.edge.ear_model import load_ear
from gateway.edge.forms import load_forms
from gateway.edge.rules import load_to_check, of_the_site
from gateway.edge.rules_check import check_examples
from gateway.edge.rules_civil import check_civil, civil_sample
from gateway.edge.rules_files import set_files
from gateway.edge.rules_lint import lint
from gateway.edge.scorer import build_scorer
from gateway.errors import BadInput, Problem
from gateway.scoring.rules import RuleBook

_Folders = TypeVar("_Folders", bound=Sequence[Path])


def check_up(folders: Sequence[Path], languages: frozenset[str] | None = None) -> tuple[RuleBook | None, list[Problem]]:
    """Check a set of rules in full.

    Args:
        folders: the shipped folder first, then the site's; with a site's folder, what is merely worth a word is said of
            the site's rules only.
        languages: only these, None for all.

    Returns:
        tuple[RuleBook | None, list[Problem]]: the book, None when it can't be loaded; every error and warning, in the order
            of files and lines.
    """
    problems = [*_read_well(load_forms, [folder for folder in folders if folder.is_dir()]), *_read_well(load_ear, tuple(folders)), *_in_vain(folders)]
    # the rules without an error are checked beside those with one, so that nobody mends one thing after the other
    book, whole, found = load_to_check(folders, languages)
    try:
        judged = _judged(book, folders, languages) if book is not None else []
    except BadInput as error:
        whole, judged = False, list(error.problems)
    return book if whole else None, _told([*problems, *found, *judged], folders)


def _judged(book: RuleBook, folders: Sequence[Path], languages: frozenset[str] | None) -> list[Problem]:
    """What the rules' own examples, the lint and the civil sample say."""
    scorer = build_scorer(book, None)
    layer = len(folders) - 1
    # a class or frame of the site's may change what shipped rules do, so all examples are tried
    found = [*check_examples(book, scorer, languages), *lint(book, languages, layer=layer)]
    sample = civil_sample(shipped.folder("rules"), [pack.code for pack in book.packs])
    return [*found, *check_civil(book, scorer, sample, layer=layer)]


def _read_well(load: Callable[[_Folders], object], folders: _Folders) -> list[Problem]:
    """What is wrong with the files beside the rules."""
    try:
        load(folders)
    except BadInput as error:
        return list(error.problems)
    return []


def _in_vain(folders: Sequence[Path]) -> list[Problem]:
    """A site's folder with files of which none is read: nobody means that, though a service would run with it."""
    site = folders[-1]
    if len(folders) == 1 or not site.is_dir() or any(set_files(site)):
        return []
    files = [name for path in sorted(site.rglob("*")) if path.is_file() and not (name := path.relative_to(site).as_posix()).startswith(".")]
    if not files:
        return []
    text = f"has files ({files[0]}), but none of them is read: rules lie in the folder of their language, for example {site}/en/site.toml"
    return [Problem(str(site), 0, text)]


def _told(problems: list[Problem], folders: Sequence[Path]) -> list[Problem]:
    """Each once, in order; warnings of the shipped files are no matter of a site's."""
    return sorted(of_the_site(dict.fromkeys(problems), folders[:-1]), key=lambda problem: (problem.file, problem.line))
