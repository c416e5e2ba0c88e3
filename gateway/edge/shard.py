"""One file of the ledger: a few senders' incidents, cases, standings and outgoing mail, as a TinyDB that is changed as a whole."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from tinydb import TinyDB, where
from tinydb.table import Table

from gateway.edge.atomic_storage import AtomicStorage, torn
from gateway.edge.chain import Step, record_hash
from gateway.edge.codec import CodecError, decode, encode
from gateway.edge.durable import Disk
from gateway.records import Case, DecisionList, Incident, OutgoingMail
from gateway.values import Standing

TABLES = frozenset({"incidents", "standings", "outgoing", "posted", "cases", "lists"})

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class PostedMail:
    """What remains of an outgoing mail once it left or was given up.

    Attributes:
        id: of the outgoing mail; the same id is never sent again while this is kept.
        at: when it left or was given up.
        error: why it was given up, "" when it was sent.
    """

    id: str
    kind: str
    recipients: tuple[str, ...]
    at: datetime
    error: str = ""


class Shard:
    """The tables of one file; changes stay in memory until the ledger saves `content`.

    Every method raises LedgerTorn when the file can't be understood and OSError when it can't be read.

    Args:
        path: the file; it may not exist yet.
        disk: what makes bytes durable.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._storage = AtomicStorage(path, TABLES, disk, staged=True)
        self._base = TinyDB(storage=lambda: self._storage)
        self._before: dict[str, str] = {}

    @property
    def changed(self) -> bool:
        """Whether anything differs from the file."""
        return self._storage.changed

    @property
    def content(self) -> bytes:
        """The whole file as it should be."""
        return self._storage.content

    def rows(self, table: str) -> Iterable[dict[str, Any]]:
        """The raw documents of a table, as JSON held them."""
        return (self._storage.read() or {}).get(table, {}).values()

    def count(self, table: str) -> int:
        """How many documents a table has."""
        return len(self._table(table))

    # --- incidents ---

    def incident(self, reference: str) -> Incident | None:
        """One incident by its id."""
        return self._one("incidents", "id", reference, Incident)

    def incidents(self, references: set[str]) -> list[Incident]:
        """Some incidents by their ids."""
        return [self._decode(Incident, row) for row in self.rows("incidents") if row.get("id") in references]

    def put_incident(self, incident: Incident) -> None:
        """Add an incident, or replace the one with the same id; it gets its salt when it has none."""
        self._remember(incident.id)
        salted = incident if incident.salt else replace(incident, salt=secrets.token_hex(16))
        self._put("incidents", "id", incident.id, salted)

    def drop_incidents(self, references: set[str]) -> None:
        """Remove incidents by their ids."""
        for reference in references:
            self._remember(reference)
        self._table("incidents").remove(where("id").one_of(list(references)))

    def incident_hash(self, reference: str) -> str:
        """The hash of an incident's record, "" when there is none."""
        return next((record_hash(row) for row in self.rows("incidents") if row.get("id") == reference), "")

    def steps(self) -> list[Step]:
        """What the changes so far did to which incidents."""
        found = (Step(reference, was, self.incident_hash(reference)) for reference, was in sorted(self._before.items()))
        return [step for step in found if step.now != step.was]

    def _remember(self, reference: str) -> None:
        if reference not in self._before:
            self._before[reference] = self.incident_hash(reference)

    # --- standings ---

    def standing(self, address: str) -> Standing | None:
        """The standing of a sender."""
        return self._one("standings", "address", address, Standing)

    def standings(self) -> list[Standing]:
        """All standings of the file."""
        return [self._decode(Standing, row) for row in self.rows("standings")]

    def put_standing(self, standing: Standing) -> None:
        """Add a standing, or replace the one of the same sender."""
        self._put("standings", "address", standing.address, standing)

    def drop_standing(self, address: str) -> None:
        """Remove the standing of a sender."""
        self._table("standings").remove(where("address") == address)

    # --- outgoing mail ---

    def outgoing(self, reference: str) -> OutgoingMail | None:
        """One waiting mail by its id."""
        return self._one("outgoing", "id", reference, OutgoingMail)

    def put_outgoing(self, mail: OutgoingMail) -> None:
        """Add a waiting mail, or replace the one with the same id."""
        self._put("outgoing", "id", mail.id, mail)

    def drop_outgoing(self, reference: str) -> None:
        """Remove a waiting mail."""
        self._table("outgoing").remove(where("id") == reference)

    def posted(self, reference: str) -> PostedMail | None:
        """What remains of one mail by its id."""
        return self._one("posted", "id", reference, PostedMail)

    def put_posted(self, mail: PostedMail) -> None:
        """Note that a mail left or was given up."""
        self._put("posted", "id", mail.id, mail)

    def drop_posted(self, references: set[str]) -> None:
        """Forget mails that left, by their ids."""
        self._table("posted").remove(where("id").one_of(list(references)))

    # --- cases ---

    def cases(self, references: set[str]) -> list[Case]:
        """Some cases by their references."""
        return [self._decode(Case, row) for row in self.rows("cases") if row.get("reference") in references]

    def put_case(self, case: Case) -> None:
        """Add a case, or replace the one with the same reference."""
        self._put("cases", "reference", case.reference, case)

    def drop_cases(self, references: set[str]) -> None:
        """Remove cases by their references."""
        self._table("cases").remove(where("reference").one_of(list(references)))

    # --- what managers were asked ---

    def decision_list(self, reference: str) -> DecisionList | None:
        """What one mail to the managers asked, by its id."""
        return self._one("lists", "id", reference, DecisionList)

    def put_decision_list(self, asked: DecisionList) -> None:
        """Add what a mail to the managers asks, or replace the one with the same id."""
        self._put("lists", "id", asked.id, asked)

    def drop_decision_list(self, reference: str) -> None:
        """Forget what one mail to the managers asked."""
        self._table("lists").remove(where("id") == reference)

    # --- the same for all tables ---

    def move_oldest(self, table: str, number: int, target: "Shard") -> None:
        """Move the oldest documents of a table to another file."""
        oldest = sorted(self._table(table).all(), key=lambda row: str(row.get("at")))[:number]
        self._table(table).remove(doc_ids=[row.doc_id for row in oldest])
        target._table(table).insert_multiple(dict(row) for row in oldest)  # noqa: SLF001 - the same class

    def _table(self, name: str) -> Table:
        return self._base.table(name, cache_size=0)

    def _one(self, table: str, key: str, value: str, kind: type[V]) -> V | None:
        for row in self.rows(table):
            if row.get(key) == value:
                return self._decode(kind, row)
        return None

    def _put(self, table: str, key: str, value: str, item: object) -> None:
        document = encode(item)
        self._table(table).upsert(document, where(key) == value)

    def _decode(self, kind: type[V], row: object) -> V:
        try:
            return decode(kind, row)
        except CodecError as error:
            raise torn(self.path, f"can't be understood: {error}") from None
