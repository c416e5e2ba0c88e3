"""Microsoft's form of Authentication-Results, and ARC of listed sealers by the word of a trusted host; forged ones beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_mails import FORMS, raw

from gateway.mail.authentication import Trusted, arc_voucher, identity_of, parse
from gateway.mail.message import read
from gateway.values import Mailbox, Reading, TrailField

MICROSOFT = Trusted(microsoft="mail.protection.outlook.com")
BORDER = "Received: from mail.client.example (192.0.2.3) by DB5EUR01FT037.mail.protection.outlook.com (10.1.1.1) with Microsoft SMTP Server"
INSIDE = "Received: from DB5EUR01FT037.eop-EUR01.prod.protection.outlook.com (2603::1) by AM9PR.outlook.office365.com (2603::2) with SMTP"
RESULT = (
    "Authentication-Results: spf=pass (sender IP is 192.0.2.3)\n smtp.mailfrom=client.example; dkim=pass (signature was verified)\n"
    " header.d=client.example;dmarc=pass action=none header.from=client.example;compauth=pass reason=100"
)


def by(*fields, trusted=MICROSOFT):
    identity = identity_of(read(raw("\n".join(fields)).replace(b"a@b.example", b"anna@client.example"), FORMS), trusted)
    assert identity.address == "anna@client.example"
    return identity.verified, identity.by


def test_microsoft_result_is_read_without_an_authserv_id():
    identifier, results = parse(RESULT.partition(": ")[2].replace("\n", ""))
    assert identifier == ""
    assert [(r.method, r.result) for r in results] == [("spf", "pass"), ("dkim", "pass"), ("dmarc", "pass"), ("compauth", "pass")]
    assert results[0].value("smtp.mailfrom") == "client.example"
    assert results[3].value("reason") == "100"


def test_microsoft_as_the_border():
    assert by(INSIDE, RESULT, BORDER) == (True, "dmarc=pass by Microsoft")


def test_microsofts_older_form_with_the_recipients_domain_between():
    old = RESULT.replace("smtp.mailfrom=client.example;", "smtp.mailfrom=client.example; shop.example;")
    assert by(INSIDE, old, BORDER) == (True, "dmarc=pass by Microsoft")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        # what came with the mail stands below the border's Received
        ((INSIDE, BORDER, RESULT), "no word of a trusted host"),
        ((INSIDE, BORDER, RESULT, BORDER), "no word of a trusted host"),
        ((RESULT,), "no word of a trusted host"),
        ((RESULT, INSIDE), "no word of a trusted host"),
        ((RESULT, BORDER.replace("outlook.com", "outlook.com.evil.example")), "no word of a trusted host"),
        ((RESULT, BORDER.replace("DB5EUR01FT037.mail", "evilmail")), "no word of a trusted host"),
        ((RESULT, "Received: from x (by a.mail.protection.outlook.com) by mx.evil.example with SMTP"), "no word of a trusted host"),
        ((RESULT.replace("Results: ", "Results: mx.evil.example; "), BORDER), "no word of a trusted host"),
        ((RESULT.replace("dmarc=pass", "dmarc=fail"), RESULT, BORDER), "dmarc=fail by Microsoft"),
        ((RESULT.replace("dmarc=pass", "dmarc=bestguesspass"), BORDER), "dmarc=bestguesspass by Microsoft"),
        ((RESULT.replace("dmarc=pass", "dmarc=none"), BORDER), "dmarc=none by Microsoft"),
        ((RESULT.replace("compauth=pass reason=100", "compauth=fail reason=000"), BORDER), "compauth=fail by Microsoft"),
        ((RESULT.replace("header.from=client", "header.from=other"), BORDER), "Microsoft's result is for another domain"),
        ((RESULT.replace(" header.from=client.example", ""), BORDER), "Microsoft's result is for another domain"),
        (("Authentication-Results: spf=pass smtp.mailfrom=client.example", BORDER), "Microsoft says nothing of dmarc"),
        ((RESULT + ";dmarc=pass header.from=client.example", BORDER), "dmarc=pass by Microsoft"),
    ],
)
def test_what_microsoft_does_not_vouch_for(fields, why):
    verified, told = by(*fields)
    assert (verified, told) == (False, why)


def test_microsoft_is_not_believed_unless_it_is_the_border():
    assert by(INSIDE, RESULT, BORDER, trusted=Trusted(frozenset({"mx.shop.example"}))) == (False, "no word of a trusted host")
    assert by(INSIDE, RESULT, BORDER, trusted=Trusted()) == (False, "no trusted host is configured")


def test_compauth_that_rests_on_the_tenants_arc_sealers():
    failed = RESULT.replace("dmarc=pass", "dmarc=fail")
    assert by(failed.replace("reason=100", "reason=130"), BORDER) == (True, "compauth=pass by Microsoft, for the ARC of a trusted sealer")
    assert by(failed.replace("reason=100", "reason=703"), BORDER) == (False, "dmarc=fail by Microsoft")


def test_a_trusted_host_speaks_before_microsoft():
    both = Trusted(frozenset({"mx.shop.example"}), MICROSOFT.microsoft)
    assert by("Authentication-Results: mx.shop.example; dmarc=fail", RESULT, BORDER, trusted=both) == (False, "dmarc=fail by mx.shop.example")


# --- ARC, verified by a trusted host --------------------------------------------------------------------------------

OURS = "Authentication-Results: mx.shop.example; dmarc=fail header.from=client.example; arc=pass smtp.remote-ip=192.0.2.9"
SEALERS = Trusted(frozenset({"mx.shop.example"}), sealers=frozenset({"forwarder.example", "google.com"}))


def arc(number, sealer="forwarder.example", saw="dmarc=pass header.from=client.example"):
    return (
        f"ARC-Seal: i={number}; a=rsa-sha256; t=12345; cv=none; d={sealer}; s=s1; b=AAAA",
        f"ARC-Authentication-Results: i={number}; mx.{sealer}; {saw}",
    )


def test_a_listed_sealer_by_the_word_of_a_trusted_host():
    assert by(OURS, *arc(1), trusted=SEALERS) == (True, "ARC of forwarder.example by mx.shop.example")


def test_googles_and_microsofts_sets():
    google = "dkim=pass header.i=@client.example header.s=x; spf=pass (google.com: domain of a@b designates 192.0.2.3 as permitted sender)"
    google += " smtp.mailfrom=anna@client.example; dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=client.example"
    assert by(OURS, *arc(1, "google.com", google), trusted=SEALERS)[0]
    microsoft = "ARC-Authentication-Results: i=1; mx.microsoft.com 1; spf=pass smtp.mailfrom=client.example; dmarc=pass action=none"
    fields = (arc(1, "microsoft.com")[0], microsoft + " header.from=client.example; dkim=pass header.d=client.example; arc=none")
    trusted = Trusted(SEALERS.authserv_ids, sealers=frozenset({"microsoft.com"}))
    assert by(OURS, *fields, trusted=trusted) == (True, "ARC of microsoft.com by mx.shop.example")


def test_the_latest_listed_sealers_down_to_the_first_unlisted_one():
    failed = "arc=pass; dmarc=fail header.from=client.example"
    assert by(OURS, *arc(2, "google.com", failed), *arc(1), trusted=SEALERS)[0]
    assert not by(OURS, *arc(2, "other.example", failed), *arc(1), trusted=SEALERS)[0]
    assert not by(OURS, *arc(3, "google.com", failed), *arc(2, "other.example", failed), *arc(1), trusted=SEALERS)[0]
    assert by(OURS, *arc(2, "google.com"), *arc(1, "other.example", failed), trusted=SEALERS)[0]


@pytest.mark.parametrize(
    "fields",
    [
        (OURS.replace("arc=pass", "arc=fail"), *arc(1)),
        (OURS.replace("arc=pass", "x=y"), *arc(1)),
        (OURS + "; arc=fail", *arc(1)),
        (OURS.replace("mx.shop", "mx.evil"), *arc(1)),
        (OURS, *arc(1, "evil.example")),
        (OURS, *arc(1, "evil.forwarder.example")),
        (OURS, *arc(1, saw="dmarc=fail header.from=client.example")),
        (OURS, *arc(1, saw="dmarc=pass header.from=other.example")),
        (OURS, *arc(1, saw="dmarc=pass")),
        (OURS, *arc(1, saw="dmarc=pass header.from=client.example; dmarc=fail")),
        (OURS, *arc(1, saw="(dmarc=pass header.from=client.example)")),
        (OURS, arc(1)[1]),
        (OURS, arc(1)[0]),
        (OURS, *arc(2)),
        (OURS, *arc(1), *arc(1)),
        (OURS, *arc(1), arc(1, saw="dmarc=fail")[1]),
        (OURS, *arc(1), "ARC-Seal: d=forwarder.example"),
    ],
)
def test_arc_that_proves_nothing(fields):
    assert not by(*fields, trusted=SEALERS)[0]


WORDS = st.sampled_from(
    ["i=1;", "i=2;", "d=forwarder.example;", "cv=none;", "dmarc=pass", "header.from=client.example", ";", "(", ")", '"', "\\", " ", "by", "mx.shop.example"]
)


@given(st.lists(st.builds(TrailField, st.sampled_from(["arc-seal", "arc-authentication-results", "received", "authentication-results"]), st.lists(WORDS, max_size=12).map(" ".join)), max_size=8))
def test_any_trail_is_read(trail):
    sealer = arc_voucher(trail, "client.example", SEALERS.sealers)
    assert sealer in {"", "forwarder.example"}
    if sealer:
        assert {field.name for field in trail} >= {"arc-seal", "arc-authentication-results"}
    values = tuple(field.value for field in trail if field.name == "authentication-results")
    reading = Reading((), authors=(Mailbox("", "anna@client.example"),), from_fields=1, authentication_results=values, trail=tuple(trail))
    # nothing in it stands above a Received field of Microsoft's, and a trusted host's own name must come first
    identity = identity_of(reading, Trusted(SEALERS.authserv_ids, MICROSOFT.microsoft, SEALERS.sealers))
    assert not identity.verified or any(parse(value)[0] == "mx.shop.example" for value in values)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_is_a_trail(one, other):
    trail = (TrailField("authentication-results", one), TrailField("received", other), TrailField("arc-seal", one), TrailField("arc-authentication-results", other))
    reading = Reading((), authors=(Mailbox("", "anna@client.example"),), from_fields=1, trail=trail)
    assert not identity_of(reading, Trusted(frozenset({"mx.shop.example"}), MICROSOFT.microsoft, SEALERS.sealers)).verified


def test_a_trail_is_bounded():
    many = "\n".join(f"Received: from a by b{n}" + "x" * 10_000 for n in range(300))
    trail = read(raw(many), FORMS).trail
    assert len(trail) <= 200
    assert all(len(field.value) <= 4_096 for field in trail)
