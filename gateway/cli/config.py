"""`courtesy config`: check a settings file, show what is in force."""

import json
from pathlib import Path

import click

from gateway.cli.plain import plain
from gateway.edge.settings import load_settings
from gateway.errors import BadInput, Problem

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def config() -> None:
    """Check a settings file, show what is in force."""


@config.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Print every error of a settings file and of its templates, FILE:LINE: error: TEXT."""
    from gateway.edge.dkim_signer import load_signer
    from gateway.edge.languages_check import lacking
    from gateway.edge.templates import Templates

    try:
        settings = load_settings(file)
        load_signer(settings.dkim)
        _must_be_there(file, settings.rules_dir)
        templates = Templates(settings.language, settings.zone, Path(settings.templates_dir) if settings.templates_dir else None, settings.languages)
    except BadInput as error:
        for problem in error.problems:
            click.echo(plain(str(problem)))
        raise SystemExit(1) from None
    for problem in templates.warnings:
        click.echo(plain(str(problem)))
    for line in (*warnings(file, settings), *(f"{file}: warning: {text}" for text in lacking(settings, templates.spoken))):
        click.echo(plain(line))


def _must_be_there(file: Path, rules_dir: str) -> None:
    if rules_dir and not Path(rules_dir).is_dir():
        raise BadInput((Problem(str(file), 0, f"rules_dir: {rules_dir} is not a folder; make it, or name the folder of your rules"),))


def warnings(file: Path, settings: object) -> list[str]:
    """What is allowed and still worth a word."""
    from gateway.edge.settings import Settings
    from gateway.values import Mode

    assert isinstance(settings, Settings)  # noqa: S101 - the caller loaded it
    found = []
    if not settings.addresses.managers:
        found.append(f"{file}: warning: addresses.managers is empty, so nobody is told of threats; name at least one manager")
    if settings.mode is Mode.ENFORCE and not settings.identity.trusted_authserv_ids:
        found.append(f"{file}: warning: identity.trusted_authserv_ids is empty, so every sender is unverified and nobody is ever warned")
    domain, support = settings.dkim.domain, settings.addresses.support_mailbox.domain
    if domain and not (support == domain or support.endswith(f".{domain}") or domain.endswith(f".{support}")):
        found.append(f"{file}: warning: dkim.domain {domain} isn't that of {support}, so the signature doesn't help notices pass DMARC")
    if settings.rules.watch and not settings.rules_dir:
        found.append(f"{file}: warning: rules.watch is on, but rules_dir is empty, so there is nothing to watch; name the folder of your rules")
    return found


@config.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(file: Path, *, as_json: bool) -> None:
    """Print every setting in force, defaults filled in."""
    try:
        settings = load_settings(file)
    except BadInput as error:
        click.echo(plain(str(error)), err=True)
        raise SystemExit(1) from None
    tree = settings.model_dump(mode="json")
    for name in ("complaints", "appeals", "report", "civil", "decisions"):
        tree["addresses"][name] = settings.addresses.own(name)
    if as_json:
        click.echo(json.dumps(tree, ensure_ascii=False, indent=2))
        return
    for key, value in tree.items():
        if not isinstance(value, dict):
            click.echo(plain(f"{key} = {_toml(value)}"))
    for key, value in tree.items():
        if isinstance(value, dict):
            click.echo(f"\n[{key}]")
            for name, item in value.items():
                click.echo(plain(f"{name} = {_toml(item)}"))


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
