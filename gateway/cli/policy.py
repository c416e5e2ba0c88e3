"""`courtesy policy`: the conduct policy as a page for the company's site."""

from dataclasses import replace
from pathlib import Path

import click

from gateway.cli.plain import fail, plain
from gateway.edge.policy_page import PageFacts, policy_pages
from gateway.edge.rules import load_rules
from gateway.edge.scorer import rules_folders
from gateway.edge.settings import load_settings
from gateway.errors import BadInput


@click.command()
@click.option("--config", "settings_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="With the ladder, addresses and retention of these settings.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write policy.LANG.html and policy.LANG.txt of every language into DIR.")
@click.option("--lang", default="en", metavar="CODE", show_default=True, help="The language that is printed.")
def policy(settings_file: Path | None, out: Path | None, lang: str) -> None:
    """What is expected, what is not accepted, what follows, and how to appeal: from the rules in force."""
    facts, folders, own_templates = PageFacts(), rules_folders(), None
    more: tuple[str, ...] = ()
    try:
        if settings_file is not None:
            settings = load_settings(settings_file)
            kept = settings.retention
            facts = PageFacts(settings.addresses.support, settings.addresses.own("complaints"), kept.incidents_days, kept.excerpts_days, kept.evidence_days)
            folders = rules_folders(Path(settings.rules_dir) if settings.rules_dir else None)
            own_templates = Path(settings.templates_dir) if settings.templates_dir else None
            more = settings.languages
        book, _ = load_rules(folders)
        clauses = frozenset(clause for pack in book.packs for rule in pack.rules for clause in rule.clause)
        pages = policy_pages(book.policy, replace(facts, clauses=clauses), own_templates, more)
    except BadInput as error:
        fail(str(error))
    if out is None:
        texts = {page.language: page.text for page in pages}
        if lang not in texts:
            fail(f"there is no policy in {lang}; the languages are {', '.join(texts)}")
        click.echo(plain(texts[lang]), nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for page in pages:
            (out / f"policy.{page.language}.html").write_text(page.html, encoding="utf-8")
            (out / f"policy.{page.language}.txt").write_text(page.text, encoding="utf-8")
    except OSError as error:
        fail(f"{out} can't be written: {error.strerror}")
    click.echo(f"{len(pages)} languages, as HTML and text: written to {out}.")
