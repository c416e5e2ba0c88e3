"""`courtesy incident verify`: whether anybody changed, removed, added or reordered what was written down."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.asking import CONFIG, JSON, settings_of, show_json
from gateway.cli.plain import fail, plain
from gateway.cli.snapshot import snapshot

if TYPE_CHECKING:
    from gateway.edge.chain_check import ChainReport

_HEAD = re.compile(r"([1-9][0-9]{0,14}):([0-9a-f]{64})")
_SHOWN = 50


def _head(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, str] | None:
    del context, parameter
    if value is None:
        return None
    found = _HEAD.fullmatch(value.strip().lower())
    if found is None:
        raise click.BadParameter("write it as it was printed, NUMBER:HASH")
    return int(found[1]), found[2]


@click.command()
@CONFIG
@JSON
@click.option("--head", metavar="NUMBER:HASH", callback=_head, help="A head of the chain that was noted elsewhere.")
def verify(config: Path, *, as_json: bool, head: tuple[int, str] | None) -> None:
    """Check the hash chain over all incidents, and that the records are as it says."""
    from gateway.edge.chain_check import check_chain
    from gateway.edge.held import HELD
    from gateway.edge.state_backup import LEDGER, STATE

    settings = settings_of(config)
    try:
        with snapshot(config, settings) as copy:
            report = check_chain(copy / LEDGER, head, copy / STATE / HELD)
    except OSError as error:
        fail(f"the ledger can't be read: {error}")
    if as_json:
        show_json(_row(report))
    else:
        _tell(report)
    if report.faults:
        raise SystemExit(1)


def _row(report: "ChainReport") -> dict[str, object]:
    return {
        "lines": report.lines,
        "head": f"{report.lines}:{report.head}" if report.head else None,
        "begun": report.begun or None,
        "adopted": report.adopted,
        "incidents": report.incidents,
        "erased": report.erased,
        "undone": report.undone,
        "waiting": report.waiting,
        "faults": [{"line": fault.line or None, "incident": fault.incident or None, "text": fault.text} for fault in report.faults],
    }


def _tell(report: "ChainReport") -> None:
    for fault in report.faults[:_SHOWN]:
        where = [f"line {fault.line}"] * bool(fault.line) + [f"incident {fault.incident}"] * bool(fault.incident)
        click.echo(plain(f"wrong: {', '.join(where)}: {fault.text}" if where else f"wrong: {fault.text}"))
    if len(report.faults) > _SHOWN:
        click.echo(f"wrong: and {len(report.faults) - _SHOWN} more; --json shows all")
    if not report.lines:
        click.echo("Nothing was written down yet.")
        return
    parts = [f"{report.lines} lines since {report.begun}", f"{report.incidents} incidents", f"{report.erased} erased by a line that says why"]
    parts += [f"{report.adopted} from before the chain"] * bool(report.adopted)
    parts += [f"{report.undone} written down and then not recorded, as after a crash"] * bool(report.undone)
    click.echo(f"{', '.join(parts)}.")
    if report.waiting:
        click.echo(plain(f"The last line wasn't carried out, as after a crash: {', '.join(report.waiting)}. The next change writes a line that says so."))
    if report.faults:
        click.echo("Not all is as it was written down.")
    else:
        click.echo("All of it is as it was written down. Note the head of the chain where nobody can change it:")
        click.echo(f"{report.lines}:{report.head}")
