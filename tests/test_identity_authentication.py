"""Whose word about the author counts, and for what (RFC 8601, RFC 7489)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_mails import FORMS, raw

from gateway.mail.authentication import identity_of, normal_address, parse
from gateway.mail.message import read
from gateway.values import Mailbox, Reading

TRUSTED = frozenset({"mx.shop.example"})
PASS = "mx.shop.example; dmarc=pass header.from=client.example"


def reading(*results, authors=("anna@client.example",), fields=1):
    return Reading((), authors=tuple(Mailbox("", a) for a in authors), from_fields=fields, authentication_results=results)


@pytest.mark.parametrize(
    "value",
    [
        PASS,
        "MX.Shop.Example; DMARC=Pass header.from=Client.Example",
        "mx.shop.example.; dmarc=pass",
        "mx.shop.example 1; dmarc=pass",
        "mx.shop.example; spf=fail smtp.mailfrom=x.example; dkim=none; dmarc=pass (p=reject dis=none) header.from=client.example",
        "mx.shop.example (we; dmarc=fail) ; dmarc = pass header.from = client.example",
        'mx.shop.example; dkim=pass reason="it; dmarc=fail" header.d=client.example; dmarc=pass',
        "mx.shop.example; dmarc/1=pass header.from=client.example",
        "mx.shop.example; dmarc=pass header.from=anna@client.example",
        "mx.shop.example;dmarc=pass",
    ],
)
def test_verified(value):
    identity = identity_of(reading(value), TRUSTED)
    assert (identity.address, identity.verified) == ("anna@client.example", True), identity.by


@pytest.mark.parametrize(
    ("results", "by"),
    [
        ((), "no word of a trusted host"),
        (("mx.evil.example; dmarc=pass header.from=client.example",), "no word of a trusted host"),
        (("dmarc=pass header.from=client.example",), "no word of a trusted host"),
        (("mx.shop.example.evil.example; dmarc=pass",), "no word of a trusted host"),
        (("evil.example mx.shop.example; dmarc=pass",), "no word of a trusted host"),
        (("(mx.shop.example) evil.example; dmarc=pass",), "no word of a trusted host"),
        (("mx.shop.example; none",), "mx.shop.example says nothing of dmarc"),
        (("mx.shop.example; spf=pass smtp.mailfrom=client.example; dkim=pass header.d=client.example",), "mx.shop.example says nothing of dmarc"),
        (("mx.shop.example; dmarc=fail header.from=client.example",), "dmarc=fail by mx.shop.example"),
        (("mx.shop.example; dmarc=none",), "dmarc=none by mx.shop.example"),
        (("mx.shop.example; dmarc=passed",), "dmarc=passed by mx.shop.example"),
        (("mx.shop.example; (dmarc=pass)",), "mx.shop.example says nothing of dmarc"),
        (('mx.shop.example; dkim=fail reason="x; dmarc=pass"',), "mx.shop.example says nothing of dmarc"),
        (("mx.shop.example; x-dmarc=pass",), "mx.shop.example says nothing of dmarc"),
        (("mx.shop.example; dmarc=fail; dmarc=pass",), "dmarc=fail by mx.shop.example"),
        (("mx.shop.example; dmarc=pass; dmarc=pass",), "dmarc=pass by mx.shop.example"),
        (("mx.shop.example; dmarc=pass header.from=other.example",), "dmarc=pass by mx.shop.example is for another domain"),
        (("mx.shop.example; dmarc=pass header.from=sub.client.example",), "dmarc=pass by mx.shop.example is for another domain"),
        # only the topmost of a trusted host is its own word; one below may have come with the mail
        (("mx.shop.example; dmarc=fail", PASS), "dmarc=fail by mx.shop.example"),
        (("mx.shop.example; spf=pass", PASS), "mx.shop.example says nothing of dmarc"),
    ],
)
def test_unverified(results, by):
    identity = identity_of(reading(*results), TRUSTED)
    assert (identity.address, identity.verified, identity.by) == ("anna@client.example", False, by)


def test_the_word_of_others_above_is_passed_over():
    assert identity_of(reading("list.example; dmarc=fail", PASS), TRUSTED).verified


def test_nobody_is_trusted_unless_configured():
    assert identity_of(reading(PASS), frozenset()).by == "no trusted host is configured"


@pytest.mark.parametrize(
    ("authors", "fields"),
    [(("anna@client.example", "bob@client.example"), 1), (("anna@client.example",), 2), (("anna@client.example", "anna@client.example"), 2)],
)
def test_more_than_one_author_is_nobody(authors, fields):
    identity = identity_of(reading(PASS, authors=authors, fields=fields), TRUSTED)
    assert (identity.verified, identity.by) == (False, "more than one author")


def test_no_author():
    identity = identity_of(reading(PASS, authors=(), fields=0), TRUSTED)
    assert (identity.address, identity.verified, identity.by) == ("", False, "no author")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Anna@Client.Example", "anna@client.example"),
        (" anna@client.example. ", "anna@client.example"),
        ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
        ("ANNA@xn--bcher-kva.example", "anna@xn--bcher-kva.example"),
        ("анна@Почта.example", "анна@xn--80a1acny.example"),
        ("no-address", "no-address"),
        ("a@" + "ü" * 70 + ".example", "a@" + "ü" * 70 + ".example"),
    ],
)
def test_normal_address(written, kept):
    assert normal_address(written) == kept
    assert normal_address(kept) == kept


def test_idn_domains_agree_with_the_result():
    assert identity_of(reading("mx.shop.example; dmarc=pass header.from=xn--bcher-kva.example", authors=("anna@bücher.example",)), TRUSTED).verified


@pytest.mark.parametrize(
    "header",
    [
        "X-A: 1\nAuthentication-Results: mx.shop.example;\n\tdmarc=pass\n header.from=b.example",
        "authentication-results : mx.shop.example; dmarc=pass",
    ],
)
def test_as_it_stands_in_a_mail(header):
    assert identity_of(read(raw(header, b"Hello\r\n"), FORMS), TRUSTED).verified


def test_a_field_in_the_body_says_nothing():
    assert not identity_of(read(raw("X-A: 1", b"Authentication-Results: " + PASS.encode() + b"\r\n"), FORMS), TRUSTED).verified


@given(st.text(max_size=300))
def test_any_text_is_read(value):
    identifier, results = parse(value)
    assert identifier == identifier.lower()
    for result in results:
        assert result.method == result.method.lower()
    identity_of(reading(value), TRUSTED)


@given(st.lists(st.sampled_from(["(", ")", "\\", '"', ";", "dmarc=pass", "mx.shop.example", " "]), max_size=40).map("".join))
def test_brackets_and_quotes_in_any_order(value):
    if identity_of(reading(value), TRUSTED).verified:
        assert value.lstrip('( )\\"').startswith("mx.shop.example")


def test_a_very_long_value_is_quick():
    parse("(" * 100_000)
    parse("mx.shop.example; " + "dmarc=pass " * 50_000)
    parse('"' * 100_001)
