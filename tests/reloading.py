"""Rules that change all the time while mail flows through the real service, and what must be true of every mail.

report = asyncio.run(Reloading(folder).run(reloads=20, mails=500))        # raises AssertionError where a promise is broken

Each set of rules has two files that belong together: the points of both make a sum that no mixture of two sets has, and
the ids of both name the set. Somebody puts one set in the place of the other (as `rules activate` does) without asking
when the service reads them, so that a set of which half was read before and half after would show.
"""

import asyncio
import os
import random
import re
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from gateway_process import GatewayProcess, children, mail, settings
from smtp_gateway import Client
from smtp_sink import Sink
from tiny_rules import write

from gateway.edge.control import ask
from gateway.edge.rules_files import version_of
from gateway.edge.rules_store import RulesStore
from gateway.edge.rules_swap import exchange
from gateway.edge.settings import load_settings
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import GatewayError
from gateway.records import Incident

POINTS = ((5, 1), (1, 6))
"""Of the two files, in even and in odd sets: together 6 or 7; a mixture has 2 or 9."""
_COURTESY = re.compile(rb"^X-Courtesy: level=(\w+); points=(\d+); id=(\w+); rules=(\w+)", re.MULTILINE)
_NUMBER = re.compile(rb"^Message-ID: <m(\d+)@", re.MULTILINE)
_CLIENTS = 6
_A_SESSION = 50
_PATIENCE = 600.0


@dataclass
class Report:
    """What was seen.

    Attributes:
        reloads: that put another set in force; `unchanged` found the set of before, `refused` left the old one in force.
        judged: mails by the set that judged them.
        slowest: seconds from the last byte of a mail to its reply.
    """

    seconds: float = 0.0
    mails: int = 0
    reloads: int = 0
    unchanged: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    sets_offered: int = 0
    judged: Counter[int] = field(default_factory=Counter)
    median: float = 0.0
    slowest: float = 0.0
    unscored: int = 0
    weighers: int = 0

    def __str__(self) -> str:
        refused = f", {sum(self.refused.values())} refused ({', '.join(self.refused)})" if self.refused else ""
        return (
            f"{self.seconds:.0f} s: {self.reloads} reloads that changed the rules, {self.unchanged} that found the same{refused}; "
            f"{self.sets_offered} sets put in place\n"
            f"{self.mails} mails, all of them delivered once and whole, {self.unscored} unscored; judged by {len(self.judged)} sets, "
            f"{min(self.judged.values())} to {max(self.judged.values())} mails each, none by half a set\n"
            f"reply after {self.median * 1000:.0f} ms in the median, {self.slowest * 1000:.0f} ms at most; {self.weighers} weigher left at the end"
        )


class Reloading:
    """A service, customers who write to it, and somebody who changes its rules."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.base = write(folder / "base")
        self.chance = random.Random(seed)
        self.report = Report()
        self.offered: dict[str, int] = {}
        self.sent = 0
        self.waits: list[float] = []
        self.over = False

    async def run(self, reloads: int, mails: int) -> Report:
        """Let mail flow until so many reloads changed the rules and so many mails were sent; then look at every one."""
        report, begun = self.report, time.monotonic()
        self._offer(0)
        async with Sink() as sink:
            config = settings(self.folder, sink.port, mode="observe")
            config.write_text(f'rules_dir = "{self.site}"\n{config.read_text()}')
            with GatewayProcess(config, rules=self.base) as gateway:
                self.state = load_settings(config).state
                editing = asyncio.create_task(self._edit())
                flowing = [asyncio.create_task(self._write(gateway, reloads, mails)) for _ in range(_CLIENTS)]
                await self._reload(gateway, reloads, mails)
                self.over = True
                await asyncio.gather(editing, *flowing)
                report.weighers = len(children(gateway.pid))
            report.seconds = time.monotonic() - begun
            await self._examine(config, sink, gateway.lines)
        return report

    def _offer(self, number: int) -> None:
        """Write a set of rules and put it in the place of the one before."""
        # what was in force before stays as it was, as somebody may still be reading it
        target = self.folder / f"set{number}" if number else self.site
        (target / "en").mkdir(parents=True, exist_ok=True)
        for name, word, points in zip(("one", "two"), ("muppet", "wally"), POINTS[number % 2], strict=True):
            rule = f'[[rule]]\nid = "en.insult.{name}.v{number}"\ncategory = "insult"\npoints = {points}\nwords = ["{word}"]\nhits = ["You {word}!"]\n'
            (target / "en" / f"{name}.toml").write_text(rule)
        self.offered[version_of((self.base, target))] = number
        if number:
            exchange(target, self.site)

    async def _edit(self) -> None:
        number = 0
        while not self.over:
            await asyncio.sleep(self.chance.uniform(0, 0.4))
            number += 1
            self._offer(number)
        self.report.sets_offered = number + 1

    async def _reload(self, gateway: GatewayProcess, reloads: int, mails: int) -> None:
        """Ask for reloads by the socket and by SIGHUP in turn, until enough of them changed something, spread over all mails."""
        report, asked = self.report, 0
        before = await asyncio.to_thread(ask, self.state, "service.status", {})
        now = before["version"]
        while report.reloads < reloads:
            while self.sent < mails * report.reloads / reloads:  # noqa: ASYNC110 - another task's count
                await asyncio.sleep(0.01)
            asked += 1
            if asked % 2:
                try:
                    after = (await asyncio.to_thread(ask, self.state, "rules.reload", {}, _PATIENCE))["version"]
                except GatewayError as error:
                    report.refused[str(error).rpartition(": ")[2]] += 1
                    continue
            else:
                told = len(gateway.lines)
                gateway.hang_up()
                async with asyncio.timeout(_PATIENCE):
                    while not any("rules reloaded" in line or "not reloaded" in line for line in gateway.lines[told:]):  # noqa: ASYNC110 - a log
                        await asyncio.sleep(0.02)
                after = (await asyncio.to_thread(ask, self.state, "service.status", {}))["version"]
                report.refused.update(line.rpartition(": ")[2] for line in gateway.lines[told:] if "not reloaded" in line)
            report.reloads += after != now
            report.unchanged += after == now
            now = after

    async def _write(self, gateway: GatewayProcess, reloads: int, mails: int) -> None:
        while not self.over or self.sent < mails:
            client = Client(*await asyncio.open_connection("127.0.0.1", gateway.port))
            await client.hello()
            for _ in range(_A_SESSION):
                # so many mails as are wanted are spread over all the reloads
                while self.sent >= mails * min(1.0, (self.report.reloads + 1) / reloads) and not self.over:  # noqa: ASYNC110 - another task's count
                    await asyncio.sleep(0.01)
                if self.over and self.sent >= mails:
                    break
                number, self.sent = self.sent, self.sent + 1
                await self._send(client, number)
            await client.close()

    async def _send(self, client: Client, number: int) -> None:
        sender = f"anna@client{number}.example"
        for line in (f"MAIL FROM:<{sender}>", "RCPT TO:<support@shop.example>", "DATA"):
            reply = await client.say(line)
            assert reply[:1] in "23", reply
        begun = time.monotonic()
        await client.send(self._mail(number, sender) + b".\r\n")
        reply = await client.reply(_PATIENCE)
        self.waits.append(time.monotonic() - begun)
        assert reply.startswith("250"), (number, reply)

    @staticmethod
    def _mail(number: int, sender: str) -> bytes:
        return mail(f"Parcel {number} is late. You muppet. You wally.", sender=sender, number=number)

    async def _examine(self, config: Path, sink: Sink, lines: list[str]) -> None:
        """Every mail arrived once and whole; its mark and its incident fit one set that was offered."""
        report = self.report
        report.mails = self.sent
        report.median, report.slowest = statistics.median(self.waits), max(self.waits)
        assert sorted(int(_NUMBER.search(sunk.message)[1]) for sunk in sink.mails) == list(range(self.sent)), "a mail is lost, or there twice"
        incidents = await self._incidents(config)
        for sunk in sink.mails:
            number = int(_NUMBER.search(sunk.message)[1])
            assert sunk.message.endswith(self._mail(number, sunk.sender)), number
            level, points, reference, version = (value.decode() for value in _COURTESY.search(sunk.message).groups())
            if level == "unscored":
                report.unscored += 1
                continue
            assert version in self.offered, f"mail {number} was judged by {version}, which nobody wrote: {points} points"
            offered = self.offered[version]
            assert (level, int(points)) == ("abusive", sum(POINTS[offered % 2])), (number, level, points, version)
            incident = incidents.pop(reference)
            assert incident.rules_version == version, number
            wanted = {(f"en.insult.{name}.v{offered}", p) for name, p in zip(("one", "two"), POINTS[offered % 2], strict=True)}
            assert set(incident.findings) == wanted, (number, incident.findings, wanted)
            report.judged[offered] += 1
        assert not incidents, "incidents of mails that never arrived"
        assert not [line for line in lines if "Traceback" in line or ("ERROR" in line and "not reloaded" not in line)], lines
        history = [event for event in RulesStore(self.state).events() if event.what == "loaded"]
        assert {event.version for event in history} <= self.offered.keys(), "a version that nobody wrote went live"

    @staticmethod
    async def _incidents(config: Path) -> dict[str, Incident]:
        site = load_settings(config)
        async with await TinyLedger.open(site.ledger_folder, zone=site.zone) as ledger:
            return {incident.id: incident async for incident in ledger.every_incident()}


def asked_for(name: str, usual: int) -> int:
    """A number of the environment, for who wants more of it."""
    return int(os.environ.get(name, usual))
