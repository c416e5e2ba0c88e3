"""A notice goes to the verified author who wrote from his own address, and to nobody else."""

import pytest

from gateway.policy.answerable import plain_sender, why_not
from gateway.values import Envelope, Identity, Reading

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
