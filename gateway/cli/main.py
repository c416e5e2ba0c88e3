"""The command `courtesy`: a group whose commands are imported when they are called."""

import importlib

import click

COMMANDS = {
    "demo": "gateway.cli.demo:demo",
    "serve": "gateway.cli.serve:serve",
    "score": "gateway.cli.score:score",
    "config": "gateway.cli.config:config",
    "rules": "gateway.cli.rules:rules",
    "sender": "gateway.cli.sender:sender",
    "incident": "gateway.cli.incident:incident",
    "held": "gateway.cli.held:held",
    "case": "gateway.cli.case:case",
    "digest": "gateway.cli.digest:digest",
    "policy": "gateway.cli.policy:policy",
    "ledger": "gateway.cli.ledger:ledger",
}


class LateGroup(click.Group):
    """A group that imports a command only when it is called, so that --help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of a name."""
        del ctx
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - a slip in the table above
        return command


@click.group(cls=LateGroup)
@click.version_option(package_name="courtesy-gateway")
def main() -> None:
    """The mail gateway that protects support staff from abuse and is fair to the customer."""
