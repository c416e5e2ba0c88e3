"""Rules of a running service: swapped between two mails, kept by version, the old ones staying on any error."""

import asyncio
import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from tiny_rules import write

from gateway.edge.metrics import Metrics
from gateway.edge.reader import ProcessReader
from gateway.edge.rules import load_rules
from gateway.edge.rules_files import version_of
from gateway.edge.rules_live import LiveRules
from gateway.edge.rules_store import RulesEvent, RulesStore, kept_rules
from gateway.edge.rules_swap import SwapFailed, exchange, put_back, put_in_place
from gateway.edge.weigher import Order
from gateway.errors import BadInput, GatewayError
from gateway.mail.message import ReadingLimits

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RELOADS = int(os.environ.get("COURTESY_RELOADS", "2"))
MAILS = int(os.environ.get("COURTESY_RELOAD_MAILS", "60"))
"""The full number is 200 reloads and 5,000 mails."""


def numbered(site, number: int, more: str = "") -> None:
    """Site rules in two files, each with a word of its own, whose ids name their version."""
    (site / "en").mkdir(parents=True, exist_ok=True)
    for name, word in (("one", "muppet"), ("two", "wally")):
        rule = f'[[rule]]\nid = "en.insult.{name}.v{number}"\ncategory = "insult"\npoints = 5\nwords = ["{word}"]\nhits = ["You {word}!"]\n'
        (site / "en" / f"{name}.toml").write_text(rule + more)


class House:
    """The rooms around the rules: real weighers, a real store, a site folder over tiny rules."""

    def __init__(self, root, workers=1):
        self.site = root / "site"
        self.base = write(root / "base")
        numbered(self.site, 0)
        self.store = RulesStore(root / "state")
        order = Order((self.base, self.site), ReadingLimits())
        self.reader = ProcessReader(order, workers, 30.0)
        self.metrics = Metrics()
        self.live = LiveRules(order, self.store, 3, self.reader, self.metrics, lambda: NOW)

    @property
    def failed(self):
        """How many reloads failed."""
        return sum(event.what == "failed" for event in self.store.events())

    async def __aenter__(self):
        await self.live.start()
        return self

    async def __aexit__(self, *_):
        await self.reader.close()

    async def judged(self):
        """The version of each of the two files by which one mail is judged."""
        mail = b"From: a@client.example\r\nSubject: x\r\n\r\nYou are a muppet and he is a wally, you wally.\r\n"
        _, assessment = await self.reader.weigh(mail, "a@client.example")
        assert assessment.level is not None, assessment.error
        return {f.rule.rpartition(".v")[2] for f in assessment.findings if ".v" in f.rule}, assessment.rules_version


async def test_new_rules_are_in_force_when_reload_returns(tmp_path):
    async with House(tmp_path) as house:
        first = house.reader.version
        assert await house.judged() == ({"0"}, first)
        numbered(house.site, 1)
        assert await house.judged() == ({"0"}, first), "files alone change nothing"
        second = await house.live.reload()
        assert second != first
        assert await house.judged() == ({"1"}, second)
        assert second == load_rules((house.base, house.site))[0].version
        assert await house.live.reload() == second, "nothing changed"
        assert [event.what for event in house.store.events()] == ["loaded", "loaded"]
        assert house.reader.alive == 1


BROKEN = {
    "not TOML": "[[rule]\n",
    "an unknown category": '[[rule]]\nid = "en.x.y"\ncategory = "x"\npoints = 1\nwords = ["y"]\n',
    "a hit that misses": '[[rule]]\nid = "en.insult.y"\ncategory = "insult"\npoints = 5\nwords = ["clown"]\nhits = ["You crown!"]\n',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
async def test_on_an_error_the_old_rules_stay_and_it_is_told(tmp_path, text):
    async with House(tmp_path) as house:
        before = house.reader.version
        broken = house.site / "en" / "broken.toml"
        broken.write_text(text)
        with pytest.raises(BadInput) as caught:
            await house.live.reload()
        assert str(caught.value.problems[0]).startswith((f"{broken}:1: error: ", f"{broken}:3: error: ")), "the file that people edit, not our copy"
        assert await house.judged() == ({"0"}, before)
        assert "courtesy_rules_load_failures_total 1\n" in house.metrics.text()
        assert "courtesy_rules_current 0\n" in house.metrics.text()
        (failed,) = [event for event in house.store.events() if event.what == "failed"]
        assert str(broken) in failed.text
        assert [kept.version for kept in house.store.versions()] == [before], "what can't be loaded isn't kept"
        broken.unlink()
        assert await house.live.reload() == before
        assert "courtesy_rules_current 1\n" in house.metrics.text()


async def test_whoever_asks_the_log_says_what_came_of_it(tmp_path, caplog):
    caplog.set_level("INFO", "courtesy.rules")
    async with House(tmp_path) as house:
        assert [record.message for record in caplog.records] == ["loading the rules ..."]
        caplog.clear()
        first = await house.live.reload()
        numbered(house.site, 1)
        second = await house.live.reload()
        for folder in (house.base, house.site):
            (folder / "en" / "classes-more.toml").write_text('[animal]\nwords = ["*rat"]\n')
        broken = house.site / "en" / "broken.toml"
        broken.write_text("[[rule]\n")
        with pytest.raises(BadInput) as caught:
            await house.live.reload()
        await house.live.reload_unasked()
    levels, said = zip(*((record.levelname, record.message) for record in caplog.records), strict=True)
    assert levels == ("WARNING", "WARNING", "ERROR", "ERROR")
    assert said[:2] == (f"rules reloaded, version {first} as before", f"rules reloaded, version {second}")
    assert said[2] == said[3] == f"the rules were not reloaded, the old ones stay in force:\n{caught.value}"
    assert f"{broken}:1: error: not valid TOML" in said[2]
    assert f"{house.site}/en/classes-more.toml:1: warning: class animal: '*rat'" in said[2], "what is the site's is told beside the error"
    assert f"{house.base}/" not in said[2], "warnings of the shipped files are nobody's here"


async def test_a_site_folder_that_is_gone(tmp_path):
    async with House(tmp_path) as house:
        house.site.rename(tmp_path / "elsewhere")
        with pytest.raises(BadInput, match="is not a folder"):
            await house.live.reload()
        assert (await house.judged())[0] == {"0"}


async def test_rules_with_errors_are_not_started_with(tmp_path):
    house = House(tmp_path)
    (house.site / "en" / "broken.toml").write_text("[[rule]\n")
    with pytest.raises(BadInput, match="not valid TOML"):
        await house.live.start()
    assert house.store.versions() == []
    await house.reader.close()


async def test_an_example_that_fails_doesnt_keep_a_service_from_starting(tmp_path):
    """An upgrade of the shipped rules may break a site's example; that is no reason for mail to stand still."""
    house = House(tmp_path)
    (house.site / "en" / "broken.toml").write_text(BROKEN["a hit that misses"])
    await house.live.start()
    assert (await house.judged())[0] == {"0"}
    await house.reader.close()


@pytest.mark.timeout(120 + 60 * RELOADS)
async def test_reloads_while_mail_flows(tmp_path):
    """No mail is lost, none is late, and none is judged by a file of one version and a file of another."""
    async with House(tmp_path, workers=2) as house:
        judged = []
        stop = asyncio.Event()

        async def flow(share):
            while len(judged) < MAILS or not stop.is_set():
                judged.append(await house.judged())
                await asyncio.sleep(0)
            return share

        senders = [asyncio.create_task(flow(n)) for n in range(4)]
        versions = {house.reader.version: "0"}
        for number in range(1, RELOADS + 1):
            numbered(house.site, number)
            versions[await house.live.reload()] = str(number)
        stop.set()
        assert await asyncio.gather(*senders) == [0, 1, 2, 3]
        assert len(judged) >= MAILS
        assert {len(numbers) for numbers, _ in judged} == {1}, "a half set"
        assert all(versions[version] == next(iter(numbers)) for numbers, version in judged)
        assert len(versions) == RELOADS + 1
        assert house.reader.alive == 2, "no weigher is left over"
        assert len(house.store.versions()) == min(3, RELOADS + 1), "older versions are removed"


async def test_a_weigher_that_dies_while_rules_change_comes_back_with_the_new_ones(tmp_path):
    async with House(tmp_path, workers=2) as house:
        for worker in list(house.reader._all):
            worker.process.kill()
            await worker.process.wait()
        numbered(house.site, 1)
        weighing = asyncio.create_task(house.reader.weigh(b"Subject: x\r\n\r\nx\r\n", ""))
        await asyncio.sleep(0.05)
        version = await house.live.reload()
        await weighing
        for _ in range(4):
            assert await house.judged() == ({"1"}, version)
        assert house.reader.alive == 2


async def test_a_mail_that_nobody_waits_for_any_more_costs_no_weigher(tmp_path):
    async with House(tmp_path) as house:
        weighing = asyncio.create_task(house.reader.weigh(b"Subject: x\r\n\r\n" + b"You are a muppet.\r\n" * 20_000, ""))
        await asyncio.sleep(0.05)
        assert house.reader.idle == 0
        weighing.cancel()
        await asyncio.gather(weighing, return_exceptions=True)
        assert (await house.judged())[0] == {"0"}


async def test_the_folder_is_watched_when_asked(tmp_path):
    async with House(tmp_path) as house:
        watching = asyncio.create_task(house.live.watch(0.05))
        await asyncio.sleep(0.1)
        (house.site / "en" / "broken.toml").write_text("[[rule]\n")
        async with asyncio.timeout(30):
            while not house.failed:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.4)
            assert house.failed == 1, "what fails is not tried again before it changes"
            (house.site / "en" / "broken.toml").unlink()
            numbered(house.site, 7)
            while (await house.judged())[0] != {"7"}:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.05)
        watching.cancel()


# --- what is kept ---


def test_versions_are_kept_and_share_their_files(tmp_path):
    store, site = RulesStore(tmp_path / "state"), tmp_path / "site"
    base = write(tmp_path / "base")
    numbered(site, 0)
    first, new = store.keep((base, site), NOW)
    assert new
    assert load_rules(first.folders)[0].version == first.version
    assert store.keep((base, site), NOW + timedelta(hours=1)) == (first, False)
    numbered(site, 1)
    second, _ = store.keep((base, site), NOW + timedelta(hours=2))
    assert [kept.version for kept in store.versions()] == [first.version, second.version]
    one, two = (kept.folders[0] / "en" / "rules.toml" for kept in (first, second))
    assert one.samefile(two)
    assert kept_rules(tmp_path / "state", first.version) == first
    assert "v0" in (first.folders[1] / "en" / "one.toml").read_text()
    assert second.shown == (str(base), str(site))
    store.prune(1)
    assert [kept.version for kept in store.versions()] == [second.version]
    with pytest.raises(GatewayError, match=f"no version {first.version} of the rules is kept; the latest are {second.version}"):
        kept_rules(tmp_path / "state", first.version)
    with pytest.raises(GatewayError, match=r"no version \.\./x"):
        kept_rules(tmp_path / "state", "../x")


def test_a_folder_that_is_exchanged_while_it_is_copied_is_copied_whole(tmp_path):
    """Somebody puts one set in the place of the other again and again; every copy is of one of them."""
    for name in ("site", "next"):
        for number in range(12):
            (tmp_path / name / "en").mkdir(parents=True, exist_ok=True)
            (tmp_path / name / "en" / f"file{number}.toml").write_text(f"# {name} {number}\n")
    whole = {version_of((tmp_path / name,)) for name in ("site", "next")}
    store, over, swaps = RulesStore(tmp_path / "state"), threading.Event(), []

    def swap():
        while not over.is_set():
            exchange(tmp_path / "next", tmp_path / "site")
            swaps.append(1)
            time.sleep(0.001)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        copied, tries = set(), 0
        while tries < 60 or len(swaps) <= 60:
            copied.add(store.keep((tmp_path / "site",), NOW)[0].version)
            tries += 1
    finally:
        over.set()
        swapper.join()
    assert copied <= whole


def test_a_folder_that_changes_all_the_time_is_refused(tmp_path, monkeypatch):
    numbered(tmp_path / "site", 0)
    versions = iter(range(1000))
    monkeypatch.setattr("gateway.edge.rules_store.version_of", lambda _: str(next(versions)))
    monkeypatch.setattr("gateway.edge.rules_store._NAP", 0.0)
    with pytest.raises(BadInput, match="changes while it is read; try again when nobody writes there"):
        RulesStore(tmp_path / "state").keep((tmp_path / "site",), NOW)
    assert list((tmp_path / "state" / "rules").iterdir()) == []


def test_a_copy_that_somebody_edited_is_made_anew(tmp_path):
    store, site = RulesStore(tmp_path / "state"), tmp_path / "site"
    numbered(site, 0)
    kept, _ = store.keep((site,), NOW)
    (kept.folders[0] / "en" / "one.toml").write_text("[[rule]\n")
    again, new = store.keep((site,), NOW)
    assert (again.version, new) == (kept.version, True)
    assert "v0" in (kept.folders[0] / "en" / "one.toml").read_text()


def test_what_a_crash_left_behind_is_removed(tmp_path):
    store = RulesStore(tmp_path)
    (tmp_path / "rules" / ".new-1234" / "0").mkdir(parents=True)
    (tmp_path / "rules" / "halfway").mkdir()
    assert store.versions() == []
    store.prune(5)
    assert not list((tmp_path / "rules").glob(".new-*"))


def test_events_between_two_times(tmp_path):
    store = RulesStore(tmp_path)
    events = [RulesEvent(NOW + timedelta(days=n), "failed" if n % 2 else "loaded", f"v{n}", f"text {n}") for n in range(6)]
    for event in events:
        store.note(event)
    with (tmp_path / "rules" / "history.jsonl").open("a") as file:
        file.write('{"at": "2026-11')
    assert store.events() == events
    assert store.events(NOW + timedelta(days=2), NOW + timedelta(days=4)) == events[2:4]


# --- one folder in the place of another ---


@pytest.fixture
def folders(tmp_path):
    for name, text in (("old", "1"), ("new", "2")):
        (tmp_path / name / "de").mkdir(parents=True)
        (tmp_path / name / "de" / "site.toml").write_text(text)
    return tmp_path / "old", tmp_path / "new"


def read(folder):
    return (folder / "de" / "site.toml").read_text()


def test_a_folder_takes_the_place_of_another(folders):
    place, source = folders
    before = put_in_place(source, place, NOW)
    assert (read(place), read(before), read(source)) == ("2", "1", "2")
    assert before == place.with_name("old.replaced-20261124T120000")
    put_back(before, place)
    assert read(place) == "1"
    assert sorted(path.name for path in place.parent.iterdir()) == ["new", "old"]


def test_a_link_is_pointed_elsewhere(folders, tmp_path):
    real, source = folders
    place = tmp_path / "live"
    place.symlink_to(real)
    before = put_in_place(source, place, NOW)
    assert place.is_symlink()
    assert (read(place), before) == ("2", real)
    put_back(before, place)
    assert read(place) == "1"


def test_a_place_that_isnt_there_yet(folders, tmp_path):
    _, source = folders
    assert put_in_place(source, tmp_path / "fresh", NOW) is None
    assert read(tmp_path / "fresh") == "2"
    put_back(None, tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()


def test_what_cant_be_copied_changes_nothing(folders):
    place, source = folders
    (source / "de" / "lost.toml").symlink_to("/no/such/file")
    with pytest.raises(SwapFailed):
        put_in_place(source, place, NOW)
    assert read(place) == "1"
    assert sorted(path.name for path in place.parent.iterdir()) == ["new", "old"]


def test_an_exchange_where_the_file_system_cant(folders, monkeypatch):
    monkeypatch.setattr("gateway.edge.rules_swap.ctypes.CDLL", lambda *_, **__: object())
    exchange(*folders)
    assert [read(folder) for folder in folders] == ["2", "1"]
    assert sorted(path.name for path in folders[0].parent.iterdir()) == ["new", "old"]


def test_history_is_lines_of_json(tmp_path):
    RulesStore(tmp_path).note(RulesEvent(NOW, "failed", "", "a\nb"))
    (line,) = (tmp_path / "rules" / "history.jsonl").read_text().splitlines()
    assert json.loads(line) == {"at": "2026-11-24T12:00:00+00:00", "what": "failed", "version": "", "text": "a\nb"}
