"""How a command reaches the office: the running service over its control socket, else the ledger itself."""

import asyncio
import getpass
import json
import os
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
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


def who() -> str:
    """The person at the command line, for the record."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def office(config: Path, call: str, **arguments: Any) -> Any:
    """Run an operation of the office and return its answer; ends the command with a sentence when it can't be done."""
    try:
        settings = load_settings(config)
    except BadInput as error:
        fail(str(error), 1)
    try:
        return ask(settings.state, call, arguments)
    except ConnectionError:
        pass
    except GatewayError as error:
        fail(str(error))
    try:
        return asyncio.run(_directly(settings, call, arguments))
    except LedgerLocked as error:
        fail(f"{error}; is a service running that this user may not ask?")
    except GatewayError as error:
        fail(str(error))


async def _directly(settings: Settings, call: str, arguments: dict[str, Any]) -> Any:
    from gateway.edge.direct import direct_office

    async with direct_office(settings) as desk:
        return await desk.call(call, arguments)


def show_json(value: Any) -> None:
    """Print an answer as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
