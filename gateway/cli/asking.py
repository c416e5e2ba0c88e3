"""How a command reaches the office: the running service over its control socket, else the ledger itself."""

import asyncio
import getpass
import json
import os
from datetime import tzinfo
from pathlib import Path
from typing import Any

import click

from gateway.cli.plain import fail
from gateway.edge.control import ask
from gateway.edge.settings import Settings, load_settings
from gateway.errors import BadInput, GatewayError, LedgerLocked

CONFIG = click.option(
    "--config", type=click.Path(path_type=Path), envvar="COURTESY_CONFIG", default=Path("/etc/courtesy/courtesy.toml"), show_default=True, help="The settings file."
)
_USUAL = Path("/etc/courtesy/courtesy.toml")


def _if_there(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    del context, parameter
    return value or (_USUAL if _USUAL.is_file() else None)


OPTIONAL_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="COURTESY_CONFIG",
    callback=_if_there,
    help="The settings file, where one is needed.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


_PATIENCE = dict.fromkeys(("incident.overturn_rules", "incident.import", "ledger.purge", "ledger.check", "sender.export", "sender.forget", "digest.show", "digest.send", "rules.history", "rules.reload"), 3_600.0)
"""Seconds for what reads everything that is kept."""


def who() -> str:
    """The person at the command line, for the record."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def settings_of(config: Path) -> Settings:
    """Read the settings file; ends the command with every error of it when it has some."""
    try:
        return load_settings(config)
    except BadInput as error:
        fail(str(error), 1)


def zone_of(config: Path) -> tzinfo:
    """The site's time zone, in which people are shown times."""
    return settings_of(config).zone


def optional_settings(config: Path | None) -> Settings | None:
    """Read the settings file when there is one."""
    return settings_of(config) if config is not None else None


def office(config: Path, call: str, **arguments: Any) -> Any:
    """Run an operation of the office and return its answer; ends the command with a sentence when it can't be done."""
    settings = settings_of(config)
    try:
        return ask(settings.state, call, arguments, _PATIENCE.get(call, 60.0))
    except ConnectionError:
        pass
    except GatewayError as error:
        fail(str(error))
    try:
        return asyncio.run(_directly(settings, call, arguments))
    except LedgerLocked as error:
        # one that loads its rules has the ledger already and no control socket yet
        fail(
            f"the ledger {settings.ledger_folder} is in use by process {error.holder}, a service or another command; "
            "if it has just been started, try again in a few seconds; a service that is ready answers root and its own user only"
        )
    except GatewayError as error:
        fail(str(error))


async def _directly(settings: Settings, call: str, arguments: dict[str, Any]) -> Any:
    from gateway.edge.direct import direct_office

    async with direct_office(settings) as desk:
        return await desk.call(call, arguments)


def show_json(value: Any) -> None:
    """Print an answer as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
