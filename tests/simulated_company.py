"""A mid-size company's mail, week after week, from a seed: real verdicts, a real ledger, three managers who decide.

company = await Company.open(folder)               # folder: made, empty
await company.live_week(FIRST)                     # about 4,000 mails in six languages; then it is Monday, seven o'clock
digest = await company.digest(FIRST)               # as the timer would have it made
company.office                                     # the real office
"""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from gateway_process import settings as settings_file
from ledger_makers import Clock, a_mail

from gateway.edge.digest_office import gather
from gateway.edge.durable import Disk
from gateway.edge.held import HeldFolder
from gateway.edge.ledger_files import Changes
from gateway.edge.office import Office
from gateway.edge.rules import load_rules
from gateway.edge.settings import load_settings
from gateway.edge.shipped import folder as shipped
from gateway.edge.templates import Templates
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.writer import MailWriter
from gateway.mail.message import Reading
from gateway.policy.cases import appeal_against
from gateway.policy.digest import make_digest
from gateway.policy.incidents import incident_of, new_reference
from gateway.policy.reports import CIVIL, report_note, reported_incident
from gateway.policy.verdict import judge
from gateway.policy.weeks import Week
from gateway.records import Case, CaseKind, CaseOutcome, CaseState, HeldMail, IncidentState
from gateway.values import (
    Assessment,
    Basis,
    Category,
    Disposition,
    Envelope,
    Finding,
    Identity,
    Level,
    Mailbox,
    Mode,
    NoticeKind,
    Reply,
    SegmentKind,
    Tag,
    Target,
)

FIRST = Week(date(2026, 8, 31))
YEAR = 52
MESSAGE = b"Subject: hi\r\n\r\nHello.\r\n"
LANGUAGES = {"en": 30, "de": 28, "fr": 14, "hu": 12, "ru": 10, "af": 6}
MAILBOXES = {"support@shop.example": 60, "orders@shop.example": 25, "returns@shop.example": 15}
AGENTS = ("eva@shop.example", "tom@shop.example")
MANAGERS = ("boss@shop.example", "lead@shop.example", "care@shop.example")
CATEGORIES = {
    Level.RUDE: {Category.SHOUTING: 5, Category.PRESSURE: 3, Category.PROFANITY: 2},
    Level.ABUSIVE: {Category.INSULT: 5, Category.DEGRADATION: 3, Category.HARASSMENT: 1, Category.PROFANITY: 2},
    Level.SEVERE: {Category.THREAT: 2, Category.DISCRIMINATION: 2, Category.STALKING: 1, Category.SEXUAL: 1},
}
RULES = frozenset(f"{language}.{category.value}.{name}" for language in LANGUAGES for category in Category for name in ("common", "other", "rare"))
WORDS = {"en": "bloody fool", "de": "dummer Esel", "fr": "pauvre cloche", "hu": "ostoba fajankó", "ru": "глупый осёл", "af": "dom esel"}


class QuickDisk(Disk):
    """Nobody pulls the plug of a simulation."""

    def sync(self, descriptor):
        pass


class Company:
    def __init__(self, settings, ledger, office, clock, policy, seed, mode):
        self.settings, self.ledger, self.office, self.clock, self.policy = settings, ledger, office, clock, policy
        self.chance = random.Random(seed)
        self.mode = mode
        self.offenders = [f"regular{number}@customer.example" for number in range(40)]
        self.number = 0

    @classmethod
    async def open(cls, folder: Path, *, seed=7, mode=Mode.ENFORCE):
        settings = load_settings(settings_file(folder, 1, mode=mode.value))
        settings = settings.model_copy(update={"addresses": settings.addresses.model_copy(update={"managers": MANAGERS})})
        settings.state.mkdir()
        clock = Clock(FIRST.start(settings.zone))
        policy = load_rules((shipped("rules"),), frozenset())[0].policy
        ledger = await TinyLedger.open(settings.ledger_folder, clock=clock, zone=settings.zone, disk=QuickDisk())
        writer = MailWriter(settings, Templates(settings.language, settings.zone), bytes(32), clock)

        async def send(_envelope, _message):
            return Reply(250, "taken")

        held = HeldFolder(settings.state, QuickDisk())
        office = Office(ledger, held, writer, lambda: policy, send, settings.hostname, clock, rules=lambda: RULES)
        return cls(settings, ledger, office, clock, policy, seed, mode)

    async def live_week(self, week, mails=4_000):
        for day in week.days:
            await self.live_day(day, mails)
        self.clock.now = week.end(self.settings.zone) + timedelta(hours=7)

    async def digest(self, week):
        kept = await gather(self.office, week)
        return make_digest(kept, week, self.settings.zone, self.policy, self.clock.now, decide_days=5)

    async def live_day(self, day, mails_a_week):
        share = 0.18 if day.weekday() < 5 else 0.05
        mails = round(self.chance.gauss(mails_a_week * share, mails_a_week * share / 20))
        bad = sorted(self.chance.random() for _ in range(round(mails * 0.02)))
        start = datetime.combine(day, time(), self.settings.zone).astimezone(UTC)
        await self.ledger.count(start + timedelta(hours=1), self.civil(mails - len(bad)))
        for moment in bad:
            self.clock.now = start + moment * timedelta(hours=22)
            await self.misconduct()
        if self.chance.random() < 0.15:
            await self.report()
        self.clock.now = start + timedelta(hours=22, minutes=30)
        await self.post()
        await self.decide()

    def pick(self, weights):
        return self.chance.choices(list(weights), list(weights.values()))[0]

    def civil(self, number):
        counted = Counter({"mails": number, "level.clean": number})
        counted.update(f"language.{name}" for name in self.chance.choices(list(LANGUAGES), list(LANGUAGES.values()), k=number))
        counted.update(f"mailbox.{name}" for name in self.chance.choices(list(MAILBOXES), list(MAILBOXES.values()), k=number))
        return counted

    async def misconduct(self):
        chance, now = self.chance, self.clock.now
        self.number += 1
        level = self.pick({Level.CLEAN: 2, Level.RUDE: 40, Level.ABUSIVE: 48, Level.SEVERE: 10})
        language, mailbox = self.pick(LANGUAGES), self.pick(MAILBOXES)
        sender = chance.choice(self.offenders) if chance.random() < 0.4 else f"customer{self.number}@customer.example"
        category = self.pick(CATEGORIES[level]) if level else None
        tags = {Tag.SELF_HARM} if level is Level.CLEAN else {tag for tag, odds in ((Tag.COMPLAINT, 0.08), (Tag.HARDSHIP, 0.03)) if chance.random() < odds}
        rule = f"{language}.{category.value}.{self.pick({'common': 5, 'other': 2})}" if category else ""
        finding = () if not rule else (Finding(rule, category, 4 * level, WORDS[language], SegmentKind.OWN, 1, (0, 5), Target.STAFF, language, clause=("D2",)),)
        basis = Basis.EAR if finding and level is Level.ABUSIVE and chance.random() < 0.2 else Basis.RULES
        assessment = Assessment(level, 4 * level, language, (category,) if category else (), frozenset(tags), basis, finding, rules_version="simulated")
        counters = {"mails": 1, f"level.{level.word}": 1, f"language.{language}": 1, f"mailbox.{mailbox}": 1}
        counters |= {f"category.{category.value}": 1, f"rule.{rule}": 1} if category else {}
        counters |= {f"complaint.{mailbox}": 1} if Tag.COMPLAINT in tags else {}
        await self.ledger.count(now, counters)
        verified = chance.random() < 0.85
        envelope = Envelope(sender, (mailbox,))
        reading = Reading((), authors=(Mailbox("", sender),), from_fields=1, message_id=f"<{self.number}@customer.example>")
        identity = Identity(sender, verified, "mx.shop.example" if verified else "nobody vouches")
        reference = new_reference(now, chance.randbytes(5))
        standing = await self.ledger.standing(sender)
        verdict = judge(assessment, identity, standing, self.policy, now, reference)
        if verdict.recordable:
            await self.record(reference, verdict, assessment, identity, envelope, reading, standing)
        elif verdict.standing != standing and self.mode is Mode.ENFORCE:
            await self.ledger.put_standing(verdict.standing)
        if Tag.COMPLAINT in tags:
            await self.complain(reference, sender, language, verified=verified)

    async def record(self, reference, verdict, assessment, identity, envelope, reading, standing):
        now = self.clock.now
        incident = incident_of(
            verdict, assessment, identity, envelope, reading, key=f"key-{reference}", reference=reference, now=now, mode=self.mode
        )
        observing = self.mode is Mode.OBSERVE
        refused = verdict.disposition is Disposition.REFUSE and not observing
        incident = replace(incident, reply="550 5.7.1 Blocked" if refused else "250 2.0.0 OK")
        outgoing = () if refused or observing else tuple(self.letters(incident))
        standings = (verdict.standing,) if verdict.standing != standing and not observing else ()
        await self.ledger.apply(Changes((incident,), standings, outgoing))
        if incident.held:
            await self.office.held.hold(HeldMail(reference, now, envelope, verdict.reason, len(MESSAGE)), MESSAGE)
        for mail in outgoing:
            waits = self.chance.expovariate(1 / 40) + (900 if self.chance.random() < 0.02 else 0)
            await self.ledger.sent(mail, now + timedelta(seconds=1 + waits))

    def letters(self, incident):
        """Under the ids that the writer gives them."""
        if incident.notice is not None:
            yield a_mail(f"notice.{incident.notice.value}.{incident.id}", incident.notice.value, recipients=(incident.sender,), created=incident.at)
        for alert in incident.alerts:
            yield a_mail(f"alert.{alert.value}.{incident.id}.0", f"alert.{alert.value}", recipients=MANAGERS[:1], created=incident.at)

    async def complain(self, reference, sender, language, *, verified):
        now = self.clock.now
        deadline = now + timedelta(days=self.chance.randint(8, 20)) if self.chance.random() < 0.3 else None
        case = Case(reference, CaseKind.COMPLAINT, sender, verified, language, now, now + timedelta(days=7), MANAGERS[2], deadline=deadline)
        await self.ledger.open_case(case)

    async def report(self):
        """A colleague forwards a mail that passed as rude."""
        self.number += 1
        sender, language = f"customer{self.number}@customer.example", self.pick(LANGUAGES)
        reading = Reading((), authors=(Mailbox("", sender),), from_fields=1, message_id=f"<{self.number}@customer.example>")
        incident = reported_incident(
            f"{self.number}".encode(),
            reading,
            Assessment(Level.RUDE, 2, language, (), frozenset(), Basis.RULES, (), rules_version="simulated"),
            Identity(sender, True, "mx.shop.example"),
            return_path=sender,
            reference=new_reference(self.clock.now, self.chance.randbytes(5)),
            agent=self.chance.choice(AGENTS),
            text="He shouted at Mia before.",
            now=self.clock.now,
            mode=self.mode,
        )
        await self.ledger.record(incident, None)

    async def appeal(self, incident):
        now = self.clock.now
        against, decider = appeal_against(incident, await self.ledger.standing(incident.sender))
        reference = new_reference(now, self.chance.randbytes(5))
        due = now + timedelta(days=14)
        case = Case(
            reference, CaseKind.APPEAL, incident.sender, True, incident.language, now, due, MANAGERS[0], incident=incident.id, against=against, decider=decider
        )
        if against:
            await self.ledger.open_case(case)

    async def post(self):
        """What decisions brought into the outbox leaves."""
        while due := await self.ledger.due(self.clock.now, 100):
            for mail in due:
                await self.ledger.sent(mail, self.clock.now)

    async def decide(self):
        """The managers look in: some of what waits is decided."""
        office, chance = self.office, self.chance
        for incident in await self.ledger.incidents(state=IncidentState.OPEN):
            if chance.random() < 0.3:
                await self.decide_one(incident)
        for mail in await office.held.held():
            if not mail.released_by and chance.random() < 0.25:
                if chance.random() < 0.5:
                    await office.held_release(mail.id, chance.choice(MANAGERS))
                else:
                    await office.held_delete(mail.id, chance.choice(MANAGERS))
        for case in await self.ledger.cases(state=CaseState.OPEN):
            if case.kind is CaseKind.APPEAL and chance.random() < 0.2:
                deciders = {case.decider, (await self.ledger.standing(case.sender)).blocked_by}
                other = next(manager for manager in MANAGERS if manager not in deciders)
                await office.call("case.close", {"reference": case.reference, "by": other, "outcome": chance.choice(("granted", "upheld"))})
            elif chance.random() < 0.2 and case.kind is not CaseKind.APPEAL:
                closed = replace(case, state=CaseState.CLOSED, outcome=CaseOutcome.ANSWERED, closed=self.clock.now, closed_by=chance.choice(MANAGERS))
                await self.ledger.apply(Changes(cases=(closed,)))
        recent = await self.ledger.incidents(since=self.clock.now - timedelta(days=3), state=IncidentState.DONE)
        for incident in recent:
            if chance.random() < 0.02:
                await self.ledger.update_incident(incident.id, note=report_note(chance.choice(AGENTS), "She only asks.", self.clock.now, CIVIL))
            if incident.notice is NoticeKind.SUSPENSION and not await self.ledger.cases(sender=incident.sender) and chance.random() < 0.3:
                await self.appeal(incident)
            elif chance.random() < 0.02:
                await office.incident_overturn(incident.id, chance.choice(MANAGERS))

    async def decide_one(self, incident):
        by, chance = self.chance.choice(MANAGERS), self.chance
        if chance.random() < 0.3:
            await self.office.incident_overturn(incident.id, by)
        elif incident.proposal == "block" and not (await self.ledger.standing(incident.sender)).blocked_by:
            await self.office.sender_block(incident.sender, by)
        else:
            await self.ledger.update_incident(incident.id, state=IncidentState.DONE, note=(self.clock.now, by, "decided"))
