"""Mail to our own mailboxes once it was dealt with, and incidents after a person decided: what is listed as waiting waits."""

from datetime import timedelta

import pytest
from gate_house import CLEAN, abusive, gate_house, threat
from gateway_process import mail, settings
from rules_house import courtesy

from gateway.cli.incident import as_it_is
from gateway.edge.metrics import Metrics
from gateway.edge.rows import Refused
from gateway.edge.watch import Watcher
from gateway.errors import HoldFailed
from gateway.records import Action, DecisionItem, DecisionList

BOSS = "boss@shop.example"
ANNA = "anna@client.example"
STAFF = '[staff]\ndomains = ["shop.example"]\n'
WEEK = "2026-W47"


@pytest.fixture
async def house(tmp_path):
    async with gate_house(tmp_path, more=STAFF) as house:
        yield house


async def incident_of(house, thinks, number=1, sender=ANNA):
    house.reader.thinks = thinks
    await house.send(mail("Words.", sender=sender, number=number), sender)
    house.reader.thinks = CLEAN
    return (await house.ledger.incidents(limit=1))[0]


async def address_of(house, incident):
    await house.ledger.ask(DecisionList(WEEK, house.clock(), (DecisionItem(1, incident.id, (Action.RELEASE, Action.DELETE)),)))
    return house.gate.writer.decisions(WEEK)


async def listed(house, *, everything=False):
    return {row["reason"]: row for row in await house.office.call("held.list", {"everything": everything})}


async def waiting(house):
    """What the two metrics say."""
    metrics = Metrics()
    await Watcher(metrics, "enforce", None, None, None, house.ledger, house.held, house.clock)._waiting()
    found = dict(line.split() for line in metrics.text().splitlines() if line.startswith("courtesy_held_"))
    return float(found["courtesy_held_mails"]), float(found["courtesy_held_oldest_seconds"])


@pytest.mark.parametrize("words", ["1 release", "1 relase", "Thanks, I shall think about it."], ids=["carried out", "not understood", "talk"])
async def test_a_managers_answer_is_kept_and_waits_for_nobody(house, words):
    held = await incident_of(house, threat())
    await house.send(mail(words, sender=BOSS, number=2), BOSS, (await address_of(house, held),))
    house.clock.now += timedelta(days=3)
    still = {held.reason} if words != "1 release" else set()
    assert set(await listed(house)) == still
    assert (await waiting(house))[0] == len(still)
    kept = (await listed(house, everything=True))["came to our own mailbox decisions"]
    assert (kept["waits"], kept["settled"]) == (False, "dealt with and answered")
    assert words in (await house.office.call("held.show", {"reference": kept["id"]}))["message"]


@pytest.mark.parametrize(
    ("box", "sender", "more", "settled"),
    [
        ("report", BOSS, "", "dealt with and answered"),
        ("report", ANNA, "", "brought to the managers"),
        ("appeals", ANNA, "", "brought to the managers"),
        ("decisions", BOSS, "Auto-Submitted: auto-replied\r\n", "a machine wrote it: kept, brought to nobody"),
    ],
)
async def test_what_became_of_mail_to_a_mailbox_of_ours(house, box, sender, more, settled):
    await house.send(mail("Words.", sender=sender, number=2, more=more), sender, (house.settings.addresses.own(box),))
    assert await listed(house) == {}
    (kept,) = (await listed(house, everything=True)).values()
    assert kept["settled"] == settled


async def test_an_unverified_decision_is_listed_apart_and_raises_no_alarm(tmp_path):
    async with gate_house(tmp_path) as house:
        held = await incident_of(house, threat())
        await house.send(mail("1 release", sender=BOSS, number=2, verified=False), BOSS, (await address_of(house, held),))
        left = (await listed(house))["came to our own mailbox decisions"]
        assert (left["waits"], left["ours"], left["settled"]) == (False, True, "")
        assert (await waiting(house))[0] == 1
        await house.office.call("held.release", {"reference": held.id, "by": "eva"})
        house.clock.now += timedelta(days=3)
        assert await waiting(house) == (0, 0)
    done = await courtesy(settings(tmp_path, 1), "held", "list")
    first, _, rest = done.stdout.partition("Mail to our own mailboxes:")
    assert first == "No mail is held.\n"
    assert left["id"] in rest
    assert "nothing was done: look, and delete it" in rest


async def test_mail_to_a_mailbox_of_ours_is_never_released(house):
    held = await incident_of(house, threat())
    await house.send(mail("1 release", sender=BOSS, number=2, verified=False), BOSS, (await address_of(house, held),))
    left = (await listed(house))["came to our own mailbox decisions"]
    delivered = len(house.sink.mails)
    with pytest.raises(Refused, match="came to our own mailbox decisions, where nobody waits for it: `courtesy held show"):
        await house.office.call("held.release", {"reference": left["id"], "by": "eva"})
    assert len(house.sink.mails) == delivered
    await house.office.call("held.delete", {"reference": left["id"], "by": "eva"})
    assert set(await listed(house)) == {held.reason}


async def test_what_was_done_isnt_done_again_because_it_couldnt_be_noted(house, monkeypatch, caplog):
    async def failing(self, reference, how):
        raise HoldFailed("the disk is full")

    monkeypatch.setattr(type(house.held), "settle", failing)
    held = await incident_of(house, threat())
    message = mail("1 release", sender=BOSS, number=2)
    assert (await house.send(message, BOSS, (await address_of(house, held),))).startswith("250")
    assert (await house.held.show(held.id)).released_by == BOSS
    assert "dealt with and answered, but that couldn't be noted: the disk is full" in caplog.text


# --- incidents as they are now ------------------------------------------------------------------------------------------


async def shown(house, incident):
    row = await house.office.call("incident.show", {"reference": incident.id})
    (of_list,) = [each for each in await house.office.call("incident.list", {}) if each["id"] == incident.id]
    told = as_it_is(row)
    assert {name: as_it_is(of_list)[name] for name in ("state", "held", "strikes")} == {name: told[name] for name in ("state", "held", "strikes")}
    return row, (told["state"], told["held"], told["strikes"])


async def test_a_held_threat_waits_until_it_is_released(house):
    incident = await incident_of(house, threat())
    strikes = str(incident.strikes)
    row, told = await shown(house, incident)
    assert (row["state"], row["held"], row["waits"], row["held_now"]) == ("done", True, True, True)
    assert told == ("waits, its mail is held", "yes", strikes)
    await house.office.call("held.release", {"reference": incident.id, "by": "eva"})
    row, told = await shown(house, incident)
    assert (row["state"], row["held"], row["waits"], row["released_by"]) == ("done", True, False, "eva")
    assert told == ("done", "no longer, released by eva", strikes)


async def test_a_deleted_mail_isnt_held(house):
    incident = await incident_of(house, threat())
    await house.office.call("held.delete", {"reference": incident.id, "by": "eva"})
    assert (await shown(house, incident))[1][:2] == ("done", "no longer")


async def test_after_it_was_overturned_nothing_of_it_counts(house):
    incident = await incident_of(house, threat())
    assert incident.strikes
    await house.office.call("incident.overturn", {"reference": incident.id, "by": "eva"})
    row, told = await shown(house, incident)
    assert (row["strikes"], row["strikes_in_force"]) == (incident.strikes, 0)
    assert told == ("overturned", "no longer, released by eva", f"0 of {incident.strikes}")


async def test_of_a_pardoned_sender_no_strike_counts(house):
    incident = await incident_of(house, abusive())
    assert (await shown(house, incident))[1] == ("done", "no", "1")
    await house.office.call("sender.pardon", {"address": ANNA, "by": "eva"})
    assert (await shown(house, incident))[1] == ("done", "no", "0 of 1")
