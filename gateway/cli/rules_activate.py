"""`courtesy rules activate`: check a set, see what it would change, and put it in the place of the one in force."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.asking import CONFIG, JSON, settings_of, show_json
from gateway.cli.plain import fail, plain
from gateway.cli.rules_live import PATIENCE, SHOWN, in_force, replayed, told
from gateway.edge.control import ask
from gateway.edge.rules_files import version_of
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.edge.settings import Settings


@click.command()
@CONFIG
@JSON
@click.option("--mail", "past", multiple=True, metavar="MAILS", help="Past mail to judge by both first; may be given several times.")
@click.option("--shadowed", is_flag=True, help="Take the rules that are or were on trial; its figures count against the limit.")
@click.option("--limit", default=1.0, show_default=True, type=click.FloatRange(0, 100), help="Most mails that may be treated differently, in percent.")
@click.option("--anyway", is_flag=True, help="Go live although more mails than that are treated differently.")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
def activate(
    config: Path, folder: Path | None, *, as_json: bool, past: tuple[str, ...], shadowed: bool, limit: float, anyway: bool
) -> None:
    """Check a folder of site rules, judge past mail by it, and put it in the place of the rules in force."""
    if shadowed is (folder is not None):
        raise click.UsageError("name the FOLDER that is to go live, or give --shadowed for the rules on trial")
    settings = settings_of(config)
    if not settings.rules_dir:
        fail("rules_dir isn't set in the configuration; name there the folder in which the site's rules live")
    place = Path(settings.rules_dir)
    trial = None
    if folder is None:
        from gateway.cli.rules_shadow import adopted

        folder, trial = adopted(settings)
    if folder.resolve() == place.resolve():
        fail(f"{folder} is the folder in force already; edit a copy of it, or use `courtesy rules reload`")
    if _same(folder, place):
        _in_force_already(folder, place, settings, as_json=as_json)
        return
    checked(folder)
    if trial is not None:
        within(trial, limit, anyway=anyway)
    row = _compared(folder, settings, past, limit, anyway=anyway) if past else None
    answer = {**_gone_live(folder, place, settings), "replay": row, "trial": trial, "same": False}
    if as_json:
        show_json(answer)
        return
    kept = f" The earlier ones are in {answer['before']}." if answer["before"] else ""
    live = f"version {answer['version']} is in force" if answer["version"] else "no service is running; it takes them when it starts"
    click.echo(plain(f"{folder} is now in {place}: {live}.{kept}"))


def _same(folder: Path, place: Path) -> bool:
    """Whether two folders have the same rules; what else lies in them is nobody's concern."""
    try:
        return place.is_dir() and version_of((folder,)) == version_of((place,))
    except OSError:
        return False


def _in_force_already(folder: Path, place: Path, settings: "Settings", *, as_json: bool) -> None:
    """Leave the folder as it is; only where somebody edited it without a reload the service has something to do."""
    try:
        version = ask(settings.state, "rules.reload", {}, PATIENCE)["version"]
    except ConnectionError:
        version = None
    except GatewayError as error:
        fail(f"{place} has the same rules as {folder}, but the service doesn't take them:\n{error}")
    if as_json:
        show_json({"folder": str(place), "version": version, "before": None, "replay": None, "trial": None, "same": True})
        return
    live = f"version {version} is in force" if version else "no service is running; it takes them when it starts"
    click.echo(plain(f"Nothing differs: {place} has the same rules as {folder}, and nothing was changed; {live}."))


def checked(folder: Path) -> None:
    """Print every error and warning of a site's folder; ends the command when there is an error."""
    from gateway.edge.rules_checkup import check_up
    from gateway.edge.scorer import rules_folders

    _, problems = check_up(rules_folders(folder))
    for problem in problems:
        click.echo(plain(str(problem)), err=True)
    if any(problem.severity == "error" for problem in problems):
        fail("nothing was changed: the rules have errors")


def within(row: dict[str, Any], limit: float, *, anyway: bool) -> None:
    """Ends the command when more mails are treated differently than the limit allows, unless it is meant."""
    share = 100 * row["changed"] / row["mails"]
    if share > limit and not anyway:
        told(row)
        fail(
            f"nothing was changed: {row['changed']} of {row['mails']} mails ({share:.1f} %) would be treated differently, more than {limit:g} %; "
            "--limit allows more, --anyway goes live whatever it is"
        )


def _compared(folder: Path, settings: "Settings", past: tuple[str, ...], limit: float, *, anyway: bool) -> dict[str, Any]:
    from gateway.edge.replay import report
    from gateway.edge.rules_choice import chosen

    order = in_force(settings)
    before = order if Path(settings.rules_dir).is_dir() else None
    outcomes, versions = replayed(past, (chosen(None if before else "shipped", settings, order), chosen(str(folder), settings, order)), settings)
    row = {**versions, **report(outcomes, SHOWN)}
    within(row, limit, anyway=anyway)
    return row


def _gone_live(folder: Path, place: Path, settings: "Settings") -> dict[str, Any]:
    from gateway.edge.rules_swap import SwapFailed, put_back, put_in_place

    now = datetime.now(UTC)
    try:
        before = put_in_place(folder, place, now)
    except SwapFailed as error:
        fail(f"nothing was changed: {error}")
    try:
        version = ask(settings.state, "rules.reload", {}, PATIENCE)["version"]
    except ConnectionError:
        version = None
    except GatewayError as error:
        try:
            put_back(before, place)
        except SwapFailed as trouble:
            fail(f"the service didn't take the rules:\n{error}\nand {trouble}")
        fail(f"nothing was changed: the service didn't take the rules:\n{error}")
    return {"folder": str(place), "version": version, "before": str(before) if before else None}
