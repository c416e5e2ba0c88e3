"""`courtesy rules shadow`: rules on trial beside those in force, on live mail and without any effect."""

from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.asking import CONFIG, JSON, settings_of, show_json, who
from gateway.cli.plain import cell, fail, plain
from gateway.cli.rules_activate import checked
from gateway.cli.rules_live import SHOWN, told
from gateway.edge.control import ask
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.edge.settings import Settings

_PATIENCE = 1_800.0
"""Seconds to load the rules with what processor time others leave."""


@click.command()
@CONFIG
@JSON
@click.option("--days", default=7.0, show_default=True, type=click.FloatRange(0, 90, min_open=True), help="Ends by itself after so many days.")
@click.option("--sample", default=100, show_default=True, type=click.IntRange(1, 100), help="Look at so many of a hundred mails.")
@click.option("--status", "what", flag_value="status", help="How far the trial is.")
@click.option("--report", "what", flag_value="report", help="What would have been judged otherwise.")
@click.option("--stop", "what", flag_value="stop", help="End the trial now; its figures stay.")
@click.option("--examples", default=SHOWN, show_default=True, type=click.IntRange(0), help="Show at most so many changed mails.")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
def shadow(config: Path, folder: Path | None, *, as_json: bool, days: float, sample: int, what: str | None, examples: int) -> None:
    """Try a folder of site rules on live mail for some days, beside the rules in force and without any effect."""
    if (folder is None) is (what is None):
        raise click.UsageError("name the FOLDER that is to be tried, or give --status, --report or --stop")
    settings = settings_of(config)
    row = _begun(settings, folder, days, sample) if folder is not None else _asked(settings, str(what), examples)
    if as_json:
        show_json(row)
    elif what == "report":
        click.echo(_standing(row, settings.zone))
        told({**row, "examples": [{**example, "source": _known_by(example)} for example in row["examples"]]})
    else:
        click.echo(_standing(row, settings.zone))


def _begun(settings: "Settings", folder: Path, days: float, sample: int) -> dict[str, Any]:
    checked(folder)
    try:
        row: dict[str, Any] = ask(settings.state, "rules.shadow.start", {"folder": str(folder.resolve()), "days": days, "sample": sample}, _PATIENCE)
    except ConnectionError:
        fail("no service is running there; rules are tried on the mail of a running one")
    except GatewayError as error:
        fail(f"the trial didn't begin:\n{error}")
    return row


def _asked(settings: "Settings", what: str, examples: int) -> dict[str, Any]:
    arguments: dict[str, dict[str, Any]] = {"stop": {"by": who()}, "report": {"examples": examples}}
    try:
        row: dict[str, Any] = ask(settings.state, f"rules.shadow.{what}", arguments.get(what, {}))
    except ConnectionError:
        row = _read(settings, what, examples)
    except GatewayError as error:
        fail(str(error))
    return _presented(row) if what == "report" else row


def _read(settings: "Settings", what: str, examples: int) -> dict[str, Any]:
    """The same without a service: what is written down."""
    from gateway.edge.shadow_store import NOTHING, ShadowStore, TrialState

    store = ShadowStore(settings.state)
    record = store.load()
    if record is None:
        fail(NOTHING)
    if what == "stop":
        if record.state is not TrialState.RUNNING:
            fail("no rules are on trial")
        record = replace(record, state=TrialState.STOPPED, ended=datetime.now(UTC), why=f"by {who()}")
        try:
            store.save(record)
        except OSError as error:
            fail(f"the trial can't be ended: {error.strerror}")
    return record.report(examples)


def _presented(row: dict[str, Any]) -> dict[str, Any]:
    """A report with what a replay's report has, so that both are shown by the same hand."""
    return {**row, "old": ", ".join(row["beside"]), "new": row["version"], "identity": "senders verified as they were"}


def _known_by(example: dict[str, Any]) -> str:
    return " ".join(filter(None, (example["source"], example.get("message_id"))))


def _standing(row: dict[str, Any], zone: tzinfo) -> str:
    """How far a trial is, in words, with times in a zone."""
    since, until, ended = (cell(row[name], zone) for name in ("since", "until", "ended"))
    ends = {"running": f"on trial until {until}", "ended": f"tried until {ended}"}
    why = f" ({row['why']})" if row["why"] else ""
    end = ends.get(row["state"]) or f"{'stopped' if row['state'] == 'stopped' else 'switched off'} at {ended}{why}"
    lines = [f"Version {row['version']} of {row['folder']}: {end}, since {since}, beside {', '.join(row['beside'])}."]
    if row.get("loading"):
        lines.append("It is being loaded; mail that comes meanwhile waits, as much of it as may.")
    share = "" if row["sample"] == 100 else f" of every hundred mails {row['sample']} are looked at;"
    lines.append(f"{row['mails']} mails weighed,{share} {row['changed']} would have been treated differently: {row['harsher']} judged harsher, {row['milder']} milder.")
    if row["skipped"]:
        lines.append(f"{row['skipped']} mails came faster than they could be weighed and are left out.")
    if not row.get("senders_complete", True):
        lines.append("There are more senders than are remembered: those figures are too low.")
    return plain("\n".join(lines))


def adopted(settings: "Settings") -> tuple[Path, dict[str, Any]]:
    """The folder whose rules are or were on trial, and the trial's report; ends the command when there is nothing to take."""
    from gateway.edge.rules_files import version_of
    from gateway.edge.rules_store import RulesStore

    row = _asked(settings, "report", SHOWN)
    if row["state"] == "failed":
        fail(f"the trial of {row['version']} was switched off ({row['why']}); name the FOLDER instead")
    if not row["mails"]:
        fail(f"the trial of {row['version']} has seen no mail yet; name the FOLDER instead")
    kept = RulesStore(settings.state).get(row["version"])
    if kept is None:
        fail(f"version {row['version']} isn't kept any more; name the FOLDER instead")
    folder = Path(row["folder"])
    try:
        same = version_of((kept.folders[0], folder)) == kept.version and folder.is_dir()
    except OSError:
        same = False
    # the folder may have notes of its own, which the copy hasn't; but only what was tried goes live
    return (folder if same else kept.folders[1]), row
