"""The documents say what is there: settings with their defaults, commands with their options, policy points, rooms, wheel."""

import json
import re
from pathlib import Path

import click
import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gateway.cli.main import main
from gateway.edge.languages import LANGUAGES
from gateway.edge.rules_schema import CLAUSES
from gateway.edge.settings import Settings, parse_settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ROW = re.compile(r"^\| `([^`]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# --- settings -------------------------------------------------------------------------------------------------------


def fields(model: type[BaseModel], before: str = ""):
    """Every key of the settings tree with its default as TOML writes it, "" where there is none."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, f"{before}{name}.")
        elif field.default is PydanticUndefined:
            yield f"{before}{name}", ""
        else:
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            yield f"{before}{name}", json.dumps(default)


def test_every_setting_is_told_with_its_default():
    told = {name: default for name, default, _ in ROW.findall(text("docs/settings.md"))}
    there = {name: f"`{default}`" if default else "none, must be given" for name, default in fields(Settings)}
    assert told == there


def test_every_setting_is_one_sentence():
    for name, _, says in ROW.findall(text("docs/settings.md")):
        assert says.endswith("."), name
        assert says[0].isupper() or says[0] == "`", name


def test_the_readmes_configuration_works():
    blocks = re.findall(r"```toml\n(.*?)```", text("README.md"), re.DOTALL)
    assert blocks
    assert parse_settings(blocks[0], "README.md").mode.value == "observe"


# --- commands -------------------------------------------------------------------------------------------------------


def commands(group: click.Group, path: str = "courtesy"):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize(("name", "command"), list(commands(main)), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_is_told_with_its_options(name, command):
    sections = dict(re.findall(r"^### `(courtesy [^`]+)`\n(.*?)(?=^##|\Z)", text("docs/commands.md"), re.DOTALL | re.MULTILINE))
    heading = next((heading for heading in sections if re.fullmatch(rf"{name}( [\[A-Z-].*)?", heading)), None)
    assert heading, f"docs/commands.md has no section ### `{name} ...`"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            for option in parameter.opts:
                assert f"`{option}" in sections[heading] or option in heading, option
        else:
            assert parameter.make_metavar(click.Context(command)).strip("[].") in heading.replace("...", ""), parameter.name


def test_no_command_is_told_that_isnt_there():
    names = [name for name, _ in commands(main)]
    for heading in re.findall(r"^### `(courtesy [^`]+)`", text("docs/commands.md"), re.MULTILINE):
        assert any(heading == name or heading.startswith(f"{name} ") for name in names), heading


# --- what the prose names -------------------------------------------------------------------------------------------


def prose():
    for document in [ROOT / "README.md", ROOT / "templates" / "README.md", *DOCS.glob("*.md")]:
        yield document.name, document.read_text(encoding="utf-8")


def test_every_command_that_a_document_names_is_there():
    context = click.Context(main)
    for document, words in prose():
        for line in re.findall(r"`(courtesy [a-z][^`\n]*)`", words):
            _, first, *rest = line.split()
            command = main.get_command(context, first)
            assert command, f"{document}: {line}"
            if isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z]+", rest[0]):
                assert command.get_command(context, rest[0]), f"{document}: {line}"


def test_every_setting_that_a_document_names_is_there():
    known = {name for name, _ in fields(Settings)}
    sections = {name.partition(".")[0] for name in known if "." in name}
    for document, words in prose():
        for section, key in re.findall(r"`([a-z_]+)\.([a-z_]+)(?= = [^`]*`|`)", words):
            if section in sections and key not in {"toml", "json"}:
                assert f"{section}.{key}" in known, f"{document}: {section}.{key}"


def test_every_metric_that_a_document_names_is_told_of():
    told = set(re.findall(r"^\| `([a-z_]+)", text("docs/metrics.md"), re.MULTILINE))
    others = {"courtesy_header", "courtesy_header_checks"}
    """A setting, and a file of Postfix."""
    for document, words in prose():
        for name in re.findall(r"\b(courtesy_[a-z_]+)", words):
            assert name in told | others, f"{document}: {name}"


# --- policy points --------------------------------------------------------------------------------------------------


def test_every_policy_point_is_told_once():
    told = re.findall(r"^\| ([A-Z][0-9]+) \| ", text("docs/policy-points.md"), re.MULTILINE)
    assert sorted(told) == sorted(CLAUSES)


# --- the README -----------------------------------------------------------------------------------------------------


def test_the_readmes_rooms_are_the_tree():
    """Every module and folder that the picture names exists, and every room is in it."""
    picture = re.search(r"```\n(gateway/\n.*?)```", text("README.md"), re.DOTALL)
    assert picture
    rooms = re.findall(r"^  (\w+)/ ", picture[1], re.MULTILINE)
    there = {path.name for path in (ROOT / "gateway").iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    assert set(rooms) == there
    assert set(re.findall(r"^(\w+)/", picture[1], re.MULTILINE)) >= {"gateway", "rules", "templates", "systemd", "tests"}
    for room, inside in re.findall(r"^  (\w+)/ [^(\n]*\(([^)]*)\)", picture[1], re.MULTILINE | re.DOTALL):
        for module in re.findall(r"\w+", inside):
            assert (ROOT / "gateway" / room / f"{module}.py").is_file(), f"{room}/{module}.py"
    for module in re.findall(r"^  (\w+\.py)", picture[1], re.MULTILINE):
        assert (ROOT / "gateway" / module).is_file(), module


def test_the_documents_links_lead_somewhere():
    for document in [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as they are made where documents are shown."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_documents_links_into_documents_find_their_heading():
    for document in [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.glob("*.md")]:
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", document.read_text(encoding="utf-8")):
            assert anchor in anchors(document.parent / target if target else document), f"{document.name}: {target}#{anchor}"


def test_the_readme_names_every_document():
    for document in DOCS.glob("*.md"):
        assert f"docs/{document.name}" in text("README.md"), document.name


def test_languages_are_the_same_everywhere():
    shipped = {path.parent.name for path in (ROOT / "rules").glob("*/morphology.toml")}
    assert set(LANGUAGES) == shipped
    told = re.search(r"^\| `language` .*$", text("docs/settings.md"), re.MULTILINE)
    assert told
    assert set(re.findall(r"`([a-z]{2})`", told[0])) == shipped
    assert {path.name for path in (ROOT / "templates").iterdir() if path.is_dir()} >= shipped
