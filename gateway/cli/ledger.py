"""`courtesy ledger`: copies of all that is durable, putting them back, and what may not be kept longer."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from gateway.cli.asking import CONFIG, JSON, office, settings_of, show_json
from gateway.cli.plain import fail, plain
from gateway.errors import GatewayError

_NAME = "courtesy-{:%Y%m%dT%H%M%SZ}.tar.gz"


@click.group()
def ledger() -> None:
    """The ledger and all else that is kept: backup, restore, check, purge."""


@ledger.command()
@CONFIG
@JSON
@click.option("--keep-days", type=click.IntRange(1), help="Remove older backups from FILE, which is a folder then.")
@click.argument("file", type=click.Path(path_type=Path))
def backup(config: Path, file: Path, *, as_json: bool, keep_days: int | None) -> None:
    """Write ledger, held mail, outbox and secret to one file, also while the service runs."""
    from gateway.edge.state_backup import pack

    settings = settings_of(config)
    now = datetime.now(UTC)
    if keep_days is not None and not file.is_dir():
        fail(f"{file} is no folder; with --keep-days give the folder of the backups")
    target = file / _NAME.format(now) if file.is_dir() else file
    # the service only makes the copy: it may not write elsewhere, and its time is for mail
    copy = settings.state / office(config, "ledger.snapshot")["name"]
    try:
        manifest = pack(copy, target, now)
    except GatewayError as error:
        fail(str(error))
    removed = _remove_old(file, now - timedelta(days=keep_days)) if keep_days is not None else []
    if as_json:
        show_json({"file": str(target), "files": len(manifest["files"]), "removed": [str(path) for path in removed]})
    else:
        older = f" {len(removed)} older removed." if removed else ""
        click.echo(plain(f"{target}: {len(manifest['files'])} files, with the secret of our tokens, so keep it safe.{older}"))


def _remove_old(folder: Path, before: datetime) -> list[Path]:
    old = [path for path in sorted(folder.glob("courtesy-*T*Z.tar.gz")) if path.name < _NAME.format(before)]
    for path in old:
        path.unlink()
    return old


@ledger.command()
@CONFIG
@click.option("--replace", is_flag=True, help="Move what is there aside first.")
@click.argument("file", type=click.Path(path_type=Path))
def restore(config: Path, file: Path, *, replace: bool) -> None:
    """Put a backup back, while the service is stopped."""
    import shutil

    from gateway.edge.control import ask
    from gateway.edge.service import prepare_state
    from gateway.edge.state_backup import LEDGER
    from gateway.edge.state_restore import RESTORING, check_ledger, kept_in, mark_restored, put_back, unpack

    settings = settings_of(config)
    try:
        ask(settings.state, "service.status", {})
    except ConnectionError:
        pass
    except GatewayError as error:
        fail(f"a service is running: stop it first ({error})")
    else:
        fail("the service is running: stop it first")
    if (kept := kept_in(settings.state)) and not replace:
        fail(f"{settings.state} has something in it ({', '.join(kept[:4])}): restore into an empty state_dir, or give --replace to move it aside")
    unpacked = settings.state / f"{RESTORING}{secrets.token_hex(4)}"
    try:
        prepare_state(settings)
        manifest = unpack(file, unpacked)
        incidents = asyncio.run(check_ledger(unpacked / LEDGER))
        mark_restored(unpacked / LEDGER, datetime.now(UTC))
        aside = put_back(unpacked, settings.state, settings.ledger_folder, datetime.now(UTC))
    except (GatewayError, OSError) as error:
        fail(str(error))
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    click.echo(plain(f"Restored the backup of {manifest['made']}: {len(manifest['files'])} files, {incidents} incidents."))
    if aside is not None:
        click.echo(plain(f"What was there is in {aside}; delete it when it isn't needed any more."))


@ledger.command()
@CONFIG
@JSON
def check(config: Path, *, as_json: bool) -> None:
    """Read everything that is kept and say what is there and what is wrong."""
    row = office(config, "ledger.check")
    if as_json:
        show_json(row)
    else:
        for problem in row["problems"]:
            click.echo(plain(f"wrong: {problem}"))
        click.echo(f"{row['incidents']} incidents, {row['cases']} cases, {row['senders']} senders, {row['held']} held mails, {row['outgoing']} mails of ours waiting.")
    if row["problems"]:
        raise SystemExit(1)


_WORDS = {
    "incidents": "records of incidents",
    "excerpts": "records that lose their words and subject",
    "delivery_keys": "records that lose their delivery key",
    "held": "held mails without a decision",
    "released": "copies of released mail",
    "evidence": "held mails of severe incidents",
    "mailbox": "mails to our own mailboxes",
    "senders": "senders",
    "cases": "closed cases",
    "sent": "notes of sent mail",
    "counters": "months of counters",
    "lists": "numbers of weekly reports",
}


@ledger.command()
@CONFIG
@JSON
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def purge(config: Path, *, as_json: bool, dry_run: bool) -> None:
    """Erase what is older than [retention] allows; the service does it daily."""
    counts = office(config, "ledger.purge", dry_run=dry_run)
    if as_json:
        show_json(counts)
        return
    for name, number in counts.items():
        if number:
            click.echo(f"{number} {_WORDS[name]}")
    if not any(counts.values()):
        click.echo("Nothing is too old.")
    elif dry_run:
        click.echo("Nothing was erased: this was only a look.")
