"""`courtesy rules`: check, test and explain them; what a site changes."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import JSON, OPTIONAL_CONFIG, office, optional_settings, show_json
from gateway.cli.plain import fail, plain
from gateway.cli.rules_activate import activate
from gateway.cli.rules_live import reload, replay
from gateway.cli.rules_propose import propose
from gateway.cli.rules_shadow import shadow
from gateway.edge.rules import load_rules
from gateway.edge.scorer import build_scorer, rules_folders
from gateway.errors import BadInput, GatewayError, Problem

_FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
_LANG = click.option("--lang", multiple=True, metavar="CODE", help="Only these languages.")
_SHOWN = 12


@click.group()
def rules() -> None:
    """Check, test and explain rules; see what a change would do, and put it in force."""


rules.add_command(reload)
rules.add_command(activate)
rules.add_command(replay)
rules.add_command(propose)
rules.add_command(shadow)


def languages_of(lang: tuple[str, ...], folders: tuple[Path, ...]) -> frozenset[str] | None:
    """The languages that were asked for; ends the command when one of them has no rules."""
    known = sorted({path.parent.name for folder in folders for path in folder.glob("*/*.toml")})
    if unknown := [code for code in lang if code not in known]:
        raise click.BadParameter(f"there are no rules for {', '.join(unknown)}; there are {', '.join(known)}", param_hint="--lang")
    return frozenset(lang) or None


@rules.command()
@_FOLDER
@_LANG
def check(folder: Path | None, lang: tuple[str, ...]) -> None:
    """Print every error and warning of the rules, FILE:LINE: error: TEXT; FOLDER is a site folder over the shipped rules."""
    from gateway.edge.rules_checkup import check_up

    folders = rules_folders(folder)
    _, problems = check_up(folders, languages_of(lang, folders))
    _end(problems)


def _end(problems: list[Problem]) -> None:
    for problem in problems:
        click.echo(plain(str(problem)))
    if any(problem.severity == "error" for problem in problems):
        raise SystemExit(1)


@rules.command()
@_FOLDER
@_LANG
@JSON
def test(folder: Path | None, lang: tuple[str, ...], *, as_json: bool) -> None:
    """Try every rule's own hits and misses and count them; FOLDER is a site folder over the shipped rules."""
    from gateway.edge.rules_check import check_examples, examples

    folders = rules_folders(folder)
    try:
        book, _ = load_rules(folders, languages_of(lang, folders))
        scorer = build_scorer(book, None)
    except BadInput as error:
        _end(list(error.problems))
        return
    counts: dict[str, Counter[str]] = {pack.code: Counter({"rules": sum(not rule.off for rule in pack.rules)}) for pack in book.packs}
    for example in examples(book, scorer):
        row = counts[example.rule.language]
        row["hits" if example.wanted else "misses"] += 1
        row["wrong"] += not example.right
    rows = [{"language": code, **{name: row[name] for name in ("rules", "hits", "misses", "wrong")}} for code, row in counts.items()]
    problems = [problem for problem in check_examples(book, scorer) if " has no hits" not in problem.text and "shadowed" not in problem.text]
    if as_json:
        show_json({"languages": rows, "problems": [{"file": p.file, "line": p.line, "severity": p.severity, "text": p.text} for p in problems]})
        raise SystemExit(1 if any(problem.severity == "error" for problem in problems) else 0)
    for line in rows:
        click.echo(f"{line['language']}: {line['rules']} rules, {line['hits']} hits, {line['misses']} misses, {line['wrong']} wrong")
    _end(problems)


@rules.command()
@OPTIONAL_CONFIG
@JSON
@click.option("--rules", "site", type=click.Path(path_type=Path, exists=True, file_okay=False), help="A site folder over the shipped rules.")
@click.option("--version", help="The rules of this version, as kept under state_dir.")
@click.argument("rule")
def explain(config: Path | None, site: Path | None, version: str | None, rule: str, *, as_json: bool) -> None:
    """Say in plain words what a rule does, where it is written, and how it fared."""
    from gateway.edge.rules_choice import chosen
    from gateway.edge.rules_told import as_row, find_rule, near_ids, site_entries
    from gateway.edge.service import order_of

    settings = optional_settings(config)
    try:
        order = chosen(version or (str(site) if site else None), settings, order_of(settings) if settings else None)
        code = rule.partition(".")[0]
        wanted = frozenset({code}) if any((folder / code).is_dir() for folder in order.folders) else None
        book, _ = load_rules(order.folders, wanted, order.shown)
    except GatewayError as error:
        fail(str(error))
    found = find_rule(book, rule)
    if found is None:
        near = " or ".join(near_ids(book, rule))
        fail(f"there is no rule {rule}{f'; did you mean {near}?' if near else ''}")
    row = as_row(*found, book.policy)
    below = order.folders[:1] if found[0].changed and not found[0].layer else ()
    shipped = find_rule(load_rules(below, frozenset({found[0].language}))[0], rule) if below else None
    row["of_this_site"] = site_entries(shipped[0], found[0]) if shipped else {}
    row["history"] = _history(config, rule) if settings else None
    if as_json:
        show_json(row)
    else:
        _explained(row)


def _history(config: Path | None, rule: str) -> dict[str, Any]:
    """What the ledger knows of a rule: the incidents in which it counted, and how many of them a person undid."""
    found = office(config or Path(), "rules.history", rule=rule)
    assert isinstance(found, dict)  # noqa: S101 - the office's own answer
    return found


def _explained(row: dict[str, Any]) -> None:
    changed = f", changed at {row['changed']}" if row["changed"] else ""
    click.echo(plain(f"{row['id']}, {row['file']}:{row['line']}{changed}"))
    for line in row["says"]:
        click.echo(plain(f"  {line}"))
    if row["note"]:
        click.echo(plain(f"  Note: {row['note']}"))
    for name, title in (("clause", "policy points"), ("words", "words"), ("phrases", "phrases"), ("unless", "unless"), ("hits", "hits"), ("misses", "misses")):
        _entries(title, row[name], " " if name == "clause" else None, row["of_this_site"].get(name, ()))
    if row["pattern"]:
        click.echo(plain(f"  pattern: {row['pattern']}"))
    for name, words in row["classes"].items():
        _entries(f"<{name}>", words, ", ")
    history = row["history"]
    if history is not None:
        last = f", last {history['last'][:10]}" if history["last"] else ""
        click.echo(f"  In the ledger: counted in {history['incidents']} incidents{last}; {history['overturned']} of them were overturned.")


def _entries(title: str, entries: list[str], joiner: str | None, site: Sequence[str] = ()) -> None:
    """A list of a rule: on one line, or a line each, what the site added before the others and marked; of a long one the first."""
    if not entries:
        return
    entries = [*(f"{entry}  (of this site)" for entry in site), *(entry for entry in entries if entry not in site)]
    shown = entries if joiner == " " else entries[: max(_SHOWN, len(site))]
    more = f" and {len(entries) - len(shown)} more" if len(entries) > len(shown) else ""
    if joiner:
        click.echo(plain(f"  {title}: {joiner.join(shown)}{more}"))
        return
    click.echo(f"  {title} ({len(entries)}):")
    for entry in shown:
        click.echo(plain(f"    {entry}"))
    if more:
        click.echo(f"    {more.strip()}; --json shows all")


@rules.command()
@OPTIONAL_CONFIG
@JSON
@_FOLDER
def diff(config: Path | None, folder: Path | None, *, as_json: bool) -> None:
    """What a site's folder changes against the shipped rules; without FOLDER, rules_dir of the configuration."""
    from gateway.edge.rules_told import differences

    settings = optional_settings(config)
    site = folder or (Path(settings.rules_dir) if settings and settings.rules_dir else None)
    if site is None:
        fail("name a FOLDER, or give --config with a rules_dir", 2)
    try:
        rows = differences(load_rules(rules_folders())[0], load_rules(rules_folders(site))[0])
    except BadInput as error:
        fail(str(error))
    if as_json:
        show_json(rows)
        return
    for row in rows:
        _difference(row)
    if not rows:
        click.echo("Nothing differs from the shipped rules.")


def _difference(row: dict[str, Any]) -> None:
    at = f" ({row['at']})" if "at" in row else ""
    click.echo(plain(f"{row['what']}: {row['name']}{at}"))
    for name, (old, new) in row.get("set", {}).items():
        click.echo(plain(f"  {name}: {old} -> {new}"))
    for sign, key in (("+", "added"), ("-", "removed")):
        for name, entries in row.get(key, {}).items():
            for entry in entries:
                click.echo(plain(f"  {sign} {name}: {entry}" if name != "words" or row["what"].startswith("rule") else f"  {sign} {entry}"))
