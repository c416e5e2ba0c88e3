"""DMARC records and organisational domains, as RFC 9989 finds them by a walk up the tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.dmarc import DmarcRecord, in_force, organisation, parse_dmarc, tree

PLAIN = DmarcRecord()
SUFFIX = DmarcRecord(psd="y")
OWN = DmarcRecord(psd="n")


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("v=DMARC1; p=reject", DmarcRecord("reject")),
        ("v=DMARC1;p=quarantine;adkim=s;aspf=s", DmarcRecord("quarantine", "s", "s")),
        ("v=DMARC1 ; p = REJECT ; adkim = S", DmarcRecord("reject", "s")),
        ("v=DMARC1", PLAIN),
        ("v=DMARC1; p=nonsense; adkim=x; psd=maybe; unknown=1; junk", PLAIN),
        ("v=DMARC1; p=none; psd=y", SUFFIX),
        ("v=DMARC1; p=none; psd=n; p=reject", OWN),
        ("v=dmarc1; p=reject", None),
        ("v=DMARC10; p=reject", None),
        ("p=reject; v=DMARC1", None),
        ("v=spf1 -all", None),
        ("", None),
    ],
)
def test_records(text, record):
    assert parse_dmarc(text) == record


def test_a_walk_goes_up_to_the_top_and_asks_at_most_eight_times():
    assert tree("client.example") == ("client.example", "example")
    assert tree("a.mail.client.example") == ("a.mail.client.example", "mail.client.example", "client.example", "example")
    assert tree("a.b.c.d.e.f.g.h.i.j.mail.example.com") == (
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    )


@pytest.mark.parametrize(
    ("domain", "found", "whose"),
    [
        ("a.mail.client.example", {}, "a.mail.client.example"),
        ("a.mail.client.example", {"client.example": PLAIN}, "client.example"),
        ("a.mail.client.example", {"mail.client.example": PLAIN, "client.example": PLAIN}, "client.example"),
        ("a.mail.client.example", {"mail.client.example": OWN, "client.example": PLAIN}, "mail.client.example"),
        ("client.bank.example", {"bank.example": SUFFIX}, "client.bank.example"),
        ("mail.client.bank.example", {"bank.example": SUFFIX}, "client.bank.example"),
        ("mail.client.bank.example", {"mail.client.bank.example": PLAIN, "bank.example": SUFFIX}, "client.bank.example"),
        ("bank.example", {"bank.example": SUFFIX}, "bank.example"),
        ("x.example", {"example": SUFFIX}, "x.example"),
    ],
)
def test_whose_organisation(domain, found, whose):
    assert organisation(domain, found) == whose


def test_which_record_is_in_force():
    own, parent, suffix = DmarcRecord("reject"), DmarcRecord("quarantine"), DmarcRecord("none", psd="y")
    assert in_force("mail.client.example", {"mail.client.example": own, "client.example": parent}) is own
    assert in_force("mail.client.example", {"client.example": parent}) is parent
    assert in_force("client.bank.example", {"bank.example": suffix}) is suffix
    assert in_force("client.example", {}) is None


@given(st.text(max_size=200))
def test_any_text_is_a_record_or_none(text):
    record = parse_dmarc(text)
    assert record is None or record.policy in {"none", "quarantine", "reject"}


@given(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=12).map(".".join), st.data())
def test_an_organisation_is_the_domain_or_above_it(domain, data):
    names = tree(domain)
    assert len(names) <= 8
    found = data.draw(st.dictionaries(st.sampled_from(names), st.sampled_from([PLAIN, SUFFIX, OWN])))
    whose = organisation(domain, found)
    assert domain == whose or domain.endswith("." + whose)
