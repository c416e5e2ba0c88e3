"""The paths of MAIL and RCPT, and for whom mail is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smtp_gateway import settings_for

from gateway.edge.smtp_addresses import comparable_domain, parse_path
from gateway.edge.smtp_recipients import Fate, Recipients
from gateway.policy.tokens import token_address

RECIPIENTS = Recipients(
    settings_for(
        "127.0.0.1:1",
        recipients=["support@gateway.test", "@help.gateway.test", "@xn--bcher-kva.test", "odd%name@gateway.test"],
        addresses='appeals = "appeals@gateway.test"',
    )
)


@pytest.mark.parametrize(
    ("written", "address", "parameters"),
    [
        ("<a@b.test>", "a@b.test", ()),
        (" <a@b.test>", "a@b.test", ()),
        ("a@b.test", "a@b.test", ()),
        ("<>", "", ()),
        ("<> SIZE=1 BODY=8BITMIME", "", ("SIZE=1", "BODY=8BITMIME")),
        ("<a@b.test> ENVID=QQ+2b ret=hdrs", "a@b.test", ("ENVID=QQ+2b", "ret=hdrs")),
        ("<@one.test,@two.test:a@b.test>", "a@b.test", ()),
        ('<"a"@b.test>', "a@b.test", ()),
        ('<"a b"@b.test>', '"a b"@b.test', ()),
        (r'<"a\"b"@b.test>', r'"a\"b"@b.test', ()),
        (r'<"\a"@b.test>', "a@b.test", ()),
        ("<prvs=0123abc=joe@b.test>", "prvs=0123abc=joe@b.test", ()),
        ("<SRS0=a=b=c.test=joe@b.test>", "SRS0=a=b=c.test=joe@b.test", ()),
        ("<a@[192.0.2.1]>", "a@[192.0.2.1]", ()),
        ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", ()),
        ("<jörg@bücher.test> SMTPUTF8", "jörg@bücher.test", ("SMTPUTF8",)),
        ("<Postmaster>", "Postmaster", ()),
    ],
)
def test_good_paths(written, address, parameters):
    path = parse_path(written)
    assert path is not None
    assert (path.address, path.parameters) == (address, parameters)


@pytest.mark.parametrize(
    "written",
    [
        "", "a", "<a@b@c>", "<a b@c>", "<a@b.test>x", "<<a@b.test>>", "<a@b.test", "a@b.test>", "<@b.test>", "<a@>", "<.a@b.test>",
        "<a..b@c.test>", "<a.@c.test>", "<a@b..test>", "<a@b.test.>", "<a@.b.test>", "<a@-b.test>", '<""@b.test>', "<a@[nonsense]>",
        "<a\r@b.test>", "<a@b.test>\rRCPT TO:<x@y.test>", "<a\x00@b.test>", '<"a\x7f"@b.test>', "<a@b.test> X=\x00", "<j\udcf6rg@b.test>",
        "<a@ｂ.test>", "<a@b。test>", "<a@BU\u0308CHER.test>", f"<{'a' * 200}@{'b' * 60}.test>", "<a@b.test,c@d.test>", "<a@b c>",
    ],
)  # fmt: skip
def test_bad_paths(written):
    assert parse_path(written) is None


@pytest.mark.parametrize(
    ("recipient", "fate"),
    [
        ("support@gateway.test", Fate.ASK),
        ("Support@GATEWAY.Test", Fate.ASK),
        ("anybody@help.gateway.test", Fate.ASK),
        ("any+tag@help.gateway.test", Fate.ASK),
        ("joe@bücher.test", Fate.ASK),
        ("joe@XN--BCHER-KVA.test", Fate.ASK),
        ("odd%name@gateway.test", Fate.ASK),
        ("postmaster", Fate.ASK),
        ("POSTMASTER@gateway.test", Fate.ASK),
        ("abuse@help.gateway.test", Fate.ASK),
        ("support+complaints@gateway.test", Fate.ASK),
        ("appeals@gateway.test", Fate.OWN),
        ("APPEALS+Tok3n@gateway.test", Fate.OWN),
        ("support+report@gateway.test", Fate.OWN),
        ("support+report.Tok3n@gateway.test", Fate.OWN),
        ("Support+Decisions+x_y-z=1@gateway.test", Fate.OWN),
        ("appeals.smith@gateway.test", Fate.DENY),
        ("appealsx@gateway.test", Fate.DENY),
        ("support+reporter@gateway.test", Fate.DENY),
        ("other@gateway.test", Fate.DENY),
        ("support@elsewhere.example", Fate.DENY),
        ("support@sub.gateway.test", Fate.DENY),
        ("support@evilgateway.test", Fate.DENY),
        ("x@sub.help.gateway.test", Fate.DENY),
        ("x@help.gateway.test.evil.example", Fate.DENY),
        ("victim%elsewhere.example@gateway.test", Fate.DENY),
        ("victim%elsewhere.example@help.gateway.test", Fate.DENY),
        ("elsewhere.example!victim@help.gateway.test", Fate.DENY),
        ('"victim@elsewhere.example"@help.gateway.test', Fate.DENY),
        ('"victim@elsewhere.example"', Fate.DENY),
        ('"a b"@help.gateway.test', Fate.DENY),
        ("a/b@help.gateway.test", Fate.DENY),
        ("|prog@help.gateway.test", Fate.DENY),
        ("postmaster@elsewhere.example", Fate.DENY),
        ("abuse", Fate.DENY),
        ("abuse@elsewhere.example", Fate.DENY),
        ("x@[127.0.0.1]", Fate.DENY),
        ("support@gateway.test.", Fate.DENY),
        ("support@gateway。test", Fate.DENY),
        ("support@ｇateway.test", Fate.DENY),
    ],
)
def test_fate(recipient, fate):
    assert RECIPIENTS.fate_of(recipient) is fate


def test_a_source_route_is_judged_by_its_last_address_and_taken_off():
    assert RECIPIENTS.fate(parse_path("<@gateway.test:victim@elsewhere.example>")) is Fate.DENY
    path = parse_path("<@elsewhere.example:support@gateway.test>")
    assert RECIPIENTS.fate(path) is Fate.ASK
    assert path.address == "support@gateway.test"


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("appeals@gateway.test", ("appeals", "")),
        ("appeals+ToKeN@gateway.test", ("appeals", "ToKeN")),
        ("support+report.ToKeN@gateway.test", ("report", "ToKeN")),
        ("support+civil+a@GATEWAY.test", ("civil", "a")),
        ("support+civil.@gateway.test", None),
        ("support@gateway.test", None),
        ("nonsense", None),
    ],
)
def test_own_mailboxes_and_their_tokens(address, own):
    assert RECIPIENTS.own_token(address) == own
    assert RECIPIENTS.own(address) == (own[0] if own else None)


@pytest.mark.parametrize(("name", "address"), [("appeals", "appeals@gateway.test"), ("decisions", "support+decisions@gateway.test")])
def test_the_addresses_that_we_write_come_back_with_their_token(name, address):
    made = token_address(address, "abc-DEF")
    assert RECIPIENTS.own_token(made) == (name, "abc-DEF")
    assert RECIPIENTS.own_token("appeals.anna@gateway.test") is None  # a colleague of that name


@given(st.text(max_size=60))
def test_whatever_is_written_a_path_is_safe_to_send_on(text):
    path = parse_path(f"<{text}>")
    if path is not None:
        assert not any(ord(c) < 32 or ord(c) == 127 for c in path.address)
        again = parse_path(f"<{path.address}>")
        assert again is not None
        assert again.address == path.address


@given(st.text(alphabet='ab@%!".:,<>[]\\/| +-=ä。', max_size=30))
def test_nothing_but_our_domains_is_ever_relayed(text):
    for written in (text, f"{text}@help.gateway.test", f"{text}@elsewhere.example", f"{text}support@gateway.test"):
        path = parse_path(f"<{written}>")
        if path is None or RECIPIENTS.fate(path) is Fate.DENY:
            continue
        local, _, domain = path.address.rpartition("@")
        assert comparable_domain(domain) in {"gateway.test", "help.gateway.test", "xn--bcher-kva.test"}
        assert not set('@!":|/\\ ') & set(local)
