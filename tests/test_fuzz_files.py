"""Whatever stands in a settings or rules file: every error is a sentence with its place, and what loads can be used."""

import tomllib
from datetime import UTC, datetime

import pytest
from gateway_process import settings as settings_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_rules import FILES, own, scorer_of, write

from gateway.edge.rules import load_rules
from gateway.edge.settings import parse_settings
from gateway.edge.shipped import folder
from gateway.edge.spoken import load_spoken
from gateway.errors import BadInput
from gateway.policy.deadlines import deadline_of
from gateway.policy.decision_words import vocabulary

BITS = st.one_of(
    st.sampled_from(['"', "'", "[", "]", "[[", "=", "\n", "#", ",", "{", "}", "\\", "\\u0000", '"""', "\x00", "\x1b[2J", "\ufeff", "\ud7ff", "9" * 30, "-1", "inf"]),
    st.sampled_from(["<staff>", "<nobody>", "...", "...99", "(", ")", "|", "?", "~", "^", "$", "*", "=", "...6", "<hit>", "true", "1979-05-27T07:32:00Z"]),
    st.text(max_size=8),
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), BITS), min_size=1, max_size=5)
VALUES = st.recursive(
    st.one_of(st.text(max_size=12), st.integers(), st.floats(), st.booleans(), st.dates(), st.sampled_from(["", "a@b.test", "127.0.0.1:25", "/x"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=5,
)


def edited(text: str, edits) -> str:
    """Some places of a text cut out and filled with something else."""
    for where, length, bit in edits:
        at = int(where * len(text))
        text = text[:at] + bit + text[at + length :]
    return text


def toml(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in value) + '"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{toml(key)} = {toml(each)}' for key, each in value.items())}}}"
    return value.isoformat()


def sentences(error: BadInput) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.text.strip()
        assert problem.line >= 0
        assert str(problem).isprintable(), "nothing of the file can move a terminal's cursor"
        str(problem).encode("utf-8")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return settings_file(tmp_path_factory.mktemp("fuzz"), 25).read_text()


@given(edits=EDITS)
@settings(max_examples=250, deadline=None)
def test_any_settings_file_is_understood_or_explained(file, edits):
    try:
        parse_settings(edited(file, edits), "courtesy.toml")
    except BadInput as error:
        sentences(error)


@given(where=st.integers(0, 100), value=VALUES)
@settings(max_examples=250, deadline=None)
def test_any_value_at_any_key(file, where, value):
    lines = file.splitlines()
    keys = [number for number, line in enumerate(lines) if " = " in line]
    at = keys[where % len(keys)]
    lines[at] = f"{lines[at].partition(' = ')[0]} = {toml(value)}"
    text = "\n".join(lines)
    tomllib.loads(text)
    try:
        parse_settings(text, "courtesy.toml")
    except BadInput as error:
        sentences(error)


@given(name=st.sampled_from(sorted(FILES)), edits=EDITS, said=st.text(max_size=80))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rules_folder_loads_or_is_explained_and_what_loads_can_weigh(tmp_path, name, edits, said):
    root = write(tmp_path / "rules")
    (root / name).write_text(edited(FILES[name], edits), encoding="utf-8")
    try:
        load_rules((root,))
    except BadInput as error:
        sentences(error)
        return
    scorer = scorer_of(root)
    for text in (said, "You are an idiot. I will kill you, you dumb fool!", "Sie sind ein Vollidiot " + said):
        scorer.assess(own(text))


SPOKEN = (folder("templates") / "hu" / "spoken.toml").read_text(encoding="utf-8")


@given(edits=EDITS, said=st.text(max_size=200))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words_of_deadlines_and_decisions_load_or_are_explained(tmp_path, edits, said):
    (tmp_path / "hu").mkdir(exist_ok=True)
    (tmp_path / "hu" / "spoken.toml").write_text(edited(SPOKEN, edits), encoding="utf-8")
    found, problems = load_spoken(["hu"], [tmp_path])
    if problems:
        sentences(BadInput(tuple(problems)))
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    deadline_of(f"Kérem, válaszoljanak december 5-ig, 14 napon belül. {said}", found["hu"].deadlines, now, UTC)
    vocabulary([found["hu"].decisions])


@given(content=st.binary(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_that_are_no_text_are_explained(tmp_path, content):
    root = write(tmp_path / "rules")
    (root / "en" / "rules.toml").write_bytes(content)
    try:
        load_rules((root,))
    except BadInput as error:
        sentences(error)
