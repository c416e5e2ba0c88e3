"""The hash chain over the records of incidents (D18): whatever is changed behind the ledger's back is found and named."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_makers import MESSAGE, NOON, Clock, a_standing, an_incident

from gateway.edge import chain, ledger_store
from gateway.edge.chain import FIRST, LOST, link_of, read_line, record_hash, segments
from gateway.edge.chain_check import check_chain
from gateway.edge.durable import Disk
from gateway.edge.held import HeldFolder
from gateway.edge.ledger_files import LedgerFiles
from gateway.edge.state_backup import LEDGER, pack, take_snapshot
from gateway.edge.state_restore import check_ledger, mark_restored, put_back, unpack
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed
from gateway.mail.trace import message_hash
from gateway.records import HeldMail, IncidentState
from gateway.values import Envelope, Level

ANNA = "anna@example.net"


def senders(number):
    return f"customer{number}@example.net"


async def filled(folder, incidents=6):
    """A ledger with a few incidents, each settled, one overturned."""
    async with await TinyLedger.open(folder, clock=Clock()) as ledger:
        for number in range(incidents):
            new = an_incident(f"I{number}", sender=senders(number), at=NOON + timedelta(minutes=number))
            await ledger.record(new, a_standing(senders(number), new.id))
            await ledger.settle(new, "250 ok")
        await ledger.update_incident("I1", state=IncidentState.OVERTURNED, note=(NOON, "boss@shop.example", "overturned"))


@pytest.fixture
async def folder(tmp_path):
    await filled(tmp_path / "ledger")
    return tmp_path / "ledger"


def lines_of(folder):
    return [line for path in segments(folder / "chain") for line in path.read_bytes().splitlines(keepends=True)]


def put_lines(folder, lines):
    (path,) = segments(folder / "chain")
    path.write_bytes(b"".join(lines))


def faults(folder, noted=None):
    return [(fault.line, fault.incident, fault.text) for fault in check_chain(folder, noted).faults]


def name_of(descriptor):
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def file_of(folder, reference):
    return next(path for path in (folder / "senders").glob("*.json") if f'"id":"{reference}"' in path.read_text())


def change(folder, reference, old, new):
    path = file_of(folder, reference)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_was_written_down_is_as_it_was(folder):
    report = check_chain(folder)
    assert (report.faults, report.lines, report.incidents, report.erased, report.adopted, report.undone) == ([], 13, 6, 0, 0, 0)
    assert report.begun == "2026-11-24T12:00:00Z"
    assert report.head == read_line(lines_of(folder)[-1].rstrip())[0].link


def test_a_stranger_can_check_it_with_a_few_lines(folder):
    """As docs/evidence.md tells it: nothing but SHA-256 and JSON."""
    link, hashes = "0" * 64, {}
    for number, line in enumerate(lines_of(folder), 1):
        body, _, said = line.decode().strip().rpartition(" ")
        assert hashlib.sha256(f"{link} {body}".encode()).hexdigest() == said
        row = json.loads(body)
        assert row["number"] == number
        for reference, was, now in row["incidents"]:
            assert hashes.get(reference) == was
            hashes[reference] = now
        link = said
    for path in (folder / "senders").glob("*.json"):
        for record in json.loads(path.read_text()).get("incidents", {}).values():
            text = json.dumps(record, sort_keys=True, separators=(",", ":"))
            assert hashlib.sha256(text.encode()).hexdigest() == hashes.pop(record["id"])
    assert hashes == {}


def test_each_line_says_why(folder):
    whys = [read_line(line.rstrip())[0].why for line in lines_of(folder)]
    assert whys == ["mail", "reply"] * 6 + ["decision"]


def test_nothing_personal_is_in_the_chain(folder):
    content = b"".join(lines_of(folder)).decode()
    for text in ("example.net", "boss", "Où", "commande", "imbécile", "key-I1"):
        assert text not in content


async def test_what_remains_of_an_erased_record_can_not_be_guessed(folder):
    """Two records that are the same but for their salt have hashes that differ."""
    rows = []
    for name in ("one", "two"):
        await filled(folder.parent / name, 2)
        path = file_of(folder.parent / name, "I0")
        rows.append(next(row for row in json.loads(path.read_text())["incidents"].values() if row["id"] == "I0"))
    assert record_hash(rows[0]) != record_hash(rows[1])
    assert {k: v for k, v in rows[0].items() if k != "salt"} == {k: v for k, v in rows[1].items() if k != "salt"}
    assert len(rows[0]["salt"]) == 32


# --- what somebody may do behind the ledger's back ----------------------------------------------------------------------


def test_a_changed_record_is_found(folder):
    change(folder, "I2", '"strikes":1', '"strikes":0')
    assert faults(folder) == [(6, "I2", "isn't what this line says: the record was changed, or the chain's end was cut off")]


def test_a_deleted_record_is_found(folder):
    file_of(folder, "I3").unlink()
    assert faults(folder) == [(8, "I3", "is gone from the ledger, and no line says why")]


def test_an_inserted_record_is_found(folder):
    path = file_of(folder, "I3")
    data = json.loads(path.read_text())
    data["incidents"]["7"] = next(iter(data["incidents"].values())) | {"id": "FORGED"}
    path.write_text(json.dumps(data))
    assert faults(folder) == [(0, "FORGED", "is in the ledger, but not by the chain: put there by somebody, or the chain's end was cut off")]


def test_a_record_put_twice_is_found(folder):
    shutil.copy(file_of(folder, "I3"), folder / "senders" / "fff.json")
    assert [incident for _, incident, _ in faults(folder)] == ["I3"]


def test_a_file_from_an_older_backup_is_found(folder):
    older = file_of(folder, "I1").read_bytes().replace(b"overturned", b"done")
    file_of(folder, "I1").write_bytes(older)
    assert [(line, incident) for line, incident, _ in faults(folder)] == [(13, "I1")]


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_cut_off_end_is_found(folder, cut):
    put_lines(folder, lines_of(folder)[:-cut])
    # only the last line may be missing its change, never the other way round
    assert faults(folder)
    assert all("cut off" in text for _, _, text in faults(folder))


def test_a_cut_off_end_is_found_by_a_head_noted_elsewhere_too(folder):
    report = check_chain(folder)
    head = (report.lines, report.head)
    assert faults(folder, head) == []
    shutil.rmtree(folder / "senders")  # somebody who rolls everything back
    (folder / "senders").mkdir()
    put_lines(folder, [])
    assert faults(folder, head)[-1] == (13, "", "was noted elsewhere, but the chain ends at line 0")


@pytest.mark.parametrize("number", range(1, 13))
def test_a_missing_line_is_found(folder, number):
    lines = lines_of(folder)
    put_lines(folder, [*lines[: number - 1], *lines[number:]])
    assert (number + 1, "", f"line {number} is missing before it") in faults(folder)


@pytest.mark.parametrize("number", range(1, 13))
def test_reordered_lines_are_found(folder, number):
    lines = lines_of(folder)
    lines[number - 1], lines[number] = lines[number], lines[number - 1]
    put_lines(folder, lines)
    assert any(f"stands behind line {number + 1}" in text for _, _, text in faults(folder))


def test_an_inserted_line_is_found(folder):
    lines = lines_of(folder)
    put_lines(folder, [*lines[:4], lines[2], *lines[4:]])
    assert (3, "", "stands behind line 4: inserted, or put elsewhere") in faults(folder)


def test_any_changed_byte_of_the_chain_is_found(folder):
    (path,) = segments(folder / "chain")
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        changed = bytearray(content)
        changed[position] ^= 1
        path.write_bytes(changed)
        found = faults(folder)
        where = content[:position].count(b"\n") + 1
        assert found, position
        assert min(line for line, _, _ in found if line) <= where + 1, position
    path.write_bytes(content)
    assert faults(folder) == []


def test_a_changed_line_with_a_link_that_fits_it_breaks_the_next(folder):
    lines = lines_of(folder)
    _, before = lines[4].rstrip().rsplit(b" ", 1)
    body = lines[5].rstrip().rpartition(b" ")[0].replace(b'"reply"', b'"mail"')
    lines[5] = body + b" " + link_of(before.decode(), body).encode() + b"\n"
    put_lines(folder, lines)
    assert faults(folder) == [(7, "", "was changed, or doesn't belong behind the line before it")]


def test_who_rewrites_everything_is_found_only_by_a_head_noted_elsewhere(folder):
    """What a chain can't prove, as docs/evidence.md says."""
    report = check_chain(folder)
    change(folder, "I5", '"strikes":1', '"strikes":0')
    row = next(row for row in json.loads(file_of(folder, "I5").read_text())["incidents"].values() if row["id"] == "I5")
    lines, link, hashes = lines_of(folder), FIRST, {}
    for number, line in enumerate(lines):
        data = json.loads(line.rpartition(b" ")[0])
        for step in data["incidents"]:
            step[1] = hashes.get(step[0])
            step[2] = hashes[step[0]] = record_hash(row) if step[0] == "I5" and number == 11 else step[2]
        body = json.dumps(data, separators=(",", ":")).encode()
        link = link_of(link, body)
        lines[number] = body + b" " + link.encode() + b"\n"
    put_lines(folder, lines)
    assert faults(folder) == []
    assert faults(folder, (report.lines, report.head)) == [(13, "", "was another one when its hash was noted")]


async def test_a_later_change_does_not_wash_an_earlier_one_clean(folder):
    change(folder, "I2", '"strikes":1', '"strikes":0')
    async with await TinyLedger.open(folder, clock=Clock()) as ledger:
        await ledger.update_incident("I2", note=(NOON, "boss", "looked at"))
        await ledger.update_incident("I4", note=(NOON, "boss", "looked at"))
    assert faults(folder) == [(14, "I2", "wasn't any more what line 6 says: it was changed in between")]


async def test_a_chain_that_was_taken_away_begins_anew_and_says_so(folder, caplog):
    shutil.rmtree(folder / "chain")
    await (await TinyLedger.open(folder, clock=Clock())).close()
    assert "was gone and begins anew with 6 incidents" in caplog.text
    assert faults(folder) == [(1, "", "the chain was gone and began anew with what the ledger then had")]
    assert read_line(lines_of(folder)[0].rstrip())[0].why == LOST


async def test_a_damaged_last_line_stays_and_the_chain_goes_on_behind_it(folder):
    lines = lines_of(folder)
    put_lines(folder, [*lines[:-1], b"not a line\n"])
    async with await TinyLedger.open(folder, clock=Clock()) as ledger:
        await ledger.update_incident("I4", note=(NOON, "boss", "looked at"))
    assert lines_of(folder)[12] == b"not a line\n"
    found = faults(folder)
    assert (13, "", "is no line of a chain any more") in found
    assert 14 not in {line for line, _, _ in found}, "the line behind it is good"


async def test_held_mail_is_compared_with_what_was_judged(tmp_path):
    held = HeldFolder(tmp_path)
    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock()) as ledger:
        await ledger.record(an_incident("I1", held=True, message_sha256=message_hash(MESSAGE)), None)
        await held.hold(HeldMail("I1", NOON, Envelope(ANNA, ("support@shop.example",)), "threat", len(MESSAGE)), MESSAGE)
    assert check_chain(tmp_path / "ledger", held=tmp_path / "held").faults == []
    (tmp_path / "held" / "I1.eml").write_bytes(MESSAGE.replace(b"Hello", b"Howdy"))
    (fault,) = check_chain(tmp_path / "ledger", held=tmp_path / "held").faults
    assert (fault.incident, fault.text) == ("I1", "the mail that is held isn't the one that was judged")


# --- what the ledger itself does -------------------------------------------------------------------------------------------


async def test_erasing_leaves_a_chain_that_says_what_went_and_why(folder):
    async with await TinyLedger.open(folder, clock=Clock()) as ledger:
        await ledger.forget(senders(2))
        await ledger.revise_incidents(
            NOON + timedelta(minutes=4), lambda old: None if old.id == "I0" else replace(old, excerpt="", subject="", key="")
        )
    report = check_chain(folder)
    assert (report.faults, report.incidents, report.erased) == ([], 4, 2)
    rows = [read_line(line.rstrip())[0] for line in lines_of(folder)[13:]]
    gone = {step.incident: (row.why, step.was) for row in rows for step in row.steps if not step.now}
    assert gone.keys() == {"I0", "I2"}
    assert (gone["I0"][0], gone["I2"][0]) == ("retention", "forgotten")
    before = {step.incident: step.now for line in lines_of(folder)[:13] for step in read_line(line.rstrip())[0].steps}
    assert gone["I2"][1] == before["I2"], "the old hash stays"
    assert {row.why for row in rows} == {"retention", "forgotten"}


async def test_a_ledger_from_before_the_chain_is_taken_in(folder):
    shutil.rmtree(folder / "chain")
    (folder / "format.json").write_text('{"program": "courtesy-gateway", "format": 1}')
    for path in (folder / "senders").glob("*.json"):  # as an older version wrote them
        data = json.loads(path.read_text())
        for row in data.get("incidents", {}).values():
            del row["salt"], row["message_sha256"]
        path.write_text(json.dumps(data))
    for _ in range(2):
        async with await TinyLedger.open(folder, clock=Clock()) as ledger:
            assert (await ledger.incident("I1")).state is IncidentState.OVERTURNED
    report = check_chain(folder)
    assert (report.faults, report.adopted, report.lines) == ([], 6, 1)
    assert json.loads((folder / "format.json").read_text())["format"] == 2
    async with await TinyLedger.open(folder, clock=Clock()) as ledger:
        await ledger.update_incident("I1", note=(NOON, "boss", "looked at"))
    assert faults(folder) == []
    shutil.rmtree(folder / "chain")
    assert [text for _, _, text in faults(folder)] == ["is in the ledger, but not by the chain: put there by somebody, or the chain's end was cut off"] * 6


async def test_what_was_taken_in_can_not_be_taken_away_as_if_by_a_crash(folder):
    shutil.rmtree(folder / "chain")
    (folder / "format.json").write_text('{"program": "courtesy-gateway", "format": 1}')
    await (await TinyLedger.open(folder, clock=Clock())).close()
    file_of(folder, "I3").unlink()
    for _ in range(2):
        assert faults(folder) == [(1, "I3", "is gone from the ledger, and no line says why")]
        async with await TinyLedger.open(folder, clock=Clock()) as ledger:
            await ledger.update_incident("I1", note=(NOON, "boss", "looked at"))


async def test_the_record_of_the_last_line_can_be_taken_away_only_with_a_word(folder):
    """As after a crash, so it can't be told from one; yet it is said at once, and stays in the chain."""
    async with await TinyLedger.open(folder, clock=Clock()) as ledger:
        await ledger.record(an_incident("LAST", sender=ANNA), None)
    file_of(folder, "LAST").unlink()
    assert (check_chain(folder).faults, check_chain(folder).waiting) == ([], ["LAST"])
    async with await TinyLedger.open(folder, clock=Clock()) as ledger:
        await ledger.update_incident("I1", note=(NOON, "boss", "looked at"))
    assert [(line.why, line.steps[0].incident) for line, _ in (read_line(text.rstrip()) for text in lines_of(folder)[-2:])] == [("undone", "LAST"), ("decision", "I1")]


async def test_a_long_chain_is_kept_in_files_of_some_length(tmp_path, monkeypatch):
    monkeypatch.setattr(chain, "_SEGMENT_LINES", 4)
    await filled(tmp_path / "a")
    assert [path.name for path in segments(tmp_path / "a" / "chain")] == ["000000000001.log", "000000000005.log", "000000000009.log", "000000000013.log"]
    assert check_chain(tmp_path / "a").faults == []
    segments(tmp_path / "a" / "chain")[1].unlink()
    assert (9, "", "lines 5 to 8 are missing before it") in faults(tmp_path / "a")


async def test_a_line_is_added_and_nothing_is_rewritten(tmp_path):
    """What a record costs doesn't grow with the chain: one write of less than 300 bytes, one sync."""
    written, synced = [], []


    def write(descriptor, data):
        written.append((name_of(descriptor), len(data)))
        return os.write(descriptor, data)

    disk = Disk(write=write, sync=lambda descriptor: synced.append(name_of(descriptor)))
    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock(), disk=disk) as ledger:
        for number in range(40):
            await ledger.record(an_incident(f"I{number}", sender=senders(number)), None)
        written.clear()
        synced.clear()
        await ledger.record(an_incident("LAST"), None)
        mine = [size for name, size in written if "/chain/" in name]
        assert len(mine) == 1
        assert mine[0] < 300
        assert len([name for name in synced if "/chain" in name]) == 1


# --- crashes and full disks ----------------------------------------------------------------------------------------------


async def test_a_line_that_a_crash_cut_short_is_gone_with_its_change(folder):
    lines = lines_of(folder)
    put_lines(folder, [*lines, lines[-1].replace(b'"number":13', b'"number":14')[:60]])
    async with await TinyLedger.open(folder, clock=Clock()) as ledger:
        await ledger.update_incident("I4", note=(NOON, "boss", "looked at"))
    assert faults(folder) == []
    assert check_chain(folder).lines == 14


async def test_a_change_that_a_crash_kept_from_being_done_is_said_to_be_undone(folder, monkeypatch):
    def crash(*_):
        raise KeyboardInterrupt

    files = LedgerFiles(folder, Clock(), Disk())
    with monkeypatch.context() as patched:
        patched.setattr(Disk, "save_all", crash)
        with pytest.raises(KeyboardInterrupt):
            files.record(an_incident("NEVER"), None, ())
        with pytest.raises(KeyboardInterrupt):
            files.forget(senders(3))
    files._chain.close()
    files._lock.release()
    report = check_chain(folder)
    # the service is down: the last line has not happened yet, and that is no fault
    assert (report.faults, report.incidents, report.lines) == ([], 6, 16)
    assert report.waiting == ["I3"]
    async with await TinyLedger.open(folder, clock=Clock()) as ledger:
        assert await ledger.incident("NEVER") is None
        await ledger.update_incident("I4", note=(NOON, "boss", "looked at"))
    report = check_chain(folder)
    assert (report.faults, report.incidents, report.undone, report.erased) == ([], 6, 2, 0)


async def test_a_full_disk_leaves_a_chain_that_fits_the_ledger(folder):
    writes = [os.write]
    disk = Disk(write=lambda descriptor, data: writes[0](descriptor, data))  # noqa: PLW0108 - it changes
    for room in (0, 30, 250, 400, 2_000):
        async with await TinyLedger.open(folder, clock=Clock(), disk=disk) as ledger:
            left = [room]

            def full(descriptor, data, left=left):
                if not left[0]:
                    raise OSError(28, "No space left on device")
                number = os.write(descriptor, data[: left[0]])
                left[0] -= number
                return number

            writes[0] = full
            try:
                await ledger.record(an_incident(f"R{room}", sender=ANNA), None)
            except LedgerFailed:
                assert await ledger.incident(f"R{room}") is None
            writes[0] = os.write
            assert faults(folder) == []
            await ledger.update_incident("I4", note=(NOON, "boss", f"room {room}"))
        assert faults(folder) == []


# --- backups -------------------------------------------------------------------------------------------------------------


async def test_a_backup_brings_the_chain_back_with_a_line_that_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(chain, "_SEGMENT_LINES", 5)
    state = tmp_path / "state"
    await filled(state / "ledger")
    async with await TinyLedger.open(state / "ledger", clock=Clock()) as ledger:
        name = await take_snapshot(ledger, state, state / "ledger")
        # what is recorded while the copy is packed isn't in it, not even in the file that is added to
        await ledger.update_incident("I4", note=(NOON, "boss", "later"))
        pack(state / name, tmp_path / "copy.tar.gz", NOON)
    assert check_chain(state / "ledger").lines == 14
    again = tmp_path / "again"
    unpack(tmp_path / "copy.tar.gz", again / ".restore-1")
    assert await check_ledger(again / ".restore-1" / LEDGER) == 6
    mark_restored(again / ".restore-1" / LEDGER, NOON)
    put_back(again / ".restore-1", again, again / "ledger", NOON)
    report = check_chain(again / "ledger")
    assert (report.faults, report.lines) == ([], 14)
    assert [read_line(line.rstrip())[0].why for line in lines_of(again / "ledger")][-2:] == ["decision", "restored"]
    async with await TinyLedger.open(again / "ledger", clock=Clock()) as ledger:
        await ledger.record(an_incident("NEW", level=Level.SEVERE), None)
    assert faults(again / "ledger") == []


def test_older_versions_refuse_a_ledger_with_a_chain(folder):
    assert json.loads((folder / "format.json").read_text())["format"] == ledger_store.FORMAT == 2


def test_every_file_of_the_chain_is_ours_alone(folder):
    assert {path.stat().st_mode & 0o777 for path in segments(folder / "chain")} == {0o600}
    assert (folder / "chain").stat().st_mode & 0o777 == 0o700
