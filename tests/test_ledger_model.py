"""Any sequence of operations on the ledger equals the same on plain dictionaries, also after reopening and full disks."""

import errno
import os
import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from ledger_makers import Clock, a_mail, a_standing, an_incident
from test_cases_ledger import a_case

from gateway.edge import chain, ledger_files, ledger_store
from gateway.edge.chain_check import check_chain
from gateway.edge.durable import Disk
from gateway.edge.ledger_cases import CaseChoice
from gateway.edge.ledger_files import Changes, Choice, LedgerFiles
from gateway.edge.shard import PostedMail
from gateway.errors import LedgerFailed
from gateway.records import CaseState, IncidentState
from gateway.values import Standing

SENDERS = ("anna@example.net", "bela@example.org", "жанна@example.com")
REFERENCES = tuple(f"I{number}" for number in range(40))
WEEK = timedelta(days=7)


class LedgerMachine(RuleBasedStateMachine):
    """The real files beside dictionaries; `room` is what the disk still takes."""

    mails = Bundle("mails")

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-model-"))
        self.clock = Clock()
        self.room = None
        self.incidents = {}
        self.standings = {}
        self.waiting = {}
        self.posted = {}
        self.cases = {}

    @initialize()
    def start(self):
        self.files = self.open()

    def open(self):
        return LedgerFiles(self.folder / "ledger", self.clock, Disk(write=self.write, sync=lambda _: None))

    def write(self, descriptor, data):
        if self.room is None:
            return os.write(descriptor, data)
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(descriptor, data[: self.room])
        self.room -= written
        return written

    def done(self, work):
        """Whether some work was done; when the disk was full it was not, and nothing may have changed."""
        try:
            work()
        except (OSError, LedgerFailed):
            if self.room is None:
                raise
            return False
        finally:
            self.room = None
        return True

    def key_known(self, key):
        return any(old.key == key and self.clock() - old.at < WEEK for old in self.incidents.values())

    @rule(target=mails, reference=st.sampled_from(REFERENCES), key=st.sampled_from("abcdefghijkl"), sender=st.sampled_from(SENDERS),
          state=st.sampled_from(IncidentState), strike=st.booleans(), posts=st.integers(0, 2))  # fmt: skip
    def record(self, *, reference, key, sender, state, strike, posts):
        incident = an_incident(reference, key, sender, self.clock(), state)
        standing = a_standing(sender, reference, self.clock()) if strike else None
        outgoing = tuple(a_mail(f"M{reference}-{number}", created=self.clock()) for number in range(posts))
        new = not self.key_known(key)
        if new and reference in self.incidents and self.incidents[reference].key != key:
            with pytest.raises(LedgerFailed):
                self.files.record(incident, standing, outgoing)
            self.room = None
            return f"M{reference}-0"
        new = new and reference not in self.incidents
        if self.done(lambda: self.files.record(incident, standing, outgoing)) and new:
            self.incidents[reference] = incident
            if standing:
                self.standings[sender] = standing
            self.put(outgoing)
        return f"M{reference}-0"

    def put(self, outgoing):
        for mail in outgoing:
            if mail.id not in self.posted and mail.id not in self.waiting:
                self.waiting[mail.id] = mail

    @rule(senders=st.sets(st.sampled_from(SENDERS), min_size=1), references=st.sets(st.sampled_from(REFERENCES), max_size=3), mail=mails)
    def apply(self, senders, references, mail):
        changes = Changes(
            tuple(replace(self.incidents[reference], points=99) for reference in references if reference in self.incidents),
            tuple(Standing(sender, allowed=True) for sender in senders),
            (a_mail(mail, "apology"),),
        )
        if self.done(lambda: self.files.apply(changes)):
            self.incidents |= {incident.id: incident for incident in changes.incidents}
            self.standings |= {standing.address: standing for standing in changes.standings}
            self.put(changes.outgoing)

    @rule(reference=st.sampled_from(REFERENCES), state=st.none() | st.sampled_from(IncidentState), noted=st.booleans())
    def update(self, reference, state, noted):
        note = (self.clock(), "boss@shop.example", "overturned") if noted else None
        if reference not in self.incidents:
            with pytest.raises(LedgerFailed, match=f"there is no incident {reference}"):
                self.files.update(reference, state, note)
            self.room = None
        elif self.done(lambda: self.files.update(reference, state, note)):
            old = self.incidents[reference]
            self.incidents[reference] = replace(old, state=state or old.state, notes=(*old.notes, *([note] if note else [])))

    @rule(target=mails, reference=st.sampled_from(REFERENCES), reply=st.sampled_from(["250 ok", "451 later"]))
    def settle(self, reference, reply):
        outgoing = (a_mail(f"S{reference}", created=self.clock()),)
        if reference in self.incidents and self.done(lambda: self.files.settle(self.incidents[reference], reply, outgoing)):
            self.incidents[reference] = replace(self.incidents[reference], reply=reply)
            self.put(outgoing)
        return f"S{reference}"

    @rule(mail=consumes(mails), error=st.sampled_from(["", "550 no"]))
    def leave(self, mail, error):
        if self.done(lambda: self.files.finish_mail(mail, self.clock(), error)) and mail in self.waiting:
            old = self.waiting.pop(mail)
            self.posted[mail] = PostedMail(mail, old.kind, old.recipients, self.clock(), error)

    @rule(mail=mails, minutes=st.integers(1, 300))
    def fail(self, mail, minutes):
        later = self.clock() + timedelta(minutes=minutes)
        if self.done(lambda: self.files.retry_mail(mail, ("anna@example.net",), later, "451 later")) and mail in self.waiting:
            old = self.waiting[mail]
            self.waiting[mail] = replace(
                old, recipients=("anna@example.net",), attempts=old.attempts + 1, next_try=later, last_error="451 later"
            )

    @rule(target=mails, reference=st.sampled_from(REFERENCES), key=st.sampled_from("abcdef"), sender=st.sampled_from(SENDERS), days=st.integers(0, 9))
    def open_case(self, reference, key, sender, days):
        case = a_case(f"C{reference}", sender, opened=self.clock(), key=key, due=self.clock() + timedelta(days=days))
        outgoing = (a_mail(f"C{reference}-0", created=self.clock()),)
        known = next((old for old in self.cases.values() if old.key == key and self.clock() - old.opened < WEEK), self.cases.get(case.reference))
        opened = []
        if self.done(lambda: opened.append(self.files.open_case(case, outgoing))):
            assert opened[0] == (known or case)
            if known is None:
                self.cases[case.reference] = case
                self.put(outgoing)
        return f"C{reference}-0"

    @rule(reference=st.sampled_from(REFERENCES), sender=st.sampled_from(SENDERS))
    def close_case(self, reference, sender):
        old = self.cases.get(f"C{reference}")
        if old is not None:
            case = replace(old, state=CaseState.CLOSED, closed=self.clock())
            if self.done(lambda: self.files.apply(Changes(standings=(Standing(sender, allowed=True),), cases=(case,)))):
                self.cases[case.reference] = case
                self.standings[sender] = Standing(sender, allowed=True)

    @rule(references=st.sets(st.sampled_from(REFERENCES), max_size=3))
    def drop_cases(self, references):
        dropped = {f"C{reference}" for reference in references}
        # one file after the other: with a full disk some may be gone
        self.room = None
        self.files.drop_cases(dropped)
        self.cases = {reference: old for reference, old in self.cases.items() if reference not in dropped}

    @rule(address=st.sampled_from(SENDERS))
    def forget(self, address):
        if self.done(lambda: self.files.forget(address)):
            self.cases = {reference: old for reference, old in self.cases.items() if old.sender != address}
            self.incidents = {reference: old for reference, old in self.incidents.items() if old.sender != address}
            self.standings.pop(address, None)
            self.waiting = {mail: old for mail, old in self.waiting.items() if address not in old.recipients}
            self.posted = {mail: old for mail, old in self.posted.items() if address not in old.recipients}

    @rule(days=st.integers(0, 20))
    def revise(self, days):
        before = self.clock() - timedelta(days=days)

        def judge(incident):
            if incident.state is IncidentState.OPEN:
                return incident
            return None if incident.at < before else replace(incident, excerpt="")

        if self.done(lambda: self.files.revise(REFERENCES, judge)):
            judged = {reference: judge(old) for reference, old in self.incidents.items()}
            self.incidents = {reference: left for reference, left in judged.items() if left is not None}

    @rule()
    def forget_senders(self):
        self.files.forget_standings(SENDERS, lambda _: True, commit=False)
        if self.done(lambda: self.files.forget_standings(SENDERS, lambda _: True)):
            known = {old.sender for old in self.incidents.values()}
            self.standings = {address: old for address, old in self.standings.items() if address in known}

    @rule(hours=st.integers(1, 60))
    def time_goes_on(self, hours):
        self.clock.forward(hours=hours)

    @rule(room=st.integers(0, 12_000))
    def disk_runs_full(self, room):
        self.room = room

    @rule()
    def tidy(self):
        self.done(self.files.tidy)

    @rule(crash=st.booleans(), index=st.booleans())
    def reopen(self, crash, index):
        self.room = None
        if crash:
            self.files._lock.release()
        else:
            self.files.close()
        if not index:
            (self.folder / "ledger" / "index.json").unlink(missing_ok=True)
        self.files = self.open()

    @invariant()
    def is_the_same(self):
        if not hasattr(self, "files"):
            return
        room, self.room = self.room, None
        report = check_chain(self.folder / "ledger")
        assert (report.faults, report.incidents) == ([], len(self.incidents))
        references = self.files.choose(Choice())
        assert references == [old.id for old in sorted(self.incidents.values(), key=lambda old: (old.at, old.id), reverse=True)]
        assert {incident.id: incident for incident in self.files.incidents(references)} == self.incidents
        chosen = self.files.choose_cases(CaseChoice())
        assert chosen == [old.reference for old in sorted(self.cases.values(), key=lambda old: (old.due, old.reference))]
        assert self.files.cases(chosen) == [self.cases[reference] for reference in chosen]
        is_open = [reference for reference in chosen if self.cases[reference].state is CaseState.OPEN]
        assert self.files.choose_cases(CaseChoice(state=CaseState.OPEN)) == is_open
        later = [self.cases[reference].due for reference in is_open if self.cases[reference].due > self.clock()]
        assert self.files.next_case_due(self.clock()) == (later[0] if later else None)
        for sender in SENDERS:
            assert self.files.standing(sender) == self.standings.get(sender)
            mine = [reference for reference in references if self.incidents[reference].sender == sender]
            assert self.files.choose(Choice(sender=sender, limit=3)) == mine[:3]
        for state in IncidentState:
            mine = [reference for reference in references if self.incidents[reference].state is state]
            assert self.files.choose(Choice(state=state)) == mine
        for key in "abcdefghijkl":
            seen = self.files.seen(key)
            assert (seen is not None) == self.key_known(key)
            assert seen is None or self.incidents[seen.id] == seen
        assert {mail.id: mail for mail in self.files.waiting()} == self.waiting
        assert {mail.id for mail in self.files.due(self.clock(), 1000, frozenset({"apology"}))} == {
            mail.id for mail in self.waiting.values() if mail.kind != "apology" and (mail.next_try or mail.created) <= self.clock()
        }
        recent = self.clock() - timedelta(days=29)
        assert {mail.id: mail for mail in self.files.posted(recent)} == {
            reference: mail for reference, mail in self.posted.items() if mail.at >= recent
        }
        notable = sorted(address for address, standing in self.standings.items() if standing.strikes or standing.allowed)
        assert self.files.addresses(1) == notable
        assert self.files.standings(notable) == [self.standings[address] for address in notable]
        self.room = room

    def teardown(self):
        if hasattr(self, "files"):
            self.files.close()
        shutil.rmtree(self.folder)


@pytest.fixture(autouse=True, scope="module")
def _small_files():
    """Files so small that a few incidents fill them, and all senders in two shards."""
    patch = pytest.MonkeyPatch()
    patch.setattr(ledger_store, "_LIMITS", {"incidents": (4, 3), "posted": (3, 2), "outgoing": (3, 2), "cases": (3, 2)})
    patch.setattr(chain, "_SEGMENT_LINES", 5)
    patch.setattr(ledger_files, "shard_of", lambda text: f"00{len(text) % 2}")
    yield
    patch.undo()


TestLedgerModel = LedgerMachine.TestCase
TestLedgerModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
