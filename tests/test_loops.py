"""Programs that answer each other through us: at most one notice, whatever headers they leave out (RFC 3834 section 2)."""

import asyncio
import email
import email.policy
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import tiny_rules
from gateway_inside import gateway_inside
from gateway_process import mail, settings
from smtp_gateway import Client
from smtp_sink import Sink

from gateway.edge import scorer, shipped
from gateway.edge.service import Running, running
from gateway.edge.settings import load_settings
from gateway.ports import WatchedEvent
from gateway.values import NoticeKind

ROUNDS = 100
RESPONDER = "help@desk.example"
SAID = (
    "We got your mail and gave it the number {number}. You are an idiot if you think that writing again makes us any faster, "
    "so please wait until one of us has the time to look at what you want this week."
)
NOTICES = {kind.value for kind in NoticeKind}


@pytest.fixture(autouse=True)
def few_rules(tmp_path, monkeypatch):
    """With the shipped rules each service takes many seconds to start."""
    rules = tiny_rules.write(tmp_path / "rules")
    monkeypatch.setattr(scorer, "folder", lambda name: rules if name == "rules" else shipped.folder(name))


def answer(number, sender=RESPONDER, text=SAID, to="support@shop.example"):
    """What a program writes that knows nothing of Auto-Submitted, with everything that says it is genuine."""
    return mail(text.format(number=4700 + number), sender=sender, subject=f"Re: [{4700 + number}] your mail", number=number).replace(
        b"To: support@shop.example", f"To: {to}".encode()
    )


def written_to(sink, address):
    return [sunk for sunk in sink.mails if address in sunk.recipients]


async def test_a_responder_that_answers_every_mail_gets_one_notice_in_a_hundred_rounds(tmp_path):
    async with gateway_inside(tmp_path) as inside:
        for number in range(ROUNDS):
            assert (await inside.send(answer(number), RESPONDER)).startswith("250")
        await inside.outbox_empty()
        (notice,) = written_to(inside.sink, RESPONDER)
        assert notice.sender == ""
        # the help desk behind us got every one of them, each behind its note, and no manager was asked a hundred times
        assert len(written_to(inside.sink, "support@shop.example")) == ROUNDS
        assert len(written_to(inside.sink, "boss@shop.example")) <= 1
        standing = await inside.running.ledger.standing(RESPONDER)
        assert len(standing.strikes) == 1
        assert standing.suspended_until is None
        incidents = await inside.running.ledger.incidents(limit=None)
        assert len(incidents) == ROUNDS
        assert sum("answered a short while ago" in incident.reason for incident in incidents) == ROUNDS - 1
        assert 'courtesy_notices_suppressed_total{reason="same_text"} 99' in inside.running.metrics.text()


async def test_a_responder_with_an_address_a_ticket_gets_one_notice_too(tmp_path):
    async with gateway_inside(tmp_path) as inside:
        for number in range(30):
            sender = f"ticket+{number}@desk.example"
            assert (await inside.send(answer(number, sender), sender)).startswith("250")
        await inside.outbox_empty()
        assert len([sunk for sunk in inside.sink.mails if any("desk.example" in to for to in sunk.recipients)]) == 1


@dataclass
class House:
    """A gateway with a help desk behind it that answers whatever it gets, to the header From, without a mark of a program."""

    running: Running
    sink: Sink
    domain: str
    text: str
    seen: int = 0
    sent: int = 0
    notices: list[bytes] = field(default_factory=list)

    async def answer_all(self, other: "House", client: Client) -> int:
        """Answer what came since the last time; how many answers went to the other gateway."""
        new, self.seen = self.sink.mails[self.seen :], len(self.sink.mails)
        answers = 0
        for sunk in new:
            if f"support@{self.domain}" not in sunk.recipients:
                continue
            parsed = email.message_from_bytes(sunk.message, policy=email.policy.default)
            if parsed["Auto-Submitted"]:
                self.notices.append(sunk.message)
            self.sent += 1
            answers += 1
            message = answer(self.sent, f"support@{self.domain}", self.text, f"support@{other.domain}")
            reply = await client.mail(message, f"support@{self.domain}", (f"support@{other.domain}",))
            assert reply.startswith("250"), reply
        return answers


@asynccontextmanager
async def house(folder, domain, outbound_port, text):
    folder.mkdir()
    async with Sink() as sink:
        file = settings(folder, sink.port, more=f'[outbound]\naddress = "127.0.0.1:{outbound_port}"')
        file.write_text(file.read_text(encoding="utf-8").replace("shop.example", domain).replace(f"mx.{domain}", "mx.shop.example"), encoding="utf-8")
        async with running(load_settings(file)) as state:
            yield House(state, sink, domain, text)


async def test_two_gateways_with_two_help_desks_for_a_hundred_rounds(tmp_path):
    async with Sink() as between:
        polite = "Dear customer, your mail has arrived, its number is {number}, and somebody of our team will look at it tomorrow morning."
        async with house(tmp_path / "one", "one.example", between.port, polite) as one, house(tmp_path / "two", "two.example", between.port, SAID) as two:
            to_one, to_two = [Client(*await asyncio.open_connection(*each.running.address)) for each in (one, two)]
            await to_one.hello()
            await to_two.hello()
            await to_one.mail(answer(0, "support@two.example", SAID, "support@one.example"), "support@two.example", ("support@one.example",))
            carried = 0
            for _ in range(ROUNDS):
                # what either gateway writes itself goes to the other one, as mail between two companies does
                for sunk in between.mails[carried:]:
                    (recipient,) = sunk.recipients
                    client = to_one if recipient.endswith("@one.example") else to_two
                    if recipient.startswith("support@"):
                        await client.mail(sunk.message, sunk.sender, (recipient,))
                carried = len(between.mails)
                await one.answer_all(two, to_two)
                await two.answer_all(one, to_one)
            assert min(one.sent, two.sent) >= ROUNDS
            await asyncio.sleep(0.5)
            written = [sunk for sunk in between.mails if b"Auto-Submitted: auto-replied" in sunk.message]
            assert [sunk.recipients for sunk in written] == [("support@two.example",)]
            assert len(two.notices) == 1
            assert two.running.metrics.events.value(WatchedEvent.TEMPORARY.value) == 0
            await to_one.close()
            await to_two.close()
