"""Managers decide by answering a digest or an alert, over real SMTP: understood, carried out once, answered; silence to strangers."""

import email
import email.policy
from dataclasses import replace
from datetime import timedelta

import pytest
from gate_house import CLEAN, abusive, gate_house, threat
from gateway_process import mail

from gateway.edge.languages import LANGUAGES
from gateway.edge.ledger_files import Changes
from gateway.policy.tokens import make_token, token_address
from gateway.records import Action, DecisionItem, DecisionList, IncidentState
from gateway.values import Tag

BOSS = "boss@shop.example"
WEEK = "2026-W47"


def answer_of(mail_):
    return email.message_from_bytes(mail_.message, policy=email.policy.default)


def words_of(mail_):
    return answer_of(mail_).get_body(("plain",)).get_content()


class Desk:
    """What a manager sees and does in a gate house."""

    def __init__(self, house) -> None:
        self.house = house
        self.number = 100

    async def arrives(self, thinks, sender="anna@client.example", **more):
        """A customer's mail; its incident."""
        self.number += 1
        self.house.clock.now += timedelta(seconds=1)
        self.house.reader.thinks = thinks
        assert (await self.house.send(mail("Words.", sender=sender, number=self.number, **more), sender)).startswith("250")
        return (await self.house.ledger.incidents(limit=1))[0]

    async def asks(self, *items, list_id=WEEK):
        """A digest with these items was sent; its answer address."""
        await self.house.ledger.ask(DecisionList(list_id, self.house.clock(), items))
        return self.house.gate.writer.decisions(list_id)

    async def replies(self, body, to, *, sender=BOSS, verified=True, raw=None, envelope=None):
        self.number += 1
        self.house.clock.now += timedelta(seconds=1)
        message = raw or mail(body, sender=sender, subject="Re: Report", number=self.number, verified=verified)
        assert await self.house.send(message, envelope or sender, (to,)) == "250 2.6.0 Message accepted"
        return message

    async def answers(self, kind="decisions", to=BOSS):
        waiting = await self.house.ledger.waiting()
        return sorted((m for m in waiting if m.kind == kind and m.recipients == (to,)), key=lambda m: m.created)

    async def state(self, incident):
        return (await self.house.ledger.incident(incident.id)).state


@pytest.fixture
async def desk(tmp_path):
    async with gate_house(tmp_path) as house:
        yield Desk(house)


def item(number, incident, *actions, proposed=None):
    return DecisionItem(number, incident.id, actions, proposed)


async def test_a_reply_is_carried_out_and_answered_line_by_line(desk):
    held = await desk.arrives(threat(), "anna@client.example")
    struck = await desk.arrives(abusive(), "bela@client.example")
    proposed = await desk.arrives(abusive(Tag.HARDSHIP), "carl@client.example")
    to = await desk.asks(
        item(1, held, Action.RELEASE, Action.DELETE),
        item(2, struck, Action.OVERTURN),
        item(3, proposed, Action.STRIKE, Action.DISMISS, proposed=Action.STRIKE),
    )
    await desk.replies("Hello,\r\n\r\n1 release, 2 overturn\r\n3 confirm strike\r\n\r\nThanks\r\nThe boss", to)
    assert desk.house.sink.mails[-1].message.endswith(b"Words.\r\n")
    assert (await desk.house.held.show(held.id)).released_by == BOSS
    assert await desk.state(struck) is IncidentState.OVERTURNED
    assert await desk.house.strikes("bela@client.example") == 0
    assert await desk.house.strikes("carl@client.example") == 1
    assert await desk.state(proposed) is IncidentState.DONE
    assert ("warning", "carl@client.example") in await desk.house.outgoing()
    assert ("apology", "bela@client.example") in await desk.house.outgoing()
    (answer,) = await desk.answers()
    text = words_of(answer)
    assert f"1: The message was delivered ({held.id})." in text
    assert f"2: The decision is undone ({struck.id})." in text
    assert f"3: The message counts now ({proposed.id})." in text
    assert "not done" not in text
    message = answer_of(answer)
    assert (message["Auto-Submitted"], answer.sender) == ("auto-replied", "")
    assert message["In-Reply-To"] == f"<m{desk.number}@shop.example>"
    notes = (await desk.house.ledger.incident(proposed.id)).notes
    assert notes[-1][1:] == (BOSS, "confirmed: abusive; 1 strike, the first")


async def test_the_same_mail_twice_is_answered_once(desk):
    held = await desk.arrives(threat())
    to = await desk.asks(item(1, held, Action.RELEASE))
    message = await desk.replies("1 release", to)
    delivered = len(desk.house.sink.mails)
    await desk.replies("", to, raw=message)
    assert len(await desk.answers()) == 1
    assert len(desk.house.sink.mails) == delivered


async def test_a_stale_item_is_told_with_who_decided(desk):
    held, other = await desk.arrives(threat(), "anna@client.example"), await desk.arrives(abusive(Tag.HARDSHIP), "carl@client.example")
    gone = await desk.arrives(threat(), "dora@client.example")
    to = await desk.asks(item(1, held, Action.RELEASE), item(2, other, Action.STRIKE, Action.DISMISS), item(3, gone, Action.RELEASE))
    await desk.house.office.call("held.release", {"reference": held.id, "by": "eva"})
    await desk.house.office.call("incident.dismiss", {"reference": other.id, "by": "eva"})
    await desk.house.office.call("held.delete", {"reference": gone.id, "by": "eva"})
    await desk.replies("1 release\r\n2 strike\r\n3 release", to)
    text = words_of((await desk.answers())[0])
    for number, incident in ((1, held), (2, other), (3, gone)):
        assert f"{number}: This was decided before, by eva ({incident.id})." in text
    assert await desk.house.strikes("carl@client.example") == 0
    assert answer_of((await desk.answers())[0])["Subject"].startswith("Your reply: nothing was done")


@pytest.mark.parametrize(
    ("sender", "verified"),
    [(BOSS, False), ("anna@client.example", True), ("boss@evil.example", True)],
    ids=["forged manager", "customer with the token", "manager's name elsewhere"],
)
async def test_strangers_get_silence_whatever_token_they_have(desk, sender, verified, caplog):
    held = await desk.arrives(threat())
    to = await desk.asks(item(1, held, Action.RELEASE, Action.DELETE))
    before = await desk.house.outgoing()
    await desk.replies("1 release", to, sender=sender, verified=verified)
    assert await desk.house.outgoing() == before
    assert not (await desk.house.held.show(held.id)).released_by
    assert "a mail to the decisions address is kept and nothing is done" in caplog.text
    assert any(kept.reason == "came to our own mailbox decisions" for kept in await desk.house.held.held())


@pytest.mark.parametrize(
    ("more", "decides"),
    [
        ('[staff]\ndomains = ["shop.example"]\nnetworks = ["127.0.0.0/8"]\n', True),
        ('[staff]\nnetworks = ["127.0.0.0/8"]\n', False),
        ('[staff]\ndomains = ["shop.example"]\nnetworks = ["10.20.0.0/16"]\n', False),
        ('[staff]\ndomains = ["shop.example"]\n', False),
    ],
    ids=["both", "no domain", "another network", "no network"],
)
async def test_a_manager_on_a_network_of_ours_decides_as_the_install_guide_says(tmp_path, more, decides):
    async with gate_house(tmp_path, more=more) as house:
        desk = Desk(house)
        held = await desk.arrives(threat())
        to = await desk.asks(item(1, held, Action.RELEASE, Action.DELETE))
        await desk.replies("1 release", to, verified=False)
        assert bool((await house.held.show(held.id)).released_by) is decides


@pytest.mark.parametrize(("verified", "answered"), [(True, 1), (False, 0)])
async def test_a_trial_by_hand_is_answered_once_a_day_when_the_manager_is_verified(desk, verified, answered):
    for _ in range(2):
        await desk.replies("Hello.", "support+decisions@shop.example", verified=verified)
    answers = await desk.answers()
    assert len(answers) == answered
    assert all(answer_of(answer)["Subject"].startswith("Your reply: nothing was done") for answer in answers)


async def test_two_from_addresses_decide_nothing(desk):
    held = await desk.arrives(threat())
    to = await desk.asks(item(1, held, Action.RELEASE))
    raw = mail("1 release", sender=BOSS, number=77).replace(b"From: Anna <boss@shop.example>", b"From: boss@shop.example, eve@evil.example")
    await desk.replies("", to, raw=raw)
    assert await desk.answers() == []
    assert not (await desk.house.held.show(held.id)).released_by


@pytest.mark.parametrize("case", ["none", "wrong", "another kind", "another list", "expired"])
async def test_a_wrong_token_decides_nothing_and_the_manager_is_told_once_a_day(desk, case):
    held = await desk.arrives(threat())
    good = await desk.asks(item(1, held, Action.RELEASE))
    writer, now = desk.house.gate.writer, desk.house.clock()
    decisions = writer.settings.addresses.own("decisions")
    to = {
        "none": decisions,
        "wrong": good.replace("-w47-", "-w48-"),
        "another kind": token_address(decisions, make_token("appeal", WEEK, now + timedelta(days=1), writer.secret)),
        "another list": writer.decisions("2026-W40"),
        "expired": token_address(decisions, make_token("decision", WEEK, now - timedelta(days=1), writer.secret)),
    }[case]
    await desk.replies("1 release", to)
    await desk.replies("1 release, please", to)
    assert not (await desk.house.held.show(held.id)).released_by
    (answer,) = await desk.answers()
    said = {"expired": "after the time", "another list": "no decision that we understand"}.get(case, "does not show which of our mails")
    assert said in " ".join(words_of(answer).split())


async def test_what_is_not_clear_is_not_done_and_shown_with_what_would_be(desk):
    held, struck = await desk.arrives(threat(), "anna@client.example"), await desk.arrives(abusive(), "bela@client.example")
    to = await desk.asks(item(1, held, Action.RELEASE, Action.DELETE), item(2, struck, Action.OVERTURN))
    await desk.replies("1 relase\r\n2 release\r\n9 overturn\r\nrelease\r\n2 confirm", to)
    assert not (await desk.house.held.show(held.id)).released_by
    text = " ".join(words_of((await desk.answers())[0]).split())
    for line in (
        "“1 relase”: This was not understood.",
        "“2 release”: This is no answer to that number.",
        "“9 overturn”: There is no number 9.",
        "“release”: Please write which number is meant.",
        "“2 confirm”: Nothing is proposed there",
        f"1 ({held.id}): release / delete",
        f"2 ({struck.id}): overturn",
    ):
        assert line in text


async def test_a_quoted_digest_below_the_reply_decides_nothing(desk):
    held, struck = await desk.arrives(threat(), "anna@client.example"), await desk.arrives(abusive(), "bela@client.example")
    to = await desk.asks(item(1, held, Action.RELEASE, Action.DELETE), item(2, struck, Action.OVERTURN))
    quoted = (
        "1 release\r\n\r\nOn Mon, 23 Nov 2026 at 08:00, Shop Support <courtesy@gw.shop.example> wrote:\r\n"
        "> 1. Held mail. Answers: release, delete\r\n> 2 overturn\r\n> all confirm\r\n"
    )
    await desk.replies(quoted, to)
    assert (await desk.house.held.show(held.id)).released_by == BOSS
    assert await desk.state(struck) is IncidentState.DONE
    assert "not understood" not in words_of((await desk.answers())[0])


HTML_REPLY = """<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head><body dir="auto">\
<div dir="ltr">1 freigeben<br>2&nbsp;aufheben</div><div dir="ltr"><br></div><div dir="ltr">Von meinem iPhone gesendet</div>\
<div dir="ltr"><br><blockquote type="cite">Am 23.11.2026 um 08:00 schrieb Shop Support &lt;courtesy@gw.shop.example&gt;:<br><br></blockquote></div>\
<blockquote type="cite"><div dir="ltr"><table><tr><td>1</td><td>Angehaltene E-Mail: freigeben, l&ouml;schen</td></tr>\
<tr><td>2 sperren</td></tr></table></div></blockquote></body></html>"""


async def test_an_html_only_reply_from_a_phone(desk):
    held, struck = await desk.arrives(threat(), "anna@client.example"), await desk.arrives(abusive(), "bela@client.example")
    to = await desk.asks(item(1, held, Action.RELEASE, Action.DELETE), item(2, struck, Action.OVERTURN, Action.BLOCK))
    raw = mail(HTML_REPLY, sender=BOSS, number=78, more="X-Mailer: iPhone Mail (23B85)\r\n").replace(b"text/plain", b"text/html")
    await desk.replies("", to, raw=raw)
    assert (await desk.house.held.show(held.id)).released_by == BOSS
    assert await desk.state(struck) is IncidentState.OVERTURNED
    assert not (await desk.house.ledger.standing("bela@client.example")).blocked_by


@pytest.mark.parametrize("language", LANGUAGES)
async def test_each_language_decides_with_the_words_that_its_digest_prints(tmp_path, language):
    async with gate_house(tmp_path) as house:
        house.settings = house.settings.model_copy(update={"language": language})
        desk = Desk(house)
        object.__setattr__(house.gate.writer, "settings", house.settings)
        words = house.gate.writer.templates.digests.answers(language)
        confirm, everything = house.gate.writer.templates.digests.confirmations(language)
        held, lifted = await desk.arrives(threat(), "anna@client.example"), await desk.arrives(abusive(Tag.HARDSHIP), "carl@client.example")
        to = await desk.asks(item(1, held, Action.RELEASE), item(2, lifted, Action.STRIKE, Action.DISMISS, proposed=Action.STRIKE))
        await desk.replies(f"1 {words[Action.RELEASE]}\r\n{everything} {confirm}", to)
        assert (await house.held.show(held.id)).released_by == BOSS
        assert await house.strikes("carl@client.example") == 1
        (answer,) = await desk.answers()
        assert answer_of(answer)["Content-Language"] == language
        assert held.id in words_of(answer)
        assert lifted.id in words_of(answer)


async def test_mere_talk_is_answered_at_most_once_a_day(desk):
    to = await desk.asks(item(1, await desk.arrives(threat()), Action.RELEASE))
    for _ in range(3):
        await desk.replies("Thank you for the report.", to)
    (answer,) = await desk.answers()
    assert "release" in words_of(answer)


async def test_an_automatic_reply_of_a_manager_is_kept_and_not_answered(desk):
    held = await desk.arrives(threat())
    to = await desk.asks(item(1, held, Action.RELEASE))
    raw = mail("1 release", sender=BOSS, number=79, more="Auto-Submitted: auto-replied\r\n")
    await desk.replies("", to, raw=raw)
    assert await desk.answers() == []
    assert not (await desk.house.held.show(held.id)).released_by


# --- alerts ---------------------------------------------------------------------------------------------------------------


async def alert(desk, kind):
    return next(answer_of(m) for m in await desk.house.ledger.waiting() if m.kind == f"alert.{kind}")


async def test_an_alert_of_a_threat_is_decided_by_one_word(desk):
    held = await desk.arrives(threat())
    sent = await alert(desk, "threat")
    assert "release, delete, block, overturn" in sent.get_body(("plain",)).get_content()
    to = sent["Reply-To"].addresses[0].addr_spec
    assert to.startswith(f"support+decisions.{held.id.lower()}-")
    await desk.replies("block", to)
    assert (await desk.house.ledger.standing("anna@client.example")).blocked_by == BOSS
    await desk.replies("1 delete", to)
    assert await desk.house.held.show(held.id) is None
    await desk.replies("delete", to)
    assert f"1: This was decided before, by {BOSS}" in words_of((await desk.answers())[-1])


async def test_an_answer_to_an_alert_that_is_not_understood_is_shown(desk):
    held = await desk.arrives(threat())
    to = (await alert(desk, "threat"))["Reply-To"].addresses[0].addr_spec
    await desk.replies("Let it go   please.\r\nHe means well.\r\n\r\nThanks\r\n", to)
    assert not (await desk.house.held.show(held.id)).released_by
    (answer,) = await desk.answers()
    text = " ".join(words_of(answer).split())
    assert "“Let it go please.”: This was not understood." in text
    assert "“He means well.”: This was not understood." in text
    assert text.count("not understood") == 2, "politeness needs no understanding"
    assert f"1 ({held.id}): release / delete" in text


async def test_a_proposed_strike_is_dismissed_from_its_alert(desk):
    incident = await desk.arrives(abusive(Tag.HARDSHIP))
    sent = await alert(desk, "strike_proposed")
    await desk.replies("dismiss", sent["Reply-To"].addresses[0].addr_spec)
    kept = await desk.house.ledger.incident(incident.id)
    assert (kept.state, kept.notes[-1][1:]) == (IncidentState.DONE, (BOSS, "dismissed: strike"))
    assert await desk.house.strikes() == 0


async def test_a_calm_mail_during_a_suspension_lifts_it(desk):
    for _ in range(3):
        await desk.arrives(abusive())
        desk.house.clock.now += timedelta(days=8)
        if (await desk.house.ledger.standing("anna@client.example")).suspended_until:
            desk.house.clock.now -= timedelta(days=7)
    incident = await desk.arrives(CLEAN)
    assert incident.proposal == "lift"
    sent = await alert(desk, "calm_mail")
    await desk.replies("lift", sent["Reply-To"].addresses[0].addr_spec)
    standing = await desk.house.ledger.standing("anna@client.example")
    assert standing.suspended_until is None
    assert len(standing.strikes) == 3
    assert ("reinstatement", "anna@client.example") in await desk.house.outgoing()


async def test_a_complaint_is_closed_by_answering_its_alert(desk):
    await desk.arrives(abusive(Tag.COMPLAINT))
    (case,) = await desk.house.ledger.cases()
    sent = await alert(desk, "complaint")
    await desk.replies("answered", sent["Reply-To"].addresses[0].addr_spec)
    closed = await desk.house.ledger.case(case.reference)
    assert (closed.closed_by, closed.outcome.value) == (BOSS, "answered")


async def test_a_strike_that_would_suspend_somebody_who_cant_be_told_is_not_counted(desk):
    for _ in range(2):
        await desk.arrives(abusive())
        desk.house.clock.now += timedelta(days=8)
    proposed = await desk.arrives(abusive(Tag.HARDSHIP))
    await desk.house.ledger.apply(Changes(incidents=(replace(proposed, envelope_sender="bounces@mailer.example"),)))
    to = await desk.asks(item(1, proposed, Action.STRIKE))
    await desk.replies("1 strike", to)
    assert "could not be done" in words_of((await desk.answers())[0])
    assert await desk.house.strikes() == 2
    assert await desk.state(proposed) is IncidentState.OPEN


async def test_an_answer_to_an_older_question_decides_nothing_about_the_block_that_came_of_it(desk):
    for _ in range(3):
        await desk.arrives(abusive())
        desk.house.clock.now += timedelta(days=8)
    proposed = await desk.arrives(abusive(Tag.HARDSHIP))
    to = await desk.asks(item(1, proposed, Action.STRIKE, Action.DISMISS, proposed=Action.STRIKE))
    await desk.replies("1 strike", to)
    kept = await desk.house.ledger.incident(proposed.id)
    assert (kept.state, kept.proposal) == (IncidentState.OPEN, "block")
    await desk.replies("1 dismiss", to)
    await desk.replies("1 confirm", to)
    assert all("1: This was decided before" in words_of(answer) for answer in (await desk.answers())[1:])
    assert (await desk.house.ledger.standing("anna@client.example")).block_proposed == proposed.id
