"""Backups of all that is durable, and putting them back: as rooms, and with the real service while mail flows."""

import asyncio
import gzip
import io
import json
import os
import re
import stat
import tarfile
import threading
import time
from datetime import UTC, datetime

import pytest
from gateway_process import GatewayProcess, mail, settings, wait_until
from ledger_makers import NOON, Clock, a_mail, a_standing, an_incident
from smtp_sink import ThreadedSink

from gateway.edge.held import HeldFolder
from gateway.edge.state_backup import LEDGER, MANIFEST, pack, sweep_snapshots, take_snapshot
from gateway.edge.state_restore import check_ledger, kept_in, put_back, unpack
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed
from gateway.records import HeldMail
from gateway.values import Envelope

MESSAGE = b"Subject: hi\r\n\r\nHello.\r\n"


async def hold(state, number):
    held = HeldMail(f"H{number}", NOON, Envelope("anna@example.net", ("support@shop.example",)), "threat", len(MESSAGE))
    await HeldFolder(state).hold(held, MESSAGE)


async def filled(state):
    state.mkdir()
    (state / "secret").write_bytes(b"s" * 32)
    (state / "later").mkdir()
    (state / "later" / "thing.json").write_bytes(b"{}")  # what another version keeps
    ledger = await TinyLedger.open(state / "book", clock=Clock())
    for number in range(30):
        sender = f"s{number % 4}@example.net"
        await ledger.record(an_incident(f"I{number}", sender=sender), a_standing(sender, f"I{number}"), (a_mail(f"N{number}"),))
    await ledger.count(NOON, {"clean": 7})
    await hold(state, 1)
    return ledger


async def everything(ledger):
    return (
        await ledger.incidents(),
        await ledger.standings(everyone=True),
        await ledger.waiting(),
        await ledger.counters(NOON.date(), NOON.date()),
    )


async def backup(ledger, state, archive):
    return pack(state / await take_snapshot(ledger, state, state / "book"), archive, NOON)


def put(archive, state, folder="book"):
    unpack(archive, state / ".restore-1")
    return put_back(state / ".restore-1", state, state / folder, NOON)


async def test_a_backup_comes_back_as_it_was_while_work_went_on(tmp_path):
    state = tmp_path / "state"
    async with await filled(state) as ledger:
        before = await everything(ledger)

        async def go_on():
            for number in range(30, 60):
                await ledger.record(an_incident(f"I{number}", sender="s1@example.net"), None)
                await hold(state, number)

        manifest = await backup(ledger, state, tmp_path / "copy.tar.gz")
        assert await everything(ledger) == before
        name, _ = await asyncio.gather(take_snapshot(ledger, state, state / "book"), go_on())
        pack(state / name, tmp_path / "second.tar.gz", NOON)
        assert len(await ledger.incidents()) == 60
    assert stat.S_IMODE((tmp_path / "copy.tar.gz").stat().st_mode) == 0o600
    assert {"state/secret", "state/held/H1.eml", "state/held/H1.json", "state/later/thing.json"} < manifest["files"].keys()
    assert not {"ledger/lock", "ledger/index.json"} & manifest["files"].keys()
    assert not [path for path in state.iterdir() if path.name.startswith(".")], "no copy is left"

    again = tmp_path / "again"
    unpack(tmp_path / "copy.tar.gz", again / ".restore-1")
    assert await check_ledger(again / ".restore-1" / LEDGER) == 30
    assert put_back(again / ".restore-1", again, again / "ledger", NOON) is None
    assert kept_in(again) == ["held", "later", "ledger", "secret"]
    async with await TinyLedger.open(again / "ledger", clock=Clock()) as ledger:
        assert await everything(ledger) == before
    assert await HeldFolder(again).message("H1") == MESSAGE
    assert (again / "secret").read_bytes() == b"s" * 32
    assert stat.S_IMODE((again / "secret").stat().st_mode) == 0o600

    second = tmp_path / "second"
    put(tmp_path / "second.tar.gz", second)
    async with await TinyLedger.open(second / "book", clock=Clock()) as ledger:
        recorded = sorted(int(incident.id[1:]) for incident in await ledger.incidents())
    # the ledger is copied first, so all but the last recorded mail, which was on its way, must be held in the copy
    held = {int(mail.id[1:]) for mail in await HeldFolder(second).held()}
    assert {number for number in recorded[:-1] if number >= 30} <= held


async def test_what_was_there_is_moved_aside_never_deleted(tmp_path):
    state = tmp_path / "state"
    async with await filled(state) as ledger:
        await backup(ledger, state, tmp_path / "copy.tar.gz")
        await ledger.record(an_incident("LATE"), None)
    aside = put(tmp_path / "copy.tar.gz", state)
    assert aside == state / ".replaced-20261124T120000Z"
    async with await TinyLedger.open(aside / "book", clock=Clock()) as ledger:
        assert await ledger.incident("LATE") is not None
    async with await TinyLedger.open(state / "book", clock=Clock()) as ledger:
        assert await ledger.incident("LATE") is None


async def test_a_backup_that_can_not_be_written_fails_and_leaves_nothing(tmp_path):
    state = tmp_path / "state"
    async with await filled(state) as ledger:
        with pytest.raises(LedgerFailed, match="No such file or directory"):
            await backup(ledger, state, tmp_path / "none" / "copy.tar.gz")
    assert not list(state.glob(".snapshot*"))


def test_only_copies_that_nobody_packs_any_more_are_swept(tmp_path):
    for name, age in ((".snapshot-old", 30_000), (".snapshot-new", 60), ("held", 90_000)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    sweep_snapshots(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".snapshot-new", "held"]


async def test_the_same_state_gives_the_same_files(tmp_path):
    state = tmp_path / "state"
    async with await filled(state) as ledger:
        first, second = [await backup(ledger, state, tmp_path / name) for name in ("a", "b")]
    assert first == second


def archive_of(path, files, manifest=None, *, first=True, kind=tarfile.REGTYPE):
    facts = {name: {"size": 2, "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"} for name in files}
    manifest = {"program": "courtesy-gateway", "version": "9.9", "backup": 1, "ledger": 1, "made": "x", "files": facts} | (manifest or {})
    with tarfile.open(path, "w:gz") as tar:
        for name, content in [(MANIFEST, json.dumps(manifest).encode())] * first + [(name, b"{}") for name in files]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if name != MANIFEST:
                member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("files", "more", "says"),
    [
        (["../evil.json"], {}, "is no backup of ours"),
        (["/etc/evil.json"], {}, "is no backup of ours"),
        (["ledger/../../evil.json"], {}, "is no backup of ours"),
        (["ledger/./a.json"], {}, "is no backup of ours"),
        (["state/.hidden"], {}, "is no backup of ours"),
        (["state"], {}, "is no backup of ours"),
        (["other/000.json"], {}, "is no backup of ours"),
        (["ledger/a.json"], {"files": {}}, "which its manifest doesn't name"),
        (["ledger/a.json"], {"files": {"ledger/a.json": {"size": 2, "sha256": "0"}}}, "is damaged: ledger/a.json is not as it was"),
        (["ledger/a.json"], {"files": {"ledger/a.json": {"size": 3, "sha256": "0"}}}, "is damaged"),
        ([], {"files": {"ledger/a.json": {"size": 3, "sha256": "0"}}}, "is damaged: ledger/a.json and 0 other files are missing"),
        ([], {"backup": 2}, r"was written by version 9.9 \(backup format 2, this one knows 1\): restore it with that version"),
        ([], {"ledger": 7}, r"\(ledger format 7, this one knows 2\)"),
        ([], {"ledger": "1"}, "ledger format 1"),
        ([], {"program": "other"}, "doesn't begin with its manifest"),
        ([], {"files": []}, "doesn't begin with its manifest"),
    ],
)
def test_an_archive_that_is_none_of_ours_is_refused(tmp_path, files, more, says):
    archive_of(tmp_path / "a.tar.gz", files, more)
    with pytest.raises(LedgerFailed, match=says):
        unpack(tmp_path / "a.tar.gz", tmp_path / "inside" / "here")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "inside"]


def test_links_and_missing_manifests_are_refused(tmp_path):
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
        archive_of(tmp_path / "a.tar.gz", ["ledger/a.json"], kind=kind)
        with pytest.raises(LedgerFailed, match="is no plain file"):
            unpack(tmp_path / "a.tar.gz", tmp_path / "inside")
    for files in ([], ["ledger/a.json"]):
        archive_of(tmp_path / "a.tar.gz", files, first=False)
        with pytest.raises(LedgerFailed, match="doesn't begin with its manifest"):
            unpack(tmp_path / "a.tar.gz", tmp_path / "inside")
    with pytest.raises(LedgerFailed, match=r"can't be read: .*none\.tar\.gz: No such file"):
        unpack(tmp_path / "none.tar.gz", tmp_path / "inside")


async def test_any_damage_is_seen(tmp_path):
    state = tmp_path / "state"
    async with await filled(state) as ledger:
        await backup(ledger, state, tmp_path / "a.tar.gz")
    content = (tmp_path / "a.tar.gz").read_bytes()
    plain = bytearray(gzip.decompress(content))
    plain[plain.rindex(b"example.net")] ^= 1
    for number, broken in enumerate((b"", b"x" * 100, content[: len(content) // 2], gzip.compress(bytes(plain)))):
        (tmp_path / "b.tar.gz").write_bytes(broken)
        with pytest.raises(LedgerFailed):
            unpack(tmp_path / "b.tar.gz", tmp_path / f"inside{number}")


# --- with the real service ------------------------------------------------------------------------------------------


def test_backup_and_restore_with_the_service(tmp_path):
    with ThreadedSink() as sink:
        config = settings(tmp_path, sink.port)
        archive = tmp_path / "backup.tar.gz"
        threat = mail("I will come to your office and kill you, you idiot.", number=1)
        gateway = GatewayProcess(config)
        gateway.start()
        try:
            assert gateway.send(threat, "anna@client.example")[0] == 250
            held = json.loads(gateway.courtesy("held", "list", "--json"))
            assert len(held) == 1
            taken = []

            def go_on():
                for number in range(2, 22):
                    taken.append(gateway.send(mail("You are an idiot.", sender=f"s{number}@client.example", number=number), f"s{number}@client.example")[0])

            sending = threading.Thread(target=go_on)
            sending.start()
            assert "files" in gateway.courtesy("ledger", "backup", str(archive))
            sending.join(60)
            assert taken == [250] * 20, "mail flows while a backup is made"
            assert "1 held mails" in gateway.courtesy("ledger", "check")
            (tmp_path / "backups").mkdir()
            old = tmp_path / "backups" / "courtesy-20200101T000000Z.tar.gz"
            old.write_bytes(b"")
            done = json.loads(gateway.courtesy("ledger", "backup", str(tmp_path / "backups"), "--keep-days", "30", "--json"))
            assert done["removed"] == [str(old)]
            assert not old.exists()
            refused = gateway.courtesy("ledger", "restore", str(archive), check=False)
            assert "the service is running: stop it first" in refused
        finally:
            gateway.stop()
        refused = gateway.courtesy("ledger", "restore", str(archive), check=False)
        assert "restore into an empty state_dir, or give --replace" in refused
        state = tmp_path / "state"
        state.rename(tmp_path / "lost")
        assert "Restored the backup of 20" in gateway.courtesy("ledger", "restore", str(archive))
        assert (state / "secret").read_bytes() == (tmp_path / "lost" / "secret").read_bytes()
        gateway.start()
        try:
            assert json.loads(gateway.courtesy("held", "list", "--json")) == held
            gateway.courtesy("held", "release", held[0]["id"])
            assert wait_until(lambda: [m for m in sink.mails if m.message.endswith(threat)])
        finally:
            gateway.stop()
        told = gateway.courtesy("ledger", "restore", str(archive), "--replace")
        assert f"What was there is in {state}/.replaced-{datetime.now(UTC):%Y}" in told
        (tmp_path / "backup.tar.gz").write_bytes(b"torn")
        assert "is no backup of ours, or is damaged" in gateway.courtesy("ledger", "restore", str(archive), "--replace", check=False)
        assert not list(state.glob(".restore*"))
        assert re.match(r"\d+ incidents, \d+ cases, \d+ senders, 1 held mails, ", gateway.courtesy("ledger", "check"))
