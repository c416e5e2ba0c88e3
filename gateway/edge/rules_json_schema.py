"""JSON Schemas of the rules files, for editors that complete and underline; `python -m gateway.edge.rules_json_schema` writes them.

They lie in rules/schema and come with the package; a rules file names its own in a first line `#:schema PATH`.
"""

import json
from typing import Any

from pydantic import TypeAdapter

from gateway.edge import shipped
from gateway.edge.rules_schema import ClassTable, ContextFile, MorphologyFile, PolicyFile, RulesFile

FOLDER = "schema"
_DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that TOML editors know."""

_TITLES = {
    "rules": (RulesFile, "Rules of a language: any file but the ones below"),
    "classes": (dict[str, ClassTable], "Word classes of a language: classes*.toml"),
    "context": (ContextFile, "Frames of a language: context.toml"),
    "morphology": (MorphologyFile, "Word forms of a language: morphology.toml"),
    "policy": (PolicyFile, "The policy's numbers: policy.toml"),
}


def schemas() -> dict[str, str]:
    """The content of each schema file by its name."""
    return {f"{name}.json": _text(kind, title) for name, (kind, title) in _TITLES.items()}


def _text(kind: Any, title: str) -> str:
    tree = TypeAdapter(kind).json_schema(ref_template="#/definitions/{model}")
    definitions = tree.pop("$defs", {})
    whole = {"$schema": _DRAFT, **tree, "title": title, "definitions": definitions}
    return json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write the files."""
    folder = shipped.folder("rules") / FOLDER
    folder.mkdir(exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
