"""Evidence packages for authorities (F19, D25): all that is kept about some incidents in one zip file that anybody can check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.edge.chain import FIRST, FOLDER, read_line, record_text, segments
from gateway.edge.codec import CodecError, decode, encode
from gateway.edge.durable import Disk
from gateway.edge.evidence_texts import authentication_text, envelope_text, incident_text, no_mail, readme, timeline
from gateway.edge.evidence_zip import Package, json_file, sealed
from gateway.edge.held import HeldFolder
from gateway.edge.ledger_store import SENDERS
from gateway.edge.rules_store import RulesStore
from gateway.edge.shard import PostedMail, Shard
from gateway.edge.state_backup import LEDGER, STATE
from gateway.errors import GatewayError
from gateway.mail.trace import message_hash
from gateway.records import Case, HeldMail, Incident


@dataclass(frozen=True, slots=True)
class Order:
    """What a package is to be.

    Attributes:
        references: of its incidents; empty: all of the sender's.
        sender: whose incidents, in normal form; "" where references say it.
        by: the manager who answers for it.
        site: host name of the gateway.
        supplied: the mail of the one incident, from a mailbox, where the gateway doesn't keep it.
    """

    references: tuple[str, ...]
    sender: str
    by: str
    site: str
    supplied: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the ledger has: the chosen incidents with their records, oldest first, and everybody's cases and posted mail."""

    incidents: list[tuple[Incident, Mapping[str, Any]]]
    cases: list[Case]
    posted: list[PostedMail]


async def gather(copy: Path, order: Order, secret: bytes, now: datetime) -> Package:
    """Put a package together from a copy of all that is kept.

    Args:
        copy: what `take_snapshot` made.
        order: what it is to be.
        secret: of the site, for the seal.
        now: aware.

    Raises:
        GatewayError: there is no such incident, or the supplied mail isn't its.
    """
    files: dict[str, bytes] = {}
    missing: list[str] = []
    held = HeldFolder(copy / STATE)
    kept = _kept(copy / LEDGER, order)
    incidents = [incident for incident, _ in kept.incidents]
    references = {incident.id for incident in incidents}
    lines = _chain_lines(copy / LEDGER, references)
    for incident, row in kept.incidents:
        facts = await held.show(incident.id)
        message, said = await _mail_of(incident, facts, held, order)
        if message is None:
            missing.append(f"{incident.id}: {said}.")
        files |= _incident_files(incident, row, facts, message, said, lines.get(incident.id, ()))
    cases = [case for case in kept.cases if case.incident in references or case.reference in references]
    sent = [mail for mail in kept.posted if not references.isdisjoint(mail.id.split("."))]
    for case in cases:
        if case.held and await held.show(case.held) is not None:
            files[f"cases/{case.reference}.eml"] = await held.message(case.held)
    files["timeline.txt"] = timeline(incidents, cases, sent).encode("utf-8", "backslashreplace")
    files["cases.json"] = json_file([encode(case) for case in cases])
    files["sent.json"] = json_file([encode(mail) for mail in sent])
    rules, gone = _rules(copy / STATE, incidents)
    files |= rules
    missing += [f"The rules of version {version} aren't kept any more; their ids and points are in incident.txt." for version in gone]
    ordered = tuple(incident.id for incident in incidents)
    files["README.txt"] = readme(order.site, order.by, now, ordered, missing).encode("utf-8", "backslashreplace")
    about = {"by": order.by, "site": order.site, "incidents": list(ordered), "chain_head": _head(copy / LEDGER)}
    return Package(ordered, sealed(files, about, secret, now), tuple(missing))


def _kept(folder: Path, order: Order) -> _Kept:
    """Read the files of a ledger once, through to the end; records as they stand there, for their hashes.

    Raises:
        GatewayError: an incident isn't there, or a file can't be understood.
    """
    found: dict[str, tuple[Incident, Mapping[str, Any]]] = {}
    cases: list[Case] = []
    posted: list[PostedMail] = []
    try:
        for path in sorted((folder / SENDERS).glob("[0-9a-f]*.json")):
            shard = Shard(path, Disk())
            for row in shard.rows("incidents"):
                if row["id"] in order.references or (order.sender and row["sender"] == order.sender):
                    found[row["id"]] = decode(Incident, row), row
            cases += [decode(Case, row) for row in shard.rows("cases")]
            posted += [decode(PostedMail, row) for row in shard.rows("posted")]
    except (CodecError, KeyError) as error:
        raise GatewayError(f"{path.name} of the ledger can't be understood: {error}") from error
    if order.sender and not found:
        raise GatewayError(f"no incident of {order.sender} is kept")
    for reference in order.references:
        if reference not in found:
            raise GatewayError(f"there is no incident {reference}; `courtesy incident list` shows them")
    return _Kept(sorted(found.values(), key=lambda pair: (pair[0].at, pair[0].id)), cases, posted)


async def _mail_of(incident: Incident, facts: HeldMail | None, held: HeldFolder, order: Order) -> tuple[bytes | None, str]:
    if facts is not None:
        message = await held.message(incident.id)
        if not incident.message_sha256:
            return message, "as it was held; the record has no hash to compare it with"
        same = message_hash(message) == incident.message_sha256
        return message, "as it was received" if same else "IT ISN'T THE MAIL THAT WAS JUDGED: its hash differs from the record's"
    if order.supplied is not None:
        return _supplied(incident, order.supplied), "from a mailbox; by its hash it is the mail that was judged"
    return None, no_mail(incident)


def _supplied(incident: Incident, raw: bytes) -> bytes:
    if not incident.message_sha256:
        raise GatewayError(f"the record of {incident.id} has no hash with which a mail could be compared")
    for candidate in (raw, b"\r\n".join(raw.splitlines()) + b"\r\n"):
        if message_hash(candidate) == incident.message_sha256:
            return candidate
    raise GatewayError(
        f"this isn't the mail of {incident.id} as it was received, its hash differs; of a folded mail save the attached original, whole and unchanged"
    )


def _incident_files(
    incident: Incident, row: Mapping[str, Any], facts: HeldMail | None, message: bytes | None, said: str, lines: Sequence[str]
) -> dict[str, bytes]:
    found = {
        "incident.txt": incident_text(incident, said).encode("utf-8", "backslashreplace"),
        "record.json": record_text(row),
        "envelope.txt": envelope_text(incident, facts).encode("utf-8", "backslashreplace"),
        "authentication.txt": authentication_text(incident, message).encode("utf-8", "backslashreplace"),
        "chain.txt": "".join(lines).encode("ascii"),
    }
    if message is not None:
        found["mail.eml"] = message
    return {f"{incident.id}/{name}": content for name, content in found.items()}


def _chain_lines(folder: Path, references: set[str]) -> dict[str, list[str]]:
    """The lines of the chain about some incidents, each behind the link that it is bound to."""
    found: dict[str, list[str]] = {}
    before = FIRST
    for path in segments(folder / FOLDER):
        for text in path.read_bytes().splitlines():
            try:
                line, _ = read_line(text)
            except ValueError:
                continue
            for reference in {step.incident for step in line.steps} & references:
                found.setdefault(reference, []).append(f"{before}\n{text.decode('ascii')}\n")
            before = line.link
    return found


def _head(folder: Path) -> str:
    for path in reversed(segments(folder / FOLDER)):
        for text in reversed(path.read_bytes().splitlines()):
            try:
                line, _ = read_line(text)
            except ValueError:
                continue
            return f"{line.number}:{line.link}"
    return ""


def _rules(state: Path, incidents: Sequence[Incident]) -> tuple[dict[str, bytes], list[str]]:
    """The files in which the rules that counted are written, of the version that judged; and versions that are gone."""
    store = RulesStore(state)
    files: dict[str, bytes] = {}
    gone = []
    for version in sorted({incident.rules_version for incident in incidents if incident.rules_version}):
        kept = store.get(version) if version.isalnum() else None
        if kept is None:
            gone.append(version)
            continue
        ids = {f'"{rule}"'.encode() for incident in incidents if incident.rules_version == version for rule, _ in incident.findings}
        for layer, folder in enumerate(kept.folders):
            for path in sorted(folder.rglob("*.toml")):
                content = path.read_bytes()
                if path.name == "policy.toml" or any(name in content for name in ids):
                    files[f"rules/{version}/{layer}/{path.relative_to(folder).as_posix()}"] = content
    return files, gone
