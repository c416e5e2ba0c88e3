"""Whether the hash chain is whole and the records of incidents are as it says; reads files only and opens no ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.edge.atomic_storage import parse
from gateway.edge.chain import ADOPTED, FIRST, FOLDER, LOST, UNDONE, Line, link_of, read_line, record_hash, segments
from gateway.edge.ledger_store import SENDERS
from gateway.edge.shard import TABLES
from gateway.errors import LedgerTorn
from gateway.mail.trace import message_hash


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that isn't as it was written down: the line (0 for none), the incident ("" for none) and what it is."""

    line: int
    incident: str
    text: str


@dataclass(slots=True)
class ChainReport:
    """What a check found.

    Attributes:
        lines: how many there are.
        head: link of the last one, "" when there is none.
        begun: when the first one was written.
        adopted: incidents that were there before the chain.
        incidents: records in the ledger.
        erased: incidents that are gone by a line that says why.
        undone: changes that a crash kept from being done, each with a line that says so.
        waiting: incidents whose records are as they were before the last line: it wasn't carried out, as after a crash.
        faults: in the order of the chain.
    """

    lines: int = 0
    head: str = ""
    begun: str = ""
    adopted: int = 0
    incidents: int = 0
    erased: int = 0
    undone: int = 0
    waiting: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def check_chain(folder: Path, noted: tuple[int, str] | None = None, held: Path | None = None) -> ChainReport:
    """Check the chain of a ledger that nobody is changing, a snapshot for example.

    Args:
        folder: of the ledger.
        noted: number and link of a line as somebody noted them elsewhere.
        held: the folder of held mail, which is compared with the hashes in the records.

    Raises:
        OSError: a file can't be read.
    """
    report = ChainReport()
    known: dict[str, tuple[str, int]] = {}
    gone: set[str] = set()
    last: Line | None = None
    shown = ""
    for line in _lines(folder / FOLDER, report):
        _walk(line, known, gone, report)
        last = line
        if noted is not None and line.number == noted[0]:
            shown = line.link
    records = _records(folder / SENDERS, held, report)
    may_wait = last is not None and last.why not in {ADOPTED, LOST}
    _compare(records, known, {step.incident: step.was for step in last.steps} if last is not None and may_wait else {}, report)
    report.erased = len(gone - records.keys())
    if noted is not None and shown != noted[1]:
        text = "was another one when its hash was noted" if shown else f"was noted elsewhere, but the chain ends at line {report.lines}"
        report.faults.append(Fault(noted[0], "", text))
    report.faults.sort(key=lambda fault: (fault.line or report.lines + 1, fault.incident))
    return report


def _lines(folder: Path, report: ChainReport) -> Iterator[Line]:
    """Every line that can be read; what is wrong with their row goes to the report."""
    before, number = FIRST, 0
    for path in segments(folder):
        content = path.read_bytes()
        for text in content[: content.rfind(b"\n")].split(b"\n") if b"\n" in content else ():
            try:
                line, body = read_line(text)
            except ValueError:
                number += 1
                report.faults.append(Fault(number, "", "is no line of a chain any more"))
                before = ""
                continue
            if line.number == number + 1:
                if before and link_of(before, body) != line.link:
                    report.faults.append(Fault(line.number, "", "was changed, or doesn't belong behind the line before it"))
            elif line.number > number + 1:
                missing = f"lines {number + 1} to {line.number - 1} are" if line.number > number + 2 else f"line {number + 1} is"
                report.faults.append(Fault(line.number, "", f"{missing} missing before it"))
            else:
                report.faults.append(Fault(line.number, "", f"stands behind line {number}: inserted, or put elsewhere"))
            before, number = line.link, line.number
            report.lines, report.head = line.number, line.link
            report.begun = report.begun or line.at
            yield line


def _walk(line: Line, known: dict[str, tuple[str, int]], gone: set[str], report: ChainReport) -> None:
    if line.why in {ADOPTED, LOST}:
        report.adopted += len(line.steps)
    if line.why == LOST:
        report.faults.append(Fault(line.number, "", "the chain was gone and began anew with what the ledger then had"))
    for step in line.steps:
        was, since = known.get(step.incident, ("", 0))
        if step.was != was:
            report.faults.append(Fault(line.number, step.incident, _between(step.was, was, since)))
        if step.now:
            known[step.incident] = step.now, line.number
        else:
            known.pop(step.incident, None)
        if step.now:
            gone.discard(step.incident)
        elif line.why != UNDONE:
            gone.add(step.incident)
        report.undone += line.why == UNDONE


def _between(found: str, was: str, since: int) -> str:
    if not was:
        return "was changed here, but no line says how it came into the ledger"
    if not found:
        return f"came anew here, but was there since line {since}: it was taken away in between"
    return f"wasn't any more what line {since} says: it was changed in between"


def _records(folder: Path, held: Path | None, report: ChainReport) -> dict[str, str]:
    """The hash of every record by its reference."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("[0-9a-f]*.json")):
        try:
            rows: Mapping[str, Mapping[str, Any]] = parse(path, path.read_bytes(), TABLES).get("incidents", {})
            for row in rows.values():
                reference = str(row["id"])
                if reference in found:
                    report.faults.append(Fault(0, reference, f"is in the ledger twice, the second time in {path.name}"))
                found[reference] = record_hash(row)
                if held is not None and row.get("message_sha256"):
                    _check_mail(held / f"{reference}.eml", reference, str(row["message_sha256"]), report)
        except LedgerTorn as trouble:
            report.faults.append(Fault(0, "", str(trouble)))
        except KeyError:
            report.faults.append(Fault(0, "", f"{path.name} has a record without an id"))
    report.incidents = len(found)
    return found


def _check_mail(path: Path, reference: str, expected: str, report: ChainReport) -> None:
    if path.is_file() and message_hash(path.read_bytes()) != expected:
        report.faults.append(Fault(0, reference, "the mail that is held isn't the one that was judged"))


def _compare(records: Mapping[str, str], known: Mapping[str, tuple[str, int]], before_last: Mapping[str, str], report: ChainReport) -> None:
    """The records against what the chain says; a last line that wasn't carried out yet is no fault."""
    for reference in sorted(records.keys() | known.keys()):
        found = records.get(reference, "")
        said, line = known.get(reference, ("", 0))
        if found == said:
            continue
        if reference in before_last and found == before_last[reference]:
            report.waiting.append(reference)
            continue
        if not said:
            text = "is in the ledger, but not by the chain: put there by somebody, or the chain's end was cut off"
        elif not found:
            text = "is gone from the ledger, and no line says why"
        else:
            text = "isn't what this line says: the record was changed, or the chain's end was cut off"
        report.faults.append(Fault(line, reference, text))
