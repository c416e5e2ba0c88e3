"""Bounces, reports, lists, auto-replies: nothing that the gateway does makes it answer one of them."""

import json

import pytest
from gate_house import abusive, gate_house
from gateway_inside import gateway_inside
from gateway_process import BORDER
from reading_mails import FORMS, SHARED

from gateway.edge.sources import with_crlf
from gateway.mail.message import read
from gateway.policy.answerable import why_not
from gateway.values import Envelope, Identity

FOLDER = SHARED / "auto-mail"
PLAIN = "robot@client.example"
NO_MARK = {
    "bounce/flufl.bounce__tests__data__groupwise_03.txt",  # a person's reply, written in Outlook
    "arf/set-of-emails__maildir__bsd__arf-22.eml",  # these came by the null path, and nothing else in them shows it
    "arf/set-of-emails__maildir__bsd__arf-24.eml",
    "bounce/set-of-emails__maildir__bsd__lhost-sendmail-14.eml",
    "bounce/set-of-emails__maildir__bsd__lhost-verizon-01.eml",
    "other-auto/spamassassin__spam__007",  # spam with nothing of a list or machine about it
}
"""Bear no mark of a machine of their own: their reverse path or their civil words keep them from an answer."""

pytestmark = [pytest.mark.shared, pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/auto-mail is not here")]


def messages() -> list[tuple[str, bytes]]:
    listed = [json.loads(line)["file"] for line in (FOLDER / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(listed) > 400
    found = [(name, with_crlf((FOLDER / name).read_bytes())) for name in listed]
    return [(name, data if data.endswith(b"\r\n") else data + b"\r\n") for name, data in found]


def author_of(message: bytes) -> str:
    """The address in From where SMTP can carry it as a reverse path, else a plain one."""
    reading = read(message, FORMS, return_path=PLAIN)
    address = reading.authors[0].address if reading.authors else ""
    return address if address.isascii() and address.count("@") == 1 and not set(address) & set(' <>"(),:;\\[]') and len(address) < 250 else PLAIN


@pytest.mark.timeout(900)
@pytest.mark.parametrize("null", [False, True], ids=["from-its-author", "from-nobody"])
async def test_no_notice_and_no_refusal(tmp_path, null):
    refused = []
    async with gateway_inside(tmp_path, more="commands = 100_000\nerrors = 10_000") as house:
        for name, message in messages():
            author = author_of(message)
            field = f"Authentication-Results: {BORDER}; dmarc=pass header.from={author.rpartition('@')[2]}\r\n".encode()
            reply = await house.send(field + message, "" if null else author)
            if not reply.startswith("250"):
                refused.append((name, reply))
        await house.outbox_empty()
        answered = {sunk.recipients for sunk in house.sink.mails} - {("support@shop.example",), ("boss@shop.example",), ("support+complaints@shop.example",)}
        posted = {mail.kind for mail in await house.running.ledger.posted(house.running.office.clock().replace(year=2000))}
    assert not answered
    assert all(kind.startswith("alert.") for kind in posted)
    assert not refused


def test_none_may_be_answered_even_if_it_were_abusive():
    """The second wall: whatever the words are, the form of each alone forbids an answer."""
    answerable = []
    for name, message in messages():
        sender = author_of(message)
        reading = read(message, FORMS, return_path=sender)
        if not why_not(reading, Envelope(sender, ("support@shop.example",)), Identity(sender.lower(), verified=True, by="dmarc=pass"), frozenset()):
            answerable.append(name)
    assert set(answerable) <= NO_MARK


@pytest.mark.timeout(900)
async def test_no_notice_even_to_an_abusive_automat(tmp_path):
    """The whole path with a reader that thinks the worst of every mail and doesn't know that a machine wrote it."""
    async with gate_house(tmp_path) as house:
        house.reader.thinks = abusive()
        for number, (name, message) in enumerate(messages()):
            if number % 8 == 0 and name not in NO_MARK:
                author = author_of(message)
                field = f"Authentication-Results: {BORDER}; dmarc=pass header.from={author.rpartition('@')[2]}\r\n".encode()
                reply = await house.send(field + message, author)
                assert reply.startswith("250"), reply
        kinds = {kind for kind, _ in await house.outgoing()}
    assert all(kind.startswith("alert.") for kind in kinds)
