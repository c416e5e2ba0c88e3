"""The tiny rules in the place of the shipped ones, for the service and for every command; site folders over them."""

import asyncio

from click.testing import CliRunner
from tiny_rules import write

from gateway.cli.main import main
from gateway.edge.weigher import Order
from gateway.mail.message import ReadingLimits

RULE = '[[rule]]\nid = "en.insult.{name}"\ncategory = "insult"\npoints = 5\nwords = ["{word}"]\nhits = ["You {word}!"]\n'


def site(folder, name, word):
    (folder / "en").mkdir(parents=True, exist_ok=True)
    (folder / "en" / "site.toml").write_text(RULE.format(name=name, word=word))


def tiny_house(folder, monkeypatch):
    """Services start in seconds; the site's rules are in `live`, others in `next`."""
    base = write(folder / "base")
    site(folder / "live", "ours", "zorgleblat")
    site(folder / "next", "ours", "quimblefex")

    def folders(site_folder=None, only=None):
        return (only,) if only else (base, *((site_folder,) if site_folder else ()))

    for module in ("scorer", "rules_choice", "direct"):
        monkeypatch.setattr(f"gateway.edge.{module}.rules_folders", folders)
    monkeypatch.setattr("gateway.cli.rules.rules_folders", folders)
    monkeypatch.setattr("gateway.edge.service.order_of", lambda _: Order((base, folder / "live"), ReadingLimits()))
    return folder


def configured(folder):
    """A configuration for commands without a service."""
    config = folder / "courtesy.toml"
    config.write_text(
        f'state_dir = "{folder / "state"}"\nrules_dir = "{folder / "live"}"\n[downstream]\naddress = "127.0.0.1:1025"\n'
        '[accept]\nrecipients = ["support@shop.example"]\n[addresses]\nsupport = "Shop <support@shop.example>"\n'
    )
    return config


async def courtesy(config, *arguments):
    """Run a command beside whatever runs in this loop."""
    command = [*map(str, arguments), "--config", str(config)]
    return await asyncio.to_thread(lambda: CliRunner().invoke(main, command, catch_exceptions=False))
