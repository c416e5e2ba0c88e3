"""What a person at the terminal is shown: times by the site's clocks, and what a mail would bring this very sender."""

import json
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import tiny_rules
from gateway_process import GatewayProcess, mail, settings
from smtp_sink import ThreadedSink

from gateway.cli.incident import for_people
from gateway.cli.plain import cell, local_time
from gateway.cli.this_sender import ThisSender
from gateway.edge.rules import load_rules
from gateway.values import Assessment, Category, Level, Mode, Standing, Strike

BERLIN = ZoneInfo("Europe/Berlin")
SHOWN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d CES?T")
ABUSE = "You are an idiot."
COMPLAINT = "Your agent was rude to me. I ask for an apology."


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    return tiny_rules.write(tmp_path_factory.mktemp("rules"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, rules):
    with ThreadedSink() as sink, GatewayProcess(settings(tmp_path_factory.mktemp("terminal"), sink.port, more="[notices]\nsame_text_hours = 0\n"), rules=rules) as process:
        for number, sender in enumerate(("anna@client.example",) * 3 + ("bea@client.example",)):
            assert process.send(mail(f"{ABUSE} Number {number}, really.", sender=sender, number=number), sender)[0] == 250
        assert process.send(mail(COMPLAINT, sender="cleo@client.example", number=9), "cleo@client.example")[0] == 250
        yield process


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("sender", "list"), ("incident", "list"), ("held", "list"), ("case", "list")], ids=" ".join)
def test_lists_show_times_by_the_sites_clocks(gateway, command):
    shown = gateway.courtesy(*command)
    assert SHOWN.search(shown), shown
    assert not re.search(r"T\d\d:\d\d|\+00:00", shown)


@pytest.mark.parametrize("command", [("sender", "list"), ("incident", "list"), ("held", "list"), ("case", "list")], ids=" ".join)
def test_json_is_in_utc(gateway, command):
    rows = json.loads(gateway.courtesy(*command, "--json"))
    times = [row.get("at") or row.get("suspended_until") or row.get("due") for row in rows]
    assert any(times)
    assert all(datetime.fromisoformat(at).utcoffset() == timedelta(0) for at in times if at)


def test_a_single_row_shows_every_time_so(gateway):
    reference = json.loads(gateway.courtesy("incident", "list", "--json"))[0]["id"]
    for command in (("incident", "show", reference), ("sender", "show", "anna@client.example")):
        shown = gateway.courtesy(*command)
        assert SHOWN.search(shown)
        assert "+00:00" not in shown


def test_an_incident_is_told_in_words_that_a_manager_knows(gateway):
    row = json.loads(gateway.courtesy("incident", "list", "--sender", "bea@client.example", "--json"))[0]
    shown = gateway.courtesy("incident", "show", row["id"]).splitlines()
    assert "sender verified: yes" in shown
    assert "vouched for by: dmarc=pass by mx.shop.example" in shown
    assert "the level rests on: rules" in shown
    assert not [line for line in shown if line.startswith(("by:", "basis:"))]
    whole = json.loads(gateway.courtesy("incident", "show", row["id"], "--json"))
    assert (whole["by"], whole["basis"]) == ("dmarc=pass by mx.shop.example", "rules"), "programs read the names that they know"


RECORD = {"verified": True, "by": "dmarc=pass by mx.shop.example", "basis": "rules", "alerts": [], "rules_version": "abc", "state": "done", "strikes": 1}
RECORD |= {"held": False, "held_now": False, "released_by": "", "waits": False, "strikes_in_force": 1}


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ({"verified": False, "by": "no word of a trusted host"}, ("why not verified", "no word of a trusted host")),
        ({"basis": "ear"}, ("the level rests on", "the learned ear alone")),
        ({"basis": "both"}, ("the level rests on", "rules and the learned ear")),
        ({"alerts": ["report"]}, ("the level rests on", "a person's report")),
        ({"rules_version": ""}, ("the level rests on", "a person's report")),
    ],
)
def test_on_what_an_incident_rests(record, line):
    assert line in for_people({**RECORD, **record}).items()


def test_held_mail_says_how_many_strikes_its_sender_has(gateway):
    """It once said "1 strike" of a sender who was held for his third."""
    assert "abusive; 1 strike, which makes 3" in gateway.courtesy("held", "list")


def test_the_hour_that_is_there_twice_can_be_told_apart():
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert local_time(first, BERLIN) == "2026-10-25 02:30 CEST"
    assert local_time(first + timedelta(hours=1), BERLIN) == "2026-10-25 02:30 CET"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-07-01T12:00:00+00:00", "2026-07-01 14:00 CEST"),
        ("2026-07-01T12:00:00.123456Z", "2026-07-01 14:00 CEST"),
        ("a note of 2026-07-01T12:00:00+00:00", "a note of 2026-07-01T12:00:00+00:00"),
        ("2026-07-01", "2026-07-01"),
        ([{"at": "2026-07-01T12:00:00+00:00", "told": True}], "at 2026-07-01 14:00 CEST, told yes"),
        (None, "-"),
    ],
)
def test_only_a_time_is_turned_into_one(value, shown):
    assert cell(value, BERLIN) == shown


def test_without_a_zone_nothing_is_turned():
    assert cell("2026-07-01T12:00:00+00:00") == "2026-07-01T12:00:00+00:00"


# --- this sender ------------------------------------------------------------------------------------------------------


def explained(gateway, rules, tmp_path, sender, *more, check=True):
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(f"{ABUSE} Again and again."))
    return gateway.courtesy("score", "--explain", "--only-rules", str(rules), "--sender", sender, *more, str(file), check=check)


def test_somebody_unknown(gateway, rules, tmp_path):
    told = explained(gateway, rules, tmp_path, "New.Customer@client.example")
    assert "what would follow for new.customer@client.example:" in told
    assert "now: good, 0 active strikes" in told
    assert "when a trusted host vouches for the mail: delivered behind a note, warning to the sender" in told
    assert "; then warned, 1 active strike" in told
    assert "when nobody does: delivered behind a note (unverified sender: no consequence)\n" in told


def test_somebody_with_a_strike(gateway, rules, tmp_path):
    told = explained(gateway, rules, tmp_path, "bea@client.example")
    assert "now: warned, 1 active strike\n" in told
    assert "delivered behind a note, final warning to the sender" in told
    assert "; then final warned, 2 active strikes" in told


def test_somebody_suspended(gateway, rules, tmp_path):
    told = explained(gateway, rules, tmp_path, "anna@client.example")
    assert re.search(r"now: suspended, 3 active strikes, until \d{4}-\d\d-\d\d \d\d:\d\d CES?T", told)
    assert "held for a person" in told


def test_somebody_whom_a_person_blocked(gateway, rules, tmp_path):
    gateway.courtesy("sender", "block", "dora@client.example", "--by", "boss")
    told = explained(gateway, rules, tmp_path, "dora@client.example")
    assert "now: blocked, 0 active strikes, by boss" in told
    assert "when a trusted host vouches for the mail: refused (blocked by boss)" in told
    assert "when nobody does: held for a person" in told


def test_the_page_says_the_same(gateway, rules, tmp_path):
    page = tmp_path / "page.html"
    explained(gateway, rules, tmp_path, "bea@client.example", "--html", str(page))
    text = page.read_text("utf-8")
    assert "<h2>What would follow for bea@client.example</h2>" in text
    assert "<li>now: warned, 1 active strike</li>" in text


def test_the_ledger_is_only_read(gateway, rules, tmp_path):
    before = gateway.courtesy("sender", "list", "--all", "--json")
    explained(gateway, rules, tmp_path, "nobody.yet@client.example")
    assert gateway.courtesy("sender", "list", "--all", "--json") == before


@pytest.mark.parametrize("sender", ["no address", "a@b@", "<a@b.example>"])
def test_what_is_no_address_is_said(gateway, rules, tmp_path, sender):
    assert "is not a mail address; write name@domain" in explained(gateway, rules, tmp_path, sender, check=False)


def test_a_sender_needs_a_ledger_and_an_explanation(gateway, rules, tmp_path):
    assert "--sender goes with --explain and --config" in gateway.courtesy("score", "--sender", "a@b.example", "--only-rules", str(rules), str(rules), check=False)


def test_a_site_that_only_observes_says_so(rules):
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    policy = load_rules((rules,))[0].policy
    standing = Standing("anna@client.example", (Strike(now - timedelta(days=2), "A", Level.ABUSIVE),), block_proposed="A")
    told = ThisSender(standing, "", now, BERLIN, Mode.OBSERVE).follows(Assessment(Level.ABUSIVE, 5, "en", (Category.INSULT,)), policy)
    assert told[0] == "now: warned, 1 active strike, a person decides about a block"
    assert told[-1] == "but the mode is observe: every mail is delivered and nobody is told"


def test_somebody_who_is_never_judged(rules):
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    policy = load_rules((rules,))[0].policy
    told = ThisSender(Standing("anna@client.example", allowed=True), "", now, BERLIN, Mode.ENFORCE).follows(Assessment(Level.SEVERE, 12, "en"), policy)
    assert told == (
        "now: good, 0 active strikes, never judged, as a person decided",
        "when a trusted host vouches for the mail: delivered (a person allowed this sender)",
        "when nobody does: delivered (a person allowed this sender)",
    )
