"""Every message that docs/troubleshooting.md explains is still one that the program says, word for word."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GAP = "…"
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)
_FORMAT = re.compile(r"%(?:\.\d+)?[sdrfg]")


def said_by(tree: ast.AST):
    """Every text of a module, with a gap where something is filled in."""
    inner = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inner.update(id(part) for part in node.values)
            yield "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield _FORMAT.sub(GAP, node.value)


@cache
def all_said() -> tuple[str, ...]:
    return tuple({text for path in (ROOT / "gateway").rglob("*.py") for text in said_by(ast.parse(path.read_text(encoding="utf-8"))) if " " in text})


def is_said(message: str) -> bool:
    """Whether one text of the program has this form; a gap of the document is anything, one of the program's must be a gap."""
    pattern = re.compile(".*".join(re.escape(" ".join(part.split())) for part in message.split(GAP)))
    return any(pattern.search(" ".join(text.split())) for text in all_said())


def test_the_document_has_messages():
    assert len(ROWS) > 50
    assert len({message for message, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("message", [message for message, _, _ in ROWS])
def test_the_program_still_says_it(message):
    assert is_said(message)


@pytest.mark.parametrize(("message", "why", "what"), ROWS)
def test_each_has_its_cause_and_what_to_do(message, why, what):
    assert why.endswith(".")
    assert what.endswith((".", "...")), message


def test_a_message_that_nobody_says_is_noticed():
    assert not is_said("the ledger is made of cheese")
    assert not is_said("can't listen on …: another programme listens there")


def test_the_replies_have_the_codes_that_are_told():
    """A row that begins its cause with a code names one of our replies."""
    from gateway import replies

    by_text = {reply.text: reply.code for reply in vars(replies).values() if isinstance(reply, replies.Reply)}
    told = [(message, int(why[:3])) for message, why, _ in ROWS if re.match(r"\d{3}: ", why)]
    assert len(told) > 8
    for message, code in told:
        assert by_text.get(message, 550) == code, message
