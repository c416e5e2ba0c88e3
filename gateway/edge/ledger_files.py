"""What is asked of the ledger and every change of it; blocking, for one thread, knows no event loop."""

import hashlib
import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.edge.ledger_backup import link_ledger
from gateway.edge.ledger_cases import CaseFiles
from gateway.edge.ledger_index import EPOCH, KEY_LIFE, microseconds
from gateway.edge.ledger_store import Edit
from gateway.edge.shard import PostedMail
from gateway.errors import LedgerFailed
from gateway.records import Case, DecisionList, Incident, IncidentState, OutgoingMail
from gateway.values import Standing


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written at once or not at all.

    Attributes:
        incidents: new ones, and known ones in their new form.
        standings: each replaces what was known of its sender.
        outgoing: mail to send; an id that waits or was sent already is left alone.
        cases: new ones, and known ones in their new form.
        lists: what mail to the managers asks; each replaces the one with the same id.
    """

    incidents: tuple[Incident, ...] = ()
    standings: tuple[Standing, ...] = ()
    outgoing: tuple[OutgoingMail, ...] = ()
    cases: tuple[Case, ...] = ()
    lists: tuple[DecisionList, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """Which incidents are meant; newest first.

    Attributes:
        sender: only his.
        state: only those.
        since: judged then or later.
        until: judged before then.
        limit: at most so many.
    """

    sender: str | None = None
    state: IncidentState | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


def shard_of(text: str) -> str:
    """In which of the 4096 shards a sender's things are."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:3]


def _list_file(reference: str) -> str:
    # found by its name alone, so the index needn't know of it
    return f"{shard_of(reference)}.json"


class LedgerFiles(CaseFiles):
    """The open ledger. Every method may raise LedgerFailed, LedgerTorn or OSError, and then nothing was changed."""

    # --- reading ---

    def no_standing(self, address: str) -> bool:
        """Whether nothing is known of a sender, by what is in memory alone; another thread may ask while this one rests."""
        return not self._suspect and address not in self._index.standings

    def not_seen(self, key: str) -> bool:
        """Whether a delivery key is new, by what is in memory alone; another thread may ask while this one rests."""
        return not self._suspect and key not in self._index.keys

    def standing(self, address: str) -> Standing | None:
        """The standing of a sender, None when nothing is known."""
        self._settle()
        place = self._index.standings.get(address)
        return self._open(place[0]).standing(address) if place else None

    def seen(self, key: str) -> Incident | None:
        """The incident of a delivery key, if it is young enough."""
        self._settle()
        return self._by_key(key)

    def incident(self, reference: str) -> Incident | None:
        """One incident by its id."""
        self._settle()
        place = self._index.incidents.get(reference)
        return self._open(place[0]).incident(reference) if place else None

    def choose(self, choice: Choice) -> list[str]:
        """Ids of the chosen incidents, newest first; opens no file."""
        self._settle()
        since = microseconds(choice.since) if choice.since else None
        until = microseconds(choice.until) if choice.until else None
        rows = [
            (at, reference)
            for reference, (_, at, sender, state) in self._index.incidents.items()
            if (choice.sender is None or sender == choice.sender)
            and (choice.state is None or state == choice.state)
            and (since is None or at >= since)
            and (until is None or at < until)
        ]
        newest = heapq.nlargest(len(rows) if choice.limit is None else choice.limit, rows)
        return [reference for _, reference in newest]

    def pages(self, references: Iterable[str], size: int) -> list[list[str]]:
        """Ids in portions of about some size, so that each file is read once."""
        self._settle()
        files: dict[str, list[str]] = {}
        for reference in references:
            if reference in self._index.incidents:
                files.setdefault(self._index.incidents[reference][0], []).append(reference)
        pages: list[list[str]] = [[]]
        for portion in files.values():
            if pages[-1] and len(pages[-1]) + len(portion) > size:
                pages.append([])
            pages[-1] += portion
        return pages

    def incidents(self, references: Iterable[str]) -> list[Incident]:
        """Incidents by their ids, in no order; those that are gone are left out."""
        self._settle()
        wanted: dict[str, set[str]] = {}
        for reference in references:
            if reference in self._index.incidents:
                wanted.setdefault(self._index.incidents[reference][0], set()).add(reference)
        return [incident for name, mine in wanted.items() for incident in self._open(name).incidents(mine)]

    def references(self) -> list[str]:
        """Ids of all incidents."""
        self._settle()
        return list(self._index.incidents)

    def addresses(self, least: int) -> list[str]:
        """Senders of a grade or more in alphabetical order, as the index grades them; opens no file."""
        self._settle()
        return sorted(address for address, (_, graded) in self._index.standings.items() if graded >= least)

    def senders(self) -> set[str]:
        """Everybody of whom a standing or an incident is kept; opens no file."""
        self._settle()
        return {*self._index.standings, *(sender for _, _, sender, _ in self._index.incidents.values())}

    def standings(self, addresses: Iterable[str]) -> list[Standing]:
        """Standings of some senders, in that order; those that are gone are left out."""
        self._settle()
        wanted = list(addresses)
        files = {self._index.standings[address][0] for address in wanted if address in self._index.standings}
        found = {standing.address: standing for name in files for standing in self._open(name).standings()}
        return [found[address] for address in wanted if address in found]

    def due(self, at: datetime, limit: int, without: frozenset[str]) -> list[OutgoingMail]:
        """Waiting mails whose next try has come, the longest waiting first, except some kinds."""
        self._settle()
        ready = [(when, mail, name) for mail, (name, when, kind, _) in self._index.outgoing.items() if kind not in without]
        ready = sorted(row for row in ready if row[0] <= microseconds(at))
        found = [self._open(name).outgoing(mail) for _, mail, name in ready[:limit]]
        return [mail for mail in found if mail is not None]

    def next_due(self, without: frozenset[str]) -> datetime | None:
        """When the next try is due, except of some kinds; None when nothing waits."""
        self._settle()
        first = min((when for _, when, kind, _ in self._index.outgoing.values() if kind not in without), default=None)
        return None if first is None else EPOCH + timedelta(microseconds=first)

    def outbox_depth(self) -> tuple[int, datetime | None]:
        """How many mails wait, and since when the oldest does; opens no file."""
        self._settle()
        oldest = min((created for *_, created in self._index.outgoing.values()), default=None)
        return len(self._index.outgoing), None if oldest is None else EPOCH + timedelta(microseconds=oldest)

    def waiting(self) -> list[OutgoingMail]:
        """All mails that wait, the next due first."""
        return self.due(datetime.max.replace(tzinfo=UTC), len(self._index.outgoing), frozenset())

    def posted(self, since: datetime) -> list[PostedMail]:
        """Mails that left or were given up since then, oldest first; they are remembered for thirty days."""
        self._settle()
        wanted = {mail: name for mail, (name, at) in self._index.posted.items() if at >= microseconds(since)}
        found = [self._open(name).posted(mail) for mail, name in wanted.items()]
        return sorted((mail for mail in found if mail is not None), key=lambda mail: (mail.at, mail.id))

    def knows_mail(self, reference: str) -> bool:
        """Whether a mail of ours waits, or left or was given up not long ago; opens no file."""
        self._settle()
        return reference in self._index.outgoing or reference in self._index.posted

    def decision_list(self, reference: str) -> DecisionList | None:
        """What a mail to the managers asked, by its id."""
        self._settle()
        return self._open(_list_file(reference)).decision_list(reference)

    # --- changing ---

    def record(self, incident: Incident, standing: Standing | None, outgoing: Sequence[OutgoingMail]) -> bool:
        """Write a new incident with what follows from it; False, and nothing changed, when its delivery key is known."""
        self._settle()
        if self._by_key(incident.key) is not None:
            return False
        stored = self.incident(incident.id)
        if stored is not None:
            if stored.key == incident.key:
                return False
            raise LedgerFailed(f"another incident has the id {incident.id} already")
        self.apply(Changes((incident,), (standing,) if standing else (), tuple(outgoing)), why="mail")
        return True

    def apply(self, changes: Changes, sender: str = "", why: str = "decision") -> None:
        """Write several changes at once or not at all; durable on return.

        Args:
            changes: what is to be written.
            sender: with whom the outgoing mail is kept, when no incident or standing says it.
            why: for the hash chain.
        """
        self._settle()
        edit = Edit(self._open)
        home = f"{shard_of(sender)}.json" if sender else ""
        for incident in changes.incidents:
            place = self._index.incidents.get(incident.id)
            name = place[0] if place else f"{shard_of(incident.sender)}.json"
            home = home or f"{shard_of(incident.sender)}.json"
            edit.shard(name).put_incident(incident)
        for standing in changes.standings:
            place_ = self._index.standings.get(standing.address)
            name = place_[0] if place_ else f"{shard_of(standing.address)}.json"
            home = home or name
            edit.shard(name).put_standing(standing)
        for case in changes.cases:
            case_place = self._index.cases.get(case.reference)
            name = case_place[0] if case_place else f"{shard_of(case.sender)}.json"
            home = home or name
            edit.shard(name).put_case(case)
        for asked in changes.lists:
            edit.shard(_list_file(asked.id)).put_decision_list(asked)
        fresh = {mail.id: mail for mail in changes.outgoing if mail.id not in self._index.outgoing and mail.id not in self._index.posted}
        for mail in fresh.values():
            edit.shard(home or f"{shard_of(mail.id)}.json").put_outgoing(mail)
        self._commit(edit, why)

    def open_case(self, case: Case, outgoing: Sequence[OutgoingMail]) -> Case:
        """Write a new case with what goes out for it; the earlier one, and nothing changed, when its key or reference is known."""
        known = self.case_of_key(case.key) or self.case(case.reference)
        if known is None:
            self.apply(Changes(cases=(case,), outgoing=tuple(outgoing)), case.sender)
        return known or case

    def ask(self, asked: DecisionList, outgoing: Sequence[OutgoingMail]) -> bool:
        """Write what a mail to the managers asks, with that mail; False, and nothing changed, when its id was asked before."""
        if self.decision_list(asked.id) is not None:
            return False
        self.apply(Changes(outgoing=tuple(outgoing), lists=(asked,)))
        return True

    def update(self, reference: str, state: IncidentState | None, note: tuple[datetime, str, str] | None) -> Incident:
        """Change the state of an incident and add a note, each unless None."""
        old = self._known(reference)
        new = replace(old, state=old.state if state is None else state, notes=old.notes if note is None else (*old.notes, note))
        if new != old:
            self.apply(Changes(incidents=(new,)))
        return new

    def settle(self, incident: Incident, reply: str, outgoing: Sequence[OutgoingMail]) -> None:
        """Note the reply that an incident's mail got, with what goes out now; found by its id, else by its delivery key."""
        self._settle()
        known = incident.id in self._index.incidents
        old = self._known(incident.id if known else self._index.keys.get(incident.key, incident.id))
        self.apply(Changes((replace(old, reply=reply),) if old.reply != reply else (), outgoing=tuple(outgoing)), old.sender, "reply")

    def _known(self, reference: str) -> Incident:
        incident = self.incident(reference)
        if incident is None:
            raise LedgerFailed(f"there is no incident {reference}")
        return incident

    def finish_mail(self, reference: str, at: datetime, error: str) -> None:
        """Note that a waiting mail left, or was given up with an error."""
        self._settle()
        edit, mail = self._waiting_mail(reference)
        if mail is not None:
            shard = edit.shard(self._index.outgoing[reference][0])
            shard.drop_outgoing(reference)
            shard.put_posted(PostedMail(mail.id, mail.kind, mail.recipients, at, error))
            self._commit(edit)

    def retry_mail(self, reference: str, recipients: tuple[str, ...], next_try: datetime, error: str) -> None:
        """Note a failed try of a waiting mail, for whom it still waits, and when it is tried again."""
        self._settle()
        edit, mail = self._waiting_mail(reference)
        if mail is not None:
            later = replace(mail, recipients=recipients, attempts=mail.attempts + 1, next_try=next_try, last_error=error)
            edit.shard(self._index.outgoing[reference][0]).put_outgoing(later)
            self._commit(edit)

    def forget(self, address: str) -> int:
        """Erase a sender: his incidents, cases, standing, what waits for him or about him, what was posted to him.

        What is under legal hold stays.

        Returns:
            int: how many incidents were erased.
        """
        self._settle()
        edit = Edit(self._open)
        mine = [(reference, name) for reference, (name, _, sender, _) in self._index.incidents.items() if sender == address]
        stays = {incident.id for incident in self.incidents(reference for reference, _ in mine) if incident.legal_hold}
        mine = [(reference, name) for reference, name in mine if reference not in stays]
        for name in {name for _, name in mine}:
            edit.shard(name).drop_incidents({reference for reference, place in mine if place == name})
        erased = {reference for reference, _ in mine} | self._drop_cases_of(edit, address, stays)
        for mail in self.waiting():
            about = not erased.isdisjoint(mail.id.split("."))
            if about or (address in mail.recipients and stays.isdisjoint(mail.id.split("."))):
                edit.shard(self._index.outgoing[mail.id][0]).drop_outgoing(mail.id)
        if address in self._index.standings:
            edit.shard(self._index.standings[address][0]).drop_standing(address)
        for sent in self.posted(EPOCH):
            if address in sent.recipients:
                edit.shard(self._index.posted[sent.id][0]).drop_posted({sent.id})
        self._commit(edit, "forgotten")
        return len(mine)

    def revise(self, references: Iterable[str], judge: Callable[[Incident], Incident | None], *, commit: bool = True) -> None:
        """Let a function say what is to be left of some incidents, all at once or not at all.

        Args:
            references: ids of incidents.
            judge: gives an incident as it is to be, None to erase it.
            commit: False changes nothing.
        """
        self._settle()
        edit = Edit(self._open)
        wanted: dict[str, set[str]] = {}
        for reference in references:
            if reference in self._index.incidents:
                wanted.setdefault(self._index.incidents[reference][0], set()).add(reference)
        for name, mine in wanted.items():
            shard = edit.shard(name)
            for incident in shard.incidents(mine):
                left = judge(incident)
                if left is None:
                    shard.drop_incidents({incident.id})
                elif left != incident:
                    shard.put_incident(left)
        if commit:
            self._commit(edit, "retention")

    def forget_standings(self, addresses: Iterable[str], judge: Callable[[Standing], bool], *, commit: bool = True) -> None:
        """Erase those of some standings of which a function says so and of whose sender no incident is kept."""
        self._settle()
        edit = Edit(self._open)
        known = {sender for _, _, sender, _ in self._index.incidents.values()}
        for address in addresses:
            if address in self._index.standings and address not in known:
                shard = edit.shard(self._index.standings[address][0])
                standing = shard.standing(address)
                if standing is not None and judge(standing):
                    shard.drop_standing(address)
        if commit:
            self._commit(edit)

    def forget_posted(self, before: datetime, *, commit: bool = True) -> int:
        """Forget mails that left before then; how many it were."""
        self._settle()
        limit = microseconds(before)
        old: dict[str, set[str]] = {}
        for mail, (name, at) in self._index.posted.items():
            if at < limit:
                old.setdefault(name, set()).add(mail)
        for name, mails in old.items() if commit else ():
            edit = Edit(self._open)
            edit.shard(name).drop_posted(mails)
            self._commit(edit)
        return sum(len(mails) for mails in old.values())

    def forget_lists(self, before: datetime, *, commit: bool = True) -> int:
        """Forget what managers were asked before then; how many mails it were."""
        self._settle()
        old = {asked: name for asked, (name, at) in self._index.lists.items() if at < microseconds(before)}
        for asked, name in old.items() if commit else ():
            edit = Edit(self._open)
            edit.shard(name).drop_decision_list(asked)
            self._commit(edit, "retention")
        return len(old)

    def snapshot(self, target: Path) -> None:
        """Link all files into a folder that isn't there yet; their content can't change under these names."""
        self._settle()
        link_ledger(self.folder, target)

    # --- how ---

    def _by_key(self, key: str) -> Incident | None:
        reference = self._index.keys.get(key)
        if reference is None:
            return None
        name, at, _, _ = self._index.incidents[reference]
        if microseconds(self._clock()) - at >= KEY_LIFE // timedelta(microseconds=1):
            return None
        return self._open(name).incident(reference)

    def _waiting_mail(self, reference: str) -> tuple[Edit, OutgoingMail | None]:
        edit = Edit(self._open)
        place = self._index.outgoing.get(reference)
        return edit, edit.shard(place[0]).outgoing(reference) if place else None
