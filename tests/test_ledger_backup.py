"""Backups of the ledger, and putting them back."""

import asyncio
import io
import stat
import tarfile

import pytest
from ledger_makers import NOON, Clock, a_mail, a_standing, an_incident

from gateway.edge.ledger_backup import restore
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed


async def filled(folder):
    ledger = await TinyLedger.open(folder, clock=Clock())
    for number in range(30):
        sender = f"s{number % 4}@example.net"
        await ledger.record(an_incident(f"I{number}", sender=sender), a_standing(sender, f"I{number}"), (a_mail(f"N{number}"),))
    await ledger.count(NOON, {"clean": 7})
    return ledger


async def everything(ledger):
    return (
        await ledger.incidents(),
        await ledger.standings(everyone=True),
        await ledger.waiting(),
        await ledger.counters(NOON.date(), NOON.date()),
    )


async def test_a_backup_comes_back_as_it_was_while_work_went_on(tmp_path):
    async with await filled(tmp_path / "ledger") as ledger:
        before = await everything(ledger)

        async def go_on():
            for number in range(30, 60):
                await ledger.record(an_incident(f"I{number}", sender="s1@example.net"), None)

        await ledger.backup(tmp_path / "copy.tar.gz")
        first = await everything(ledger)
        await asyncio.gather(ledger.backup(tmp_path / "second.tar.gz"), go_on())
        assert len(await ledger.incidents()) == 60
    assert first == before
    assert stat.S_IMODE((tmp_path / "copy.tar.gz").stat().st_mode) == 0o600
    assert not list((tmp_path / "ledger").glob(".snapshot*"))
    assert restore(tmp_path / "copy.tar.gz", tmp_path / "again") > 3
    async with await TinyLedger.open(tmp_path / "again", clock=Clock()) as ledger:
        assert await everything(ledger) == before
    restore(tmp_path / "second.tar.gz", tmp_path / "second")
    async with await TinyLedger.open(tmp_path / "second", clock=Clock()) as ledger:
        assert 30 <= len(await ledger.incidents()) <= 60


async def test_a_backup_never_overwrites_a_ledger(tmp_path):
    async with await filled(tmp_path / "ledger") as ledger:
        await ledger.backup(tmp_path / "copy.tar.gz")
        with pytest.raises(LedgerFailed, match="is not empty: move it away first"):
            restore(tmp_path / "copy.tar.gz", tmp_path / "ledger")
    (tmp_path / "empty").mkdir()
    restore(tmp_path / "copy.tar.gz", tmp_path / "empty")


async def test_a_backup_that_can_not_be_written_fails_and_leaves_nothing(tmp_path):
    async with await filled(tmp_path / "ledger") as ledger:
        with pytest.raises(LedgerFailed, match="No such file or directory"):
            await ledger.backup(tmp_path / "none" / "copy.tar.gz")
    assert not list((tmp_path / "ledger").glob(".snapshot*"))


def archive_of(path, names):
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 2
            tar.addfile(member, io.BytesIO(b"{}"))


@pytest.mark.parametrize(
    "names",
    [
        ["../evil.json"],
        ["/etc/evil.json"],
        ["senders/../../evil.json"],
        ["senders/.hidden.json"],
        ["senders/000.json"],
        ["format.json", "other/000.json"],
        ["format.json", "lock"],
        [],
    ],
)
def test_an_archive_that_is_none_of_ours_is_refused(tmp_path, names):
    archive_of(tmp_path / "a.tar.gz", names)
    with pytest.raises(LedgerFailed, match="is no backup of a ledger"):
        restore(tmp_path / "a.tar.gz", tmp_path / "ledger")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz"]


def test_links_in_an_archive_are_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo("senders/000.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(LedgerFailed, match="is no backup of a ledger"):
        restore(tmp_path / "a.tar.gz", tmp_path / "ledger")


async def test_a_damaged_archive_is_refused(tmp_path):
    async with await filled(tmp_path / "ledger") as ledger:
        await ledger.backup(tmp_path / "a.tar.gz")
    content = (tmp_path / "a.tar.gz").read_bytes()
    for broken in (b"", b"x" * 100, content[: len(content) // 2], content[:200] + b"\x00" * 50 + content[250:]):
        (tmp_path / "a.tar.gz").write_bytes(broken)
        with pytest.raises(LedgerFailed):
            restore(tmp_path / "a.tar.gz", tmp_path / "again")
        assert not (tmp_path / "again").exists()
    with pytest.raises(LedgerFailed, match="couldn't be restored"):
        restore(tmp_path / "none.tar.gz", tmp_path / "again")
