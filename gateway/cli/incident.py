"""`courtesy incident`: what happened, and undoing it."""

from pathlib import Path

import click

from gateway.cli.asking import CONFIG, JSON, office, show_json, who
from gateway.cli.plain import facts, table

_COLUMNS = ("id", "at", "sender", "level", "disposition", "strikes", "notice", "proposal", "state")


@click.group()
def incident() -> None:
    """Incidents: list, show, overturn."""


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
        table(rows, _COLUMNS, "No incidents.")


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
        facts(row)


@incident.command()
@CONFIG
@JSON
@click.option("--by", help="Who decides, for the record; default: you.")
@click.argument("reference")
def overturn(config: Path, reference: str, *, as_json: bool, by: str | None) -> None:
    """Undo an incident: strikes erased, held mail delivered, an apology sent."""
    row = office(config, "incident.overturn", reference=reference, by=by or who())
    if as_json:
        show_json(row)
    else:
        released = " The held mail was delivered." if row["released"] else ""
        told = " The sender gets an apology." if row["noticed"] else ""
        click.echo(f"{row['id']} is overturned.{released}{told}")
