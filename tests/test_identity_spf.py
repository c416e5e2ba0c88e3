"""SPF as RFC 7208 has it: mechanisms, macros, limits, and every way in which it says nothing."""

import ipaddress

import pytest
from dns_server import FAILURE, ZoneResolver
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.spf_check import check_spf
from gateway.mail.spf import Asked, SpfError, expand, is_spf, parse_spf

CLIENT = "192.0.2.3"
ZONE = {
    ("client.example", "A"): ["192.0.2.10", "192.0.2.11"],
    ("client.example", "MX"): ["mx-a.client.example", "mx-b.client.example"],
    ("mx-a.client.example", "A"): ["192.0.2.129"],
    ("mx-b.client.example", "A"): ["192.0.2.130"],
    ("v6.client.example", "AAAA"): ["2001:db8::cb01"],
    ("good.example", "TXT"): ["v=spf1 ip4:192.0.2.0/28 -all"],
    ("bad.example", "TXT"): ["v=spf1 -all"],
    ("soft.example", "TXT"): ["v=spf1 ~all"],
    ("broken.example", "TXT"): ["v=spf1 ip4:nonsense -all"],
    ("gone.example", "TXT"): FAILURE,
    ("3.2.0.192.list.example", "A"): ["127.0.0.2"],
    (CLIENT, "PTR"): ["host.client.example", "elsewhere.example"],
    ("host.client.example", "A"): [CLIENT],
}


async def spf(record, client=CLIENT, sender="anna@client.example", helo="mail.client.example", more=None):
    records = record if isinstance(record, list) or record == FAILURE else [record]
    return await check_spf(ZoneResolver(ZONE | {("client.example", "TXT"): records} | (more or {})), client, sender, helo)


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 +all", "pass"),
        ("v=spf1 -all", "fail"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf1", "neutral"),
        ("V=SPF1 IP4:192.0.2.3 -ALL", "pass"),
        ("v=spf1 ip4:192.0.2.3 -all", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
        ("v=spf1 -ip4:192.0.2.3 +all", "fail"),
        ("v=spf1 ip4:192.0.2.4 -all", "fail"),
        ("v=spf1 ip6:2001:db8::/32 -all", "fail"),
        ("v=spf1 a -all", "fail"),
        ("v=spf1 a/27 -all", "pass"),
        ("v=spf1 a:host.client.example -all", "pass"),
        ("v=spf1 a:host.client.example/32//64 -all", "pass"),
        ("v=spf1 mx -all", "fail"),
        ("v=spf1 mx/24 -all", "pass"),
        ("v=spf1 include:good.example -all", "pass"),
        ("v=spf1 include:bad.example ip4:192.0.2.3 -all", "pass"),
        ("v=spf1 ?include:good.example -all", "neutral"),
        ("v=spf1 include:soft.example -all", "fail"),
        ("v=spf1 redirect=good.example", "pass"),
        ("v=spf1 redirect=bad.example", "fail"),
        ("v=spf1 ?all redirect=bad.example", "neutral"),
        ("v=spf1 exists:%{ir}.list.example -all", "pass"),
        ("v=spf1 exists:%{l1r-}.list.example -all", "fail"),
        ("v=spf1 ptr -all", "pass"),
        ("v=spf1 ptr:elsewhere.example -all", "fail"),
        ("v=spf1 exp=why.example x-unknown=1 -all", "fail"),
    ],
)
async def test_results(record, result):
    assert await spf(record) == result


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 ip4:nonsense -all",
        "v=spf1 ip4 -all",
        "v=spf1 ip4:2001:db8::1 -all",
        "v=spf1 a/33 -all",
        "v=spf1 a: -all",
        "v=spf1 all:x",
        "v=spf1 include -all",
        "v=spf1 include:nobody.example -all",
        "v=spf1 include:broken.example -all",
        "v=spf1 redirect=nobody.example",
        "v=spf1 redirect=good.example redirect=good.example",
        "v=spf1 unknown -all",
        "v=spf1 exists:%{q} -all",
        "v=spf1 exists:%x -all",
        "v=spf1 exists:%{d0}.example -all",
        # what follows a match is read as well (section 4.6)
        "v=spf1 ip4:192.0.2.3 a:/// -all",
        ["v=spf1 -all", "v=spf1 +all"],
    ],
)
async def test_what_is_wrong_is_permerror(record):
    assert await spf(record) == "permerror"


async def test_nothing_and_trouble():
    assert await spf("something else") == "none"
    assert await spf("v=spf10 +all") == "none"
    assert await spf(FAILURE) == "temperror"
    assert await spf("v=spf1 include:gone.example +all") == "temperror"
    assert await spf("v=spf1 +all", client="local") == "none"
    assert await spf("v=spf1 +all", sender="") == "none"
    assert await spf("v=spf1 +all", sender="anna@localhost") == "none"


async def test_ipv6_and_mapped_clients():
    assert await spf("v=spf1 ip6:2001:db8::/32 -all", client="2001:db8::1") == "pass"
    assert await spf("v=spf1 ip6:2001:db8::/32 -all", client="IPv6:2001:db8::1") == "pass"
    assert await spf("v=spf1 a:v6.client.example//96 -all", client="2001:db8::cb02") == "pass"
    assert await spf("v=spf1 ip4:192.0.2.3 -all", client="::ffff:192.0.2.3") == "pass"


async def test_an_idn_sender_is_asked_for_by_its_a_label():
    more = {("xn--bcher-kva.example", "TXT"): ["v=spf1 +all"]}
    assert await spf("v=spf1 -all", sender="anna@bücher.example", more=more) == "pass"


async def test_limits():
    chain = {(f"c{n}.example", "TXT"): [f"v=spf1 include:c{n + 1}.example -all"] for n in range(30)}
    assert await spf("v=spf1 include:c0.example +all", more=chain) == "permerror"
    loop = {("loop.example", "TXT"): ["v=spf1 redirect=loop.example"]}
    assert await spf("v=spf1 redirect=loop.example", more=loop) == "permerror"
    assert await spf("v=spf1 a:x1.example a:x2.example +all") == "pass"
    assert await spf("v=spf1 a:x1.example a:x2.example a:x3.example +all") == "permerror"
    many = {("many.example", "MX"): [f"m{n}.example" for n in range(11)]}
    assert await spf("v=spf1 mx:many.example +all", more=many) == "permerror"


ASKED = Asked(ipaddress.ip_address("192.0.2.3"), "strong-bad@email.example.com", "mail.example.com", "email.example.com")
ASKED_6 = Asked(ipaddress.ip_address("2001:db8::cb01"), "strong-bad@email.example.com", "", "email.example.com")


@pytest.mark.parametrize(
    ("macro", "expanded"),
    [  # the table of RFC 7208 section 7.4
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%%%_%-", "% %20"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("%{h}", "mail.example.com"),
        ("%{p}", "unknown"),
    ],
)
def test_macros(macro, expanded):
    assert expand(macro, ASKED) == expanded


def test_an_ipv6_address_in_a_macro():
    expected = "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
    assert expand("%{ir}.%{v}._spf.%{d2}", ASKED_6) == expected


def test_a_long_name_loses_labels_on_the_left():
    expanded = expand("a." * 150 + "%{d}", ASKED)
    assert len(expanded) <= 253
    assert expanded.endswith(".a.email.example.com")


@given(st.text(max_size=200))
def test_any_text_is_a_record_or_an_error(text):
    try:
        record = parse_spf("v=spf1 " + text)
    except SpfError:
        return
    for term in record.terms:
        assert term.four <= 32
        assert term.six <= 128
    assert is_spf("v=spf1 " + text)


@given(st.lists(st.sampled_from(["%", "{", "}", "d", "i", "r", "2", "-", ".", "s"]), max_size=30).map("".join))
def test_any_macro_expands_or_is_an_error(text):
    try:
        assert len(expand(text, ASKED)) <= 253 or "." not in expand(text, ASKED)
    except SpfError:
        return
