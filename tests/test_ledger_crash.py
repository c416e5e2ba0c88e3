"""The ledger under kill -9, beside a second process, and on a full disk."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_makers import NOON, Clock, a_mail, a_standing, an_incident
from test_ledger_durable import full_after

from gateway.edge.chain_check import check_chain
from gateway.edge.durable import Disk
from gateway.edge.ledger_files import Changes
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed, LedgerLocked, LedgerTorn

WRITER = Path(__file__).with_name("ledger_writer.py")


def start_writer(folder, number):
    return subprocess.Popen(
        [sys.executable, str(WRITER), str(folder), str(number)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(WRITER.parent)},
    )


async def test_kill_at_any_moment_leaves_whole_records(tmp_path):
    chance = random.Random(20261124)
    folder = tmp_path / "ledger"
    said = []
    groups = []
    round_ = 0
    # at least twenty kills, and as many more as a slow disk needs to write enough between them
    while round_ < 20 or (len(said) <= 50 and round_ < 80):
        process = start_writer(folder, round_ * 100_000)
        round_ += 1
        assert process.stdout.readline() == "open\n"
        await asyncio.sleep(chance.uniform(0.0, 0.12))
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().split()
        process.stdout.close()
        process.wait()
        said += [line for line in lines if line.startswith("I")]
        groups = [line for line in lines if line.startswith("T")] or groups
        async with await TinyLedger.open(folder, clock=Clock()) as ledger:
            found = {incident.id: incident async for incident in ledger.every_incident()}
            assert set(said) <= found.keys(), "what was said to be durable is there"
            standings = {standing.address: standing for standing in await ledger.standings(everyone=True)}
            mails = {mail.id for mail in await ledger.waiting()} | {mail.id for mail in await ledger.posted(NOON)}
            for incident in found.values():
                assert f"M{incident.id[1:]}" in mails, "incident and mail come together"
                assert incident.sender in standings
                assert (incident.reply == "250 ok") == (f"S{incident.id[1:]}" in mails), "reply and mail come together"
            for sender in {incident.sender for incident in found.values()}:
                newest = max(int(incident.id[1:]) for incident in found.values() if incident.sender == sender)
                assert standings[sender].strikes[0].incident == f"I{newest}", "incident and standing come together"
            group = {standing.strikes[0].incident for address, standing in standings.items() if address.startswith("t")}
            assert len(group) <= 1, "several senders changed at once or not at all"
            if groups:
                assert int(next(iter(group))[1:]) >= int(groups[-1][1:])
        assert check_chain(folder).faults == []
        assert not list(folder.rglob("*.tmp"))
        assert not (folder / "senders" / "journal.json").exists()
    assert len(said) > 50


async def test_a_second_process_is_told_who_has_the_ledger(tmp_path):
    process = start_writer(tmp_path / "ledger", 0)
    try:
        assert process.stdout.readline() == "open\n"
        with pytest.raises(LedgerLocked, match=rf"in use by process {process.pid}; stop it"):
            await TinyLedger.open(tmp_path / "ledger")
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    await (await TinyLedger.open(tmp_path / "ledger")).close()


async def test_the_same_process_can_not_open_it_twice(tmp_path):
    async with await TinyLedger.open(tmp_path) as ledger:
        for _ in range(2):
            with pytest.raises(LedgerLocked, match=rf"process {os.getpid()};"):
                await TinyLedger.open(tmp_path)
        await ledger.put_standing(a_standing())
    process = start_writer(tmp_path, 0)
    try:
        assert process.stdout.readline() == "open\n"
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def lock_and_leave_a_child(folder):
    """Run a process that takes the lock, forks and ends; the child lives on."""
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from gateway.edge.ledger_lock import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1]))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os.close(1); os.close(2); time.sleep(20); os._exit(0)\n"
        "print(child, flush=True)\n"
    )
    return int(subprocess.run([sys.executable, "-c", script, str(folder)], check=True, capture_output=True, text=True).stdout)


async def test_a_forked_worker_that_outlives_us_does_not_keep_the_lock(tmp_path):
    child = lock_and_leave_a_child(tmp_path)
    try:
        os.kill(child, 0)  # it lives
        await (await TinyLedger.open(tmp_path)).close()
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("room", [0, 1, 100, 1500])
async def test_a_full_disk_fails_clearly_and_changes_nothing(tmp_path, room):
    writes = [os.write]
    disk = Disk(write=lambda descriptor, data: writes[0](descriptor, data))  # noqa: PLW0108 - it changes
    async with await TinyLedger.open(tmp_path, clock=Clock(), disk=disk) as ledger:
        await ledger.record(an_incident("I1"), a_standing(incident="I1"), (a_mail("M1"),))
        writes[0] = full_after(room)
        with pytest.raises(LedgerFailed, match=r"can't be read or written: No space left on device"):
            await ledger.record(an_incident("I2"), a_standing(incident="I2"), (a_mail("M2"),))
        with pytest.raises(LedgerFailed):
            await ledger.apply(Changes(standings=(a_standing("x@example.net"), a_standing("y@example.net"))))
        for reopened in (False, True):
            if reopened:
                await ledger.close()
                writes[0] = os.write
                ledger = await TinyLedger.open(tmp_path, clock=Clock(), disk=disk)  # noqa: PLW2901 - the next life of the same
            assert await ledger.incident("I2") is None
            assert await ledger.seen("anna@example.net", "key-I2") is None
            assert await ledger.standing("anna@example.net") == a_standing(incident="I1")
            assert [mail.id for mail in await ledger.waiting()] == ["M1"]
            assert [standing.address for standing in await ledger.standings()] == ["anna@example.net"]
        await ledger.record(an_incident("I2"), a_standing(incident="I2"), (a_mail("M2"),))
        assert await ledger.standing("anna@example.net") == a_standing(incident="I2")
        await ledger.close()


async def test_a_rename_that_fails_after_the_decision_is_made_good(tmp_path):
    broken = [0]

    def replace(source, target):
        if broken[0] and "journal" not in str(target):
            broken[0] -= 1
            raise OSError(5, "Input/output error")
        Path(source).replace(target)

    async with await TinyLedger.open(tmp_path, clock=Clock(), disk=Disk(replace=replace)) as ledger:
        broken[0] = 1
        both = (a_standing("x@example.net"), a_standing("y@example.net"))
        with pytest.raises(LedgerFailed):
            await ledger.apply(Changes(standings=both))
        assert await ledger.standings() == both  # both or none, and what is seen is what the disk has


async def test_a_torn_file_is_named_and_stays(tmp_path):
    async with await TinyLedger.open(tmp_path) as ledger:
        await ledger.record(an_incident(), None)
    (path,) = (tmp_path / "senders").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    for _ in range(2):
        with pytest.raises(LedgerTorn, match=rf"{path.name}.*left untouched"):
            await TinyLedger.open(tmp_path)
        assert path.read_bytes() == content[:-40]
    path.write_bytes(content)
    async with await TinyLedger.open(tmp_path) as ledger:
        assert await ledger.incident("A1") == an_incident()


async def test_a_file_torn_while_we_run_is_not_overwritten(tmp_path):
    async with await TinyLedger.open(tmp_path, clock=Clock()) as ledger:
        await ledger.record(an_incident(), None)
        (path,) = (tmp_path / "senders").iterdir()
        path.write_bytes(b"{")
        for work in (ledger.incident("A1"), ledger.record(an_incident("A2"), a_standing()), ledger.seen("", "key-A1")):
            with pytest.raises(LedgerTorn, match=path.name):
                await work
        assert path.read_bytes() == b"{"


async def test_a_copied_file_is_noticed(tmp_path):
    async with await TinyLedger.open(tmp_path) as ledger:
        await ledger.record(an_incident(), None)
    (path,) = (tmp_path / "senders").iterdir()
    path.with_name("000.json").write_bytes(path.read_bytes())
    with pytest.raises(LedgerTorn, match="one of them is a copy"):
        await TinyLedger.open(tmp_path)


async def test_a_newer_format_is_refused_with_what_to_do(tmp_path):
    await (await TinyLedger.open(tmp_path)).close()
    (tmp_path / "format.json").write_text('{"format": 3}')
    with pytest.raises(LedgerFailed, match=r"newer version \(format 3, this one knows 2\): start that version again, or restore a backup"):
        await TinyLedger.open(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "x"}', '{"format": 0}'])
async def test_an_odd_format_file_is_torn(tmp_path, content):
    await (await TinyLedger.open(tmp_path)).close()
    (tmp_path / "format.json").write_text(content)
    with pytest.raises(LedgerTorn, match=r"format\.json"):
        await TinyLedger.open(tmp_path)


async def test_a_missing_format_file_beside_senders_is_torn(tmp_path):
    await (await TinyLedger.open(tmp_path)).close()
    (tmp_path / "format.json").unlink()
    with pytest.raises(LedgerTorn, match=r"format\.json is missing"):
        await TinyLedger.open(tmp_path)


async def test_a_field_of_a_newer_version_in_a_record_is_refused(tmp_path):
    async with await TinyLedger.open(tmp_path) as ledger:
        await ledger.record(an_incident(), None)
    (path,) = (tmp_path / "senders").iterdir()
    path.write_bytes(path.read_bytes().replace(b'"id":"A1"', b'"mood":"x","id":"A1"'))
    async with await TinyLedger.open(tmp_path) as ledger:
        with pytest.raises(LedgerTorn, match="Incident has the field 'mood', which this version doesn't know; a newer version wrote it"):
            await ledger.incident("A1")


async def test_foreign_files_are_ignored_and_gone_ones_reported(tmp_path, caplog):
    async with await TinyLedger.open(tmp_path) as ledger:
        await ledger.record(an_incident(), None)
    await asyncio.sleep(0.3)
    await (await TinyLedger.open(tmp_path)).close()
    (path,) = (tmp_path / "senders").iterdir()
    path.rename(path.with_suffix(".json.bak"))
    async with await TinyLedger.open(tmp_path) as ledger:
        assert await ledger.incident("A1") is None
    assert "is no file of the ledger and is ignored" in caplog.text
    assert "is gone, and with it 1 incidents" in caplog.text


async def test_an_index_that_lies_or_is_torn_is_made_anew(tmp_path):
    async with await TinyLedger.open(tmp_path) as ledger:
        await ledger.record(an_incident(), None)
    for content in (
        b"",
        b"{}",
        b'{"version": 99, "files": {}}',
        b'{"version": 1, "files": {"x": 1}}',
        b'{"version":1,"files":{"000.json":[[1,2,3],[[1]],[],[],[]]}}',
    ):
        (tmp_path / "index.json").write_bytes(content)
        async with await TinyLedger.open(tmp_path) as ledger:
            assert await ledger.incident("A1") == an_incident()


async def test_an_unreadable_folder_fails_clearly(tmp_path):
    (tmp_path / "ledger").write_text("a file")
    with pytest.raises(LedgerFailed, match="can't be read or written"):
        await TinyLedger.open(tmp_path / "ledger")


async def test_a_second_start_of_a_ledger_in_use_does_not_disturb_the_first(tmp_path):
    async with await TinyLedger.open(tmp_path, clock=Clock()) as ledger:
        for number in range(5):
            with pytest.raises(LedgerLocked):
                await TinyLedger.open(tmp_path)
            await ledger.record(an_incident(f"I{number}"), None)
        assert len(await ledger.incidents()) == 5
