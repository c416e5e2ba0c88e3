"""An error in the rules is undone for everybody, after the list was shown (H9)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from gate_house import abusive, assessment, gate_house
from gateway_process import mail

from gateway.records import IncidentState
from gateway.values import Category, Level

BAD = "bad0bad0bad0"


def by_rules(*findings, version=BAD, level=Level.ABUSIVE):
    """An assessment whose points come from some rules."""
    base = assessment(level, Category.INSULT, sum(points for _, points in findings))
    return replace(base, rules_version=version, findings=tuple(replace(base.findings[0], rule=rule, points=points) for rule, points in findings))


@pytest.fixture
async def house(tmp_path):
    async with gate_house(tmp_path) as house:
        yield house


async def arrives(house, thinks, name, number):
    house.clock.now += timedelta(seconds=1)
    house.reader.thinks = thinks
    await house.send(mail("Words.", sender=f"{name}@client.example", number=number), f"{name}@client.example")
    return (await house.ledger.incidents(limit=1))[0]


async def overturn(house, **more):
    return await house.office.call("incident.overturn_rules", {"version": BAD[:6], "by": "boss", **more})


async def test_a_version_is_undone_for_everybody_after_the_list(house):
    wrong = [await arrives(house, by_rules(("en.bad", 6)), name, number) for number, name in enumerate(("anna", "bela"))]
    other = await arrives(house, abusive(), "carl", 3)
    before = await house.outgoing()
    row = await overturn(house)
    assert [one["id"] for one in row["incidents"]] == [incident.id for incident in wrong]
    assert (row["overturned"], await house.outgoing()) == (0, before)
    assert await house.strikes("bela@client.example") == 1
    row = await overturn(house, commit=True)
    assert (row["overturned"], row["failed"]) == (2, [])
    for incident in wrong:
        assert (await house.ledger.incident(incident.id)).state is IncidentState.OVERTURNED
        assert await house.strikes(incident.sender) == 0
        assert ("apology", incident.sender) in await house.outgoing()
    assert (await house.ledger.incident(other.id)).state is IncidentState.DONE
    assert (await overturn(house, commit=True))["incidents"] == []


async def test_with_a_rule_only_what_would_not_stand_without_it(house):
    alone = await arrives(house, by_rules(("en.bad", 6)), "anna", 1)
    await arrives(house, by_rules(("en.good", 6), ("en.bad", 2)), "bela", 2)
    together = await arrives(house, by_rules(("en.good", 3), ("en.bad", 3)), "carl", 3)
    await arrives(house, by_rules(("en.good", 6)), "dora", 4)
    row = await overturn(house, rule="en.bad", commit=True)
    assert [one["id"] for one in row["incidents"]] == [alone.id, together.id]
    assert await house.strikes("bela@client.example") == 1


async def test_held_mail_is_delivered_oldest_first_and_a_block_is_named(house):
    first = await arrives(house, replace(by_rules(("en.bad", 12), level=Level.SEVERE), categories=(Category.THREAT,)), "anna", 1)
    await house.office.call("sender.block", {"address": "anna@client.example", "by": "boss"})
    row = await overturn(house, commit=True)
    assert row["blocked_senders"] == ["anna@client.example"]
    assert (await house.ledger.standing("anna@client.example")).blocked_by == "boss"
    assert (await house.ledger.incident(first.id)).state is IncidentState.OVERTURNED


async def test_what_was_only_observed_brings_no_apology(tmp_path):
    async with gate_house(tmp_path, mode="observe") as house:
        await arrives(house, by_rules(("en.bad", 6)), "anna", 1)
        assert (await overturn(house, commit=True))["overturned"] == 1
        assert await house.ledger.waiting() == ()


async def test_two_digits_of_a_version_are_too_few(house):
    await arrives(house, by_rules(("en.bad", 6)), "anna", 1)
    assert (await house.office.call("incident.overturn_rules", {"version": BAD[:2], "by": "boss"}))["incidents"] == []
