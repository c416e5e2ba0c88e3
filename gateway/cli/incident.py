"""`courtesy incident`: what happened, and undoing it."""

from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import CONFIG, JSON, office, show_json, who, zone_of
from gateway.cli.evidence import evidence
from gateway.cli.plain import facts, fail, plain, table
from gateway.cli.verify import verify
from gateway.values import Basis

_COLUMNS = ("id", "at", "sender", "level", "disposition", "strikes", "notice", "proposal", "state")
_TOLD_BY_OTHERS = ("held_now", "released_by", "waits", "strikes_in_force")
_BASIS = {Basis.RULES: "rules", Basis.EAR: "the learned ear alone", Basis.BOTH: "rules and the learned ear"}


@click.group()
def incident() -> None:
    """Incidents: list, show, decide, import, verify, evidence."""


incident.add_command(verify)
incident.add_command(evidence)


@incident.command("list")
@CONFIG
@JSON
@click.option("--sender", help="Only this sender's.")
@click.option("--state", type=click.Choice(["would_be", "done", "open", "overturned"]), help="Only those.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
def list_(config: Path, *, as_json: bool, sender: str | None, state: str | None, limit: int) -> None:
    """List incidents, newest first."""
    rows = office(config, "incident.list", sender=sender, state=state, limit=limit)
    if as_json:
        show_json(rows)
    else:
        table([as_it_is(row) for row in rows], _COLUMNS, "No incidents.", zone_of(config))


@incident.command()
@CONFIG
@JSON
@click.argument("reference")
def show(config: Path, reference: str, *, as_json: bool) -> None:
    """Show one incident."""
    row = office(config, "incident.show", reference=reference)
    if as_json:
        show_json(row)
    else:
        facts(for_people(row), zone_of(config))


def for_people(row: dict[str, Any]) -> dict[str, Any]:
    """The names and words of the record that only its keepers know, said so that a manager understands them."""
    reported = "report" in row["alerts"] or not row["rules_version"]
    basis = "a person's report" if reported else _BASIS.get(row["basis"], row["basis"])
    plainly = {
        "verified": ("sender verified", row["verified"]),
        "by": ("vouched for by" if row["verified"] else "why not verified", row["by"]),
        "basis": ("the level rests on", basis),
    }
    return dict(plainly.get(name, (name, value)) for name, value in as_it_is(row).items())


def as_it_is(row: dict[str, Any]) -> dict[str, Any]:
    """The row with state, strikes and held mail as they are now; the record says what they were when the mail was judged."""
    if row["held_now"]:
        held = "yes"
    elif row["held"]:
        held = f"no longer, released by {row['released_by']}" if row["released_by"] else "no longer"
    else:
        held = "no"
    counts, strikes = row["strikes_in_force"], str(row["strikes"])
    return {name: value for name, value in row.items() if name not in _TOLD_BY_OTHERS} | {
        "state": "waits, its mail is held" if row["state"] == "done" and row["held_now"] else row["state"],
        "strikes": f"{counts} of {strikes}" if row["strikes"] != counts and row["state"] != "would_be" else strikes,
        "held": held,
    }


@incident.command()
@CONFIG
@JSON
@click.option("--by", help="Who decides, for the record; default: you.")
@click.option("--rules", "version", help="Instead of one incident everything that this version of the rules led to.")
@click.option("--rule", default="", help="Only what wouldn't have reached its level without this rule.")
@click.option("--yes", is_flag=True, help="With --rules: do it; without it only the list is shown.")
@click.argument("reference", required=False)
def overturn(config: Path, reference: str | None, *, as_json: bool, by: str | None, version: str | None, rule: str, yes: bool) -> None:
    """Undo an incident, or all of a version of the rules: strikes erased, held mail delivered, an apology sent."""
    if (reference is None) == (version is None):
        raise click.UsageError("name an incident, or a version of the rules with --rules")
    if version is None and (rule or yes):
        raise click.UsageError("--rule and --yes go with --rules")
    if version is not None:
        _overturn_rules(config, version, rule, by or who(), yes=yes, as_json=as_json)
        return
    row = office(config, "incident.overturn", reference=reference, by=by or who())
    if as_json:
        show_json(row)
    else:
        released = " The held mail was delivered." if row["released"] else ""
        told = " The sender gets an apology." if row["noticed"] else ""
        click.echo(f"{row['id']} is overturned.{released}{told}")


def _overturn_rules(config: Path, version: str, rule: str, by: str, *, yes: bool, as_json: bool) -> None:
    row = office(config, "incident.overturn_rules", version=version, rule=rule, by=by, commit=yes)
    if as_json:
        show_json(row)
        return
    table(row["incidents"], ("id", "at", "sender", "level", "points", "rules", "disposition", "strikes", "notice"), "Nothing that is still in force.", zone_of(config))
    for failed in row["failed"]:
        click.echo(plain(f"{failed['id']} couldn't be undone: {failed['why']}"), err=True)
    if row["blocked_senders"]:
        click.echo(plain(f"A person has blocked, and only a person lifts it: {', '.join(row['blocked_senders'])}"))
    if yes:
        click.echo(f"Overturned: {row['overturned']}.")
    elif row["incidents"]:
        click.echo(f"{len(row['incidents'])} would be overturned; --yes does it.")


@incident.command()
@CONFIG
@JSON
@click.option("--by", help="Who decides, for the record; default: you.")
@click.argument("reference")
def confirm(config: Path, reference: str, *, as_json: bool, by: str | None) -> None:
    """Count the strike that an incident proposes; the sender is told as the ladder says."""
    row = office(config, "incident.confirm", reference=reference, by=by or who())
    if as_json:
        show_json(row)
    else:
        told = f" The sender gets a notice: {row['notice'].replace('_', ' ')}." if row["notice"] else ""
        block = " A block is proposed now." if row["proposal"] == "block" else ""
        click.echo(f"{row['id']} counts: {row['strikes']} strike{'' if row['strikes'] == 1 else 's'}.{told}{block}")


@incident.command()
@CONFIG
@JSON
@click.option("--by", help="Who decides, for the record; default: you.")
@click.argument("reference")
def dismiss(config: Path, reference: str, *, as_json: bool, by: str | None) -> None:
    """Reject what an incident proposes: nothing counts, nobody is blocked."""
    row = office(config, "incident.dismiss", reference=reference, by=by or who())
    if as_json:
        show_json(row)
    else:
        click.echo(f"{row['id']}: the proposal ({row['dismissed']}) is rejected.")


@incident.command()
@CONFIG
@JSON
@click.option("--by", help="Who decides, for the record; default: you.")
@click.argument("reference")
def lift(config: Path, reference: str, *, as_json: bool, by: str | None) -> None:
    """End a suspension early, on the ground of the calm mail that an incident is; the strikes stay."""
    row = office(config, "incident.lift", reference=reference, by=by or who())
    if as_json:
        show_json(row)
    else:
        told = " A notice to the sender is on its way." if row["noticed"] else ""
        click.echo(f"The suspension of {row['address']} is over.{told}")


@incident.command()
@CONFIG
@JSON
@click.option("--by", help="Who decides, for the record; default: you.")
@click.option("--end", is_flag=True, help="End the legal hold.")
@click.argument("reference")
def keep(config: Path, reference: str, *, as_json: bool, by: str | None, end: bool) -> None:
    """Put an incident under legal hold: nothing of it is deleted while it is."""
    row = office(config, "incident.keep", reference=reference, by=by or who(), hold=not end)
    if as_json:
        show_json(row)
    else:
        click.echo(f"{row['id']} is {'' if row['legal_hold'] else 'no longer '}under legal hold.")


@incident.command("import")
@CONFIG
@JSON
@click.option("--by", help="Who imports, for the record; default: you.")
@click.option("--dry-run", is_flag=True, help="Only check the file and say what it would be.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_(config: Path, file: Path, *, as_json: bool, by: str | None, dry_run: bool) -> None:
    """Import incidents of phone, chat, reviews or the counter from a CSV or JSON file: all or nothing, each once."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        fail(f"{file} can't be read as UTF-8 text")
    row = office(config, "incident.import", text=text, name=str(file), by=by or who(), commit=not dry_run)
    if as_json:
        show_json(row)
    else:
        new = "Would be imported" if dry_run else "Imported"
        click.echo(f"{new}: {row['imported']}. Imported before: {row['known']}. Strikes: {row['strikes']}.")
