"""`courtesy rules` replay and reload: what a change would have done to past mail, and loading it."""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.asking import CONFIG, JSON, OPTIONAL_CONFIG, optional_settings, settings_of, show_json
from gateway.cli.plain import fail, plain, table
from gateway.edge.control import ask
from gateway.edge.sources import mails, one_of_many
from gateway.errors import GatewayError
from gateway.scoring.stayed import Stays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.edge.replay import Outcome
    from gateway.edge.settings import Settings
    from gateway.edge.weigher import Order

PATIENCE = 600.0
"""Seconds for a service that loads rules."""
SHOWN = 20
_STAYED = {
    Stays.TAG: "it gives a tag, which never scores",
    Stays.EXCUSED: "the words are denied, told of somebody else, or quoted",
    Stays.EAR: "the learned ear hears too little abuse in the mail",
    Stays.HINT: "a signal, and the learned ear doesn't agree",
    Stays.COVERED: "another rule counts the same words",
    Stays.TARGET: "said of somebody of whom it counts nothing",
    Stays.SELF_HARM: "the mail may be about self-harm: clean whatever else it says",
    Stays.FEW: "too few points for any level",
    Stays.CAP: "its category had brought all that it may (category_caps)",
    Stays.CEILING: "its category never brings a mail further (level_caps)",
    Stays.OTHERS: "the level is as high without it",
    Stays.INSTEAD: "one rule in the place of another",
}
_PATHS = click.argument("mails_", nargs=-1, required=True, metavar="MAILS...")


@click.command()
@CONFIG
@JSON
def reload(config: Path, *, as_json: bool) -> None:
    """Have the running service check the rules and put them in force; on any error its old ones stay."""
    settings = settings_of(config)
    try:
        answer = ask(settings.state, "rules.reload", {}, PATIENCE)
    except ConnectionError:
        fail("no service is running there; it loads the rules when it starts")
    except GatewayError as error:
        fail(f"the rules were not reloaded, the old ones stay in force:\n{error}")
    if as_json:
        show_json(answer)
    else:
        click.echo(f"The rules in force are version {answer['version']}.")


# --- replay -----------------------------------------------------------------------------------------------------------


@click.command()
@OPTIONAL_CONFIG
@JSON
@click.option("--old", metavar="DIR|VERSION", help="A site folder, a kept version or `shipped`; default: the rules in force.")
@click.option("--new", metavar="DIR|VERSION", help="Likewise; default: the rules in force.")
@click.option("--examples", default=SHOWN, show_default=True, type=click.IntRange(0), help="Show at most so many changed mails.")
@click.option("--processes", default=0, type=click.IntRange(0, 64), help="How many at a time; default: one a core.")
@_PATHS
def replay(
    config: Path | None, mails_: tuple[str, ...], *, as_json: bool, old: str | None, new: str | None, examples: int, processes: int
) -> None:
    """Judge past mail by two sets of rules and show what would change: .eml files, folders, mbox, Maildir."""
    if old is None and new is None:
        raise click.UsageError("nothing to compare: give --new, --old or both")
    settings = optional_settings(config)
    order = in_force(settings)
    try:
        from gateway.edge.rules_choice import chosen

        orders = chosen(old, settings, order), chosen(new, settings, order)
    except GatewayError as error:
        fail(str(error), 2)
    outcomes, versions = replayed(mails_, orders, settings, processes)
    from gateway.edge.replay import report

    row = {**versions, **report(outcomes, examples)}
    if as_json:
        show_json(row)
    else:
        told(row)


def in_force(settings: "Settings | None") -> "Order | None":
    """What the weighers of a site are told, None without a configuration."""
    from gateway.edge.service import order_of

    return order_of(settings) if settings is not None else None


def replayed(
    paths: tuple[str, ...], orders: "tuple[Order, Order]", settings: "Settings | None", processes: int = 0
) -> "tuple[list[Outcome], dict[str, Any]]":
    """Run a replay with a progress bar; ends the command when rules have errors or nothing is there to judge."""
    from gateway.edge.replay import replay as run
    from gateway.edge.weigher import Weigher

    missing = [name for name in paths if name != "-" and not Path(name).exists() and not one_of_many(name)]
    if missing:
        raise click.UsageError(f"there is no {missing[0]}")
    try:
        old, new = (Weigher(order) for order in orders)
    except GatewayError as error:
        fail(str(error), 2)
    trusted = frozenset(name.lower() for name in settings.identity.trusted_authserv_ids) if settings is not None else frozenset[str]()
    with _bar(paths) as advance:
        outcomes = run(mails(list(paths)), old, new, trusted, processes=processes, progress=advance)
    if not outcomes:
        fail("no mail was found there")
    senders = "verified as the configuration says" if trusted else "every single author is taken as verified"
    return outcomes, {"old": old.version, "new": new.version, "identity": senders}


@contextmanager
def _bar(paths: tuple[str, ...]) -> "Iterator[Callable[[], None]]":
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    total = sum(1 for _ in mails(list(paths))) if "-" not in paths else None
    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
    task = bar.add_task("judging", total=total)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        bar.update(task, completed=done, refresh=done % 20 == 0)

    # drawn from this thread alone: the workers are forked, and a fork takes no other thread along
    with bar:
        yield advance


def told(row: dict[str, Any]) -> None:
    """A replay's report for people."""
    unscored = f", {row['unscored']} of them unscored" if row["unscored"] else ""
    click.echo(f"{row['mails']} mails under {row['old']} and {row['new']}{unscored}; {row['identity']}.")
    click.echo(f"{row['changed']} would have been treated differently: {row['harsher']} judged harsher, {row['milder']} milder.")
    if row["tags_changed"]:
        click.echo(f"Tags differ in {row['tags_changed']}.")
    stayed = row.get("stayed", [])
    if not row["changed"] and not row["rules"] and not stayed:
        return
    table([{"level": name, **pair} for name, pair in row["levels"].items() if any(pair.values())], ("level", "old", "new"), "")
    if row["moves"]:
        table(row["moves"], ("old", "new", "mails"), "")
    table([{"language": code, **counts} for code, counts in row["languages"].items()], ("language", "mails", "changed", "harsher", "milder"), "")
    if row["rules"]:
        table(row["rules"], ("rule", "old", "new", "gained", "lost"), "")
    _stayed(stayed)
    table([{"what follows": name, **pair} for name, pair in row["consequences"].items()], ("what follows", "old", "new"), "")
    senders = [{"senders": name, **pair} for name, pair in row["senders"].items() if pair["old"] or pair["new"]]
    if senders:
        table(senders, ("senders", "old", "new", "added", "spared"), "")
    for example in row["examples"]:
        _example(example)


def _stayed(rows: list[dict[str, Any]]) -> None:
    """Of rules that fit other mails than before without a change of the level, what kept it."""
    if not rows:
        return
    click.echo("Where a rule fits that didn't before, or no longer fits, and the level stays:")
    table([{**row, "why": _STAYED.get(row["why"], row["why"])} for row in rows[:SHOWN]], ("rule", "mails", "why"), "")
    if len(rows) > SHOWN:
        click.echo(f"and {len(rows) - SHOWN} more; --json shows all")


def _example(row: dict[str, Any]) -> None:
    click.echo(plain(f"{row['source']}: {row['old']['level']} ({row['old']['points']}) -> {row['new']['level']} ({row['new']['points']})"))
    for sign, names in (("+", row["gained"]), ("-", row["lost"])):
        if names:
            click.echo(plain(f"  {sign} {', '.join(names)}"))
    words = row["new"]["words"] or row["old"]["words"]
    if words:
        click.echo(plain(f"  {' … '.join(' '.join(text.split()) for text in words)}"))
    old, new = (", ".join(filter(None, (side["disposition"], side["notice"]))) for side in (row["old"], row["new"]))
    if old != new:
        click.echo(f"  {old} -> {new}")
