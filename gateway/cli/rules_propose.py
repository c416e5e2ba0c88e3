"""`courtesy rules propose`: what people's corrections say about the rules, as changes that somebody may make."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.asking import CONFIG, JSON, settings_of, show_json
from gateway.cli.plain import fail, plain
from gateway.cli.snapshot import snapshot
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.edge.proposing import Findings, Proposed

_REFERENCES = 8


@click.command()
@CONFIG
@JSON
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only incidents of that day or later.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="At most so many changes.")
def propose(config: Path, *, as_json: bool, since: datetime | None, limit: int) -> None:
    """Print changes to rules that overturned incidents and dismissed proposals suggest; nothing is changed."""
    from gateway.edge.proposing import propose as look
    from gateway.edge.service import order_of

    settings = settings_of(config)
    first = since.replace(tzinfo=settings.zone).astimezone(UTC) if since is not None else None
    try:
        with snapshot(config, settings) as copy:
            found = asyncio.run(look(copy, order_of(settings), first, limit))
    except GatewayError as error:
        fail(str(error))
    if as_json:
        show_json({"proposed": [_row(each) for each in found.proposed], "remarks": list(found.remarks)})
    else:
        _tell(found)


def _row(each: "Proposed") -> dict[str, Any]:
    effect = each.effect
    return {
        "rule": each.rule.id,
        "file": each.file,
        "snippet": each.text,
        "why": list(each.why),
        "customers_words": each.words,
        "right": len(each.how.right),
        "confirmed": each.how.confirmed,
        "wrong": [incident.id for incident in each.how.wrong],
        "effect": {
            "incidents": effect.kept,
            "incidents_milder": effect.kept_milder,
            "held": effect.held,
            "held_changed": list(effect.held_changed),
        },
    }


def _tell(found: "Findings") -> None:
    """As TOML: what is said about the changes are comments, so that it can go into a file as it is."""
    file = ""
    for each in sorted(found.proposed, key=lambda each: each.file):
        if each.file != file:
            file = each.file
            click.echo(f"# ---- {file} ----")
        for sentence in (_fared(each), *each.why, *_effect(each)):
            click.echo(plain(f"# {sentence}"))
        if each.words:
            click.echo("# These are words of customers. Take out whatever says who they are before you keep them.")
        click.echo(plain(each.text))
    for remark in found.remarks:
        click.echo(plain(f"# {remark}"))
    if found.proposed:
        click.echo(
            "Nothing was changed. Put what you want into the file of that name in a copy of rules_dir, then: courtesy rules check, replay, activate.", err=True
        )
    else:
        click.echo("Nothing to propose.", err=True)


def _fared(each: "Proposed") -> str:
    wrong = [incident.id for incident in each.how.wrong]
    more = f" and {len(wrong) - _REFERENCES} more" if len(wrong) > _REFERENCES else ""
    confirmed = f", {each.how.confirmed} of them confirmed by a person" if each.how.confirmed else ""
    return f"{each.rule.id}: right {_times(len(each.how.right))}{confirmed}; wrong {_times(len(wrong))} ({', '.join(wrong[:_REFERENCES])}{more})."


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _effect(each: "Proposed") -> list[str]:
    effect = each.effect
    told = []
    if effect.kept_milder is not None:
        told.append(f"Incidents in which it counted: {effect.kept}; with a lower level then: {effect.kept_milder}.")
    if effect.held:
        names = f" ({', '.join(effect.held_changed[:_REFERENCES])})" if effect.held_changed else ""
        told.append(f"Mails of incidents that are still held: {effect.held}; with another level then: {len(effect.held_changed)}{names}.")
    return told or ["What it would have done to past mail can't be told: no mail of these incidents is held; `courtesy rules replay` tells it of your archive."]
