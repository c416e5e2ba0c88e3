"""What may be kept for how long (R6): each class of data by its own clock, legal hold above all of them."""

import asyncio
import json
import os
import time
from dataclasses import fields, replace
from datetime import date, timedelta

import pytest
from gateway_process import GatewayProcess, mail, settings
from ledger_makers import MESSAGE, NOON, Clock, a_mail, an_incident
from smtp_sink import ThreadedSink

from gateway.edge import retention
from gateway.edge.held import HeldFolder
from gateway.edge.retention import CLASSES, Purge, clocks_of, purge_daily
from gateway.edge.settings import RetentionSettings
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed
from gateway.numbers import Policy
from gateway.policy.retention import Clocks, held_class, held_is_over, incident_left, sender_is_over
from gateway.records import OWN_MAILBOX, Action, DecisionItem, DecisionList, HeldMail, IncidentState
from gateway.values import Category, Envelope, Level, Standing, Strike

CLOCKS = clocks_of(RetentionSettings(held_days=180))
POLICY = Policy(1, 4, 8, (), (), decay_days=90, rude_window_days=30, reminder_days=30, notice_repeat_days=7, ladder=())
FOREVER = Clocks(**dict.fromkeys((field.name for field in fields(Clocks)), None))
THREAT = {"level": Level.SEVERE, "categories": (Category.THREAT,)}


def ago(days):
    return NOON - timedelta(days=days)


def test_every_setting_is_a_clock():
    assert [f"{field.name}_days" for field in fields(Clocks)] == list(RetentionSettings.model_fields)
    assert clocks_of(RetentionSettings(incidents_days=0)).incidents is None
    assert clocks_of(RetentionSettings(held_days=3)).held == timedelta(days=3)


@pytest.mark.parametrize(
    ("age", "more", "left"),
    [
        (1, {}, "whole"),
        (7, {}, "no key"),
        (89, {}, "no key"),
        (90, {}, "no words"),
        (364, {}, "no words"),
        (365, {}, "gone"),
        (365, {"state": IncidentState.WOULD_BE}, "gone"),
        (365, {"state": IncidentState.OVERTURNED}, "gone"),
        (4000, {"state": IncidentState.OPEN}, "whole"),
        (4000, {"legal_hold": True}, "whole"),
        (365, THREAT, "no key"),
        (729, THREAT, "no key"),
        (730, THREAT, "gone"),
        (365, {"level": Level.SEVERE}, "no key"),
        (365, {"categories": (Category.STALKING,)}, "no key"),
        (4000, THREAT | {"legal_hold": True}, "whole"),
    ],
)
def test_what_is_left_of_an_incident(age, more, left):
    incident = an_incident(at=ago(age), **more)
    after = incident_left(incident, CLOCKS, NOON)
    expected = {
        "whole": incident,
        "no key": replace(incident, key=""),
        "no words": replace(incident, key="", excerpt="", subject=""),
        "gone": None,
    }[left]
    assert after == expected
    assert incident_left(incident, FOREVER, NOON) == incident


def held_mail(reference="A1", age=0, reason="insult aimed at staff", released_by="", released_at=None):
    return HeldMail(reference, ago(age), Envelope("anna@example.net", ("support@shop.example",)), reason, len(MESSAGE), released_by, released_at)


@pytest.mark.parametrize(
    ("mail", "incident", "kind", "last"),
    [
        (held_mail(), an_incident(), "held", 180),
        (held_mail(), None, "held", 180),
        (held_mail(), an_incident(**THREAT), "evidence", 730),
        (held_mail(released_by="boss"), an_incident(**THREAT), "evidence", 730),
        (held_mail(released_by="boss"), an_incident(), "released", 30),
        (held_mail(reason=f"{OWN_MAILBOX} appeals"), None, "mailbox", 365),
    ],
)
def test_held_mail_by_its_clock(mail, incident, kind, last):
    assert held_class(mail, incident) == kind
    for age, over in ((last - 1, False), (last, True)):
        assert held_is_over(replace(mail, at=ago(age)), incident, CLOCKS, NOON) is over
    assert not held_is_over(replace(mail, at=ago(9999)), incident, FOREVER, NOON)
    if incident is not None:
        old = replace(mail, at=ago(9999))
        assert not held_is_over(old, replace(incident, legal_hold=True), CLOCKS, NOON)
        assert held_is_over(old, replace(incident, state=IncidentState.OPEN), CLOCKS, NOON) is bool(mail.released_by)


def test_held_mail_stays_until_a_person_decides_unless_the_settings_say_otherwise():
    assert not held_is_over(replace(held_mail(), at=ago(9999)), None, clocks_of(RetentionSettings()), NOON)


def test_the_copy_of_released_mail_is_kept_from_its_release_on():
    late = held_mail(age=170, released_by="boss", released_at=ago(29))
    assert not held_is_over(late, None, CLOCKS, NOON)
    assert held_is_over(replace(late, released_at=ago(30)), None, CLOCKS, NOON)


@pytest.mark.parametrize(
    ("standing", "over"),
    [
        (Standing("a@b.example"), True),
        (Standing("a@b.example", (Strike(ago(1000), "A", Level.ABUSIVE),)), True),
        (Standing("a@b.example", (Strike(ago(364), "A", Level.ABUSIVE),)), False),
        (Standing("a@b.example", (Strike(ago(10), "A", Level.ABUSIVE),)), False),
        (Standing("a@b.example", notices=(("warning", ago(400)), ("reminder", ago(300)))), False),
        (Standing("a@b.example", notices=(("warning", ago(400)),)), True),
        (Standing("a@b.example", rude_at=ago(20)), False),
        (Standing("a@b.example", pardoned_at=ago(366)), True),
        (Standing("a@b.example", suspended_until=ago(400)), True),
        (Standing("a@b.example", suspended_until=ago(-1), pardoned_at=ago(900)), False),
        (Standing("a@b.example", blocked_by="boss", blocked_at=ago(2000)), False),
        (Standing("a@b.example", allowed=True, pardoned_at=ago(2000)), False),
        (Standing("a@b.example", block_proposed="A1", rude_at=ago(2000)), False),
    ],
)
def test_senders_who_are_forgotten(standing, over):
    assert sender_is_over(standing, CLOCKS, POLICY, NOON) is over
    assert not sender_is_over(standing, FOREVER, POLICY, NOON)


@pytest.fixture
async def state(tmp_path):
    """A ledger and held mail with something old and something young of each class."""
    held = HeldFolder(tmp_path)
    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock()) as ledger:
        for age in (3, 20, 100, 400, 800):
            sender = f"s{age}@example.net"
            standing = Standing(sender, (Strike(ago(age), f"I{age}", Level.ABUSIVE),))
            await ledger.record(an_incident(f"I{age}", sender=sender, at=ago(age)), standing, (a_mail(f"N{age}", recipients=(sender,)),))
            await ledger.sent(a_mail(f"N{age}", recipients=(sender,)), ago(min(age, 29)))
            await ledger.record(an_incident(f"T{age}", sender=f"t{age}@example.net", at=ago(age), **THREAT), None)
            for kind in "IT":
                await held.hold(held_mail(f"{kind}{age}", age), MESSAGE)
            await held.hold(held_mail(f"M{age}", age, f"{OWN_MAILBOX} appeals"), MESSAGE)
            await ledger.count(ago(age), {"mails": 1})
            await ledger.ask(DecisionList(f"L{age}", ago(age), (DecisionItem(1, f"I{age}", (Action.RELEASE,)),)))
        await held.release("I100", "boss", ago(99))
        await ledger.record(an_incident("HOLD", sender="h@example.net", at=ago(900), legal_hold=True), None)
        await held.hold(held_mail("HOLD", 900), MESSAGE)
        await ledger.put_standing(Standing("blocked@example.net", blocked_by="boss", blocked_at=ago(3000)))
        yield ledger, held


EXPECTED = {
    "incidents": 3,  # I400, I800, T800
    "excerpts": 1,  # I100
    "delivery_keys": 5,  # I20 I100 T20 T100 T400
    "held": 2,  # I400 I800
    "released": 1,  # I100
    "evidence": 1,  # T800
    "mailbox": 2,  # M400 M800
    "senders": 2,  # of I400 and I800
    "cases": 0,
    "sent": 0,
    "counters": 1,  # the month 800 days ago
    "lists": 2,  # L400 L800
}


async def test_the_purge(state):
    ledger, held = state
    before = {incident.id: incident for incident in await ledger.incidents()}
    looked = await Purge(ledger, held, CLOCKS, POLICY, NOON, commit=False).run()
    # a sender is only forgotten once his incidents are
    assert looked == EXPECTED | {"senders": 0}
    assert {incident.id: incident for incident in await ledger.incidents()} == before
    assert len(await held.held()) == 16
    assert await Purge(ledger, held, CLOCKS, POLICY, NOON).run() == EXPECTED
    after = {incident.id: incident for incident in await ledger.incidents()}
    assert after.keys() == {"I3", "I20", "I100", "T3", "T20", "T100", "T400", "HOLD"}
    assert (after["I100"].excerpt, after["I100"].subject, after["I100"].key) == ("", "", "")
    assert after["T400"].excerpt == before["T400"].excerpt
    assert after["HOLD"] == before["HOLD"]
    assert {mail.id for mail in await held.held()} == {"I3", "I20", "T3", "T20", "T100", "T400", "M3", "M20", "M100", "HOLD"}
    known = {standing.address for standing in await ledger.standings(everyone=True)}
    assert known == {"s3@example.net", "s20@example.net", "s100@example.net", "blocked@example.net"}
    assert list(await ledger.counters(date(2000, 1, 1), NOON.date())) == [ago(age).date() for age in (400, 100, 20, 3)]
    assert [await ledger.decision_list(f"L{age}") is not None for age in (20, 100, 400, 800)] == [True, True, False, False]
    assert await Purge(ledger, held, CLOCKS, POLICY, NOON).run() == dict.fromkeys(CLASSES, 0), "again there is nothing to do"
    later = NOON + timedelta(days=9999)
    assert await Purge(ledger, held, FOREVER, POLICY, later).run() == dict.fromkeys(CLASSES, 0) | {"lists": 3}, "only what has no setting"


async def test_held_mail_never_goes_in_silence(tmp_path, caplog):
    held = HeldFolder(tmp_path)
    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock()) as ledger:
        await ledger.record(an_incident("I1", at=ago(200)), None)
        await held.hold(held_mail("I1", 200), MESSAGE)
        await Purge(ledger, held, CLOCKS, POLICY, NOON).run()
        noted = (await ledger.incident("I1")).notes
    assert noted == ((NOON, "retention", "held mail deleted after 200 days without a decision"),)
    assert "I1: held mail deleted after 200 days without a decision" in caplog.text


async def test_what_a_crash_left_of_a_held_mail_goes(tmp_path):
    """A message without its facts was never held, or is half deleted: nobody would find it, and nobody may keep it."""
    held = HeldFolder(tmp_path)
    await held.hold(held_mail("I1"), MESSAGE)
    for name, age in (("LEFT", 90_000), ("NEW", 10)):
        path = tmp_path / "held" / f"{name}.eml"
        path.write_bytes(MESSAGE)
        os.utime(path, (time.time() - age,) * 2)
    os.utime(tmp_path / "held" / "I1.eml", (1, 1))
    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock()) as ledger:
        await Purge(ledger, held, CLOCKS, POLICY, NOON, commit=False).run()
        assert (tmp_path / "held" / "LEFT.eml").exists()
        await Purge(ledger, held, CLOCKS, POLICY, NOON).run()
    assert sorted(path.name for path in (tmp_path / "held").iterdir()) == ["I1.eml", "I1.json", "NEW.eml"]


async def test_notes_of_sent_mail_go(tmp_path):
    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock()) as ledger:
        await ledger.record(an_incident(), None, (a_mail("N1"), a_mail("N2")))
        await ledger.sent(a_mail("N1"), ago(20))
        await ledger.sent(a_mail("N2"), ago(5))
        clocks = clocks_of(RetentionSettings(sent_days=14))
        assert (await Purge(ledger, HeldFolder(tmp_path), clocks, POLICY, NOON).run())["sent"] == 1
        assert [mail.id for mail in await ledger.posted(ago(30))] == ["N2"]


async def test_the_daily_job_outlives_trouble(monkeypatch, caplog):
    monkeypatch.setattr(retention, "FIRST_SECONDS", 0)
    monkeypatch.setattr(retention, "DAY_SECONDS", 0)
    outcomes = iter([LedgerFailed("disk full"), ValueError("words of a mail"), {"held": 1}])
    told = []

    async def purge():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def tell(counts):
        told.append(counts)
        if len(told) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await purge_daily(purge, tell)
    assert told == [None, None, {"held": 1}]
    assert "the purge failed and is tried again tomorrow: disk full" in caplog.text


# --- at the command line, with the real service ---------------------------------------------------------------------


def test_keep_export_forget_and_purge_with_the_service(tmp_path):
    with ThreadedSink() as sink, GatewayProcess(settings(tmp_path, sink.port, more="[retention]\nheld_days = 1")) as gateway:
        threat = "I will come to your office and kill you, you idiot."
        assert gateway.send(mail("You are an idiot.", number=1), "Anna@CLIENT.example")[0] == 250
        assert gateway.send(mail(threat, number=2), "anna@client.example")[0] == 250
        assert gateway.send(mail(threat, sender="carl@client.example", number=3), "carl@client.example")[0] == 250
        incidents = json.loads(gateway.courtesy("incident", "list", "--sender", "anna@client.example", "--json"))
        assert len(incidents) == 2
        held = next(row["id"] for row in incidents if row["held"])
        assert gateway.courtesy("ledger", "purge", "--dry-run") == gateway.courtesy("ledger", "purge") == "Nothing is too old.\n"

        told = json.loads(gateway.courtesy("sender", "export", "ANNA@client.example"))
        assert told["standing"]["address"] == "anna@client.example"
        assert {row["id"] for row in told["incidents"]} == {row["id"] for row in incidents}
        assert all("excerpt" in row and "subject" in row for row in told["incidents"])
        assert [row["id"] for row in told["held"]] == [held]
        assert threat in told["held"][0]["message"]
        assert "carl" not in json.dumps(told)

        assert gateway.courtesy("incident", "keep", held) == f"{held} is under legal hold.\n"
        out = gateway.courtesy("sender", "forget", "anna@client.example", "--yes")
        assert out == f"anna@client.example: 1 incidents and 0 held mails erased.\nUnder legal hold, so kept: {held}.\n"
        gateway.courtesy("incident", "keep", held, "--end", "--by", "the court")
        notes = json.loads(gateway.courtesy("incident", "show", held, "--json"))["notes"]
        assert [(note["by"], note["what"]) for note in notes][-1] == ("the court", "taken from legal hold")
        assert "1 incidents and 1 held mails erased" in gateway.courtesy("sender", "forget", "anna@client.example", "--yes")
        state = tmp_path / "state"
        left = [path for path in state.rglob("*") if path.is_file() and b"anna@" in path.read_bytes().lower()]
        assert not left, left
        assert len(json.loads(gateway.courtesy("held", "list", "--json"))) == 1
