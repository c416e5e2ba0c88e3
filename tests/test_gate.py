"""The path from the end of the data to the reply: what happens to the mail, the sender and the ledger, also when things fail."""

import email
import email.policy
from dataclasses import replace

import pytest
from gate_house import CLEAN, UNSCORED, Failing, abusive, gate_house, threat
from gateway_process import mail

from gateway.errors import HoldFailed
from gateway.records import IncidentState
from gateway.values import Disposition, Tag

ANNA = "anna@client.example"
FOLDED = b"Subject: Customer message with note"


@pytest.fixture
async def house(tmp_path):
    async with gate_house(tmp_path) as running:
        yield running


def verbatim(sunk, message):
    head, found, rest = sunk.message.partition(message)
    return bool(found) and not rest and head.startswith(b"Received: ")


# --- what follows ---------------------------------------------------------------------------------------------------


async def test_civil_mail_is_delivered_as_it_came_and_leaves_nothing(house):
    message = mail("Hello,\r\n.\r\n..dots")
    assert (await house.send(message)).startswith("250")
    assert verbatim(house.sink.mails[0], message)
    assert b"\r\nX-Courtesy: level=clean; points=0;" in house.sink.mails[0].message
    assert await house.ledger.incidents() == ()
    assert await house.outgoing() == []


async def test_downstreams_own_reply_is_passed_on(house):
    house.sink.replies["message"] = "250-2.0.0 one\r\n250 2.0.0 queued as 4711"
    assert await house.send(mail("Hello")) == "250-2.0.0 one|250 2.0.0 queued as 4711"


async def test_abuse_is_folded_struck_and_noticed(house):
    house.reader.thinks = abusive()
    message = mail("You idiot.")
    assert (await house.send(message)).startswith("250")
    assert message in house.sink.mails[0].message
    assert FOLDED in house.sink.mails[0].message
    assert await house.strikes() == 1
    assert await house.outgoing() == [("warning", ANNA)]


async def test_a_threat_is_held_and_the_managers_hear_of_it(house):
    house.reader.thinks = threat()
    message = mail("I know ...")
    assert await house.send(message) == "250 2.6.0 Message accepted"
    assert house.sink.mails == []
    (held,) = await house.held.held()
    assert await house.held.message(held.id) == message
    assert await house.outgoing() == [("alert.threat", "boss@shop.example")]


async def test_an_unscored_mail_is_delivered_and_marked(house):
    house.reader.thinks = UNSCORED
    message = mail("?")
    assert (await house.send(message)).startswith("250")
    assert verbatim(house.sink.mails[0], message)
    assert b"X-Courtesy: level=unscored" in house.sink.mails[0].message


async def test_self_harm_is_delivered_and_a_person_is_told_at_once(house):
    house.reader.thinks = abusive(Tag.SELF_HARM)
    message = mail("...")
    await house.send(message)
    assert verbatim(house.sink.mails[0], message)
    assert await house.outgoing() == [("alert.self_harm", "boss@shop.example")]
    assert await house.strikes() == 0


async def test_protected_recipients_get_it_verbatim_while_the_others_get_the_fold(house):
    house.reader.thinks = abusive()
    message = mail("You idiot.")
    assert (await house.send(message, recipients=["support@shop.example", "postmaster@shop.example"])).startswith("250")
    by_recipient = {sunk.recipients: sunk for sunk in house.sink.mails}
    assert set(by_recipient) == {("support@shop.example",), ("postmaster@shop.example",)}
    assert verbatim(by_recipient["postmaster@shop.example",], message)
    assert FOLDED in by_recipient["support@shop.example",].message
    assert await house.strikes() == 1


async def test_protected_recipients_get_it_verbatim_while_the_others_copy_is_held(house):
    house.reader.thinks = threat()
    message = mail("I know ...")
    assert (await house.send(message, recipients=["postmaster@shop.example", "support@shop.example"])).startswith("250")
    assert [sunk.recipients for sunk in house.sink.mails] == [("postmaster@shop.example",)]
    assert verbatim(house.sink.mails[0], message)
    (held,) = await house.held.held()
    assert held.envelope.recipients == ("support@shop.example",)


async def test_a_blocked_sender_is_refused_but_never_at_a_protected_address(house):
    standing = await house.ledger.standing(ANNA)
    await house.ledger.put_standing(replace(standing, blocked_by="boss", blocked_at=house.clock()))
    assert (await house.send(mail("Hello"))).startswith("550 5.7.1 ")
    assert house.sink.mails == []
    message = mail("Hello postmaster", number=2)
    assert (await house.send(message, recipients=["postmaster@shop.example"])).startswith("250")
    assert verbatim(house.sink.mails[0], message)
    # to both: postmaster gets it, the rest is held, since one reply must serve all
    both = mail("Hello all", number=3)
    assert (await house.send(both, recipients=["postmaster@shop.example", "support@shop.example"])).startswith("250")
    assert [held.envelope.recipients for held in await house.held.held()] == [("support@shop.example",)]


async def test_an_unverified_sender_has_no_consequence(house):
    house.reader.thinks = abusive()
    await house.send(mail("You idiot.", verified=False))
    assert FOLDED in house.sink.mails[0].message
    assert await house.strikes() == 0
    assert await house.outgoing() == []


@pytest.mark.parametrize(("fields", "sender"), [("Auto-Submitted: auto-replied\r\n", ANNA), ("Precedence: bulk\r\n", ANNA), ("", ""), ("", "other@client.example")])
async def test_what_may_not_be_answered_is_not(house, fields, sender):
    house.reader.thinks = abusive()
    await house.send(mail("You idiot.", more=fields), sender)
    assert FOLDED in house.sink.mails[0].message
    assert await house.outgoing() == []


# --- our own trouble ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["turn", "seen", "standing", "record"])
async def test_the_ledgers_trouble_is_never_the_customers(house, at):
    house.reader.thinks = abusive()
    house.change(ledger=Failing(house.ledger, at))
    message = mail("You idiot.")
    assert (await house.send(message)).startswith("250")
    assert verbatim(house.sink.mails[0], message)
    assert await house.strikes() == 0
    assert await house.outgoing() == []


async def test_a_torn_ledger_file_too(house):
    house.reader.thinks = abusive()
    await house.send(mail("You idiot."))
    for shard in (house.settings.ledger_folder / "senders").glob("*.json"):
        shard.write_bytes(b'{"_default": {"1"')
    message = mail("You idiot, again.", number=2)
    assert (await house.send(message)).startswith("250")
    assert verbatim(house.sink.mails[-1], message)


async def test_a_threat_is_delivered_plain_when_the_ledger_is_away(house):
    house.reader.thinks = threat()
    house.change(ledger=Failing(house.ledger, "record"))
    message = mail("I know ...")
    assert (await house.send(message)).startswith("250")
    assert verbatim(house.sink.mails[0], message)


async def test_a_failing_counter_changes_nothing(house):
    house.change(ledger=Failing(house.ledger, "count"))
    message = mail("Hello")
    assert (await house.send(message)).startswith("250")
    assert verbatim(house.sink.mails[0], message)


async def test_a_hold_that_cant_be_stored_is_451_and_the_next_try_is_held(house):
    house.reader.thinks = threat()
    (house.settings.state / "held").write_bytes(b"in the way")
    message = mail("I know ...")
    assert (await house.send(message)).startswith("451 4.3.0 ")
    assert house.sink.mails == []
    assert await house.outgoing() == []
    (house.settings.state / "held").unlink()
    assert (await house.send(message)).startswith("250")
    assert len(await house.held.held()) == 1
    assert await house.strikes() == 2  # a threat leaves two, once
    assert await house.outgoing() == [("alert.threat", "boss@shop.example")]


async def test_another_held_store_that_fails_is_451_too(house):
    house.reader.thinks = threat()
    house.change(held=Failing(house.held, "hold", error=HoldFailed))
    assert (await house.send(mail("I know ..."))).startswith("451 4.3.0 ")


@pytest.mark.parametrize("step", ["data", "message"])
async def test_downstream_that_hangs_up_is_451(house, step):
    house.sink.close_at = step
    message = mail("Hello")
    assert (await house.send(message)).startswith("451 4.3.0 ")
    house.sink.close_at = None
    assert (await house.send(message)).startswith("250")
    assert [verbatim(sunk, message) for sunk in house.sink.mails] == [True]


async def test_downstreams_later_later_is_not_the_last_word(house):
    house.reader.thinks = abusive()
    message = mail("You idiot.")
    house.sink.replies["message"] = "452 4.2.2 mailbox full"
    assert await house.send(message) == "452 4.2.2 mailbox full"
    assert await house.outgoing() == []
    del house.sink.replies["message"]
    assert (await house.send(message)).startswith("250")
    assert await house.strikes() == 1
    assert await house.outgoing() == [("warning", ANNA)]


# --- a client that sends it again -----------------------------------------------------------------------------------


async def test_a_resend_gets_the_same_answer_and_no_second_strike(house):
    house.reader.thinks = abusive()
    message = mail("You idiot.")
    first = await house.send(message)
    again = b"Received: from elsewhere by mx.client.example; Tue, 24 Nov 2026 12:00:00 +0000\r\n" + message
    assert await house.send(again) == first
    assert len(house.sink.mails) == 1
    assert await house.strikes() == 1


async def test_a_crash_between_record_and_act_acts_again_without_a_second_strike(house):
    house.reader.thinks = abusive()
    message = mail("You idiot.")
    house.sink.close_at = "message"
    assert (await house.send(message)).startswith("451")
    assert await house.strikes() == 1
    assert await house.outgoing() == []  # nothing may speak of what didn't happen (H8)
    house.sink.close_at = None
    assert (await house.send(message)).startswith("250")
    assert FOLDED in house.sink.mails[-1].message
    assert await house.strikes() == 1
    assert await house.outgoing() == [("warning", ANNA)]
    (incident,) = await house.ledger.incidents()
    assert incident.id.encode() in house.sink.mails[-1].message


async def test_a_crash_between_act_and_settle_acts_again_without_a_second_strike(house):
    house.reader.thinks = abusive()
    message = mail("You idiot.")
    house.change(ledger=Failing(house.ledger, "settle"))
    assert (await house.send(message)).startswith("250")
    house.change(ledger=house.ledger)
    assert (await house.send(message)).startswith("250")
    assert [FOLDED in sunk.message for sunk in house.sink.mails] == [True, True]
    assert await house.strikes() == 1
    assert await house.outgoing() == [("warning", ANNA)]


@pytest.mark.parametrize("thinks", [CLEAN, abusive(), threat()])
async def test_what_was_recorded_is_done_again_as_it_was_recorded(house, thinks):
    """The third strike's suspension keeps its end, whatever the clock and the reader say when the mail comes again."""
    house.reader.thinks = abusive()
    for number in (1, 2):
        await house.send(mail("You idiot.", number=number))
    third = mail("You idiot.", number=3)
    house.change(ledger=Failing(house.ledger, "settle"))
    assert await house.send(third) == "250 2.6.0 Message accepted"
    house.change(ledger=house.ledger)
    until = (await house.ledger.standing(ANNA)).suspended_until
    house.clock.forward(hours=30)
    house.reader.thinks = thinks
    assert await house.send(third) == "250 2.6.0 Message accepted"
    assert (await house.ledger.standing(ANNA)).suspended_until == until
    assert len(await house.held.held()) == 1
    (notice,) = [m for m in await house.ledger.waiting() if m.kind == "suspension"]
    body = email.message_from_bytes(notice.message, policy=email.policy.default).get_body(("plain",)).get_content()
    assert "1 December 2026" in body
    assert "2 December 2026" not in body


async def test_a_civil_resend_is_just_delivered(house):
    message = mail("Hello")
    for _ in range(2):
        assert (await house.send(message)).startswith("250")
    assert len(house.sink.mails) == 2


# --- other modes ----------------------------------------------------------------------------------------------------


async def test_observe_records_what_would_have_been_and_changes_nothing(tmp_path):
    async with gate_house(tmp_path, mode="observe") as house:
        for number, thinks in enumerate((abusive(), threat(), CLEAN, UNSCORED)):
            house.reader.thinks = thinks
            message = mail("...", number=number)
            assert (await house.send(message)).startswith("250")
            assert verbatim(house.sink.mails[-1], message)
        incidents = await house.ledger.incidents()
        assert {(i.state, i.disposition) for i in incidents} == {(IncidentState.WOULD_BE, Disposition.FOLD), (IncidentState.WOULD_BE, Disposition.HOLD)}
        assert await house.held.held() == ()
        assert await house.strikes() == 0
        assert await house.outgoing() == []


async def test_observe_again_after_a_crash(tmp_path):
    async with gate_house(tmp_path, mode="observe") as house:
        house.reader.thinks = threat()
        message = mail("...")
        house.change(ledger=Failing(house.ledger, "settle"))
        await house.send(message)
        house.change(ledger=house.ledger)
        await house.send(message)
        assert [verbatim(sunk, message) for sunk in house.sink.mails] == [True, True]
        assert len(await house.ledger.incidents()) == 1
        assert await house.outgoing() == []


async def test_pass_doesnt_even_read(tmp_path):
    async with gate_house(tmp_path, mode="pass") as house:
        house.change(reader=None)
        message = mail("...")
        assert (await house.send(message)).startswith("250")
        assert verbatim(house.sink.mails[0], message)
        assert b"X-Courtesy" not in house.sink.mails[0].message
