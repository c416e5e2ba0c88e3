"""`courtesy sender`: who stands where, and what a person decides about it."""

import json
from pathlib import Path

import click

from gateway.cli.asking import CONFIG, JSON, office, show_json, who, zone_of
from gateway.cli.incident import as_it_is
from gateway.cli.plain import facts, table

_COLUMNS = ("address", "standing", "active_strikes", "suspended_until", "block_proposed", "blocked_by", "allowed")


@click.group()
def sender() -> None:
    """Senders: list, show, pardon, block, allow, export, forget."""


@sender.command("list")
@CONFIG
@JSON
@click.option("--all", "everyone", is_flag=True, help="Also those who are plainly good.")
def list_(config: Path, *, as_json: bool, everyone: bool) -> None:
    """List senders who are not plainly good."""
    rows = office(config, "sender.list", everyone=everyone)
    if as_json:
        show_json(rows)
    else:
        table(rows, _COLUMNS, "Every sender is in good standing.", zone_of(config))


@sender.command()
@CONFIG
@JSON
@click.argument("address")
def show(config: Path, address: str, *, as_json: bool) -> None:
    """Show one sender with his incidents."""
    row = office(config, "sender.show", address=address)
    if as_json:
        show_json(row)
    else:
        facts({**row, "incidents": [as_it_is(incident) for incident in row["incidents"]]}, zone_of(config))


def _decide(config: Path, call: str, address: str, done: str, *, as_json: bool, by: str | None, **more: bool) -> None:
    row = office(config, call, address=address, by=by or who(), **more)
    if as_json:
        show_json(row)
        return
    told = {True: " A notice to the sender is on its way.", False: " The sender is not told: nobody vouched for the address."}.get(row.get("noticed"), "")
    click.echo(f"{row['address']} {done}; standing: {row['standing']}.{told}")


_BY = click.option("--by", help="Who decides, for the record; default: you.")


@sender.command()
@CONFIG
@JSON
@_BY
@click.argument("address")
def pardon(config: Path, address: str, *, as_json: bool, by: str | None) -> None:
    """Wipe a sender's slate: strikes, suspension, block."""
    _decide(config, "sender.pardon", address, "is pardoned", as_json=as_json, by=by)


@sender.command()
@CONFIG
@JSON
@_BY
@click.option("--really", is_flag=True, help="Also when it is a shared mailbox or of a large organisation.")
@click.argument("address")
def block(config: Path, address: str, *, as_json: bool, by: str | None, really: bool) -> None:
    """Block a sender: refused in session when verified, held when not."""
    _decide(config, "sender.block", address, "is blocked", as_json=as_json, by=by, really=really)


@sender.command()
@CONFIG
@JSON
@_BY
@click.argument("address")
def allow(config: Path, address: str, *, as_json: bool, by: str | None) -> None:
    """Never judge a sender again."""
    _decide(config, "sender.allow", address, "is allowed", as_json=as_json, by=by)


@sender.command()
@CONFIG
@click.argument("address")
def export(config: Path, address: str) -> None:
    """Print everything that is kept about a sender, as JSON."""
    click.echo(json.dumps(office(config, "sender.export", address=address), ensure_ascii=False, indent=2))


@sender.command()
@CONFIG
@click.argument("address")
@click.confirmation_option(prompt="Erase everything that is known of this sender?")
def forget(config: Path, address: str) -> None:
    """Erase a sender from ledger, held mail and outbox."""
    row = office(config, "sender.forget", address=address)
    click.echo(f"{row['address']}: {row['erased_incidents']} incidents and {row['erased_held']} held mails erased.")
    if row["under_legal_hold"]:
        click.echo(f"Under legal hold, so kept: {', '.join(row['under_legal_hold'])}.")
