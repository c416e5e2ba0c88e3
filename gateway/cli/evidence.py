"""`courtesy incident evidence`: a package for authorities, and checking one."""

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.asking import CONFIG, JSON, office, settings_of, show_json
from gateway.cli.plain import fail, plain
from gateway.cli.snapshot import snapshot
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.edge.evidence_zip import Package
    from gateway.edge.settings import Settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@CONFIG
@JSON
@click.option("--sender", help="All incidents of this sender instead of one.")
@click.option("--by", help="The manager who answers for it: one of addresses.managers.")
@click.option("--out", type=_FILE, help="The zip file to write; it must not be there yet.")
@click.option("--mail", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The mail itself, saved from a mailbox, where the gateway doesn't keep it.")
@click.option("--verify", "package", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Check this package instead of making one.")
@click.argument("reference", required=False)
def evidence(
    config: Path, reference: str | None, *, as_json: bool, sender: str | None, by: str | None, out: Path | None, mail: Path | None, package: Path | None
) -> None:
    """Put all that is kept about an incident into a zip file for authorities, or check such a file."""
    if package is not None:
        if reference or sender or by or out or mail:
            raise click.UsageError("--verify stands alone")
        _check(config, package, as_json=as_json)
        return
    if (reference is None) == (sender is None):
        raise click.UsageError("name an incident, or a sender with --sender")
    if not by or out is None:
        raise click.UsageError("--by names the manager who answers for it, --out the file to write")
    if mail is not None and reference is None:
        raise click.UsageError("--mail goes with one incident")
    if out.exists():
        fail(f"{out} is there already")
    settings = settings_of(config)
    made, digest = _make(config, settings, reference, sender, by, out, mail)
    if as_json:
        show_json({"file": str(out), "sha256": digest, "incidents": list(made.references), "missing": list(made.missing)})
        return
    number = len(made.references)
    click.echo(plain(f"{out}: {number} incident{'' if number == 1 else 's'}, {len(made.files)} files."))
    for sentence in made.missing:
        click.echo(plain(f"Not in it: {sentence}"))
    click.echo(f"SHA-256 {digest}, which is noted on the incident{'' if number == 1 else 's'}.")
    click.echo("Retention still applies to what it was made of: `courtesy incident keep` puts an incident under legal hold.")


def _make(
    config: Path, settings: "Settings", reference: str | None, sender: str | None, by: str, out: Path, mail: Path | None
) -> "tuple[Package, str]":
    from gateway.edge.evidence import Order, gather
    from gateway.edge.evidence_zip import publish, write_package
    from gateway.edge.writer import load_secret
    from gateway.mail.authentication import normal_address

    by = normal_address(by)
    if by not in {normal_address(manager) for manager in settings.addresses.managers}:
        fail(f"{by} isn't one of addresses.managers, and only a named manager hands out evidence")
    references = (reference.strip().upper(),) if reference else ()
    now = datetime.now(UTC)
    try:
        supplied = mail.read_bytes() if mail is not None else None
        order = Order(references, normal_address(sender) if sender else "", by, settings.hostname, supplied)
        with snapshot(config, settings) as copy:
            made = asyncio.run(gather(copy, order, load_secret(settings.state), now))
        temporary, digest = write_package(made, out, now)
    except OSError as error:
        fail(f"it can't be read: {error}")
    except GatewayError as error:
        fail(str(error))
    try:
        # noted first: nobody has a package of which the record doesn't speak
        office(config, "incident.evidence", references=list(made.references), by=by, sha256=digest)
        publish(temporary, out)
    except GatewayError as error:
        fail(str(error))
    finally:
        temporary.unlink(missing_ok=True)
    return made, digest


def _check(config: Path, package: Path, *, as_json: bool) -> None:
    from gateway.edge.evidence_check import check_package

    secret = settings_of(config).state / "secret"
    try:
        manifest, wrong = check_package(package, secret.read_bytes())
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
    except OSError as error:
        fail(f"the secret of this gateway can't be read, without which no seal can be checked: {error}")
    except GatewayError as error:
        fail(str(error))
    if as_json:
        show_json({key: manifest.get(key) for key in ("made", "by", "site", "incidents", "chain_head")} | {"sha256": digest, "wrong": wrong})
    else:
        for sentence in wrong:
            click.echo(plain(f"wrong: {sentence}"))
        if not wrong:
            about = ", ".join(map(str, manifest.get("incidents", ())))
            click.echo(plain(f"Made by this gateway on {manifest.get('made')} for {manifest.get('by')}, and unchanged since. Incidents: {about}."))
        click.echo(f"SHA-256 {digest}; the note on each incident says which it was when it was made.")
    if wrong:
        raise SystemExit(1)
