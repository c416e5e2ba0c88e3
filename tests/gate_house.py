"""The path with real rooms around it and a reader that is told what to think: listener, pool, ledger, held folder, writer, sink.

async with gate_house(tmp_path) as house:
    house.reader.thinks = abusive()
    reply = await house.send(mail(...))
    house.change(ledger=Failing(house.ledger, "record"))      # any port of the gate can be exchanged
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from gateway_process import settings as settings_file
from ledger_makers import Clock
from reading_mails import FORMS
from smtp_gateway import Client
from smtp_sink import Sink

from gateway.edge.case_desk import CaseDesk
from gateway.edge.desks import desks_of
from gateway.edge.downstream_pool import Pool
from gateway.edge.held import HeldFolder
from gateway.edge.identifier import HeaderIdentifier
from gateway.edge.office import Office
from gateway.edge.own_mailboxes import OwnMail
from gateway.edge.rules import load_rules
from gateway.edge.service import house_of
from gateway.edge.settings import Settings, load_settings
from gateway.edge.shipped import folder
from gateway.edge.smtp_listener import Listener
from gateway.edge.smtp_recipients import Recipients
from gateway.edge.templates import Templates
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.writer import MailWriter, load_secret
from gateway.errors import LedgerFailed
from gateway.gate import Gate
from gateway.mail.message import read
from gateway.unattended import FORGETFUL
from gateway.values import Assessment, Category, Finding, Level, SegmentKind, Tag, Target

CLEAN = Assessment(Level.CLEAN, language="en")
UNSCORED = Assessment(None, tags=frozenset({Tag.UNSCORED}), error="it ran late")


def assessment(level: Level, category: Category, points: int, *tags: Tag) -> Assessment:
    finding = Finding("en.x.y", category, points, "idiot", SegmentKind.OWN, 1, (0, 5), Target.STAFF, "en", clause=("F2",))
    return Assessment(level, points, "en", (category,), frozenset(tags), findings=(finding,), rules_version="test")


def abusive(*tags: Tag) -> Assessment:
    return assessment(Level.ABUSIVE, Category.INSULT, 6, *tags)


def threat() -> Assessment:
    return assessment(Level.SEVERE, Category.THREAT, 12)


@dataclass
class TellingReader:
    """Reads for real and thinks what it is told."""

    thinks: Assessment = CLEAN

    async def weigh(self, message, return_path):
        return read(message, FORMS, return_path=return_path), self.thinks


class Failing:
    """A port some of whose methods fail; the rest is the real one."""

    def __init__(self, real, *names, error=LedgerFailed) -> None:
        self._real, self._names, self._error = real, names, error

    def __getattr__(self, name):
        if name in self._names:
            if name == "turn":
                return self._turn
            return self._fail
        return getattr(self._real, name)

    async def _fail(self, *_args, **_more):
        raise self._error("the disk is full")

    @asynccontextmanager
    async def _turn(self, _address):
        raise self._error("the disk is gone")
        yield


@dataclass
class GateHouse:
    settings: Settings
    gate: Gate
    reader: TellingReader
    ledger: TinyLedger
    held: HeldFolder
    clock: Clock
    sink: Sink
    client: Client | None = None
    office: Office | None = None

    def change(self, **ports) -> None:
        self.gate = replace(self.gate, **ports)

    async def handle(self, envelope, message, delivery):
        return await self.gate.handle(envelope, message, delivery)

    async def send(self, message: bytes, sender="anna@client.example", recipients=("support@shop.example",)) -> str:
        """Send one mail by SMTP; the final reply."""
        stuffed = message.replace(b"\r\n.", b"\r\n..")
        return await self.client.mail(b"." + stuffed if stuffed.startswith(b".") else stuffed, sender, recipients)

    async def strikes(self, address="anna@client.example") -> int:
        return len((await self.ledger.standing(address)).strikes)

    async def outgoing(self) -> list[tuple[str, str]]:
        """Kind and recipient of what waits in the outbox, sorted; nothing sends it here."""
        return sorted((mail.kind, mail.recipients[0]) for mail in await self.ledger.waiting())


@cache
def templates(language, zone) -> Templates:
    """Tried once for all tests, which takes a second."""
    return Templates(language, zone, None)


@asynccontextmanager
async def gate_house(state: Path, mode: str = "enforce", more: str = "") -> AsyncIterator[GateHouse]:
    async with Sink() as sink:
        settings = load_settings(settings_file(state, sink.port, mode=mode, more=more))
        settings.state.mkdir(exist_ok=True)  # a house that was there before goes on with what it kept
        clock = Clock()
        policy = load_rules((folder("rules"),), frozenset())[0].policy
        async with await TinyLedger.open(settings.ledger_folder, clock=clock, zone=settings.zone) as ledger:
            held, reader = HeldFolder(settings.state), TellingReader()
            writer = MailWriter(settings, templates(settings.language, settings.zone), load_secret(settings.state), clock)
            pool = Pool(settings.downstream, settings.hostname)
            await pool.start()
            site = house_of(settings)
            identifier = HeaderIdentifier(frozenset(settings.identity.trusted_authserv_ids))
            office = Office(ledger, held, writer, lambda: policy, pool.send, settings.hostname, clock)
            desk = CaseDesk(ledger, writer, site.own, FORGETFUL)
            gate = Gate(
                house=site,
                policy=lambda: policy,
                reader=reader,
                identifier=identifier,
                ledger=ledger,
                held=held,
                writer=writer,
                own=OwnMail(Recipients(settings), held, ledger, writer, reader, clock, secrets.token_bytes, desk, desks_of(office, identifier, reader, secrets.token_bytes)),
                clock=clock,
                random=secrets.token_bytes,
                cases=desk,
            )
            house = GateHouse(settings, gate, reader, ledger, held, clock, sink, office=office)
            listener = Listener(settings, house.handle, pool)
            port = (await listener.start())[1]
            house.client = Client(*await asyncio.open_connection("127.0.0.1", port))
            try:
                await house.client.hello()
                yield house
            finally:
                await house.client.close()
                await listener.stop(2.0)
                await pool.stop()
