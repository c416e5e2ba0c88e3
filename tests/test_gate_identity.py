"""When the path asks who really wrote a mail: only where it makes a difference, and once."""

from dataclasses import replace

import pytest
from gate_house import Failing, abusive, assessment, gate_house
from gateway_process import mail

from gateway.edge.identifier import HeaderIdentifier
from gateway.values import Category, Level, Standing, Tag

ANNA = "anna@client.example"


class Checks:
    """Own checks that say what they are told, and remember for whom they were asked."""

    def __init__(self, *, verified: bool) -> None:
        self.verified, self.asked = verified, []

    async def check(self, domain, reading, envelope, message):
        self.asked.append((domain, envelope.sender, len(message)))
        return self.verified, "own checks: told"


@pytest.fixture
async def house(tmp_path):
    async with gate_house(tmp_path) as running:
        yield running


def with_checks(house, *, verified=True):
    checks = Checks(verified=verified)
    house.change(identifier=HeaderIdentifier(frozenset({"mx.shop.example"}), checks=checks))
    return checks


async def test_clean_mail_is_not_asked_for(house):
    checks = with_checks(house)
    assert (await house.send(mail("Hello", verified=False))).startswith("250")
    assert checks.asked == []


async def test_abuse_is_asked_for_once_and_has_its_consequence(house):
    checks = with_checks(house)
    house.reader.thinks = abusive()
    message = mail("You idiot.", verified=False)
    await house.send(message)
    assert checks.asked == [("client.example", ANNA, len(message))]
    assert await house.strikes() == 1
    assert await house.outgoing() == [("warning", ANNA)]
    (incident,) = await house.ledger.incidents()
    assert (incident.verified, incident.by) == (True, "own checks: told")


async def test_who_is_not_proven_is_not_touched(house):
    with_checks(house, verified=False)
    house.reader.thinks = abusive()
    await house.send(mail("You idiot.", verified=False))
    assert await house.strikes() == 0
    assert await house.outgoing() == []


async def test_a_trusted_hosts_word_is_enough(house):
    checks = with_checks(house)
    house.reader.thinks = abusive()
    await house.send(mail("You idiot."))
    assert checks.asked == []
    assert await house.strikes() == 1


async def test_nor_do_own_checks_gainsay_it(house):
    checks = with_checks(house)
    house.reader.thinks = abusive()
    message = mail("You idiot.").replace(b"dmarc=pass", b"dmarc=fail")
    await house.send(message)
    assert checks.asked == []
    assert await house.strikes() == 0


@pytest.mark.parametrize(("verified", "reply"), [(True, "550"), (False, "250")])
async def test_clean_mail_of_a_blocked_sender_is_asked_for(house, verified, reply):
    checks = with_checks(house, verified=verified)
    await house.ledger.put_standing(Standing(ANNA, blocked_by="boss"))
    assert (await house.send(mail("Hello", verified=False))).startswith(reply)
    assert len(checks.asked) == 1
    assert len(await house.held.held()) == (0 if verified else 1)


async def test_without_a_ledger_nobody_is_asked_for(house):
    checks = with_checks(house)
    house.reader.thinks = abusive()
    house.change(ledger=Failing(house.ledger, "standing"))
    message = mail("You idiot.", verified=False)
    assert (await house.send(message)).startswith("250")
    assert house.sink.mails[0].message.endswith(message)
    assert checks.asked == []


async def test_a_complaint_is_delivered_before_anybody_is_asked_for(house):
    delivered_first = []

    class Cases:
        async def arrived(self, arrival):
            delivered_first.append((len(house.sink.mails), arrival.identity.verified, len(checks.asked)))

    checks = with_checks(house)
    house.change(cases=Cases())
    house.reader.thinks = replace(assessment(Level.CLEAN, Category.INSULT, 0), categories=(), findings=(), tags=frozenset({Tag.COMPLAINT}))
    await house.send(mail("A complaint about your colleague.", verified=False))
    assert delivered_first == [(1, True, 1)]


async def test_an_untold_strike_is_one_and_then_a_person_decides(house):
    house.reader.thinks = abusive()
    for number, words in enumerate(("You idiot.", "Where is my parcel, you idiot?")):
        await house.send(mail(words, number=number), sender="0100-4711@eu.mailer.example")
    assert await house.strikes() == 1
    assert not (await house.ledger.standing(ANNA)).strikes[0].told
    assert await house.outgoing() == [("alert.strike_proposed", "boss@shop.example")]
