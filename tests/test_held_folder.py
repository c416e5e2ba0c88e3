"""Mail that waits for a person."""

import asyncio
import errno
import os
import stat

import pytest
from ledger_makers import NOON
from test_ledger_durable import full_after

from gateway.edge.durable import Disk
from gateway.edge.held import HeldFolder
from gateway.errors import HoldFailed
from gateway.records import HeldMail
from gateway.values import Envelope

MESSAGE = b"From: a@example.net\r\nSubject: x\r\n\r\n\xff raw bytes \x00, 8 bit\r\n"


def a_held_mail(reference="A1", message=MESSAGE, at=NOON):
    envelope = Envelope(
        "a@example.net", ("support@shop.example",), ("BODY=8BITMIME",), (("NOTIFY=NEVER",),), "192.0.2.1", "mail.example.net"
    )
    return HeldMail(reference, at, envelope, "threat", len(message))


async def test_a_held_mail_comes_back_byte_for_byte(tmp_path):
    store = HeldFolder(tmp_path)
    await store.hold(a_held_mail(), MESSAGE)
    again = HeldFolder(tmp_path)
    assert await again.message("A1") == MESSAGE
    assert await again.show("A1") == a_held_mail()
    assert await again.held() == (a_held_mail(),)
    for path in (tmp_path / "held").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "held").stat().st_mode) == 0o700


async def test_holding_again_is_fine_but_not_another_mail_under_its_id(tmp_path):
    store = HeldFolder(tmp_path)
    await asyncio.gather(*(store.hold(a_held_mail(), MESSAGE) for _ in range(8)))
    with pytest.raises(HoldFailed, match="another mail is held under the id A1"):
        await store.hold(a_held_mail(message=b"other"), b"other")
    assert await store.message("A1") == MESSAGE


async def test_a_mail_that_was_half_held_is_made_whole(tmp_path):
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "A1.eml").write_bytes(b"half of")
    store = HeldFolder(tmp_path)
    assert await store.held() == ()
    assert await store.show("A1") is None
    await store.hold(a_held_mail(), MESSAGE)
    assert await store.message("A1") == MESSAGE


async def test_release_and_delete(tmp_path):
    store = HeldFolder(tmp_path)
    await store.hold(a_held_mail(), MESSAGE)
    assert (await store.release("A1", "boss@shop.example")).released_by == "boss@shop.example"
    assert (await store.release("A1", "other@shop.example")).released_by == "boss@shop.example"
    assert (await store.show("A1")).released_by == "boss@shop.example"
    await store.hold(a_held_mail(), MESSAGE)
    assert (await store.show("A1")).released_by == "boss@shop.example"
    await store.delete("A1")
    await store.delete("A1")
    assert await store.held() == ()
    assert list((tmp_path / "held").iterdir()) == []
    for work in (store.message("A1"), store.release("A1", "boss@shop.example")):
        with pytest.raises(HoldFailed, match="no mail is held under the id A1"):
            await work


async def test_the_list_is_oldest_first(tmp_path):
    store = HeldFolder(tmp_path)
    for reference, minute in (("B", 1), ("A", 2), ("C", 0)):
        await store.hold(a_held_mail(reference, at=NOON.replace(minute=minute)), MESSAGE)
    assert [held.id for held in await store.held()] == ["C", "B", "A"]
    assert await HeldFolder(tmp_path / "none").held() == ()


@pytest.mark.parametrize("reference", ["", ".", "..", "../x", "a/b", "a.json", "-x", "a\x00", "x" * 65, "é", "a\n"])
async def test_odd_ids_are_refused(tmp_path, reference):
    store = HeldFolder(tmp_path)
    for work in (store.hold(a_held_mail(reference), MESSAGE), store.show(reference), store.message(reference), store.delete(reference)):
        with pytest.raises(HoldFailed, match="can't be the id of a held mail"):
            await work


@pytest.mark.parametrize("room", [0, 10, len(MESSAGE), len(MESSAGE) + 20])
async def test_a_full_disk_says_so_and_nothing_is_held(tmp_path, room):
    store = HeldFolder(tmp_path, Disk(write=full_after(room)))
    with pytest.raises(HoldFailed, match="No space left on device"):
        await store.hold(a_held_mail(), MESSAGE)
    again = HeldFolder(tmp_path)
    assert await again.held() == ()
    await again.hold(a_held_mail(), MESSAGE)
    assert await again.message("A1") == MESSAGE


async def test_a_failing_fsync_says_so(tmp_path):
    def sync(descriptor):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(HoldFailed, match="Input/output error"):
        await HeldFolder(tmp_path, Disk(sync=sync)).hold(a_held_mail(), MESSAGE)
    assert await HeldFolder(tmp_path).held() == ()


async def test_a_torn_or_foreign_file_is_named_and_kept(tmp_path):
    store = HeldFolder(tmp_path)
    await store.hold(a_held_mail(), MESSAGE)
    facts = tmp_path / "held" / "A1.json"
    whole = facts.read_bytes()
    for content in (b"", b"{", b"[]", b'{"id": "A1"}', whole.replace(b'"reason"', b'"mood": 1, "reason"')):
        facts.write_bytes(content)
        for work in (store.show("A1"), store.held(), store.release("A1", "x")):
            with pytest.raises(HoldFailed, match=r"A1\.json can't be understood .* put it back from a backup"):
                await work
        assert facts.read_bytes() == content


async def test_a_cut_message_is_noticed(tmp_path):
    store = HeldFolder(tmp_path)
    await store.hold(a_held_mail(), MESSAGE)
    (tmp_path / "held" / "A1.eml").write_bytes(MESSAGE[:-5])
    with pytest.raises(HoldFailed, match=r"A1\.eml has \d+ bytes and should have"):
        await store.message("A1")
    (tmp_path / "held" / "A1.eml").unlink()
    with pytest.raises(HoldFailed, match="No such file"):
        await store.message("A1")
    with pytest.raises(HoldFailed, match="bytes, not"):
        await store.hold(a_held_mail("A2"), b"short")


async def test_a_file_in_place_of_the_folder_says_so(tmp_path):
    (tmp_path / "held").write_text("")
    with pytest.raises(HoldFailed):
        await HeldFolder(tmp_path).hold(a_held_mail(), MESSAGE)
