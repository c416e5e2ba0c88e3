"""Colleagues forward what the gateway did not see, or call a mail civil, over real SMTP; everybody else is brought to the managers."""

import base64
import email
import email.policy
from datetime import timedelta

import pytest
from gate_house import CLEAN, abusive, gate_house
from gateway_process import BORDER, mail

from gateway.records import IncidentState
from gateway.values import Disposition, Mode

AGENT = "eva@shop.example"
STAFF = '[staff]\ndomains = ["shop.example"]\n'
CUSTOMER = mail("You again, you useless lot.", number=7).replace(b"From: Anna", b"Return-Path: <anna@client.example>\r\nFrom: Anna")


def forwarded(part: bytes, *, text="He shouted at Mia before.", sender=AGENT, number=1, verified=True, subject="Report"):
    domain = sender.rpartition("@")[2]
    head = f"Authentication-Results: {BORDER}; dmarc=pass header.from={domain}\r\n" if verified else ""
    return (
        f"{head}From: Eva <{sender}>\r\nTo: support+report@shop.example\r\nSubject: {subject}\r\nMessage-ID: <r{number}@{domain}>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--outer\r\n"
    ).encode() + part + b"\r\n--outer--\r\n"


def attached(message: bytes) -> bytes:
    return b"Content-Type: message/rfc822\r\n\r\n" + message


@pytest.fixture
async def house(tmp_path):
    async with gate_house(tmp_path, more=STAFF) as house:
        yield house


async def report(house, message, sender=AGENT, to="support+report@shop.example"):
    house.clock.now += timedelta(seconds=1)
    assert await house.send(message, sender, (to,)) == "250 2.6.0 Message accepted"


async def mails(house, kind):
    return [email.message_from_bytes(m.message, policy=email.policy.default) for m in await house.ledger.waiting() if m.kind == kind]


async def incident_of(house):
    return (await house.ledger.incidents(limit=1))[0]


def text_of(message):
    return " ".join(message.get_body(("plain",)).get_content().split())


ENCODED = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(CUSTOMER).replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    "part",
    [
        attached(CUSTOMER),
        b"Content-Type: message/rfc822\r\n" + ENCODED,
        b'Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="mail.eml"\r\n' + ENCODED,
    ],
    ids=["rfc822", "rfc822 in base64", "eml file"],
)
async def test_a_forwarded_mail_becomes_a_proposal_and_is_acknowledged(house, part):
    await report(house, forwarded(part))
    incident = await incident_of(house)
    assert (incident.sender, incident.verified, incident.proposal, incident.state) == ("anna@client.example", True, "strike", IncidentState.OPEN)
    assert (incident.disposition, incident.strikes, incident.level.word) == (Disposition.DELIVER, 0, "abusive")
    assert incident.recipients == (AGENT,)
    assert incident.notes[0][1:] == (AGENT, "reported: He shouted at Mia before.")
    assert await house.strikes() == 0
    (answer,) = await mails(house, "report")
    assert answer["To"] == AGENT
    assert f"kept as incident {incident.id}" in text_of(answer)
    assert "who was present" in text_of(answer)
    (alert,) = await mails(house, "alert.report")
    assert "Without your decision nothing counts" in text_of(alert)
    assert "strike, dismiss, overturn" in text_of(alert)
    assert b"useless lot" in alert.as_bytes()
    house.reader.thinks = CLEAN
    await house.send(mail("strike", sender="boss@shop.example", number=9), "boss@shop.example", (alert["Reply-To"].addresses[0].addr_spec,))
    assert await house.strikes() == 1
    assert ("warning", "anna@client.example") in await house.outgoing()


async def test_the_same_report_twice_is_one_incident_and_one_answer(house):
    for _ in range(2):
        await report(house, forwarded(attached(CUSTOMER)))
    assert len(await house.ledger.incidents()) == 1
    assert len(await mails(house, "report")) == 1
    await report(house, forwarded(attached(CUSTOMER), number=2, sender="mia@shop.example"), "mia@shop.example")
    (incident,) = await house.ledger.incidents()
    assert [by for _, by, _ in incident.notes] == [AGENT, "mia@shop.example"]
    assert "known already" in text_of((await mails(house, "report"))[1])


async def test_details_are_added_by_answering_the_acknowledgement(house):
    await report(house, forwarded(attached(CUSTOMER)))
    to = (await mails(house, "report"))[0]["Reply-To"].addresses[0].addr_spec
    await report(house, mail("Mia and Tom heard it.", sender=AGENT, number=3), to=to)
    incident = await incident_of(house)
    assert incident.notes[-1][1:] == (AGENT, "details: Mia and Tom heard it.")
    assert f"added to incident {incident.id}" in text_of((await mails(house, "report"))[-1])


async def test_the_customers_words_are_not_taken_for_the_colleagues(house):
    await report(house, forwarded(attached(CUSTOMER), text=""))
    assert (await incident_of(house)).notes[0][1:] == (AGENT, "reported")


async def test_a_report_without_a_mail_is_told_how(house):
    await report(house, mail("A customer was awful.", sender=AGENT, number=4))
    assert await house.ledger.incidents() == ()
    assert "No mail was attached" in text_of((await mails(house, "report"))[0])


@pytest.mark.parametrize(("sender", "verified"), [(AGENT, False), ("anna@client.example", True)], ids=["forged colleague", "customer"])
@pytest.mark.parametrize("box", ["report", "civil"])
async def test_strangers_are_brought_to_the_managers_and_nothing_is_recorded(house, sender, verified, box):
    await report(house, forwarded(attached(CUSTOMER), sender=sender, verified=verified), sender, f"support+{box}@shop.example")
    assert await house.ledger.incidents() == ()
    assert [kind for kind, _ in await house.outgoing()] == [box]
    assert (await house.ledger.waiting())[0].recipients == ("boss@shop.example",)


async def test_a_forged_customer_gets_no_proposal(house):
    await report(house, forwarded(attached(mail("Idiots.", number=8, verified=False))))
    incident = await incident_of(house)
    assert (incident.verified, incident.proposal, incident.state) == (False, "", IncidentState.DONE)
    (alert,) = await mails(house, "alert.report")
    assert "no consequences for the sender" in text_of(alert)
    assert alert["Reply-To"] is None


async def test_the_settings_may_let_a_report_count_at_once(tmp_path):
    async with gate_house(tmp_path, more=f'{STAFF}reports = "count"\n') as house:
        await report(house, forwarded(attached(CUSTOMER)))
        assert await house.strikes() == 1
        assert "counts under our rules" in text_of((await mails(house, "report"))[0])
        assert ("warning", "anna@client.example") in await house.outgoing()


async def test_while_it_observes_a_report_is_only_recorded(tmp_path):
    async with gate_house(tmp_path, mode="observe", more=STAFF) as house:
        await report(house, forwarded(attached(CUSTOMER)))
        incident = await incident_of(house)
        assert (incident.mode, incident.state) == (Mode.OBSERVE, IncidentState.WOULD_BE)
        assert (await mails(house, "alert.report"))[0]["Reply-To"] is None


async def test_a_colleague_on_a_network_of_ours_is_known_without_a_trusted_host(tmp_path):
    async with gate_house(tmp_path, more=f'{STAFF}networks = ["127.0.0.0/8"]\n') as house:
        await report(house, forwarded(attached(CUSTOMER), verified=False))
        assert (await incident_of(house)).recipients == (AGENT,)
        await report(house, forwarded(attached(CUSTOMER), sender="eva@other.example", verified=False, number=2), "eva@other.example")
        assert len(await house.ledger.incidents()) == 1


@pytest.mark.parametrize("how", ["attached", "by reference"])
async def test_a_folded_mail_called_civil_is_noted_and_brought_to_the_managers(house, how):
    house.reader.thinks = abusive()
    await house.send(mail("You are a fool of a parcel.", number=5))
    incident = await incident_of(house)
    folded = house.sink.mails[-1].message
    house.reader.thinks = CLEAN
    text = "That was not abusive." if how == "attached" else f"{incident.id} was not abusive."
    message = forwarded(attached(folded), text=text) if how == "attached" else mail(text, sender=AGENT, number=6)
    await report(house, message, to="support+civil@shop.example")
    kept = await house.ledger.incident(incident.id)
    assert kept.notes[-1][1:] == (AGENT, f"called civil: {text}")
    assert kept.state is IncidentState.DONE
    (alert,) = await mails(house, "alert.report")
    assert "was not abusive" in text_of(alert)
    assert f"at incident {incident.id}" in text_of((await mails(house, "report"))[0])
    await house.send(mail("overturn", sender="boss@shop.example", number=9), "boss@shop.example", (alert["Reply-To"].addresses[0].addr_spec,))
    assert (await house.ledger.incident(incident.id)).state is IncidentState.OVERTURNED
    assert await house.strikes() == 0


async def test_a_civil_note_without_an_incident_is_told_so(house):
    await report(house, mail("It was fine.", sender=AGENT, number=6), to="support+civil@shop.example")
    assert "found no incident" in text_of((await mails(house, "report"))[0])
    assert await mails(house, "alert.report") == []


@pytest.mark.parametrize("part", [attached(CUSTOMER), b"Content-Type: message/rfc822\r\n" + ENCODED], ids=["plain", "base64"])
async def test_what_colleagues_wrote_about_a_sender_is_forgotten_with_him(house, part):
    """R6: the kept report has his whole mail in it, the manager's answer quotes him; other reports stay."""
    await report(house, forwarded(part))
    await report(house, forwarded(attached(CUSTOMER.replace(b"anna@", b"bela@")), number=2))
    answer = mail("Which one do you mean?\r\n\r\n> The sender: ANNA@client.example", sender="boss@shop.example", number=3)
    await report(house, answer, "boss@shop.example", "support+decisions@shop.example")
    assert len(await house.held.held()) == 3
    told = await house.office.call("sender.export", {"address": "anna@client.example"})
    assert len(told["reports"]) == 1
    assert "Mia" not in str(told["held"])
    assert (await house.office.call("sender.forget", {"address": "anna@client.example"}))["erased_held"] == 2
    (left,) = await house.held.held()
    assert b"bela@" in await house.held.message(left.id)
    assert not [m for m in await house.ledger.waiting() if b"anna@client" in m.message.lower()]


async def test_under_legal_hold_what_colleagues_wrote_stays(house):
    await report(house, forwarded(attached(CUSTOMER)))
    await house.office.call("incident.keep", {"reference": (await incident_of(house)).id, "by": "boss"})
    assert (await house.office.call("sender.forget", {"address": "anna@client.example"}))["erased_held"] == 0
    assert len(await house.held.held()) == 1
