"""Complaints, legal notices and appeals over SMTP: who hears of them, what is promised, and how an appeal ends."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from gate_house import CLEAN, UNSCORED, Failing, GateHouse, abusive, assessment, gate_house, threat
from gateway_process import mail

from gateway.edge.office import Office
from gateway.edge.rows import Refused
from gateway.edge.timers import Timers
from gateway.errors import LedgerFailed
from gateway.records import CaseKind, CaseState, IncidentState
from gateway.values import Assessment, Category, Level, Reply, Tag

ANNA, BOSS, COMPLAINTS = "anna@client.example", "boss@shop.example", "support+complaints@shop.example"
ACKNOWLEDGE = "[cases]\nacknowledge = true"
COMPLAINT = Assessment(Level.CLEAN, language="en", tags=frozenset({Tag.COMPLAINT}))
LEGAL = Assessment(Level.CLEAN, language="de", tags=frozenset({Tag.LEGAL_NOTICE}))


@pytest.fixture
async def house(tmp_path):
    async with gate_house(tmp_path) as running:
        yield running


def office(house: GateHouse) -> Office:
    async def send(envelope, message):
        house.released = (envelope, message)
        return Reply(250, "taken", "2.0.0")

    return Office(house.ledger, house.held, house.gate.writer, house.gate.policy, send, "gw.shop.example", house.clock)


async def cases(house):
    return await house.ledger.cases()


async def the_mail(house, kind):
    """The one mail of ours of a kind that waits, parsed."""
    (found,) = [mail for mail in await house.ledger.waiting() if mail.kind == kind]
    return email.message_from_bytes(found.message, policy=email.policy.default)


def text(parsed):
    return " ".join(parsed.get_body(("plain",)).get_content().split())


# --- complaints -----------------------------------------------------------------------------------------------------


async def test_a_complaint_is_delivered_as_it_came_and_brought_to_the_managers(house):
    house.reader.thinks = COMPLAINT
    message = mail("I complain about your agent Tim. Please reply within 7 days.")
    assert (await house.send(message)).startswith("250")
    assert house.sink.mails[0].message.endswith(message)
    (case,) = await cases(house)
    assert (case.kind, case.sender, case.verified, case.owner, case.state) == (CaseKind.COMPLAINT, ANNA, True, BOSS, CaseState.OPEN)
    assert case.deadline == case.due == datetime.fromisoformat("2026-12-01T23:59:00+01:00")
    assert f"id={case.reference};".encode() in house.sink.mails[0].message
    assert await house.outgoing() == [("alert.complaint", COMPLAINTS)]
    alert = await the_mail(house, "alert.complaint")
    assert case.reference in alert["Subject"]
    assert "1 December 2026" in text(alert)
    assert message in (await house.ledger.waiting())[0].message
    assert await house.ledger.incidents() == ()


async def test_without_a_deadline_of_its_own_a_complaint_is_due_in_a_fortnight(house):
    house.reader.thinks = COMPLAINT
    await house.send(mail("I complain about your agent Tim."))
    (case,) = await cases(house)
    assert (case.deadline, case.due) == (None, house.clock() + timedelta(days=14))


async def test_a_complaint_sent_again_is_one_case(house):
    house.reader.thinks = COMPLAINT
    message = mail("I complain about your agent Tim.")
    for _ in range(2):
        assert (await house.send(message)).startswith("250")
    assert len(await cases(house)) == 1
    assert await house.outgoing() == [("alert.complaint", COMPLAINTS)]


async def test_a_complaint_that_doesnt_arrive_opens_no_case_and_the_next_try_does(house):
    house.reader.thinks = COMPLAINT
    house.sink.replies["message"] = "452 4.2.2 mailbox full"
    message = mail("I complain about your agent Tim.")
    await house.send(message)
    assert await cases(house) == ()
    assert await house.outgoing() == []
    del house.sink.replies["message"]
    await house.send(message)
    assert len(await cases(house)) == 1


@pytest.mark.parametrize("error", [LedgerFailed, ValueError])
async def test_trouble_with_the_case_doesnt_hold_a_complaint_up(house, error):
    house.reader.thinks = COMPLAINT
    house.change(cases=replace(house.gate.cases, ledger=Failing(house.ledger, "apply", error=error)))
    message = mail("I complain about your agent Tim.")
    assert (await house.send(message)).startswith("250")
    assert house.sink.mails[0].message.endswith(message)


async def test_an_abusive_complaint_is_folded_and_a_case_all_the_same(house):
    house.reader.thinks = abusive(Tag.COMPLAINT)
    await house.send(mail("Your agent is an idiot, I complain."))
    (case,) = await cases(house)
    (incident,) = await house.ledger.incidents()
    assert case.reference == case.incident == incident.id
    assert await house.outgoing() == [("alert.complaint", COMPLAINTS), ("warning", ANNA)]
    assert "behind a note" in text(await the_mail(house, "alert.complaint"))


@pytest.mark.parametrize("standing", ["suspended", "blocked", "unverified"])
@pytest.mark.parametrize("thinks", [COMPLAINT, LEGAL, abusive(Tag.COMPLAINT), assessment(Level.RUDE, Category.SHOUTING, 3, Tag.LEGAL_NOTICE)])
async def test_they_get_through_whatever_the_standing(house, standing, thinks):
    before = await house.ledger.standing(ANNA)
    if standing == "suspended":
        await house.ledger.put_standing(replace(before, suspended_until=house.clock() + timedelta(days=3)))
    elif standing == "blocked":
        await house.ledger.put_standing(replace(before, blocked_by="carol", blocked_at=house.clock()))
    house.reader.thinks = thinks
    message = mail("Dear Sir or Madam,", verified=standing != "unverified")
    assert (await house.send(message)).startswith("250")
    assert message in house.sink.mails[0].message
    (case,) = await cases(house)
    assert case.verified == (standing != "unverified")
    assert [recipient for kind, recipient in await house.outgoing() if kind in {"alert.complaint", "alert.legal_notice"}] == [COMPLAINTS]


async def test_what_comes_to_the_complaints_address_is_a_complaint_even_unread(house):
    house.reader.thinks = UNSCORED
    message = mail("?")
    await house.send(message, recipients=[COMPLAINTS])
    (case,) = await cases(house)
    assert case.kind is CaseKind.COMPLAINT
    # the mail lies there already, so the alert doesn't bring it again
    (alert,) = await house.ledger.waiting()
    assert message not in alert.message


@pytest.mark.parametrize(("thinks", "more"), [(replace(COMPLAINT, tags=COMPLAINT.tags | {Tag.AUTOMATIC}), ""), (CLEAN, ""), (abusive(), "")])
async def test_other_mail_opens_none(house, thinks, more):
    house.reader.thinks = thinks
    await house.send(mail("...", more=more))
    assert await cases(house) == ()


async def test_a_person_in_danger_is_a_case_of_care_with_one_alert(house):
    house.reader.thinks = abusive(Tag.SELF_HARM, Tag.COMPLAINT)
    await house.send(mail("..."))
    (case,) = await cases(house)
    assert (case.kind, case.due) == (CaseKind.CARE, house.clock() + timedelta(days=1))
    assert await house.outgoing() == [("alert.self_harm", BOSS)]


@pytest.mark.parametrize(("thinks", "opened"), [(COMPLAINT, 0), (abusive(Tag.SELF_HARM), 1)])
async def test_observing_opens_only_cases_of_care(tmp_path, thinks, opened):
    async with gate_house(tmp_path, mode="observe", more=ACKNOWLEDGE) as house:
        house.reader.thinks = thinks
        await house.send(mail("..."))
        assert len(await cases(house)) == opened
        assert not [kind for kind, _ in await house.outgoing() if kind != "alert.self_harm"]


# --- acknowledgements -----------------------------------------------------------------------------------------------


async def test_a_complaint_is_acknowledged_when_the_site_wishes(tmp_path):
    async with gate_house(tmp_path, more=ACKNOWLEDGE) as house:
        house.reader.thinks = COMPLAINT
        message = mail("I complain about your agent Tim.")
        for _ in range(2):
            await house.send(message)
        (case,) = await cases(house)
        assert case.acknowledged
        assert await house.outgoing() == [("acknowledgement", ANNA), ("alert.complaint", COMPLAINTS)]
        answer = await the_mail(house, "acknowledgement")
        assert answer["In-Reply-To"] == "<m0@client.example>"
        assert answer["Auto-Submitted"] == "auto-replied"
        assert "24 November 2026, 13:00 (UTC+1)" in text(answer)
        assert "8 December 2026" in text(answer)
        assert case.reference in text(answer)


@pytest.mark.parametrize(
    ("fields", "sender", "verified"),
    [("Auto-Submitted: auto-replied\r\n", ANNA, True), ("Precedence: bulk\r\n", ANNA, True), ("", "", True), ("", "other@client.example", True), ("", ANNA, False)],
)
async def test_what_may_not_be_answered_is_not_acknowledged(tmp_path, fields, sender, verified):
    async with gate_house(tmp_path, more=ACKNOWLEDGE) as house:
        house.reader.thinks = COMPLAINT
        await house.send(mail("I complain.", more=fields, verified=verified), sender)
        assert {kind for kind, _ in await house.outgoing()} == {"alert.complaint"}


async def test_one_mail_gets_one_answer(tmp_path):
    async with gate_house(tmp_path, more=ACKNOWLEDGE) as house:
        house.reader.thinks = abusive(Tag.COMPLAINT)
        await house.send(mail("Your agent is an idiot, I complain."))
        assert {kind for kind, _ in await house.outgoing()} == {"alert.complaint", "warning"}


async def test_somebody_who_complains_all_day_is_acknowledged_a_few_times(tmp_path):
    async with gate_house(tmp_path, more=ACKNOWLEDGE) as house:
        house.reader.thinks = COMPLAINT
        for number in range(8):
            await house.send(mail(f"Complaint {number}.", number=number))
        assert len(await cases(house)) == 8
        assert [kind for kind, _ in await house.outgoing()].count("acknowledgement") == 4


# --- appeals --------------------------------------------------------------------------------------------------------


async def warned(house, number=1, thinks=None):
    """Get Anna a notice; the notice as it waits, its appeals address, and the incident."""
    house.reader.thinks = thinks or abusive()
    before = {mail.id for mail in await house.ledger.waiting()}
    await house.send(mail(f"You idiot {number}.", number=number))
    (notice,) = [m for m in await house.ledger.waiting() if m.id not in before and m.recipients == (ANNA,)]
    parsed = email.message_from_bytes(notice.message, policy=email.policy.default)
    house.reader.thinks = CLEAN
    return parsed, parsed["Reply-To"].addresses[0].addr_spec, (await house.ledger.incidents(limit=1))[0]


async def appeal(house, address, number=50, sender=ANNA, **more):
    assert await house.send(mail("This was a misunderstanding.", number=number, sender=sender, **more), sender, [address]) == "250 2.6.0 Message accepted"


async def managers_heard(house):
    (note,) = [m for m in await house.ledger.waiting() if m.kind == "appeals"]
    assert note.recipients == (BOSS,)
    return text(email.message_from_bytes(note.message, policy=email.policy.default))


async def test_an_appeal_is_granted(house):
    _, address, incident = await warned(house)
    await appeal(house, address)
    (case,) = await cases(house)
    assert (case.kind, case.incident, case.against, case.decider, case.sender) == (CaseKind.APPEAL, incident.id, "warning", "", ANNA)
    assert case.due == house.clock() + timedelta(days=14)
    assert "8 December 2026" in await managers_heard(house)
    assert (await house.held.show(case.held)) is not None
    assert "appeal received" in (await house.ledger.incident(incident.id)).notes[-1][2]
    row = await office(house).call("case.close", {"reference": case.reference.lower(), "by": "carol", "outcome": "granted", "note": "It was irony."})
    assert (row["state"], row["outcome"], row["noticed"], row["overdue"]) == ("closed", "granted", True, False)
    assert (await house.ledger.incident(incident.id)).state is IncidentState.OVERTURNED
    assert await house.strikes() == 0
    assert [kind for kind, _ in await house.outgoing()] == ["appeal_granted", "appeals", "warning"]
    outcome = await the_mail(house, "appeal_granted")
    assert "reversed" in text(outcome)
    assert "has reached our team" in text(outcome)
    assert "irony" not in text(outcome)
    assert outcome["In-Reply-To"] == "<m50@client.example>"


async def test_an_appeal_is_refused_and_there_is_no_second_one(house):
    _, address, incident = await warned(house)
    await appeal(house, address)
    (case,) = await cases(house)
    await appeal(house, address, number=51)
    assert [note for _, _, note in (await cases(house))[0].notes][-1].startswith("wrote again, kept as ")
    await office(house).call("case.close", {"reference": case.reference, "by": "carol", "outcome": "upheld"})
    assert await house.strikes() == 1
    assert "The decision stands" in text(await the_mail(house, "appeal_upheld"))
    before = len(await house.ledger.waiting())
    await appeal(house, address, number=52)
    assert len(await cases(house)) == 1
    assert len(await house.ledger.waiting()) == before + 1
    assert (await house.ledger.incident(incident.id)).state is IncidentState.DONE
    # an answer to the outcome is told as what it is, and opens nothing either
    reply_to = (await the_mail(house, "appeal_upheld"))["Reply-To"].addresses[0].addr_spec
    await appeal(house, reply_to, number=53)
    assert len(await cases(house)) == 1
    texts = [text(email.message_from_bytes(m.message, policy=email.policy.default)) for m in await house.ledger.waiting() if m.kind == "appeals"]
    assert sum("decided before" in one for one in texts) == 2
    assert sum("still open" in one for one in texts) == 1


async def test_an_appeal_that_its_client_sends_again_is_told_once(house):
    _, address, _ = await warned(house)
    for _ in range(2):
        await appeal(house, address)
    assert len(await cases(house)) == 1
    assert [kind for kind, _ in await house.outgoing()].count("appeals") == 1


async def test_an_appeal_that_comes_too_late_is_told_as_such(house):
    _, address, incident = await warned(house)
    house.clock.forward(days=61)
    await appeal(house, address)
    assert await cases(house) == ()
    heard = await managers_heard(house)
    assert "the time to appeal is over" in heard
    assert incident.id in heard


@pytest.mark.parametrize("forge", [lambda a: re.sub(r"-.{20}@", "-aaaaaaaaaaaaaaaaaaaa@", a), lambda a: "support+appeals@shop.example"])
async def test_a_forged_token_is_told_as_such(house, forge):
    _, address, _ = await warned(house)
    forged = forge(address)
    assert forged != address
    await appeal(house, forged)
    assert await cases(house) == ()
    assert "Nothing proves who wrote it" in await managers_heard(house)


async def test_a_blocked_senders_appeal_is_taken_and_granting_it_lifts_the_block(house):
    _, _, incident = await warned(house)
    desk = office(house)
    await desk.call("sender.block", {"address": ANNA, "by": "boss@shop.example"})
    address = (await the_mail(house, "block"))["Reply-To"].addresses[0].addr_spec
    await appeal(house, address, verified=False)
    (case,) = await cases(house)
    assert (case.against, case.decider, case.incident) == ("block", "boss@shop.example", incident.id)
    # whoever blocked doesn't decide, under whatever form of his name
    for name in ("boss@shop.example", "Boss"):
        with pytest.raises(Refused, match="somebody else decides"):
            await desk.call("case.close", {"reference": case.reference, "by": name, "outcome": "granted"})
    await desk.call("case.close", {"reference": case.reference, "by": "carol", "outcome": "granted"})
    assert not (await house.ledger.standing(ANNA)).blocked_by
    assert (await house.send(mail("Thank you.", number=60))).startswith("250")
    answer = text(await the_mail(house, "appeal_granted"))
    assert "your messages reach us as usual" in answer
    # nothing is said of a single mail where the decision was about all of them
    assert "your message of" not in answer.lower()


@pytest.mark.parametrize("verified", [True, False])
async def test_a_blocked_sender_whose_client_loses_reply_to_appeals_by_answering_to_support(house, verified):
    await warned(house)
    desk = office(house)
    await desk.call("sender.block", {"address": ANNA, "by": "boss@shop.example"})
    notice = await the_mail(house, "block")
    answer = mail("This was a misunderstanding.", number=50, verified=verified, more=f"In-Reply-To: {notice['Message-ID']}\r\n")
    before, mails = len(await house.ledger.incidents()), len(house.sink.mails)
    for _ in range(2):  # its client sends it again
        assert await house.send(answer) == "250 2.6.0 Message accepted"
    (case,) = await cases(house)
    assert (case.against, case.sender) == ("block", ANNA)
    assert (await house.held.show(case.held)) is not None
    assert "This was a misunderstanding." in (await house.held.message(case.held)).decode()
    assert (len(await house.ledger.incidents()), len(house.sink.mails)) == (before, mails)
    assert await managers_heard(house)


@pytest.mark.parametrize("forge", [lambda made: re.sub(r"-.{20}\.", "-aaaaaaaaaaaaaaaaaaaa.", made), lambda made: made.replace("@", "@evil.")])
async def test_a_forged_message_id_opens_no_way_round_a_block(house, forge):
    await warned(house)
    await office(house).call("sender.block", {"address": ANNA, "by": "boss@shop.example"})
    made = (await the_mail(house, "block"))["Message-ID"]
    assert forge(made) != made
    assert (await house.send(mail("Hello.", number=50, more=f"In-Reply-To: {forge(made)}\r\n"))).startswith("550")
    house.clock.forward(days=61)
    assert (await house.send(mail("Hello.", number=51, more=f"In-Reply-To: {made}\r\n"))).startswith("550")
    assert await cases(house) == ()


async def test_at_the_appeals_address_the_message_id_proves_as_much_as_the_token(house):
    notice, _, incident = await warned(house)
    await appeal(house, "support+appeals@shop.example", more=f"References: <x@y.example> {notice['Message-ID']}\r\n")
    (case,) = await cases(house)
    assert (case.against, case.incident) == ("warning", incident.id)


async def test_a_block_can_be_appealed_although_the_warning_before_was(house):
    _, address, _ = await warned(house)
    await appeal(house, address)
    desk = office(house)
    await desk.call("case.close", {"reference": (await cases(house))[0].reference, "by": "carol", "outcome": "upheld"})
    house.clock.forward(days=1)
    await desk.call("sender.block", {"address": ANNA, "by": "boss"})
    house.clock.forward(hours=1)
    await appeal(house, (await the_mail(house, "block"))["Reply-To"].addresses[0].addr_spec, number=51)
    assert {case.against for case in await cases(house)} == {"warning", "block"}


async def test_a_granted_appeal_ends_the_suspension_and_delivers_what_was_held(house):
    for number in (1, 2):
        house.reader.thinks = abusive()
        await house.send(mail(f"You idiot {number}.", number=number))
        house.clock.forward(days=8)
    notice, address, incident = await warned(house, 3)
    assert "not been passed on" in text(notice)
    assert (await house.ledger.standing(ANNA)).suspended_until is not None
    await appeal(house, address)
    await office(house).call("case.close", {"reference": (await cases(house))[0].reference, "by": "carol", "outcome": "granted"})
    standing = await house.ledger.standing(ANNA)
    assert (standing.suspended_until, len(standing.strikes)) == (None, 2)
    assert house.released[1].endswith(mail("You idiot 3.", number=3))
    answer = text(await the_mail(house, "appeal_granted"))
    assert "has reached our team" in answer  # and not that it is held, for it isn't any more (H8)
    assert "not been passed on" not in answer
    assert "your messages reach us as usual" in answer
    notes = [what for _, _, what in (await house.ledger.incident(incident.id)).notes]
    assert notes[1:] == ["held mail released", f"overturned: the appeal {(await cases(house))[0].reference} was granted"]


async def test_an_answer_to_a_reminder_is_no_appeal(house):
    house.reader.thinks = assessment(Level.RUDE, Category.SHOUTING, 3)
    await house.send(mail("Where is it!", number=1))
    _, address, _ = await warned(house, 2, assessment(Level.RUDE, Category.SHOUTING, 3))
    await appeal(house, address)
    assert await cases(house) == ()
    assert "no decision in force" in await managers_heard(house)


async def test_a_machines_answer_to_a_notice_is_kept_and_told_nobody(house):
    _, address, _ = await warned(house)
    await appeal(house, address, more="Auto-Submitted: auto-replied\r\n")
    assert await cases(house) == ()
    assert [kind for kind, _ in await house.outgoing()] == ["warning"]
    assert len(await house.held.held()) == 1


async def test_an_appeal_is_acknowledged_when_the_site_wishes_and_only_to_whom_the_notice_went(tmp_path):
    async with gate_house(tmp_path, more=ACKNOWLEDGE) as house:
        _, address, _ = await warned(house)
        await appeal(house, address, sender="friend@other.example")
        assert [kind for kind, _ in await house.outgoing()] == ["appeals", "warning"]
        _, other, _ = await warned(house, 2)
        await appeal(house, other, number=51)
        assert ("acknowledgement", ANNA) in await house.outgoing()


async def test_a_threat_in_an_appeal_is_urgent(house):
    _, address, _ = await warned(house)
    house.reader.thinks = threat()
    await appeal(house, address)
    assert (await the_mail(house, "appeals"))["Importance"] == "high"


async def test_all_about_a_sender_has_his_cases_and_is_erased_with_them(house):
    _, address, _ = await warned(house)
    await appeal(house, address, sender="friend@other.example")  # a friend writes for her, from an address of his own
    desk = office(house)
    export = await desk.call("sender.export", {"address": ANNA})
    assert [case["kind"] for case in export["cases"]] == ["appeal"]
    assert [kept["id"] for kept in export["held"]] == [export["cases"][0]["held"]]
    await desk.call("sender.forget", {"address": ANNA})
    assert await cases(house) == ()
    assert await house.held.held() == ()
    assert await house.outgoing() == []


async def test_a_promise_leaves_us_our_own_time(tmp_path):
    async with gate_house(tmp_path, more=ACKNOWLEDGE) as house:
        for number, (wish, due, promised) in enumerate((("48 hours", 2, "8 December 2026"), ("30 days", 30, "24 December 2026"))):
            house.reader.thinks = COMPLAINT
            await house.send(mail(f"I complain. Please reply within {wish}.", number=number, sender=f"c{number}@client.example"), f"c{number}@client.example")
            (case,) = await house.ledger.cases(sender=f"c{number}@client.example")
            assert (case.due - house.clock()).days == due
            (note,) = [m for m in await house.ledger.waiting() if m.recipients == (f"c{number}@client.example",)]
            assert promised in text(email.message_from_bytes(note.message, policy=email.policy.default))


# --- closing --------------------------------------------------------------------------------------------------------


async def test_a_complaint_is_closed_as_answered_once(house):
    house.reader.thinks = COMPLAINT
    await house.send(mail("I complain."))
    (case,) = await cases(house)
    desk = office(house)
    with pytest.raises(Refused, match="no appeal"):
        await desk.call("case.close", {"reference": case.reference, "by": "boss", "outcome": "granted"})
    with pytest.raises(Refused, match="there is no case X"):
        await desk.call("case.close", {"reference": "X", "by": "boss"})
    row = await desk.call("case.close", {"reference": case.reference, "by": "boss", "note": "wrote to her"})
    assert (row["outcome"], row["noticed"]) == ("answered", False)
    shown = await desk.call("case.show", {"reference": case.reference})
    assert [note["what"] for note in shown["notes"]] == ["closed: answered", "wrote to her"]
    with pytest.raises(Refused, match="closed before, by boss"):
        await desk.call("case.close", {"reference": case.reference, "by": "boss"})
    assert await desk.call("case.list", {}) == []
    assert [row["reference"] for row in await desk.call("case.list", {"everything": True, "sender": ANNA.upper()})] == [case.reference]


# --- what comes due ---------------------------------------------------------------------------------------------------


async def test_an_overdue_case_is_told_to_its_owner_once_also_over_a_restart(tmp_path):
    async with gate_house(tmp_path, more='[cases]\nowner = "carol@shop.example"') as house:
        house.reader.thinks = COMPLAINT
        await house.send(mail("I complain."))
        timers = Timers(house.ledger, house.gate.writer, house.clock)
        house.clock.forward(days=14, seconds=-1)
        assert await timers.tick() == ()
        assert await office(house).call("case.list", {"overdue": True}) == []
    async with gate_house(tmp_path, more='[cases]\nowner = "carol@shop.example"') as house:
        (case,) = await cases(house)
        house.clock.now = case.due + timedelta(hours=5)  # it came due while we were down
        timers = Timers(house.ledger, house.gate.writer, house.clock)
        assert await timers.tick() == (case.reference,)
        assert await timers.tick() == ()
        assert ("alert.overdue", "carol@shop.example") in await house.outgoing()
        assert [row["overdue"] for row in await office(house).call("case.list", {"overdue": True})] == [True]
    async with gate_house(tmp_path, more='[cases]\nowner = "carol@shop.example"') as house:
        house.clock.forward(days=40)
        assert await Timers(house.ledger, house.gate.writer, house.clock).tick() == ()
        assert [kind for kind, _ in await house.outgoing()].count("alert.overdue") == 1


async def test_timers_that_fail_begin_again_where_they_were(house):
    house.reader.thinks = COMPLAINT
    await house.send(mail("I complain."))
    house.clock.forward(days=15)
    timers = Timers(Failing(house.ledger, "apply"), house.gate.writer, house.clock)
    with pytest.raises(Exception, match="disk is full"):
        await timers.tick()
    timers.ledger = house.ledger
    assert len(await timers.tick()) == 1


async def test_a_suspension_ends_at_its_minute_also_after_a_restart(tmp_path):
    async with gate_house(tmp_path) as house:
        for number in (1, 2):
            house.reader.thinks = abusive()
            await house.send(mail(f"You idiot {number}.", number=number))
        notice, _, _ = await warned(house, 3)
        until = (await house.ledger.standing(ANNA)).suspended_until
        assert "1 December 2026, 13:00 (UTC+1)" in text(notice)
    # killed: the index isn't saved, the files are all there is
    (tmp_path / "state" / "ledger" / "index.json").unlink()
    rude = assessment(Level.RUDE, Category.SHOUTING, 3)
    for before, taken in ((timedelta(minutes=1), False), (timedelta(0), True)):
        async with gate_house(tmp_path) as house:
            house.clock.now = until - before
            assert (await house.ledger.standing(ANNA)).suspended_until == until
            house.reader.thinks = rude
            assert (await house.send(mail(f"Where is it {before}!", number=9 + taken))).startswith("250")
            assert len(house.sink.mails) == taken
            assert (await office(house).call("sender.show", {"address": ANNA}))["standing"] == ("final_warned" if taken else "suspended")


# --- calm again -------------------------------------------------------------------------------------------------------


async def test_a_rewrite_in_answer_to_the_warning_takes_it_back(house):
    notice, _, _ = await warned(house)
    house.clock.forward(minutes=5)
    answer = mail("Please look at my order, thank you.", number=2, more=f"In-Reply-To: {notice['Message-ID']}\r\n")
    assert (await house.send(answer)).startswith("250")
    assert house.sink.mails[-1].message.endswith(answer)
    assert await house.strikes() == 0
    (rewrite, _) = await house.ledger.incidents()
    assert rewrite.reason.startswith("a calm rewrite cancels the strike")


async def test_a_calm_mail_of_a_suspended_sender_is_delivered_and_offered_as_ground_to_lift(house):
    await house.ledger.put_standing(replace(await house.ledger.standing(ANNA), suspended_until=house.clock() + timedelta(days=7)))
    message = mail("Sorry. Could you look at my order, please?")
    assert (await house.send(message)).startswith("250")
    assert house.sink.mails[0].message.endswith(message)
    assert await house.outgoing() == [("alert.calm_mail", BOSS)]
    (incident,) = await house.ledger.incidents()
    assert (incident.proposal, incident.state) == ("lift", IncidentState.OPEN)


async def test_hardship_makes_the_strike_a_proposal(house):
    house.reader.thinks = abusive(Tag.HARDSHIP)
    await house.send(mail("You idiot. My wife has died."))
    assert await house.strikes() == 0
    assert await house.outgoing() == [("alert.strike_proposed", BOSS)]
    (incident,) = await house.ledger.incidents()
    assert (incident.proposal, incident.state) == ("strike", IncidentState.OPEN)
