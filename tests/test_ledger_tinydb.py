"""The ledger as the path, the command line, the digest and the outbox use it."""

import asyncio
import os
import stat
import threading
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from ledger_makers import NOON, Clock, a_mail, a_standing, an_incident

from gateway.edge import tinydb_ledger
from gateway.edge.durable import Disk
from gateway.edge.ledger_files import Changes, shard_of
from gateway.edge.shard import PostedMail
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed
from gateway.records import IncidentState
from gateway.values import Standing


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def ledger(tmp_path, clock):
    async with await TinyLedger.open(tmp_path / "ledger", clock=clock) as opened:
        yield opened


async def test_an_empty_ledger_knows_nobody(ledger):
    assert await ledger.standing("nobody@example.net") == Standing("nobody@example.net")
    assert await ledger.seen("nobody@example.net", "key") is None


async def test_a_record_has_incident_standing_and_mail(ledger):
    await ledger.record(an_incident(), a_standing(), (a_mail(),))
    assert await ledger.seen("anna@example.net", "key-A1") == an_incident()
    assert await ledger.incident("A1") == an_incident()
    assert await ledger.standing("anna@example.net") == a_standing()
    assert await ledger.due(NOON) == (a_mail(),)
    assert ledger.mail_waiting.is_set()


async def test_a_record_without_standing_leaves_it_as_it_is(ledger):
    await ledger.put_standing(a_standing())
    await ledger.record(an_incident("A2"), None)
    assert await ledger.standing("anna@example.net") == a_standing()
    assert not ledger.mail_waiting.is_set()


async def test_the_same_delivery_key_within_a_week_changes_nothing(ledger, clock):
    await ledger.record(an_incident(), a_standing(), (a_mail(),))
    clock.forward(days=6, hours=23)
    await ledger.record(an_incident("A2", "key-A1", at=clock()), Standing("anna@example.net"), (a_mail("N2"),))
    assert await ledger.incident("A2") is None
    assert await ledger.standing("anna@example.net") == a_standing()
    assert len(await ledger.waiting()) == 1
    clock.forward(hours=1)
    assert await ledger.seen("anna@example.net", "key-A1") is None
    await ledger.record(an_incident("A2", "key-A1", at=clock()), Standing("anna@example.net"), (a_mail("N2"),))
    assert (await ledger.seen("anna@example.net", "key-A1")).id == "A2"
    assert await ledger.standing("anna@example.net") == Standing("anna@example.net")


async def test_the_same_key_at_once_is_one_incident(ledger):
    await asyncio.gather(*(ledger.record(an_incident(f"A{number}", "same"), None, (a_mail(f"N{number}"),)) for number in range(10)))
    assert len(await ledger.incidents()) == 1
    assert len(await ledger.waiting()) == 1


async def test_an_id_is_never_taken_twice(ledger):
    await ledger.record(an_incident(), None)
    with pytest.raises(LedgerFailed, match="another incident has the id A1 already"):
        await ledger.record(an_incident(key="other"), None)
    assert await ledger.incident("A1") == an_incident()


async def test_the_reply_is_settled_for_the_resend(ledger):
    await ledger.record(an_incident(), None)
    await ledger.settle(an_incident(), "250 2.6.0 Message accepted")
    assert (await ledger.seen("anna@example.net", "key-A1")).reply == "250 2.6.0 Message accepted"
    await ledger.settle(an_incident("A9", "key-A1"), "451 4.3.0 later")
    assert (await ledger.incident("A1")).reply == "451 4.3.0 later"
    with pytest.raises(LedgerFailed, match="there is no incident B1"):
        await ledger.settle(an_incident("B1"), "250 ok")


async def test_what_goes_out_is_put_when_the_mail_is_settled(ledger):
    await ledger.record(an_incident(), a_standing())
    assert not ledger.mail_waiting.is_set()
    for _ in range(2):
        await ledger.settle(an_incident(), "250 ok", (a_mail(),))
        assert ledger.mail_waiting.is_set()
        assert await ledger.waiting() == (a_mail(),)
    with pytest.raises(LedgerFailed):
        await ledger.settle(an_incident("B1"), "250 ok", (a_mail("N2"),))
    assert await ledger.waiting() == (a_mail(),)


async def test_people_note_what_they_did(ledger):
    await ledger.record(an_incident(state=IncidentState.OPEN), None)
    note = (NOON, "boss@shop.example", "overturned: he quoted us")
    after = await ledger.update_incident("A1", state=IncidentState.OVERTURNED, note=note)
    assert after == await ledger.incident("A1")
    assert (after.state, after.notes) == (IncidentState.OVERTURNED, (note,))
    assert (await ledger.update_incident("A1", note=note)).notes == (note, note)


async def test_incidents_are_listed_newest_first_by_what_is_asked(ledger):
    for number in range(6):
        sender = "anna@example.net" if number % 2 else "bela@example.org"
        state = IncidentState.OPEN if number < 3 else IncidentState.DONE
        await ledger.record(an_incident(f"I{number}", sender=sender, at=NOON + timedelta(hours=number), state=state), None)

    async def ids(**asked):
        return [incident.id for incident in await ledger.incidents(**asked)]

    assert await ids() == ["I5", "I4", "I3", "I2", "I1", "I0"]
    assert await ids(sender="anna@example.net") == ["I5", "I3", "I1"]
    assert await ids(state=IncidentState.OPEN) == ["I2", "I1", "I0"]
    assert await ids(since=NOON + timedelta(hours=2), until=NOON + timedelta(hours=4)) == ["I3", "I2"]
    assert await ids(limit=2) == ["I5", "I4"]
    assert await ids(limit=0) == []
    assert await ids(sender="nobody@example.net") == []
    assert sorted([incident.id async for incident in ledger.every_incident()]) == [f"I{number}" for number in range(6)]


async def test_plainly_good_senders_are_listed_only_when_asked(ledger):
    people = (
        Standing("blocked@example.net", blocked_by="boss@shop.example", blocked_at=NOON),
        Standing("friend@example.net", allowed=True),
        Standing("good@example.net", rude_at=NOON, pardoned_at=NOON, notices=(("reminder", NOON),)),
        Standing("proposed@example.net", block_proposed="A1"),
        a_standing("struck@example.net"),
        Standing("suspended@example.net", suspended_until=NOON),
    )
    await ledger.apply(Changes(standings=people))
    assert await ledger.standings(everyone=True) == people
    assert await ledger.standings() == tuple(person for person in people if not person.address.startswith("good"))


async def test_changes_of_several_senders_come_together(ledger):
    await ledger.record(an_incident(), a_standing())
    overturned = an_incident(state=IncidentState.OVERTURNED)
    await ledger.apply(
        Changes((overturned,), (Standing("anna@example.net"), Standing("b@example.net", allowed=True)), (a_mail("N9", "apology"),))
    )
    assert await ledger.incident("A1") == overturned
    assert await ledger.standing("anna@example.net") == Standing("anna@example.net")
    assert (await ledger.standing("b@example.net")).allowed
    assert [mail.id for mail in await ledger.waiting()] == ["N9"]
    await ledger.apply(Changes())


async def test_a_digest_belongs_to_no_sender(ledger):
    await ledger.apply(Changes(outgoing=(a_mail("digest-2026-W47", "digest"),)))
    await ledger.apply(Changes(outgoing=(a_mail("digest-2026-W47", "digest", message=b"other"),)))
    assert await ledger.waiting() == (a_mail("digest-2026-W47", "digest"),)


async def test_a_mail_waits_fails_and_leaves_once(ledger, clock):
    await ledger.record(an_incident(), None, (a_mail(recipients=("a@example.net", "b@example.net")),))
    (mail,) = await ledger.due(NOON)
    await ledger.failed(mail, ("b@example.net",), NOON + timedelta(minutes=1), "451 later")
    assert await ledger.due(NOON) == ()
    assert await ledger.next_due() == NOON + timedelta(minutes=1)
    (mail,) = await ledger.due(NOON + timedelta(minutes=1))
    assert (mail.attempts, mail.recipients, mail.last_error) == (1, ("b@example.net",), "451 later")
    await ledger.sent(mail, NOON)
    await ledger.sent(mail, NOON)
    await ledger.failed(mail, mail.recipients, NOON, "too late")
    assert await ledger.waiting() == ()
    assert await ledger.next_due() is None
    assert await ledger.posted(NOON) == (PostedMail("N1", "warning", ("b@example.net",), NOON),)
    await ledger.apply(Changes(outgoing=(a_mail(),)))
    assert await ledger.waiting() == (), "what left is not sent again"
    await ledger.apply(Changes(outgoing=(a_mail("N2"),)))
    await ledger.gave_up(a_mail("N2"), NOON + timedelta(hours=1), "550 no such user")
    assert [mail.error for mail in await ledger.posted(NOON + timedelta(minutes=1))] == ["550 no such user"]


async def test_what_left_is_remembered_for_thirty_days(ledger, clock):
    await ledger.apply(Changes(outgoing=(a_mail(),)))
    await ledger.sent(a_mail(), clock())
    clock.forward(days=31)
    digest = next(f"digest-{number}" for number in range(100_000) if shard_of(f"digest-{number}") == shard_of("N1"))
    await ledger.apply(Changes(outgoing=(a_mail(digest, "digest", created=clock()),)))
    assert await ledger.posted(NOON) == ()


async def test_kinds_may_be_left_out(ledger):
    await ledger.apply(Changes(outgoing=(a_mail("N1", "warning"), a_mail("N2", "threat", created=NOON + timedelta(hours=1)))))
    assert [mail.id for mail in await ledger.due(NOON + timedelta(days=1), without=frozenset({"warning"}))] == ["N2"]
    assert await ledger.next_due() == NOON
    assert await ledger.next_due(frozenset({"warning"})) == NOON + timedelta(hours=1)


async def test_a_sender_can_be_forgotten(ledger):
    await ledger.record(an_incident(), a_standing(), (a_mail(),))
    await ledger.sent(a_mail(), NOON)
    await ledger.record(an_incident("A2"), None)
    await ledger.record(an_incident("B1", sender="bela@example.org"), a_standing("bela@example.org"))
    assert await ledger.forget("anna@example.net") == 2
    assert await ledger.forget("anna@example.net") == 0
    assert [incident.id for incident in await ledger.incidents()] == ["B1"]
    assert [standing.address for standing in await ledger.standings(everyone=True)] == ["bela@example.org"]
    assert await ledger.posted(NOON) == ()


async def test_nothing_of_a_forgotten_sender_stays_in_the_files(tmp_path):
    async with await TinyLedger.open(tmp_path, clock=Clock()) as ledger:
        await ledger.record(an_incident(), a_standing(), (a_mail(),))
        await ledger.sent(a_mail(), NOON)
        await ledger.forget("anna@example.net")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"anna@" in path.read_bytes()]


async def test_a_forgotten_sender_is_in_no_index_of_an_earlier_run(tmp_path):
    async with await TinyLedger.open(tmp_path, clock=Clock()) as ledger:
        await ledger.record(an_incident(), a_standing(), (a_mail("W1"), a_mail("alert.threat.A1.0", recipients=("boss@shop.example",))))
        await ledger.record(an_incident("A2", legal_hold=True), None, (a_mail("notice.warning.A2"),))
    await asyncio.sleep(0.3)  # what was changed a moment ago isn't in the index
    async with await TinyLedger.open(tmp_path, clock=Clock()) as ledger:
        assert await ledger.forget("anna@example.net") == 1
        assert [incident.id for incident in await ledger.incidents()] == ["A2"], "legal hold overrides"
        assert [mail.id for mail in await ledger.waiting()] == ["notice.warning.A2"]
        assert b"A1" not in (tmp_path / "index.json").read_bytes()


async def test_incidents_are_revised_page_by_page(ledger):
    for number, state in enumerate(IncidentState):
        await ledger.record(an_incident(f"old{number}", at=NOON - timedelta(days=400), state=state), a_standing())
        await ledger.record(an_incident(f"new{number}", state=state), None)

    def judge(incident):
        return incident if incident.state is IncidentState.OPEN else replace(incident, excerpt="") if incident.id == "old0" else None

    before = NOON - timedelta(days=365)
    await ledger.revise_incidents(before, judge, commit=False)
    assert len(await ledger.incidents()) == 8
    await ledger.revise_incidents(before, judge)
    left = await ledger.incidents(until=before)
    assert {(incident.id, incident.state, incident.excerpt) for incident in left} == {
        ("old0", IncidentState.WOULD_BE, ""),
        ("old2", IncidentState.OPEN, "imbécile"),
    }
    assert len(await ledger.incidents()) == 6
    assert await ledger.standing("anna@example.net") == a_standing()


async def test_senders_are_forgotten_only_without_incidents(ledger):
    await ledger.record(an_incident(), a_standing())
    await ledger.put_standing(a_standing("bela@example.org"))
    await ledger.put_standing(a_standing("carl@example.org"))
    asked = []
    await ledger.forget_standings(lambda standing: asked.append(standing.address) or standing.address.startswith("bela"))
    assert sorted(asked) == ["bela@example.org", "carl@example.org"]
    assert [standing.address for standing in await ledger.standings(everyone=True)] == ["anna@example.net", "carl@example.org"]


async def test_the_outboxs_depth_and_age(ledger):
    assert await ledger.outbox_depth() == (0, None)
    await ledger.apply(Changes(outgoing=(a_mail("N1", created=NOON - timedelta(hours=2)), a_mail("N2"))))
    mail = (await ledger.waiting())[0]
    await ledger.failed(mail, mail.recipients, NOON + timedelta(hours=3), "451 later")
    assert await ledger.outbox_depth() == (2, NOON - timedelta(hours=2))


async def test_the_ledger_tells_how_long_it_worked_and_what_failed(tmp_path):
    told = []
    broken = []

    def write(descriptor, data):
        if broken:
            raise OSError(28, "No space left on device")
        return os.write(descriptor, data)

    async with await TinyLedger.open(tmp_path, clock=Clock(), disk=Disk(write=write)) as ledger:
        ledger.observe = lambda seconds, failed: told.append((seconds >= 0, failed))
        await ledger.writable()
        with pytest.raises(LedgerFailed):
            await ledger.update_incident("none")
        broken.append(True)
        with pytest.raises(LedgerFailed, match="No space left"):
            await ledger.writable()
        broken.clear()
    assert [failed for _, failed in told[:3]] == [False, False, True], "that there is no such incident is no trouble of the disk"
    assert not (tmp_path / ".trial").exists()


async def test_one_heavy_sender_gets_files_of_his_own(ledger, tmp_path, clock):
    for number in range(300):
        await ledger.record(
            an_incident(f"I{number}", at=NOON + timedelta(seconds=number)), a_standing(incident=f"I{number}"), (a_mail(f"N{number}"),)
        )
        await ledger.sent(a_mail(f"N{number}"), NOON + timedelta(seconds=number))
    files = sorted((tmp_path / "ledger" / "senders").iterdir())
    assert len(files) >= 5
    assert max(path.stat().st_size for path in files) < 150_000
    assert [incident.id for incident in await ledger.incidents(limit=300)] == [f"I{number}" for number in reversed(range(300))]
    assert (await ledger.seen("anna@example.net", "key-I0")).id == "I0"
    await ledger.update_incident("I0", state=IncidentState.OVERTURNED)
    assert (await ledger.incident("I0")).state is IncidentState.OVERTURNED
    assert len(await ledger.posted(NOON)) == 300


async def test_a_route_that_is_away_for_days_does_not_make_files_long(ledger, tmp_path):
    for number in range(100):
        await ledger.record(an_incident(f"I{number}"), None, (a_mail(f"N{number}", "threat", message=b"x" * 10_000),))
    files = sorted((tmp_path / "ledger" / "senders").iterdir())
    assert max(path.stat().st_size for path in files) < 400_000
    waiting = await ledger.waiting()
    assert len(waiting) == 100
    for mail in waiting:
        await ledger.sent(mail, NOON)
    assert await ledger.waiting() == ()
    assert len(await ledger.posted(NOON)) == 100


async def test_reopening_gives_the_same_with_and_without_index(tmp_path):
    clock = Clock()
    async with await TinyLedger.open(tmp_path, clock=clock) as ledger:
        for number in range(100):
            await ledger.record(
                an_incident(f"I{number}", sender=f"s{number % 7}@example.net"),
                a_standing(f"s{number % 7}@example.net"),
                (a_mail(f"N{number}"),),
            )
        before = await ledger.incidents(), await ledger.standings(), await ledger.waiting()
    await asyncio.sleep(0.3)
    for index in (True, False):
        if not index:
            (tmp_path / "index.json").unlink()
        async with await TinyLedger.open(tmp_path, clock=clock) as ledger:
            assert (await ledger.incidents(), await ledger.standings(), await ledger.waiting()) == before
            assert await ledger.seen("", "key-I5") is not None
            await ledger.record(an_incident("again", "key-I5"), None)
            assert await ledger.incident("again") is None


async def test_only_the_owner_reads_the_files(ledger, tmp_path):
    await ledger.record(an_incident(), a_standing())
    await ledger.count(NOON, {"clean": 1})
    await ledger.counters(NOON.date(), NOON.date())
    for path in (tmp_path / "ledger", *(tmp_path / "ledger").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


# --- turns ---


async def test_a_senders_mails_are_judged_one_after_the_other(ledger):
    running = []
    most = 0

    async def judge(address):
        nonlocal most
        async with ledger.turn(address):
            running.append(address)
            most = max(most, running.count(address))
            await asyncio.sleep(0)
            running.remove(address)

    await asyncio.gather(*(judge(f"s{number % 3}@example.net") for number in range(60)))
    assert most == 1
    assert ledger._turns == {}


async def test_senders_do_not_wait_for_each_other_and_a_cancelled_one_is_forgotten(ledger):
    async with ledger.turn("a@example.net"), ledger.turn("b@example.net"):
        waiting = asyncio.ensure_future(ledger.turn("a@example.net").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with ledger.turn("a@example.net"):
        pass
    assert ledger._turns == {}


# --- counters ---


async def test_counters_add_up_over_days_months_and_lives(tmp_path):
    async with await TinyLedger.open(tmp_path) as ledger:
        await ledger.count(NOON, {"clean": 2, "rude": 1})
        await ledger.count(NOON, {"clean": 3})
        assert await ledger.counters(date(2026, 11, 24), date(2026, 11, 24)) == {date(2026, 11, 24): {"clean": 5, "rude": 1}}
        await ledger.count(NOON + timedelta(days=10), {"clean": 1})
        await ledger.count(NOON, {"clean": 1})
    async with await TinyLedger.open(tmp_path) as ledger:
        assert await ledger.counters(date(2026, 11, 1), date(2026, 12, 31)) == {
            date(2026, 11, 24): {"clean": 6, "rude": 1},
            date(2026, 12, 4): {"clean": 1},
        }
        assert await ledger.counters(date(2026, 11, 25), date(2026, 12, 3)) == {}


async def test_a_day_begins_where_the_site_is(tmp_path):
    async with await TinyLedger.open(tmp_path, zone=ZoneInfo("Europe/Berlin")) as ledger:
        await ledger.count(datetime(2026, 11, 24, 23, 30, tzinfo=timezone.utc), {"clean": 1})  # noqa: UP017
        assert list(await ledger.counters(date(2026, 11, 1), date(2026, 11, 30))) == [date(2026, 11, 25)]


async def test_counters_are_flushed_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(tinydb_ledger, "_FLUSH_SECONDS", 0.01)
    async with await TinyLedger.open(tmp_path) as ledger:
        await ledger.count(NOON, {"clean": 1})
        for _ in range(200):
            if (tmp_path / "counters" / "2026-11.json").exists():
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("never flushed")


async def test_counters_that_can_not_be_flushed_wait(tmp_path, monkeypatch, caplog):
    import os

    monkeypatch.setattr(tinydb_ledger, "_FLUSH_SECONDS", 0.01)
    full = [False]

    def write(descriptor, data):
        if full[0]:
            raise OSError(28, "No space left on device")
        return os.write(descriptor, data)

    async with await TinyLedger.open(tmp_path, disk=Disk(write=write)) as ledger:
        full[0] = True
        await ledger.count(NOON, {"clean": 1})
        for _ in range(200):
            if "counters wait for the next flush" in caplog.text:
                break
            await asyncio.sleep(0.01)
        with pytest.raises(LedgerFailed, match="No space left"):
            await ledger.counters(NOON.date(), NOON.date())
        full[0] = False
        assert await ledger.counters(NOON.date(), NOON.date()) == {NOON.date(): {"clean": 1}}


# --- the end ---


async def test_a_closed_ledger_says_so(tmp_path):
    ledger = await TinyLedger.open(tmp_path)
    await ledger.close()
    await ledger.close()
    with pytest.raises(LedgerFailed, match="the ledger is closed"):
        await ledger.standing("a@example.net")
    with pytest.raises(LedgerFailed, match="the ledger is closed"):
        await ledger.count(NOON, {"clean": 1})


async def test_a_value_that_can_not_be_written_fails_and_changes_nothing(ledger):
    with pytest.raises(LedgerFailed, match=r"Incident\.at"):
        await ledger.record(an_incident(at=datetime(2026, 1, 1)), a_standing())  # noqa: DTZ001 - that is the point
    assert await ledger.standing("anna@example.net") == Standing("anna@example.net")


async def test_hostile_addresses_and_subjects(ledger):
    for number, text in enumerate(("../../etc/passwd", "a\x00b", "\udce1\ud800", "x" * 10_000, "", '"quoted"@x', "İ@x")):
        await ledger.record(an_incident(f"I{number}", sender=text, subject=text), Standing(text, allowed=True))
        assert (await ledger.standing(text)).allowed
        assert (await ledger.incident(f"I{number}")).subject == text
        assert [incident.id for incident in await ledger.incidents(sender=text)] == [f"I{number}"]


async def test_who_is_unknown_costs_no_work_while_the_ledger_rests_and_waits_for_what_is_being_written(tmp_path):
    writing, goes_on, told = threading.Event(), threading.Event(), []

    def sync(descriptor):
        if told:
            writing.set()
            goes_on.wait(10)
        os.fsync(descriptor)

    async with await TinyLedger.open(tmp_path, clock=Clock(), disk=Disk(sync=sync)) as ledger:
        ledger.observe = lambda seconds, failed: told.append(failed)
        assert await ledger.seen("anna@example.net", "key-I1") is None
        assert await ledger.standing("anna@example.net") == Standing("anna@example.net")
        assert told == []
        told.append(False)
        recording = asyncio.create_task(ledger.record(an_incident("I1"), a_standing(incident="I1")))
        await asyncio.to_thread(writing.wait, 10)
        asking = asyncio.gather(ledger.standing("anna@example.net"), ledger.seen("anna@example.net", "key-I1"))
        await asyncio.sleep(0.05)
        assert not asking.done(), "what is being written is waited for"
        goes_on.set()
        standing, seen = await asking
        await recording
        assert standing == a_standing(incident="I1")
        assert seen == an_incident("I1")
    with pytest.raises(LedgerFailed, match="closed"):
        await ledger.standing("nobody@example.net")
