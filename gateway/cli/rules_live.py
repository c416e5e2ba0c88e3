"""`courtesy rules` replay, activate, reload: what a change would have done, and putting it in force."""

import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.asking import CONFIG, JSON, OPTIONAL_CONFIG, optional_settings, settings_of, show_json
from gateway.cli.plain import fail, plain, table
from gateway.edge.control import ask
from gateway.edge.sources import mails, one_of_many
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.edge.replay import Outcome
    from gateway.edge.settings import Settings
    from gateway.edge.weigher import Order

_PATIENCE = 600.0
_SHOWN = 20
_PATHS = click.argument("mails_", nargs=-1, required=True, metavar="MAILS...")


@click.command()
@CONFIG
@JSON
def reload(config: Path, *, as_json: bool) -> None:
    """Have the running service check the rules and put them in force; on any error its old ones stay."""
    settings = settings_of(config)
    try:
        answer = ask(settings.state, "rules.reload", {}, _PATIENCE)
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
@click.option("--examples", default=_SHOWN, show_default=True, type=click.IntRange(0), help="Show at most so many changed mails.")
@click.option("--processes", default=0, type=click.IntRange(0, 64), help="How many at a time; default: one a core.")
@_PATHS
def replay(
    config: Path | None, mails_: tuple[str, ...], *, as_json: bool, old: str | None, new: str | None, examples: int, processes: int
) -> None:
    """Judge past mail by two sets of rules and show what would change: .eml files, folders, mbox, Maildir."""
    if old is None and new is None:
        raise click.UsageError("nothing to compare: give --new, --old or both")
    settings = optional_settings(config)
    in_force = _in_force(settings)
    try:
        from gateway.edge.rules_choice import chosen

        orders = chosen(old, settings, in_force), chosen(new, settings, in_force)
    except GatewayError as error:
        fail(str(error), 2)
    outcomes, versions = replayed(mails_, orders, settings, processes)
    from gateway.edge.replay import report

    row = {**versions, **report(outcomes, examples)}
    if as_json:
        show_json(row)
    else:
        told(row)


def _in_force(settings: "Settings | None") -> "Order | None":
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
    if not row["changed"] and not row["rules"]:
        return
    table([{"level": name, **pair} for name, pair in row["levels"].items() if any(pair.values())], ("level", "old", "new"), "")
    if row["moves"]:
        table(row["moves"], ("old", "new", "mails"), "")
    table([{"language": code, **counts} for code, counts in row["languages"].items()], ("language", "mails", "changed", "harsher", "milder"), "")
    if row["rules"]:
        table(row["rules"], ("rule", "old", "new", "gained", "lost"), "")
    table([{"what follows": name, **pair} for name, pair in row["consequences"].items()], ("what follows", "old", "new"), "")
    senders = [{"senders": name, **pair} for name, pair in row["senders"].items() if pair["old"] or pair["new"]]
    if senders:
        table(senders, ("senders", "old", "new", "added", "spared"), "")
    for example in row["examples"]:
        _example(example)


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


# --- activate ---------------------------------------------------------------------------------------------------------


@click.command()
@CONFIG
@JSON
@click.option("--mail", "past", multiple=True, metavar="MAILS", help="Past mail to judge by both first; may be given several times.")
@click.option("--limit", default=1.0, show_default=True, type=click.FloatRange(0, 100), help="Most mails that may be treated differently, in percent.")
@click.option("--anyway", is_flag=True, help="Go live although more mails than that are treated differently.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def activate(config: Path, folder: Path, *, as_json: bool, past: tuple[str, ...], limit: float, anyway: bool) -> None:
    """Check a folder of site rules, judge past mail by it, and put it in the place of the rules in force."""
    settings = settings_of(config)
    if not settings.rules_dir:
        fail("rules_dir isn't set in the configuration; name there the folder in which the site's rules live")
    place = Path(settings.rules_dir)
    if folder.resolve() == place.resolve():
        fail(f"{folder} is the folder in force already; edit a copy of it, or use `courtesy rules reload`")
    _checked(folder)
    row = _compared(folder, settings, past, limit, anyway=anyway) if past else None
    answer = {**_gone_live(folder, place, settings), "replay": row}
    if as_json:
        show_json(answer)
        return
    kept = f" The earlier ones are in {answer['before']}." if answer["before"] else ""
    live = f"version {answer['version']} is in force" if answer["version"] else "no service is running; it takes them when it starts"
    click.echo(plain(f"{folder} is now in {place}: {live}.{kept}"))


def _checked(folder: Path) -> None:
    from gateway.edge.rules_checkup import check_up
    from gateway.edge.scorer import rules_folders

    _, problems = check_up(rules_folders(folder))
    for problem in problems:
        click.echo(plain(str(problem)), err=True)
    if any(problem.severity == "error" for problem in problems):
        fail("nothing was changed: the rules have errors")


def _compared(folder: Path, settings: "Settings", past: tuple[str, ...], limit: float, *, anyway: bool) -> dict[str, Any]:
    from gateway.edge.replay import report
    from gateway.edge.rules_choice import chosen

    in_force = _in_force(settings)
    place = Path(settings.rules_dir)
    before = in_force if place.is_dir() else None
    outcomes, versions = replayed(past, (chosen(None if before else "shipped", settings, in_force), chosen(str(folder), settings, in_force)), settings)
    row = {**versions, **report(outcomes, _SHOWN)}
    share = 100 * row["changed"] / row["mails"]
    if share > limit and not anyway:
        told(row)
        fail(
            f"nothing was changed: {row['changed']} of {row['mails']} mails ({share:.1f} %) would be treated differently, more than {limit:g} %; "
            "--limit allows more, --anyway goes live whatever it is"
        )
    return row


def _gone_live(folder: Path, place: Path, settings: "Settings") -> dict[str, Any]:
    from gateway.edge.rules_swap import SwapFailed, put_back, put_in_place

    now = datetime.now(UTC)
    try:
        before = put_in_place(folder, place, now)
    except SwapFailed as error:
        fail(f"nothing was changed: {error}")
    try:
        version = ask(settings.state, "rules.reload", {}, _PATIENCE)["version"]
    except ConnectionError:
        version = None
    except GatewayError as error:
        try:
            put_back(before, place)
        except SwapFailed as trouble:
            fail(f"the service didn't take the rules:\n{error}\nand {trouble}")
        fail(f"nothing was changed: the service didn't take the rules:\n{error}")
    return {"folder": str(place), "version": version, "before": str(before) if before else None}
