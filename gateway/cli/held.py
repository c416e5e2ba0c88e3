"""`courtesy held`: mail that waits for a person."""

from pathlib import Path

import click

from gateway.cli.asking import CONFIG, JSON, office, show_json, who, zone_of
from gateway.cli.plain import facts, plain, table

_COLUMNS = ("id", "at", "sender", "recipients", "reason", "size", "released_by")
_UNTOUCHED = "nothing was done: look, and delete it"
_OURS = ("id", "at", "sender", "reason", "size", "settled")


@click.group()
def held() -> None:
    """Held mail: list, show, release, delete."""


@held.command("list")
@CONFIG
@JSON
@click.option("--all", "everything", is_flag=True, help="Also what was released, and mail to our own mailboxes that was dealt with.")
def list_(config: Path, *, as_json: bool, everything: bool) -> None:
    """List held mail, oldest first."""
    rows = office(config, "held.list", everything=everything)
    if as_json:
        show_json(rows)
    else:
        ours = [row for row in rows if row["ours"]]
        table([row for row in rows if not row["ours"]], _COLUMNS, "No mail is held.", zone_of(config))
        if ours:
            click.echo("Mail to our own mailboxes:")
            table([{**row, "settled": row["settled"] or _UNTOUCHED} for row in ours], _OURS, "", zone_of(config))


@held.command()
@CONFIG
@JSON
@click.argument("reference")
def show(config: Path, reference: str, *, as_json: bool) -> None:
    """Show one held mail."""
    row = office(config, "held.show", reference=reference)
    if as_json:
        show_json(row)
    else:
        message = row.pop("message").replace("\r\n", "\n")
        facts(row, zone_of(config))
        click.echo(plain(f"\n{message}"))


@held.command()
@CONFIG
@JSON
@click.option("--by", help="Who decides, for the record; default: you.")
@click.argument("reference")
def release(config: Path, reference: str, *, as_json: bool, by: str | None) -> None:
    """Deliver a held mail as it was received."""
    row = office(config, "held.release", reference=reference, by=by or who())
    if as_json:
        show_json(row)
    else:
        click.echo(f"{row['id']} is delivered to {', '.join(row['recipients'])}.")


@held.command()
@CONFIG
@JSON
@click.option("--by", help="Who decides, for the record; default: you.")
@click.argument("reference")
def delete(config: Path, reference: str, *, as_json: bool, by: str | None) -> None:
    """Delete a held mail for good."""
    row = office(config, "held.delete", reference=reference, by=by or who())
    if as_json:
        show_json(row)
    else:
        click.echo(f"{row['id']} is deleted.")
