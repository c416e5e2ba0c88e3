"""Kill -9 of the real service while customers' servers keep writing to it, and what must be true of every mail afterwards.

story = KillingStory(folder, seed=1)
report = story.run(kills=8)              # raises AssertionError where a promise is broken

The customers' side behaves as RFC 5321 wants: what got no reply or a 4xx is sent again until there is a 2xx or 5xx.
"""

import asyncio
import contextlib
import random
import re
import signal
import smtplib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from gateway_process import GatewayProcess, children, mail, settings
from smtp_sink import ThreadedSink
from tiny_rules import write

from gateway.edge.chain_check import check_chain
from gateway.edge.held import HeldFolder
from gateway.edge.settings import load_settings
from gateway.edge.tinydb_ledger import TinyLedger

BODIES = (
    ("civil", 10, "Hello, where is my parcel {n}?"),
    ("abusive", 6, "Parcel {n} is late, you are an idiot."),
    ("threat", 2, "Parcel {n} is late, i will kill you."),
    ("reported", 2, "Hello, your agent was rude, i ask for an apology for parcel {n}."),
)
_MARK = re.compile(rb"^Message-ID: <m(\d+)@", re.MULTILINE)
_ABUSERS = 40


@dataclass
class Sent:
    """One mail of a customer and what his server knows of it.

    Attributes:
        tries: how often its end of data was sent, that is how often it may have arrived.
        code: of the final reply, 0 while there was none.
    """

    number: int
    kind: str
    sender: str
    message: bytes
    tries: int = 0
    code: int = 0


@dataclass
class Report:
    """What was seen."""

    kills: int = 0
    killed_at_start: int = 0
    sent: int = 0
    delivered: int = 0
    held: int = 0
    twice: int = 0
    more: int = 0
    begun_again: int = 0
    incidents: int = 0
    strikes: int = 0
    notices: int = 0
    notices_twice: int = 0
    seconds_to_start: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        starts = sorted(self.seconds_to_start) or [0.0]
        return (
            f"{self.kills} kills ({self.killed_at_start} before it listened); {self.sent} mails got their 250, each after 1 try but {self.begun_again}\n"
            f"delivered {self.delivered}, held {self.held}, lost 0; arrived twice {self.twice}, more often {self.more}\n"
            f"{self.incidents} incidents with {self.strikes} strikes, none doubled; {self.notices} notices, {self.notices_twice} of them twice\n"
            f"start: median {starts[len(starts) // 2]:.2f} s, worst {starts[-1]:.2f} s"
        )


class KillingStory:
    """A gateway that dies again and again between customers' servers and a mailbox server."""

    def __init__(self, folder: Path, seed: int, clients: int = 4) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.clients = clients
        self.report = Report()
        self.mails: list[Sent] = []
        self._lock = threading.Lock()
        self._no_new, self._over = threading.Event(), threading.Event()
        self._checked = 0

    def run(self, kills: int, check_every: int = 1) -> Report:
        """Let mail flow, kill so many times, let all mail arrive, check everything.

        Args:
            kills: how many.
            check_every: how often the ledger is opened and looked through between death and start, in kills.
        """
        rules = write(self.folder / "rules")
        with ThreadedSink() as inbox, ThreadedSink() as outbound:
            file = settings(self.folder, inbox.port, more=f'[outbound]\naddress = "{outbound.address}"')
            gateway = GatewayProcess(file, rules=rules)
            threads = [threading.Thread(target=self._write, args=(gateway,)) for _ in range(self.clients)]
            for thread in threads:
                thread.start()
            try:
                with contextlib.suppress(KeyboardInterrupt):  # who has seen enough gets the report of what there is
                    for number in range(kills):
                        self._live_and_die(gateway)
                        if number % check_every == 0:
                            asyncio.run(self._check_ledger(file))
                gateway.stop(signal.SIGKILL)
                gateway.start()
                self._no_new.set()
                for thread in threads:
                    thread.join(60)
                assert not any(thread.is_alive() for thread in threads), "every mail gets through at last"
                asyncio.run(self._outbox_empties(outbound))
            finally:
                self._no_new.set()
                self._over.set()
                gateway.stop()
            asyncio.run(self._check(file, inbox, outbound))
        return self.report

    # --- the gateway's lives

    def _live_and_die(self, gateway: GatewayProcess) -> None:
        """One life: most end while mail flows, some before the service listens."""
        begun = time.monotonic()
        early = self.chance.random() < 0.1
        timer = threading.Timer(self.chance.uniform(0.05, 1.0), lambda: gateway.stop(signal.SIGKILL)) if early else None
        if timer:
            timer.start()
        try:
            gateway.start()
            self.report.seconds_to_start.append(time.monotonic() - begun)
        except (AssertionError, ValueError):  # ValueError: its stderr was closed by the kill
            self.report.killed_at_start += 1
        if timer:
            timer.join()
        else:
            time.sleep(self.chance.uniform(0.0, 0.5))
            weighers = children(gateway.pid)
            gateway.stop(signal.SIGKILL)
            until = time.monotonic() + 10
            while any(_runs(weigher) for weigher in weighers):
                assert time.monotonic() < until, "a weigher outlived its service"
                time.sleep(0.01)
        self.report.kills += 1
        assert not any(re.search("torn|ignored|can't be|unexpected|Traceback", line) for line in gateway.lines), gateway.lines
        gateway.lines.clear()

    # --- the customers' servers

    def _next(self) -> Sent:
        with self._lock:
            number = len(self.mails)
            kind, _, body = self.chance.choices(BODIES, [weight for _, weight, _ in BODIES])[0]
            person = self.chance.randrange(_ABUSERS) if kind in {"abusive", "threat"} else 1000 + number
            sender = f"anna@client{person}.example"
            one = Sent(number, kind, sender, mail(body.format(n=number), sender=sender, number=number))
            self.mails.append(one)
            return one

    def _write(self, gateway: GatewayProcess) -> None:
        while not self._no_new.is_set():
            one = self._next()
            while not one.code and not self._over.is_set():
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    self._try(gateway, one)
                time.sleep(0.005)

    @staticmethod
    def _try(gateway: GatewayProcess, one: Sent) -> None:
        port = gateway.port
        if not port:
            return
        with contextlib.closing(smtplib.SMTP("127.0.0.1", port, local_hostname="mta.client.example", timeout=30)) as client:
            client.ehlo()
            client.mail(one.sender)
            if client.rcpt("support@shop.example")[0] != 250 or client.docmd("DATA")[0] != 354:
                return
            one.tries += 1
            client.send(one.message + b".\r\n")
            code, _ = client.getreply()
            if 200 <= code < 300 or code >= 500:
                one.code = code

    # --- what must be true

    async def _check_ledger(self, file: Path) -> None:
        """Opened by somebody else than the service, the ledger is whole and no mail has two incidents or strikes."""
        async with await TinyLedger.open(load_settings(file).ledger_folder) as ledger:
            incidents = [incident async for incident in ledger.every_incident()]
            standings = await ledger.standings(everyone=True)
        assert len({incident.message_id for incident in incidents}) == len(incidents), "one incident a mail"
        assert len({incident.key for incident in incidents}) == len(incidents)
        due = Counter({incident.id: incident.strikes for incident in incidents if incident.strikes})
        stands = Counter(strike.incident for standing in standings for strike in standing.strikes)
        assert stands == due, "each strike stands once on its sender's record"
        assert len(incidents) >= self._checked, "what was there once stays"
        self._checked = self.report.incidents = len(incidents)
        self.report.strikes = sum(due.values())

    async def _outbox_empties(self, outbound: ThreadedSink) -> None:
        """Wait until nothing has left for two seconds; the service has the ledger, so nobody else can ask it."""
        count = -1
        while count != len(outbound.mails):
            count = len(outbound.mails)
            await asyncio.sleep(2)

    async def _check(self, file: Path, inbox: ThreadedSink, outbound: ThreadedSink) -> None:
        await self._check_ledger(file)
        conf = load_settings(file)
        copies: dict[int, list[bytes]] = {}
        for sunk in inbox.mails:
            marks = {int(mark) for mark in _MARK.findall(sunk.message)}
            assert len(marks) == 1, "a mail arrives alone"
            copies.setdefault(marks.pop(), []).append(sunk.message)
        self.report.delivered = len(copies)
        store = HeldFolder(conf.state)
        held = Counter[int]()
        for each in await store.held():
            message = await store.message(each.id)
            number = int(_MARK.search(message)[1])
            assert message == self.mails[number].message, "held byte for byte"
            held[number] += 1
        self.report.held = len(held)
        for one in self.mails:
            assert one.code == 250, one
            arrived = len(copies.get(one.number, ())) + held[one.number]
            assert arrived >= 1, f"lost: {one}"
            assert arrived <= one.tries, f"more copies than tries: {one}"
            assert all(one.message in copy for copy in copies.get(one.number, ())), "byte for byte"
            if one.kind in {"civil", "reported"}:
                assert all(copy.endswith(one.message) and b"\r\nX-Courtesy: level=clean;" in copy for copy in copies[one.number])
            self.report.twice += arrived == 2
            self.report.more += arrived > 2
            self.report.begun_again += one.tries > 1
        self.report.sent = len(self.mails)
        await self._check_notices(file, outbound)

    async def _check_notices(self, file: Path, outbound: ThreadedSink) -> None:
        """Who was punished was told, and what waits in the outbox is nothing; the hash chain fits what is there."""
        assert check_chain(load_settings(file).ledger_folder).faults == []
        async with await TinyLedger.open(load_settings(file).ledger_folder) as ledger:
            assert not await ledger.waiting()
            due = {incident.id async for incident in ledger.every_incident() if incident.notice}
        told = Counter[str]()
        for sunk in outbound.mails:
            if b"\r\nAuto-Submitted: auto-replied" in sunk.message:
                header = sunk.message.partition(b"\r\n\r\n")[0].lower()
                told.update(reference for reference in due if reference.lower().encode() in header)
        assert due == told.keys(), "each notice that was due has left"
        self.report.notices = len(due)
        self.report.notices_twice = sum(count > 1 for count in told.values())


def _runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
