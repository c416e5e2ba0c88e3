"""`courtesy digest`: the weekly mail to the managers."""

from pathlib import Path

import click

from gateway.cli.asking import CONFIG, office
from gateway.cli.plain import fail, plain


@click.command()
@CONFIG
@click.option("--week", metavar="WEEK", help="For example 2026-W47; default: the last full week.")
@click.option("--send", is_flag=True, help="Send it to the managers, with those of weeks that were missed.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it to FILE as HTML.")
@click.option("--text", is_flag=True, help="Print it as text; this is the default.")
def digest(config: Path, week: str | None, html: Path | None, *, send: bool, text: bool) -> None:
    """The week for the managers: what they must decide, what happened, how well we judged."""
    if send + text + (html is not None) > 1:
        raise click.UsageError("--send, --html and --text exclude one another")
    if send:
        _send(config, week)
        return
    row = office(config, "digest.show", week=week)
    if html is None:
        click.echo(plain(f"{row['subject']}\n\n{row['text']}"), nl=False)
        return
    try:
        html.write_text(row["html"], encoding="utf-8")
    except OSError as error:
        fail(f"{html} can't be written: {error.strerror}")
    click.echo(f"{row['week']}: written to {html}.")


def _send(config: Path, week: str | None) -> None:
    row = office(config, "digest.send", week=week)
    for name in row["sent"]:
        click.echo(f"{name}: on its way to the managers.")
    for name in row["sent_before"]:
        click.echo(f"{name}: was sent before.")
    if not row["sent"] and not row["sent_before"]:
        click.echo("Every full week was sent before.")
