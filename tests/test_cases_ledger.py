"""Cases in the ledger: opened once, kept over a restart and a full disk, found by sender, state and due date, erased in the end."""

import errno
import os
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from ledger_makers import NOON, Clock, a_mail, a_standing, an_incident

from gateway.edge.codec import decode, encode
from gateway.edge.durable import Disk
from gateway.edge.held import HeldFolder
from gateway.edge.ledger_files import Changes
from gateway.edge.retention import Purge
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed, LedgerTorn
from gateway.policy.retention import Clocks
from gateway.records import Case, CaseKind, CaseOutcome, CaseState

ANNA = "anna@example.net"
FORTNIGHT = timedelta(days=14)


def a_case(reference="C1", sender=ANNA, *, opened=NOON, **more):
    fields = {"kind": CaseKind.COMPLAINT, "verified": True, "language": "en", "due": opened + FORTNIGHT, "owner": "boss@shop.example"}
    return Case(reference=reference, sender=sender, opened=opened, **(fields | {"key": f"key-{reference}"} | more))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def ledger(tmp_path, clock):
    async with await TinyLedger.open(tmp_path / "ledger", clock=clock) as opened:
        yield opened


def test_a_case_goes_to_json_and_back():
    case = a_case(deadline=NOON, outcome=CaseOutcome.ANSWERED, closed=NOON, notes=((NOON, "boss", "called her"),), state=CaseState.CLOSED)
    assert decode(Case, encode(case)) == case
    assert decode(Case, encode(a_case())) == a_case()


async def test_a_case_is_opened_once_with_its_mail(ledger, clock):
    case = a_case()
    assert await ledger.open_case(case, (a_mail("alert.complaint.C1.0"),)) == case
    # the same mail came again and got a new reference meanwhile: it is the same case, and nothing more goes out
    again = a_case("C2", key=case.key)
    assert await ledger.open_case(again, (a_mail("alert.complaint.C2.0"),)) == case
    assert await ledger.open_case(replace(case, key="another", owner="somebody@shop.example")) == case
    assert await ledger.cases() == (case,)
    assert [mail.id for mail in await ledger.waiting()] == ["alert.complaint.C1.0"]
    clock.forward(days=7)
    assert await ledger.open_case(again) == again
    # without a key only the reference counts
    assert await ledger.open_case(a_case("C3", key="")) == a_case("C3", key="")
    assert await ledger.open_case(a_case("C4", key="")) == a_case("C4", key="")


async def test_cases_are_found_by_sender_state_and_due_date(ledger):
    first = a_case("C1", due=NOON + timedelta(days=3))
    second = a_case("C2", "béla@example.org", due=NOON + timedelta(days=1))
    third = a_case("C3", due=NOON + timedelta(days=2), state=CaseState.CLOSED, closed=NOON)
    for case in (first, second, third):
        await ledger.open_case(case)
    assert await ledger.cases() == (second, third, first)
    assert await ledger.cases(sender=ANNA) == (third, first)
    assert await ledger.cases(state=CaseState.OPEN) == (second, first)
    assert await ledger.cases(state=CaseState.OPEN, due_by=NOON + timedelta(days=1)) == (second,)
    assert await ledger.cases(limit=1) == (second,)
    assert await ledger.next_case_due(NOON) == second.due
    assert await ledger.next_case_due(second.due) == first.due
    assert await ledger.next_case_due(first.due) is None
    assert await ledger.case("C9") is None


async def test_open_and_overdue_ones_are_counted(ledger):
    for number, days in enumerate((1, 2, 30)):
        await ledger.open_case(a_case(f"C{number}", due=NOON + timedelta(days=days)))
    await ledger.apply(Changes(cases=(a_case("C9", due=NOON, state=CaseState.CLOSED, closed=NOON),)))
    assert await ledger.cases_waiting(NOON) == (3, 0)
    assert await ledger.cases_waiting(NOON + timedelta(days=2)) == (3, 2)


async def test_a_case_changes_together_with_what_it_changes(ledger):
    await ledger.open_case(a_case())
    closed = replace(a_case(), state=CaseState.CLOSED, outcome=CaseOutcome.GRANTED, closed=NOON)
    await ledger.apply(Changes(incidents=(an_incident(),), standings=(a_standing(),), outgoing=(a_mail(),), cases=(closed,)))
    assert await ledger.case("C1") == closed
    assert await ledger.incident("A1") == an_incident()


@pytest.mark.parametrize("index", [True, False])
async def test_cases_survive_a_restart(tmp_path, index):
    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock()) as ledger:
        for number in range(5):
            await ledger.open_case(a_case(f"C{number}", f"sender{number}@example.net"))
        before = await ledger.cases()
    if not index:
        (tmp_path / "ledger" / "index.json").unlink()
    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock()) as ledger:
        assert await ledger.cases() == before
        assert await ledger.open_case(a_case("C9", key="key-C3")) == before[3]


@pytest.mark.parametrize("room", [0, 50, 500])
async def test_a_full_disk_opens_no_case_and_sends_no_mail(tmp_path, room):
    left = [1 << 30]

    def write(descriptor, data):
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(descriptor, data[: left[0]])
        left[0] -= written
        return written

    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock(), disk=Disk(write=write)) as ledger:
        await ledger.open_case(a_case())
        left[0] = room
        with pytest.raises(LedgerFailed):
            await ledger.open_case(a_case("C2", note := "x@example.net", message_id=f"<{note * 40}>"), (a_mail(),))
        left[0] = 1 << 30
        assert await ledger.cases() == (a_case(),)
        assert await ledger.waiting() == ()
        assert (await ledger.open_case(a_case("C2"))).reference == "C2"


async def test_a_sender_with_many_cases(ledger, tmp_path):
    for number in range(150):
        await ledger.open_case(a_case(f"C{number:03}", due=NOON + timedelta(hours=number)))
    assert [case.reference for case in await ledger.cases(sender=ANNA)] == [f"C{number:03}" for number in range(150)]
    async with await TinyLedger.open(tmp_path / "elsewhere", clock=Clock()):
        assert len(list((tmp_path / "ledger" / "senders").iterdir())) > 1


async def test_a_copied_file_is_noticed(tmp_path):
    async with await TinyLedger.open(tmp_path / "ledger", clock=Clock()) as ledger:
        await ledger.open_case(a_case())
    (file,) = (tmp_path / "ledger" / "senders").iterdir()
    (file.parent / "fff-0001.json").write_bytes(file.read_bytes())
    with pytest.raises(LedgerTorn, match="case C1"):
        await TinyLedger.open(tmp_path / "ledger", clock=Clock())


async def test_a_forgotten_senders_cases_go_except_under_legal_hold(ledger, tmp_path):
    await ledger.record(an_incident("A1", legal_hold=True), None)
    await ledger.open_case(a_case("C1", incident="A1"))
    await ledger.open_case(a_case("C2"), (a_mail("alert.complaint.C2.0", recipients=("boss@shop.example",)),))
    await ledger.open_case(a_case("C3", "béla@example.org"))
    await ledger.forget(ANNA)
    assert {case.reference for case in await ledger.cases()} == {"C1", "C3"}
    assert await ledger.waiting() == ()
    assert not any(b'"C2"' in path.read_bytes() for path in (tmp_path / "ledger").rglob("*.json"))


async def test_only_closed_cases_are_erased_by_age(ledger, tmp_path):
    await ledger.record(an_incident("A1", legal_hold=True), None)
    for case in (
        a_case("C1", state=CaseState.CLOSED, closed=NOON),
        a_case("C2", opened=NOON - timedelta(days=999)),
        a_case("C3", state=CaseState.CLOSED, closed=NOON, incident="A1"),
        a_case("C4", state=CaseState.CLOSED, closed=NOON + timedelta(days=1)),
    ):
        await ledger.open_case(case)
    clocks = Clocks(**(dict.fromkeys((field.name for field in fields(Clocks)), None) | {"cases": timedelta(days=30)}))
    purge = Purge(ledger, HeldFolder(tmp_path), clocks, None, NOON + timedelta(days=30), commit=False)
    assert (await purge.run())["cases"] == 1
    assert len(await ledger.cases()) == 4
    assert (await replace(purge, commit=True).run())["cases"] == 1
    assert {case.reference for case in await ledger.cases()} == {"C2", "C3", "C4"}
