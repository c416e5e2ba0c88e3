"""Rules on trial beside those in force: the figures are right, and live mail never feels them."""

import asyncio
import json
import os
import random
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from gate_house import Failing, abusive, gate_house
from gateway_inside import gateway_inside
from gateway_process import children, mail
from rules_house import configured, courtesy, site, tiny_house
from smtp_gateway import until
from tiny_rules import write

from gateway.edge.codec import decode, encode
from gateway.edge.metrics import Metrics
from gateway.edge.reader import ProcessReader
from gateway.edge.replay import replay, report
from gateway.edge.rules_store import RulesStore
from gateway.edge.settings import RulesSettings
from gateway.edge.shadow import Shadow
from gateway.edge.shadow_store import ShadowBook, ShadowRecord, ShadowStore, TrialState
from gateway.edge.shadow_weigher import PatientWeigher
from gateway.edge.sources import Source
from gateway.edge.weigher import Order, Weigher
from gateway.mail.message import ReadingLimits
from gateway.policy.shadowed import SeenTwice, Trial, TrialKept
from gateway.ports import Judged
from gateway.unattended import FORGETFUL
from gateway.values import Assessment, Envelope, Identity, Level, Mode, Reading, Segment, SegmentKind, Standing

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BODIES = ("Where is my parcel?", "You are a zorgleblat!", "You are a quimblefex!", "You zorgleblat, you quimblefex!", "This is crap.", "I will kill you.")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    # the patient one would have these tests wait for everything else that the machine does
    monkeypatch.setattr("gateway.edge.shadow_weigher.replace", lambda order, **_: order)
    return tiny_house(tmp_path, monkeypatch)


# --- the figures ------------------------------------------------------------------------------------------------------


@pytest.fixture
def weighers(tiny):
    return tuple(Weigher(Order((tiny / "base", tiny / name), ReadingLimits())) for name in ("live", "next"))


def past_mails(number=240):
    chance = random.Random(5)
    for n in range(number):
        at = NOW + timedelta(hours=3 * n)
        text = mail(chance.choice(BODIES), sender=f"c{chance.randrange(9)}@client.example", number=n)
        yield Source(f"R{n}", f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000\r\n".encode() + text)


def seen_twice(outcome):
    """What the service would have told the trial of a mail of a replay; nothing really happened to its sender."""
    seen = outcome.mail
    return SeenTwice(seen.source, "<m@x>", "", seen.at, seen.identity, seen.answerable, frozenset(), Standing(seen.identity.address), seen.old, seen.new)


def without_examples(row):
    return {name: value for name, value in row.items() if name != "examples"}


def test_a_trial_finds_what_a_replay_of_the_same_mail_finds(weighers):
    outcomes = replay(past_mails(), *weighers, processes=1)
    trial = Trial()
    changed = [trial.add(seen_twice(outcome), weighers[0].policy, weighers[1].policy) for outcome in outcomes]
    row, wanted = trial.row(500), report(outcomes, 500)
    assert row.pop("senders_complete") is True
    assert without_examples(row) == without_examples(wanted)
    assert sum(changed) == wanted["changed"] > 0
    assert wanted["senders"]["finally warned"] == {"old": 6, "new": 5, "added": [], "spared": ["c6@client.example"]}
    for mine, theirs in zip(row["examples"], wanted["examples"], strict=False):
        assert mine.pop("message_id") == "<m@x>"
        assert mine["new"].pop("words") == mine["old"].pop("words") == []
        del theirs["new"]["words"], theirs["old"]["words"]
        assert mine == theirs


def test_a_trial_goes_on_where_it_was_written_down(weighers):
    outcomes = replay(past_mails(), *weighers, processes=1)
    policies = weighers[0].policy, weighers[1].policy
    whole, half = Trial(), Trial()
    for number, outcome in enumerate(outcomes):
        whole.add(seen_twice(outcome), *policies)
        half.add(seen_twice(outcome), *policies)
        if number % 40 == 0:
            half = Trial(decode(TrialKept, json.loads(json.dumps(encode(half.kept())))))
    assert half.row(200) == whole.row(200)


def an_abusive(number, sender="anna@client.example", real=None, old=Level.CLEAN):
    identity = Identity(sender, verified=True, by="x")
    new = Assessment(Level.ABUSIVE, 5, "en")
    return SeenTwice(f"R{number}", "", "", NOW + timedelta(hours=number), identity, True, frozenset(), real or Standing(sender), Assessment(old, language="en"), new)


def test_each_set_has_a_ladder_of_its_own(weighers):
    """Under the set on trial a sender climbs from mail to mail, though nothing ever happens to him."""
    trial, policies = Trial(), (weighers[0].policy, weighers[1].policy)
    for number in range(4):
        trial.add(an_abusive(number), *policies)
    senders = trial.row(0)["senders"]
    assert senders["warned"] == {"old": 0, "new": 1, "added": ["anna@client.example"], "spared": []}
    assert (senders["suspended"]["new"], senders["suspended"]["old"]) == (1, 0)
    assert [walk.old for walk in trial.kept().walks] == [Standing("anna@client.example")]


def test_what_people_decide_meanwhile_holds_under_both(weighers):
    trial, policies = Trial(), (weighers[0].policy, weighers[1].policy)
    trial.add(an_abusive(0), *policies)
    pardoned = Standing("anna@client.example", pardoned_at=NOW + timedelta(minutes=1))
    trial.add(an_abusive(1, real=pardoned), *policies)
    assert len(trial.kept().walks[0].new.strikes) == 1, "the first was pardoned"
    blocked = replace(pardoned, blocked_by="boss", blocked_at=NOW)
    trial.add(an_abusive(2, real=blocked), *policies)
    assert trial.row(0)["consequences"]["refuse"] == {"old": 1, "new": 1}
    trial.add(an_abusive(3, real=replace(blocked, blocked_by="", allowed=True)), *policies)
    assert trial.row(0)["consequences"]["deliver"]["new"] == 1


def test_who_is_forgotten_leaves_numbers_only(weighers):
    trial, policies = Trial(), (weighers[0].policy, weighers[1].policy)
    for number, sender in enumerate(("anna@client.example", "bob@client.example")):
        trial.add(an_abusive(number, sender), *policies)
    assert trial.tally.about("anna@client.example")["would_be"] == [{"what": "warned", "set": "new"}]
    before = trial.row(9)
    assert trial.forget("anna@client.example")
    assert not trial.forget("anna@client.example")
    after = trial.row(9)
    assert "anna" not in json.dumps([after, encode(trial.kept())])
    assert (after["mails"], after["senders"]["warned"]["new"]) == (before["mails"], before["senders"]["warned"]["new"]) == (2, 2)
    assert after["senders"]["warned"]["added"] == ["bob@client.example"]


def test_memory_is_bounded(weighers, monkeypatch):
    monkeypatch.setattr("gateway.policy.shadowed.MOST_SENDERS", 10)
    trial, policies = Trial(), (weighers[0].policy, weighers[1].policy)
    for number in range(300):
        trial.add(an_abusive(number, f"c{number}@client.example"), *policies)
    kept, row = trial.kept(), trial.row(1000)
    assert (len(kept.walks), len(row["examples"]), row["mails"], row["senders"]["warned"]["new"]) == (10, 200, 300, 10)
    assert row["senders_complete"] is False


# --- beside a running service -----------------------------------------------------------------------------------------


async def begun(house, tiny, *options):
    config = tiny / "courtesy.toml"
    if "rules_dir" not in config.read_text():
        config.write_text(f'rules_dir = "{tiny / "live"}"\n{config.read_text()}')
    done = await courtesy(config, "rules", "shadow", tiny / "next", "--json", *options)
    assert done.exit_code == 0, done.stderr
    return config, json.loads(done.stdout)


async def reported(config, *options):
    done = await courtesy(config, "rules", "shadow", "--report", "--json", *options)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


async def looked_at(house, number, seconds=60):
    await until(lambda: house.running.shadow.status()["mails"] == number, seconds)


def sent(number, body, sender="anna@client.example"):
    return mail(body, number=number, sender=sender), sender


@pytest.mark.timeout(300)
async def test_a_trial_beside_live_mail(tiny):
    async with gateway_inside(tiny) as house:
        config, row = await begun(house, tiny, "--days", "2")
        live, version = house.running.reader.version, row["version"]
        assert (row["state"], row["beside"], row["mails"]) == ("running", [live], 0)
        assert RulesStore(tiny / "state").get(version) is not None
        for number, (body, sender) in enumerate((("You are a zorgleblat!", "anna"), ("You are a quimblefex!", "bob"), ("Where is my parcel?", "cy"))):
            assert (await house.send(*sent(number, body, f"{sender}@client.example"))).startswith("250")
        await looked_at(house, 3)
        row = await reported(config)
        assert (row["mails"], row["changed"], row["harsher"], row["milder"], row["skipped"]) == (3, 2, 1, 1, 0)
        assert row["senders"]["warned"] == {"old": 1, "new": 1, "added": ["bob@client.example"], "spared": ["anna@client.example"]}
        assert row["rules"] == [{"rule": "en.insult.ours", "old": 1, "new": 1, "gained": 1, "lost": 1}]
        assert row["languages"]["en"]["mails"] == 3
        example = next(each for each in row["examples"] if each["sender"] == "anna@client.example")
        (incident,) = await house.running.ledger.incidents()
        assert (example["message_id"], example["incident"], example["source"]) == ("<m0@client.example>", incident.id, incident.id)
        assert example["old"]["notice"] == "warning"

        # nothing of it was felt: only what the rules in force say happened
        assert [incident.sender] == ["anna@client.example"]
        folded = [sunk for sunk in house.sink.mails if b"X-Courtesy: level=abusive" in sunk.message]
        assert len(folded) == 1
        assert all(f"rules={live}".encode() in sunk.message for sunk in house.sink.mails if b"X-Courtesy" in sunk.message)
        assert not (await house.running.ledger.standing("bob@client.example")).strikes
        text = house.running.metrics.text()
        assert "courtesy_shadow_active 1\n" in text
        assert 'courtesy_shadow_mails_total{outcome="changed"} 2\n' in text

        # nothing that a mail said is written down
        await house.running.shadow._save()
        written = (tiny / "state" / "rules" / "shadow.json").read_text()
        assert not [word for word in ("zorgleblat", "quimblefex", "parcel", "Order") if word in written]
        assert (tiny / "state" / "rules" / "shadow.json").stat().st_mode & 0o077 == 0

        # people's rights hold: all about bob, then nothing of him
        about = await house.running.office.call("sender.export", {"address": "bob@client.example"})
        assert about["rules_on_trial"]["would_be"] == [{"what": "warned", "set": "new"}]
        await house.running.office.call("sender.forget", {"address": "bob@client.example"})
        assert "bob@" not in (tiny / "state" / "rules" / "shadow.json").read_text()

        said = await courtesy(config, "rules", "shadow", tiny / "next")
        assert (said.exit_code, f"{version} is on trial until" in said.stderr) == (1, True)
        done = await courtesy(config, "rules", "shadow", "--report")
        assert done.stdout.startswith(f"Version {version} of {tiny / 'next'}: on trial until ")
        assert f"3 mails under {live} and {version}; senders verified as they were.\n" in done.stdout
        assert f"{incident.id} <m0@client.example>: abusive (5) -> clean (0)\n" in done.stdout
        done = await courtesy(config, "rules", "shadow", "--stop")
        assert ": stopped at " in done.stdout
        assert "courtesy_shadow_active 0\n" in house.running.metrics.text()
        assert (await courtesy(config, "rules", "shadow", "--stop")).stderr == "no rules are on trial\n"
        await house.send(*sent(9, "You are a quimblefex!", "dan@client.example"))
        await asyncio.sleep(0.2)
        assert (await reported(config))["mails"] == 3
        assert [event.what for event in RulesStore(tiny / "state").events()] == ["loaded", "shadow.running", "shadow.stopped"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (TrialState.RUNNING, "on trial until 2026-12-01 13:00 CET, since 2026-11-24 13:00 CET, beside old."),
        (TrialState.ENDED, "tried until 2026-11-25 13:00 CET, since 2026-11-24 13:00 CET, beside old."),
        (TrialState.STOPPED, "stopped at 2026-11-25 13:00 CET (by eva), since 2026-11-24 13:00 CET, beside old."),
        (TrialState.FAILED, "switched off at 2026-11-25 13:00 CET (by eva), since 2026-11-24 13:00 CET, beside old."),
    ],
)
async def test_people_are_told_times_of_their_zone(tiny, state, said):
    config = configured(tiny)
    config.write_text(f'time_zone = "Europe/Berlin"\n{config.read_text()}')
    ended = None if state is TrialState.RUNNING else NOW + timedelta(days=1)
    record = ShadowRecord("new", "/site", NOW, NOW + timedelta(days=7), 100, ("old",), state, ended, "by eva" if ended and said[0] == "s" else "")
    ShadowStore(tiny / "state").save(record)
    for option in ("--status", "--report"):
        assert said in (await courtesy(config, "rules", "shadow", option)).stdout
        row = json.loads((await courtesy(config, "rules", "shadow", option, "--json")).stdout)
        assert row["since"] == "2026-11-24T12:00:00+00:00", "a program gets UTC"


@pytest.mark.timeout(300)
async def test_a_trial_survives_restart_and_reload_and_is_adopted(tiny):
    async with gateway_inside(tiny) as house:
        config, row = await begun(house, tiny)
        await house.send(*sent(1, "You are a zorgleblat!"))
        await looked_at(house, 1)
    done = await courtesy(config, "rules", "shadow", "--status")
    assert "on trial until" in done.stdout, "told without a service too"
    site(tiny / "live", "ours", "fribblewix")
    async with gateway_inside(tiny) as house:
        config.write_text(f'rules_dir = "{tiny / "live"}"\n{config.read_text()}')
        await house.send(*sent(2, "You are a quimblefex!", "bob@client.example"))
        await looked_at(house, 2)
        site(tiny / "live", "ours", "wibblefrotz")
        await courtesy(config, "rules", "reload")
        await house.send(*sent(3, "You are a wibblefrotz!", "cy@client.example"))
        await looked_at(house, 3)
        row = await reported(config)
        assert (row["state"], row["mails"], row["changed"]) == ("running", 3, 3)
        assert len(row["beside"]) == 3
        assert row["beside"][-1] == house.running.reader.version
        assert (await house.running.ledger.incidents(sender="cy@client.example"))[0].rules_version == row["beside"][-1]

        done = await courtesy(config, "rules", "activate", "--shadowed")
        assert done.exit_code == 1
        assert "nothing was changed: 3 of 3 mails (100.0 %) would be treated differently, more than 1 %" in done.stderr
        done = await courtesy(config, "rules", "activate", "--shadowed", "--anyway", "--json")
        answer = json.loads(done.stdout)
        assert answer["version"] == row["version"] == house.running.reader.version
        assert answer["trial"]["changed"] == 3
        await house.send(*sent(4, "You are a quimblefex!", "dan@client.example"))
        await until(lambda: house.running.shadow.status()["state"] == "stopped", 60)
        assert house.running.shadow.status()["why"] == "its rules are in force now"
        assert (await house.running.ledger.incidents(sender="dan@client.example"))[0].rules_version == row["version"]


@pytest.mark.timeout(300)
async def test_what_was_tried_goes_live_though_its_folder_was_edited_since(tiny):
    async with gateway_inside(tiny) as house:
        config, row = await begun(house, tiny)
        await house.send(*sent(1, "Where is my parcel?"))
        await looked_at(house, 1)
        site(tiny / "next", "ours", "untriedword")
        answer = json.loads((await courtesy(config, "rules", "activate", "--shadowed", "--json")).stdout)
        assert answer["version"] == row["version"]
        assert "quimblefex" in (tiny / "live" / "en" / "site.toml").read_text()


@pytest.mark.timeout(300)
async def test_it_ends_by_itself(tiny, caplog):
    async with gateway_inside(tiny) as house:
        config, row = await begun(house, tiny, "--days", str(3 / 86_400))
        await until(lambda: house.running.shadow.status()["state"] == "ended", 60)
        row = await reported(config)
        ended, due = (datetime.fromisoformat(row[name]) for name in ("ended", "until"))
        assert timedelta() <= ended - due <= timedelta(seconds=5)
        assert f"the trial of rules {row['version']} is over as planned: 0 of 0 mails would have been treated differently" in caplog.text
        assert "courtesy_shadow_active 0\n" in house.running.metrics.text()
        assert (await courtesy(config, "rules", "activate", "--shadowed")).stderr.endswith("has seen no mail yet; name the FOLDER instead\n")


@pytest.mark.timeout(300)
async def test_a_weigher_that_dies_ends_the_trial_and_no_mail(tiny, caplog):
    async with gateway_inside(tiny) as house:
        config, _ = await begun(house, tiny)
        await house.send(*sent(1, "You are a zorgleblat!"))
        await looked_at(house, 1)
        (killed,) = set(children(os.getpid())) - {worker.process.pid for worker in house.running.reader._all}
        os.kill(killed, signal.SIGKILL)
        await until(lambda: house.running.shadow.status()["state"] == "failed", 60)
        assert (await house.send(*sent(2, "You are a zorgleblat!", "bob@client.example"))).startswith("250")
        assert len(await house.running.ledger.incidents()) == 2
        row = await reported(config)
        assert (row["why"], row["mails"]) == ("its weigher ended", 1)
        assert "was switched off, live mail is not touched by it: its weigher ended" in caplog.text
        assert "courtesy_shadow_failures_total 1\n" in house.running.metrics.text()
        assert "courtesy_shadow_active 0\n" in house.running.metrics.text()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda state, version: (state / "rules" / version / "1" / "en" / "site.toml").write_text("[[rule]\n"), "its copy was edited"),
        (lambda state, version: RulesStore(state).drop(version), "its copy isn't kept any more"),
        (lambda state, version: (state.parent / "base" / "en" / "rules.toml").write_text(""), "the shipped rules were upgraded meanwhile"),
    ],
)
@pytest.mark.timeout(300)
async def test_a_set_that_cant_be_loaded_any_more_is_switched_off(tiny, spoil, why):
    async with gateway_inside(tiny) as house:
        _, row = await begun(house, tiny)
    spoil(tiny / "state", row["version"])
    async with gateway_inside(tiny) as house:
        await until(lambda: house.running.shadow.status()["state"] == "failed", 60)
        assert house.running.shadow.status()["why"].startswith(why)
        assert (await house.send(*sent(1, "Where is my parcel?"))).startswith("250")


@pytest.mark.timeout(300)
async def test_what_cant_be_tried(tiny):
    async with gateway_inside(tiny, more="[rules]\nshadow = false") as house:
        config = tiny / "courtesy.toml"
        done = await courtesy(config, "rules", "shadow", tiny / "next")
        assert done.exit_code == 1
        assert done.stderr.endswith("the trial didn't begin:\nrules.shadow is off in the settings, so no rules can be tried\n")
        del house
    async with gateway_inside(tiny) as house:
        config = tiny / "courtesy.toml"
        assert "says the same as the rules in force" in (await courtesy(config, "rules", "shadow", tiny / "live")).stderr
        assert (await courtesy(config, "rules", "shadow", "--report")).stderr.startswith("no rules were on trial")
        (tiny / "next" / "en" / "site.toml").write_text("[[rule]\n")
        assert "site.toml:1: error: not valid TOML" in (await courtesy(config, "rules", "shadow", tiny / "next")).stderr
        assert len(RulesStore(tiny / "state").versions()) == 1
        assert house.running.shadow.record is None
    config = configured(tiny)
    assert (await courtesy(config, "rules", "shadow")).exit_code == 2
    assert (await courtesy(config, "rules", "shadow", "--stop")).stderr.startswith("no rules were on trial")
    site(tiny / "next", "ours", "quimblefex")
    assert "no service is running there; rules are tried on the mail of a running one\n" in (await courtesy(config, "rules", "shadow", tiny / "next")).stderr


# --- what the path shows ---------------------------------------------------------------------------------------------


class Looking(list):
    def judged(self, mail):
        self.append(mail)


async def test_a_mail_is_shown_once_and_when_it_is_settled(tmp_path):
    async with gate_house(tmp_path) as house:
        seen = Looking()
        house.change(onlooker=seen)
        await house.send(mail("Hello", number=1))
        assert [(shown.assessment.level, shown.incident, shown.reading.message_id) for shown in seen] == [(Level.CLEAN, "", "<m1@client.example>")]
        house.sink.replies["message"] = "451 4.3.0 later"
        assert (await house.send(mail("Hello", number=2))).startswith("451")
        assert len(seen) == 1, "its client brings it again"
        del house.sink.replies["message"]
        await house.send(mail("Hello", number=2))
        assert len(seen) == 2
        house.reader.thinks = abusive()
        for _ in range(2):
            assert (await house.send(mail("You idiot", number=3))).startswith("250")
        assert len(seen) == 3, "what is sent again was settled before"
        (incident,) = await house.ledger.incidents()
        assert (seen[-1].incident, seen[-1].reference, seen[-1].standing.strikes) == (incident.id, incident.id, ())
        house.change(ledger=Failing(house.ledger, "turn"))
        assert (await house.send(mail("You idiot", number=4))).startswith("250")
        assert len(seen) == 3, "without a ledger nobody knows the sender's standing"


async def test_what_other_mails_add_is_left_out(tmp_path):
    """Both sets are compared by what they say of the mail itself."""
    async with gate_house(tmp_path) as house:
        seen = Looking()

        class Flooded:
            def weighed(self, assessment, identity, key, policy, now):
                return replace(assessment, level=Level.RUDE, points=2)

            def __getattr__(self, name):
                return getattr(FORGETFUL, name)

        house.change(onlooker=seen, recent=Flooded())
        await house.send(mail("Hello", number=1))
        assert b"level=rude" in house.sink.mails[0].message
        assert seen[0].assessment.level is Level.CLEAN


# --- never in the way -------------------------------------------------------------------------------------------------


def a_judged(number, characters=100, version="live"):
    reading = Reading((Segment(SegmentKind.OWN, "x" * characters),))
    identity = Identity(f"c{number}@client.example", verified=True, by="x")
    return Judged(f"R{number}", NOW, Envelope(identity.address, ()), reading, Assessment(Level.CLEAN, rules_version=version), identity, Standing(identity.address), None)


def idle_shadow(tmp_path, monkeypatch, sample=100):
    """A trial whose weigher never gets ready."""
    async def never(_):
        await asyncio.Event().wait()

    monkeypatch.setattr("gateway.edge.shadow_run.PatientWeigher.start", never)
    monkeypatch.setattr("gateway.edge.shadow_run.TrialRun._kept_order", lambda _: None)
    order = Order((tmp_path,), ReadingLimits())
    store = ShadowStore(tmp_path)
    store.save(ShadowRecord("cafe00000000", "/x", NOW, NOW + timedelta(days=1), sample))
    reader = ProcessReader(order, 1, 1.0)
    return Shadow(order, RulesStore(tmp_path), store, RulesSettings(shadow_waiting=20), Mode.ENFORCE, frozenset(), reader, Metrics(), lambda: NOW)


async def test_what_doesnt_fit_is_counted_and_not_waited_for(tmp_path, monkeypatch):
    shadow = idle_shadow(tmp_path, monkeypatch)
    await shadow.look()
    await shadow.resume()
    begun = asyncio.get_running_loop().time()
    for number in range(1000):
        shadow.judged(a_judged(number))
    assert asyncio.get_running_loop().time() - begun < 0.2
    assert shadow.status()["waiting"] == 20
    assert shadow.record.skipped == 980
    await shadow.close()
    assert ShadowStore(tmp_path).load().skipped == 1000, "what still waited at the end"
    assert 'courtesy_shadow_mails_total{outcome="skipped"} 1000\n' in shadow.metrics.text()


async def test_long_mails_wait_in_smaller_numbers(tmp_path, monkeypatch):
    shadow = idle_shadow(tmp_path, monkeypatch)
    await shadow.look()
    await shadow.resume()
    for number in range(20):
        shadow.judged(a_judged(number, 6_000_000))
    assert (shadow.status()["waiting"], shadow.record.skipped) == (3, 17)
    await shadow.close()


async def test_a_sample_is_exact(tmp_path, monkeypatch):
    shadow = idle_shadow(tmp_path, monkeypatch, sample=30)
    await shadow.look()
    await shadow.resume()
    for number in range(1000):
        shadow.judged(a_judged(number))
    assert shadow.status()["waiting"] + shadow.record.skipped == 300
    await shadow.close()


async def test_a_record_that_cant_be_understood_is_put_aside(tmp_path, monkeypatch):
    shadow = idle_shadow(tmp_path, monkeypatch)
    shadow.trials.path.write_text('{"version": 7')
    await shadow.look()
    await shadow.resume()
    assert shadow.record is None
    assert shadow.trials.path.with_suffix(".broken").exists()
    assert shadow.spared == frozenset()


async def test_the_last_trial_is_removed_with_the_incidents_of_its_time(tmp_path):
    store, clock = ShadowStore(tmp_path), [NOW]
    book = ShadowBook(store, lambda: clock[0])
    store.save(ShadowRecord("cafe00000000", "/x", NOW, NOW, state=TrialState.ENDED, ended=NOW))
    await book.expire(None)
    await book.expire(timedelta(days=30))
    assert store.load() is not None
    clock[0] += timedelta(days=30)
    await book.expire(timedelta(days=30))
    assert store.load() is None
    assert book.about("anna@client.example") == {}
    assert not await book.forget("anna@client.example")


async def test_the_book_forgets_without_a_service(tmp_path, weighers):
    trial = Trial()
    trial.add(an_abusive(0), weighers[0].policy, weighers[1].policy)
    store = ShadowStore(tmp_path)
    store.save(ShadowRecord("cafe00000000", "/x", NOW, NOW, trial=trial.kept()))
    book = ShadowBook(store, lambda: NOW)
    assert book.about("anna@client.example")["would_be"]
    assert await book.forget("anna@client.example")
    assert "anna" not in store.path.read_text()


def test_a_version_on_trial_is_not_pruned(tmp_path):
    store = RulesStore(tmp_path / "state")
    names = []
    for number in range(4):
        site(tmp_path / "site", "ours", f"word{'abcd'[number]}")
        names.append(store.keep((tmp_path / "site",), NOW)[0].version)
    store.prune(1, {names[0]})
    assert {kept.version for kept in store.versions()} == {names[0], names[3]}




def read_text(path):
    return Path(path).read_text()


@pytest.mark.timeout(300)
async def test_its_weigher_gives_way(tmp_path):
    """To the processor's other work, and first of all when memory runs out."""
    weigher = await PatientWeigher.start(Order((write(tmp_path),), ReadingLimits()))
    try:
        assert os.getpriority(os.PRIO_PROCESS, weigher.process.pid) == 19
        assert read_text(f"/proc/{weigher.process.pid}/oom_score_adj") == "1000\n"
        assessment = await weigher.weigh(Reading((Segment(SegmentKind.OWN, "You idiot!"),)))
        assert (assessment.level, assessment.rules_version) == (Level.ABUSIVE, weigher.ready.version)
    finally:
        await weigher.end()
