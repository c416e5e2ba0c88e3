"""A notice goes to the verified author who wrote from his own address, and to nobody else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.policy.answerable import SAME_TEXT, answered_before, plain_sender, why_not
from gateway.values import AlertKind, Disposition, Envelope, Identity, Level, NoticeKind, Reading, Standing, Strike, Verdict

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OWN = frozenset({"support@shop.example", "support+appeals@shop.example"})
ANNA = "anna@client.example"


def asked(sender=ANNA, author=ANNA, *, verified=True, automatic=()):
    return why_not(Reading((), automatic=automatic), Envelope(sender, ("support@shop.example",)), Identity(author, verified=verified, by=""), OWN)


@pytest.mark.parametrize(
    "sender",
    [ANNA, "Anna@Client.EXAMPLE", "prvs=3123abcdef=anna@client.example", "PRVS=9A1B=Anna@client.example", "btv1==8f2a==anna@client.example"],
)
def test_the_author_from_his_own_address_may_be_answered(sender):
    assert asked(sender) == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"sender": ""}, "null reverse path"),
        ({"automatic": ("auto-submitted: auto-replied",)}, "automatic: auto-submitted: auto-replied"),
        ({"verified": False}, "the author is not verified"),
        ({"sender": "bob@client.example"}, "the reverse path is not the author"),
        ({"sender": "anna@other.example"}, "the reverse path is not the author"),
        ({"sender": "anna+tag@client.example"}, "the reverse path is not the author"),
        ({"sender": "list-bounces+anna=client.example@list.example"}, "the reverse path is not the author"),
        ({"sender": "SRS0=abcd=xy=client.example=anna@forwarder.example"}, "the reverse path is not the author"),
        ({"sender": "prvs=3123=bob@client.example"}, "the reverse path is not the author"),
        ({"sender": "support@shop.example", "author": "support@shop.example"}, "one of our own addresses"),
        ({"sender": "Support+Appeals@Shop.example", "author": "support+appeals@shop.example"}, "one of our own addresses"),
        ({"author": "support@shop.example"}, "one of our own addresses"),
        ({"sender": "", "verified": False, "automatic": ("x",)}, "null reverse path"),
    ],
)
def test_nobody_else(arguments, reason):
    assert asked(**arguments) == reason


def test_an_idn_author_and_his_path_are_the_same_person():
    assert asked("anna@bücher.example", "anna@xn--bcher-kva.example") == ""


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("prvs=4396A02A11=anna@Client.Example", "anna@client.example"),
        ("anna@client.example", "anna@client.example"),
        ("prvs=anna@client.example", "prvs=anna@client.example"),
        ("", ""),
        ("postmaster", "postmaster"),
        ('"a b"@Client.example', '"a b"@client.example'),
    ],
)
def test_plain_sender(path, plain):
    assert plain_sender(path) == plain


# --- the same text again ------------------------------------------------------------------------------------------------


def again(verdict, before):
    return answered_before(verdict, before, NOW)


def test_the_same_text_again_is_no_second_strike_and_asks_no_manager():
    before = Standing("anna@client.example", strikes=(Strike(NOW - timedelta(hours=1), "FIRST", Level.ABUSIVE),))
    after = replace(before, strikes=(*before.strikes, Strike(NOW, "SECOND", Level.ABUSIVE)))
    verdict = Verdict(
        Disposition.FOLD, after, notice=NoticeKind.FINAL_WARNING, alerts=(AlertKind.STRIKE_PROPOSED,), strikes=1, proposal="strike", recordable=True
    )
    told = again(verdict, before)
    assert (told.disposition, told.standing, told.notice, told.alerts, told.strikes, told.proposal) == (Disposition.FOLD, before, None, (), 0, "")
    assert told.recordable
    assert SAME_TEXT in told.reason


def test_nobody_is_suspended_for_the_same_text_again():
    before = Standing("anna@client.example")
    begins = Verdict(Disposition.HOLD, replace(before, suspended_until=NOW + timedelta(days=7)), notice=NoticeKind.SUSPENSION, strikes=1)
    assert again(begins, before).disposition is Disposition.FOLD
    assert again(begins, before).standing.suspended_until is None


def test_who_is_suspended_stays_so():
    before = Standing("anna@client.example", suspended_until=NOW + timedelta(days=3))
    longer = Verdict(Disposition.HOLD, replace(before, suspended_until=NOW + timedelta(days=7)), strikes=1)
    assert again(longer, before).disposition is Disposition.HOLD
    assert again(longer, before).standing == before


def test_a_threat_is_one_however_often_it_comes():
    before = Standing("anna@client.example")
    threat = Verdict(Disposition.HOLD, before, alerts=(AlertKind.THREAT, AlertKind.BLOCK_PROPOSED), strikes=2, proposal="block")
    assert again(threat, before).disposition is Disposition.HOLD
    assert again(threat, before).alerts == (AlertKind.THREAT,)
