"""`courtesy case`: complaints, appeals and legal notices that somebody must answer by a date."""

from pathlib import Path

import click

from gateway.cli.asking import CONFIG, JSON, office, show_json, who, zone_of
from gateway.cli.plain import facts, table

_COLUMNS = ("reference", "kind", "sender", "opened", "due", "overdue", "owner", "state", "outcome")


@click.group()
def case() -> None:
    """Cases: list, show, close."""


@case.command("list")
@CONFIG
@JSON
@click.option("--all", "everything", is_flag=True, help="Also what is closed.")
@click.option("--overdue", is_flag=True, help="Only what is overdue.")
@click.option("--sender", help="Only this sender's.")
def list_(config: Path, *, as_json: bool, everything: bool, overdue: bool, sender: str | None) -> None:
    """List open cases, the first to come due first."""
    rows = office(config, "case.list", everything=everything, overdue=overdue, sender=sender)
    if as_json:
        show_json(rows)
    else:
        table(rows, _COLUMNS, "No cases.", zone_of(config))


@case.command()
@CONFIG
@JSON
@click.argument("reference")
def show(config: Path, reference: str, *, as_json: bool) -> None:
    """Show one case."""
    row = office(config, "case.show", reference=reference)
    if as_json:
        show_json(row)
    else:
        facts(row, zone_of(config))


@case.command()
@CONFIG
@JSON
@click.option("--by", help="Who decides, for the record; default: you.")
@click.option("--note", default="", help="For the record; the customer doesn't get it.")
@click.option(
    "--outcome",
    type=click.Choice(["upheld", "granted", "answered"]),
    default="answered",
    show_default=True,
    help="For an appeal: upheld, the decision stays; granted, it is undone; the customer is told. For any case: answered.",
)
@click.argument("reference")
def close(config: Path, reference: str, *, as_json: bool, by: str | None, note: str, outcome: str) -> None:
    """Close a case; granting an appeal undoes the decision that it is against."""
    row = office(config, "case.close", reference=reference, by=by or who(), outcome=outcome, note=note)
    if as_json:
        show_json(row)
    else:
        told = " The customer is told." if row["noticed"] else ""
        click.echo(f"{row['reference']} is closed: {row['outcome']}.{told}")
