"""Files that are old or new after a crash, never a mixture."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from gateway.edge.atomic_storage import AtomicStorage, dump, parse
from gateway.edge.durable import JOURNAL, Disk, explain, sweep
from gateway.errors import LedgerTorn


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def full_after(number):
    """A write that says ENOSPC after so many bytes, like a disk that runs full within a file."""
    left = [number]

    def write(descriptor, data):
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(descriptor, data[: left[0]])
        left[0] -= written
        return written

    return write


def test_a_file_is_replaced_for_its_owner_only(tmp_path):
    Disk().save(tmp_path / "a.json", b"one")
    Disk().save(tmp_path / "a.json", b"two")
    assert (tmp_path / "a.json").read_bytes() == b"two"
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600
    assert names(tmp_path) == ["a.json"]


def test_a_short_write_goes_on(tmp_path):
    Disk(write=lambda descriptor, data: os.write(descriptor, data[:3])).save(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


@pytest.mark.parametrize("room", range(0, 14, 3))
def test_a_full_disk_leaves_the_old_file_and_no_rubbish(tmp_path, room):
    Disk().save(tmp_path / "a", b"old")
    with pytest.raises(OSError, match="No space"):
        Disk(write=full_after(room)).save(tmp_path / "a", b"new and longer")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_failing_fsync_or_rename_leaves_the_old_file(tmp_path):
    def fails(*_):
        raise OSError(errno.EIO, "Input/output error")

    Disk().save(tmp_path / "a", b"old")
    for disk in (Disk(sync=fails), Disk(replace=fails)):
        with pytest.raises(OSError, match="Input/output"):
            disk.save(tmp_path / "a", b"new")
        assert (tmp_path / "a").read_bytes() == b"old"
        assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("room", range(0, 60, 4))
def test_several_files_change_together_whenever_the_disk_runs_full(tmp_path, room):
    Disk().save_all(tmp_path, {"a": b"old a", "b": b"old b"})
    with pytest.raises(OSError, match="No space"):
        Disk(write=full_after(room)).save_all(tmp_path, {"a": b"new a" * 3, "b": b"new b" * 3, "c": b"new c" * 3})
    Disk().finish(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old a", "b": b"old b"}


@pytest.mark.parametrize("crash_at", range(1, 6))
def test_several_files_change_together_wherever_the_crash_comes(tmp_path, crash_at):
    class Crash(BaseException):
        pass

    Disk().save_all(tmp_path, {"a": b"old a", "b": b"old b"})
    renames = [0]

    def replace(source, target):
        renames[0] += 1
        if renames[0] == crash_at:
            raise Crash
        Path(source).replace(target)

    new = {"a": b"new a", "b": b"new b", "c": b"new c"}
    try:
        Disk(replace=replace).save_all(tmp_path, new)
    except Crash:
        assert crash_at < 5  # the journal and three files
    Disk().finish(tmp_path)
    sweep(tmp_path)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == ({"a": b"old a", "b": b"old b"} if crash_at == 1 else new)


def test_finishing_twice_is_harmless(tmp_path):
    Disk().save(tmp_path / "a", b"new")
    (tmp_path / JOURNAL).write_text(json.dumps({"a": ".a.0123.tmp"}))
    Disk().finish(tmp_path)
    Disk().finish(tmp_path)
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_folders_are_made_for_the_owner_only(tmp_path):
    Disk().make_folder(tmp_path / "x" / "y")
    Disk().make_folder(tmp_path / "x" / "y")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="exists"):
        Disk().make_folder(tmp_path / "file")


def test_old_leftovers_are_swept_and_young_ones_may_stay(tmp_path):
    (tmp_path / ".a.1.tmp").write_text("")
    sweep(tmp_path, 60)
    assert names(tmp_path) == [".a.1.tmp"]
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_removing_is_idempotent(tmp_path):
    Disk().save(tmp_path / "a", b"")
    Disk().remove(tmp_path / "a")
    Disk().remove(tmp_path / "a")


def test_errors_are_explained_with_the_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "none" / "a").read_bytes()
    assert explain(caught.value) == f"{tmp_path}/none/a: No such file or directory"
    assert explain(OSError("odd")) == "OSError"


# --- the storage of TinyDB ---

KNOWN = frozenset({"t", "u"})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"t": {"1": {"a": 1}}',
        b"\x00" * 100,
        b"[]",
        b'"x"',
        b"[" * 100_000,
        b'{"t": []}',
        b'{"t": {"1": 5}}',
        b'{"t": {"x": {}}}',
        b"\xff",
    ],
)
def test_a_torn_or_foreign_file_is_named_and_left_alone(tmp_path, content):
    path = tmp_path / "0ab.json"
    path.write_bytes(content)
    storage = AtomicStorage(path, KNOWN, Disk())
    with pytest.raises(LedgerTorn, match=r"0ab\.json .*left untouched.*restore"):
        storage.read()
    with pytest.raises(LedgerTorn):
        storage.write({"t": {"1": {"b": 2}}})
    assert path.read_bytes() == content


def test_a_table_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "0ab.json"
    path.write_bytes(dump({"v": {"1": {}}}))
    with pytest.raises(LedgerTorn, match="a table 'v' that this version doesn't know"):
        AtomicStorage(path, KNOWN, Disk()).read()


def test_a_storage_writes_at_once_or_when_told(tmp_path):
    from tinydb import TinyDB, where

    base = TinyDB(tmp_path / "a.json", KNOWN, Disk(), storage=AtomicStorage)
    base.table("t").insert({"a": 1})
    assert TinyDB(tmp_path / "a.json", KNOWN, Disk(), storage=AtomicStorage).table("t").get(where("a") == 1) == {"a": 1}
    staged = AtomicStorage(tmp_path / "b.json", KNOWN, Disk(), staged=True)
    TinyDB(storage=lambda: staged).table("u").insert({"b": 2})
    assert not (tmp_path / "b.json").exists()
    assert staged.changed
    assert parse(tmp_path, staged.content, KNOWN) == {"u": {"1": {"b": 2}}}


def test_memory_is_what_the_disk_has_after_a_failed_write(tmp_path):
    from tinydb import TinyDB

    path = tmp_path / "a.json"
    TinyDB(path, KNOWN, Disk(), storage=AtomicStorage).table("t").insert({"a": 1})
    table = TinyDB(path, KNOWN, Disk(write=full_after(10)), storage=AtomicStorage).table("t", cache_size=0)
    with pytest.raises(OSError, match="No space"):
        table.insert({"a": 2})
    assert table.all() == [{"a": 1}]


def test_lone_surrogates_out_of_hostile_mail_can_be_written(tmp_path):
    tables = {"t": {"1": {"subject": "a\udce1b \u2028 \x00 🙁"}}}
    assert parse(tmp_path, dump(tables), KNOWN) == tables


def test_a_file_has_a_document_a_line():
    assert dump({"t": {"1": {"a": "é"}, "2": {"b": [1]}}}).decode() == '{\n"t": {\n"1": {"a":"é"},\n"2": {"b":[1]}\n}\n}\n'
