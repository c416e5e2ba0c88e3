"""`courtesy rules`: check and test."""

from pathlib import Path

import click

from gateway.edge.rules import load_rules
from gateway.edge.rules_check import check_examples
from gateway.edge.scorer import build_scorer, rules_folders
from gateway.errors import BadInput, Problem


@click.group()
def rules() -> None:
    """Check, test and look at rules."""


@rules.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--lang", multiple=True, help="Only these languages.")
def check(folder: Path | None, lang: tuple[str, ...]) -> None:
    """Print every error and warning of the rules, FILE:LINE: error: TEXT; FOLDER is a site folder over the shipped rules."""
    problems: list[Problem] = []
    try:
        book, warnings = load_rules(rules_folders(folder), frozenset(lang) or None)
        problems += warnings
        problems += check_examples(book, build_scorer(book, None), lang or None)
    except BadInput as error:
        problems += error.problems
    for problem in problems:
        click.echo(str(problem))
    if any(problem.severity == "error" for problem in problems):
        raise SystemExit(1)
