"""Our own checks: real keys, real records, and every way in which nobody stands behind a mail."""

import asyncio
import time

import pytest
from dns_server import FAILURE, SILENCE, DnsServer, ZoneResolver
from reading_mails import FORMS
from signed_mails import key_zone, sealed, signed

from gateway.edge.border import OwnChecks
from gateway.edge.identifier import identifier_of
from gateway.edge.resolver import DnsResolver, DnsTrouble
from gateway.edge.settings import IdentitySettings, parse_settings
from gateway.errors import BadInput
from gateway.mail.authentication import Trusted
from gateway.mail.message import read
from gateway.values import Envelope

CLIENT = "192.0.2.3"
ZONE = {
    ("_dmarc.client.example", "TXT"): ["v=DMARC1; p=reject"],
    ("client.example", "TXT"): ["v=spf1 ip4:192.0.2.0/28 -all"],
    ("news.client.example", "TXT"): ["v=spf1 ip4:192.0.2.0/28 -all"],
    ("mailer.example", "TXT"): ["v=spf1 ip4:192.0.2.0/28 -all"],
    **key_zone("client.example", "news.client.example", "evil.example", "forwarder.example", "list.example"),
}


def mail(body="Hello", author="Anna <anna@client.example>", more=""):
    return (
        f"{more}From: {author}\r\nTo: support@shop.example\r\nSubject: Order\r\nMessage-ID: <m1@client.example>\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    ).encode()


async def checked(message, zone=ZONE, sender="anna@client.example", client="198.51.100.9", sealers=(), author="client.example", seconds=5.0):
    checks = OwnChecks(ZoneResolver(zone), seconds, frozenset(sealers))
    return await checks.check(author, read(message, FORMS, return_path=sender), Envelope(sender, (), client=client), message)


# --- DKIM -----------------------------------------------------------------------------------------------------------


async def test_a_signature_of_the_authors_domain():
    assert await checked(signed(mail(), "client.example")) == (True, "own checks: dmarc=pass, dkim of client.example")


async def test_a_signature_of_his_organisation():
    message = signed(mail(), "news.client.example")
    assert (await checked(message))[0]
    strict = ZONE | {("_dmarc.client.example", "TXT"): ["v=DMARC1; p=none; adkim=s"]}
    assert await checked(message, strict) == (False, "own checks: dmarc=fail (p=none)")


async def test_an_author_below_the_organisation_that_signs():
    assert (await checked(signed(mail(author="a@hr.client.example"), "client.example"), author="hr.client.example"))[0]


@pytest.mark.parametrize(
    "message",
    [
        mail(),
        signed(mail(), "evil.example"),
        signed(mail(), "client.example").replace(b"Hello", b"Jello"),
        signed(mail(), "client.example").replace(b"Subject: Order", b"Subject: Other"),
        signed(mail(), "client.example", length=True) + b"You idiots.\r\n",
        signed(mail(), "client.example", length=True),
        signed(mail(), "client.example", without=(b"subject",)),
        b"Subject: You idiots\r\n" + signed(mail(), "client.example"),
        b"From: other@client.example\r\n" + signed(mail(), "client.example"),
        signed(mail(), "client.example", algorithm=b"rsa-sha1"),
        signed(mail(), "client.example").replace(b"; s=s1;", b"; s=s2;"),
        b"DKIM-Signature: v=1; a=rsa-sha256; d=client.example; s=s1; h=from:subject; bh=AAAA; b=AAAA\r\n" + mail(),
        b"DKIM-Signature: v=1; a=rsa-sha256; d=client.example; s=../x; h=from:subject; bh=A; b=\xff\r\n" + mail(),
        b"DKIM-Signature: \r\n" + mail(),
    ],
)
async def test_what_proves_nothing(message):
    assert (await checked(message))[0] is False


async def test_the_one_good_signature_among_others():
    message = signed(signed(mail(), "client.example"), "evil.example")
    message = b"DKIM-Signature: v=1; a=rsa-sha256; d=client.example; s=s1; h=from:subject; bh=AAAA; b=AAAA\r\n" + message
    assert (await checked(message))[0]


async def test_a_large_mail_is_verified_in_a_process_of_its_own(monkeypatch):
    """dkimpy would hold up the whole server for a second with every 5 MB."""

    def here(*_):
        raise AssertionError("in the server's own process")

    monkeypatch.setattr("gateway.edge.proving._proves", here)
    message = signed(mail("Where is my order?\r\n" + ("x" * 70 + "\r\n") * 20_000), "client.example")
    assert await checked(message, seconds=60) == (True, "own checks: dmarc=pass, dkim of client.example")
    assert not (await checked(message.replace(b"order?", b"order!"), seconds=60))[0]
    assert await checked(message, seconds=0.05) == (False, "own checks: took too long")
    large = mail("x" * 300_000, more=SAW)
    assert (await checked(sealed(large, "forwarder.example", "mx.forwarder.example"), sealers=["forwarder.example"], seconds=60))[0]


# --- SPF ------------------------------------------------------------------------------------------------------------


async def test_the_path_that_spf_allows():
    assert await checked(mail(), client=CLIENT) == (True, "own checks: dmarc=pass, spf of client.example")
    assert (await checked(mail(), client=CLIENT, sender="bounces@news.client.example"))[0]
    strict = ZONE | {("_dmarc.client.example", "TXT"): ["v=DMARC1; aspf=s"]}
    assert not (await checked(mail(), strict, client=CLIENT, sender="bounces@news.client.example"))[0]


@pytest.mark.parametrize(
    ("sender", "client"),
    [
        ("anna@client.example", "198.51.100.9"),
        ("bounces@mailer.example", CLIENT),  # SPF alone says nothing about From (traps 54)
        ("SRS0=ab=cd=client.example=anna@mailer.example", CLIENT),
        ("", CLIENT),
    ],
)
async def test_the_path_of_somebody_else(sender, client):
    assert await checked(mail(), sender=sender, client=client) == (False, "own checks: dmarc=fail (p=reject)")


# --- DMARC ----------------------------------------------------------------------------------------------------------


async def test_a_domain_without_a_record_vouches_for_nobody():
    zone = {key: value for key, value in ZONE.items() if key[0] != "_dmarc.client.example"}
    assert await checked(signed(mail(), "client.example"), zone, client=CLIENT) == (False, "own checks: dmarc=none")
    twice = ZONE | {("_dmarc.client.example", "TXT"): ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}
    assert await checked(signed(mail(), "client.example"), twice) == (False, "own checks: dmarc=none")
    others = ZONE | {("_dmarc.client.example", "TXT"): ["google-site-verification=1", "v=DMARC1; p=none"]}
    assert (await checked(signed(mail(), "client.example"), others))[0]


async def test_customers_of_one_registry_are_no_organisation():
    """co.uk publishes a record and forgets psd=y: the list of public suffixes knows better."""
    zone = {("_dmarc.co.uk", "TXT"): ["v=DMARC1; p=none"], **key_zone("evil.co.uk", "client.co.uk")}
    forged = signed(mail(author="anna@client.co.uk"), "evil.co.uk")
    assert not (await checked(forged, zone, author="client.co.uk"))[0]
    assert (await checked(signed(mail(author="anna@client.co.uk"), "client.co.uk"), zone, author="client.co.uk"))[0]


async def test_departments_that_are_organisations_of_their_own():
    zone = ZONE | {("_dmarc.news.client.example", "TXT"): ["v=DMARC1; p=none; psd=n"]}
    assert not (await checked(signed(mail(), "news.client.example"), zone))[0]


# --- ARC ------------------------------------------------------------------------------------------------------------

SAW = "Authentication-Results: mx.forwarder.example; dmarc=pass header.from=client.example; spf=pass smtp.mailfrom=anna@client.example\r\n"


def forwarded(saw=SAW, sealer="forwarder.example"):
    return sealed(mail(more=saw), sealer, "mx.forwarder.example")


def forwarded_twice():
    saw = b"Authentication-Results: mx.list.example; arc=pass; dmarc=fail header.from=client.example\r\n"
    return sealed(saw + forwarded(), "list.example", "mx.list.example")


async def test_behind_another_listed_forwarder():
    sealers = ["forwarder.example", "list.example"]
    assert await checked(forwarded_twice(), sender="x@list.example", sealers=sealers) == (True, "own checks: ARC of forwarder.example")
    assert not (await checked(forwarded_twice(), sender="x@list.example", sealers=["list.example"]))[0]


async def test_a_listed_forwarder_vouches_for_what_he_saw():
    sender = "SRS0=x=y=client.example=anna@forwarder.example"
    assert await checked(forwarded(), sender=sender, sealers=["forwarder.example"]) == (True, "own checks: ARC of forwarder.example")


@pytest.mark.parametrize(
    ("message", "sealers"),
    [
        (forwarded(), []),
        (forwarded(), ["other.example"]),
        (forwarded(SAW.replace("dmarc=pass", "dmarc=fail")), ["forwarder.example"]),
        (forwarded(SAW.replace("header.from=client.example", "header.from=other.example")), ["forwarder.example"]),
        (forwarded().replace(b"Hello", b"Jello"), ["forwarder.example"]),
        (forwarded(sealer="list.example").replace(b"d=list.example", b"d=forwarder.example"), ["forwarder.example"]),
        (forwarded_twice(), ["forwarder.example"]),
        (forwarded().replace(b"ARC-Seal:", b"X-Seal:"), ["forwarder.example"]),
        (
            f"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=forwarder.example; s=s1; b=AAAA\r\nARC-Authentication-Results: i=1; {SAW[24:]}".encode()
            + mail(),
            ["forwarder.example"],
        ),
    ],
)
async def test_a_chain_that_proves_nothing(message, sealers):
    assert (await checked(message, sealers=sealers, sender="x@forwarder.example"))[0] is False


# --- trouble --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["_dmarc.client.example", "s1._domainkey.client.example"])
async def test_trouble_of_dns_is_unverified_and_no_error(name):
    assert await checked(signed(mail(), "client.example"), ZONE | {(name, "TXT"): FAILURE}) == (False, "own checks: dmarc=temperror")


async def test_trouble_of_spf_is_unverified():
    assert not (await checked(mail(), ZONE | {("client.example", "TXT"): FAILURE}, client=CLIENT))[0]


async def test_a_library_that_breaks_is_unverified(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr("gateway.edge.border.check_spf", broken)
    assert await checked(mail(), client=CLIENT) == (False, "own checks failed")


async def test_over_a_socket_with_a_cache():
    settings = IdentitySettings(own_checks=True)
    with DnsServer(ZONE) as server:
        identifier = identifier_of(settings.model_copy(update={"nameservers": (server.address,)}))
        message = signed(mail(), "client.example")
        reading = read(message, FORMS, return_path="anna@client.example")
        envelope = Envelope("anna@client.example", (), client=CLIENT)
        for _ in range(3):
            identity = await identifier.identify(reading, envelope)
            assert (identity.verified, identity.by) == (False, "no trusted host is configured")
            identity = await identifier.confirm(identity, reading, envelope, message)
            assert (identity.address, identity.verified) == ("anna@client.example", True)
        assert sorted(server.asked) == sorted(set(server.asked))
        assert set(server.asked) == {("_dmarc.client.example", "TXT"), ("_dmarc.example", "TXT"), ("s1._domainkey.client.example", "TXT")}


async def test_silence_ends_in_time():
    with DnsServer({("_dmarc.client.example", "TXT"): SILENCE}) as server:
        checks = OwnChecks(DnsResolver([server.address], 30), 0.5)
        message = signed(mail(), "client.example")
        began = time.monotonic()
        answers = await asyncio.gather(
            *(checks.check("client.example", read(message, FORMS), Envelope("", ()), message) for _ in range(30))
        )
        assert time.monotonic() - began < 3
        assert set(answers) == {(False, "own checks: took too long")}


async def test_the_resolver_tells_nothing_from_trouble():
    zone = {("x.example", "TXT"): ["one", "two" * 200], ("x.example", "MX"): ["20 b.example.", "10 a.example."], ("x.example", "A"): FAILURE}
    zone |= {("x.example", "AAAA"): ["2001:db8::1"], ("3.2.0.192.in-addr.arpa", "PTR"): ["host.example."]}
    with DnsServer(zone) as server:
        resolver = DnsResolver([server.address], 2)
        assert sorted(await resolver.texts("X.example")) == [b"one", b"two" * 200]
        assert await resolver.exchangers("x.example.") == ("a.example", "b.example")
        assert await resolver.addresses("x.example", 6) == ("2001:db8::1",)
        assert await resolver.names("192.0.2.3") == ("host.example",)
        assert await resolver.texts("nobody.example") == ()
        assert await resolver.texts("a" * 70 + ".example") == ()
        assert await resolver.texts("a..example") == ()
        with pytest.raises(DnsTrouble):
            await resolver.addresses("x.example", 4)


async def test_who_is_nobody_is_not_asked_for():
    class Asked:
        async def check(self, *_):
            raise AssertionError("asked")

    from gateway.edge.identifier import HeaderIdentifier

    identifier = HeaderIdentifier(frozenset(), checks=Asked())
    for author in ("anna@client.example, bob@client.example", "team:;", ""):
        message = mail(author=author)
        reading = read(message, FORMS)
        identity = await identifier.identify(reading, Envelope("", ()))
        assert not (await identifier.confirm(identity, reading, Envelope("", ()), message)).verified


# --- settings -------------------------------------------------------------------------------------------------------

CONFIG = """
[downstream]
address = "127.0.0.1:1025"
[accept]
recipients = ["support@shop.example"]
[addresses]
support = "support@shop.example"
[identity]
"""


def test_own_checks_need_their_libraries(monkeypatch):
    monkeypatch.setattr("gateway.edge.settings.find_spec", lambda name: None if name == "dkim" else name)
    with pytest.raises(BadInput) as told:
        parse_settings(CONFIG + "own_checks = true", "courtesy.toml")
    assert "courtesy.toml:9: error: identity.own_checks needs dkim; install courtesy-gateway[border]" in str(told.value)
    assert not parse_settings(CONFIG + "own_checks = false", "courtesy.toml").identity.own_checks


@pytest.mark.parametrize(
    "line",
    [
        'nameservers = ["ns.shop.example"]',
        "dns_seconds = 0",
        'many_people = ["somebody"]',
        'microsoft_border = "*.outlook.com"',
        'arc_sealers = ["a b"]',
        'own_checks = "yes"',
    ],
)
def test_wrong_settings_are_named_by_their_line(line):
    with pytest.raises(BadInput) as told:
        parse_settings(CONFIG + line, "courtesy.toml")
    assert "courtesy.toml:9: error: identity." in str(told.value)


def test_who_is_believed_by_the_settings():
    line = 'microsoft_border = "Mail.Protection.Outlook.com"\ntrusted_authserv_ids = ["MX.Shop.Example."]\narc_sealers = ["Forwarder.example"]\n'
    identifier = identifier_of(parse_settings(CONFIG + line + 'many_people = ["@Big.example"]', "x").identity)
    assert identifier.trusted == Trusted(frozenset({"mx.shop.example"}), "mail.protection.outlook.com", frozenset({"forwarder.example"}))
    assert identifier.many == {"@big.example"}
    assert identifier.checks is None
