"""The same text again and again over SMTP: all of it is delivered, and the sender is asked once to stop (R14)."""

import email
import email.policy

import pytest
import tiny_rules
from gateway_inside import gateway_inside
from gateway_process import mail

from gateway.edge import scorer, shipped

ANNA = "anna@client.example"
TEXT = "You broke my kitchen door when the new washing machine was brought in and I want that paid for."


@pytest.fixture(autouse=True)
def few_rules(tmp_path, monkeypatch):
    rules = tiny_rules.write(tmp_path / "rules")
    monkeypatch.setattr(scorer, "folder", lambda name: rules if name == "rules" else shipped.folder(name))


def levels(inside):
    marks = [sunk.message.partition(b"X-Courtesy: level=")[2].partition(b";")[0] for sunk in inside.sink.mails if "support@shop.example" in sunk.recipients]
    return [mark.decode() for mark in marks]


def notices(inside):
    found = [sunk.message for sunk in inside.sink.mails if ANNA in sunk.recipients]
    return [email.message_from_bytes(message, policy=email.policy.default) for message in found]


async def test_a_flood_is_delivered_and_its_sender_asked_once(tmp_path):
    async with gateway_inside(tmp_path) as inside:
        for number in range(9):
            message = mail(TEXT, number=number)
            assert (await inside.send(message, ANNA)).startswith("250")
            assert inside.sink.mails[-1].message.endswith(message) or ANNA in inside.sink.mails[-1].recipients
        await inside.outbox_empty()
        assert levels(inside) == ["clean"] * 5 + ["rude"] * 4
        (notice,) = notices(inside)
        assert notice["Subject"] == "A request about your messages"
        text = " ".join(notice.get_body(("plain",)).get_content().split())
        assert "has reached our team" in text
        assert "The same text has been sent to us many times in a short while (rule: no spam and no repeated sending)." in text
        assert "wording" not in text
        assert (await inside.running.ledger.standing(ANNA)).strikes == ()


@pytest.mark.parametrize(
    "text",
    [
        "It is two weeks now and I would really like a reply about the broken kitchen door, please.",
        "Thank you!",
    ],
)
async def test_asking_again_is_no_flood(tmp_path, text):
    async with gateway_inside(tmp_path) as inside:
        for number in range(12):
            await inside.send(mail(text, number=number), ANNA)
        await inside.outbox_empty()
        assert levels(inside) == ["clean"] * 12
        assert notices(inside) == []


async def test_a_client_that_sends_the_same_mail_again_is_no_flooder(tmp_path):
    async with gateway_inside(tmp_path) as inside:
        for _ in range(12):
            await inside.send(mail(TEXT, number=1), ANNA)
        assert levels(inside) == ["clean"] * 12


async def test_a_forger_cannot_make_her_a_flooder(tmp_path):
    async with gateway_inside(tmp_path) as inside:
        for number in range(10):
            await inside.send(mail(TEXT, number=number, verified=False), ANNA)
        await inside.send(mail(TEXT, number=99), ANNA)
        await inside.outbox_empty()
        assert levels(inside)[-2:] == ["rude", "clean"]
        assert notices(inside) == []


async def test_observing_says_what_would_have_been_and_writes_to_nobody(tmp_path):
    async with gateway_inside(tmp_path, mode="observe") as inside:
        for number in range(8):
            await inside.send(mail(TEXT, number=number), ANNA)
        await inside.outbox_empty()
        assert levels(inside)[-1] == "rude"
        assert notices(inside) == []
