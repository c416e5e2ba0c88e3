"""Mixed load on the real service for a while: civil, abusive, hostile and big mail, broken clients, a mailbox server with moods.

report = await Soak(folder).run(seconds=45)
report.memory_grown, report.descriptors_left, report.tasks_left, ...
"""

import asyncio
import contextlib
import os
import random
import re
import signal
import ssl
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway_process import GatewayProcess, children, mail, settings
from smtp_gateway import TLS, Client
from smtp_sink import Sink
from tiny_rules import write

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOODS = ("mail", "rcpt", "data", "message")
_ABUSERS = 300


@dataclass
class Report:
    """What was seen.

    Attributes:
        mails: that came to an end, by kind.
        replies: final ones by kind and first digit.
        memory: time since the start, megabytes of the service, megabytes of its weighers.
        warm: when warming up ended.
    """

    seconds: float = 0.0
    warm: float = 0.0
    mails: Counter[str] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float, float]] = field(default_factory=list)
    descriptors: tuple[int, int, int] = (0, 0, 0)
    tasks: tuple[list[str], list[str]] = ((), ())
    weighers: int = 0
    lines: list[str] = field(default_factory=list)
    state_bytes: int = 0

    def grown(self, column: int) -> float:
        """Megabytes between the quarter after warming up and the last one; 1 is the service, 2 its weighers."""
        rows = [row for row in self.memory if row[0] >= self.warm]
        quarter = max(1, len(rows) // 4)
        return statistics.median(row[column] for row in rows[-quarter:]) - statistics.median(row[column] for row in rows[:quarter])

    def slope(self, column: int) -> float:
        """Kilobytes a minute after warming up, by least squares."""
        rows = [row for row in self.memory if row[0] >= self.warm]
        return statistics.linear_regression([row[0] for row in rows], [row[column] for row in rows]).slope * 60 * 1000

    @property
    def descriptors_left(self) -> int:
        """Descriptors at the end more than at the beginning, connections to the mailbox server left out."""
        return self.descriptors[2] - self.descriptors[0]

    @property
    def tasks_left(self) -> list[str]:
        """Tasks at the end that weren't there at the beginning."""
        return list((Counter(self.tasks[1]) - Counter(self.tasks[0])).elements())

    def __str__(self) -> str:
        first, last = self.memory[0], self.memory[-1]
        total = sum(self.mails.values())
        lines = [f"{self.seconds:.0f} s, {total} mails and sessions, {total / self.seconds:.0f} a second: " + _counted(self.mails)]
        lines.append("replies: " + _counted(self.replies))
        for column, name in ((1, "service"), (2, "weighers")):
            highest = max(row[column] for row in self.memory)
            lines.append(
                f"{name}: {first[column]:.0f} MB at the start, {last[column]:.0f} at the end, {highest:.0f} at most; after {self.warm:.0f} s of warming up "
                f"{self.grown(column):+.1f} MB, {self.slope(column):+.0f} KB a minute"
            )
        start, most, end = self.descriptors
        lines.append(f"descriptors: {start} at the start, {most} at most, {end} at the end; {self.weighers} weighers; tasks left: {self.tasks_left or 'none'}")
        lines.append(f"state folder: {self.state_bytes / 1e6:.1f} MB; warnings: {_counted(Counter(self.lines)) or 'none'}")
        return "\n".join(lines)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


class Soak:
    """A service under load and who loads it."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.report = Report()
        self.number = 0
        self.port = 0
        self.over = False

    async def run(self, seconds: float, reload_every: float = 20.0) -> Report:
        """Load it for a while, then let it rest and look what is left.

        Args:
            seconds: of load; the first third of it is warming up.
            reload_every: seconds between two SIGHUP.
        """
        async with Sink() as sink:
            file = settings(self.folder, sink.port)
            file.write_text(file.read_text().replace("[listen]\n", f"[listen]\n{TLS}\n").replace("workers = 1", 'workers = 1\nidle_seconds = 5\n[log]\nlevel = "warning"'))
            with GatewayProcess(file, rules=write(self.folder / "rules")) as gateway:
                self.port = gateway.port
                await self._civil()
                await asyncio.sleep(1)
                await self._measure(gateway, sink, seconds, reload_every)
        self.report.lines = [re.sub(r"\d+", "N", line)[:100] for line in gateway.lines if "tasks:" not in line and "listening on" not in line]
        self.report.lines = [re.sub(r"^.*?(WARNING|ERROR)", r"\1", line) for line in self.report.lines if "reload" not in line]
        self.report.state_bytes = sum(path.stat().st_size for path in (self.folder / "state").rglob("*") if path.is_file())
        return self.report

    async def _measure(self, gateway: GatewayProcess, sink: Sink, seconds: float, reload_every: float) -> None:
        report = self.report
        tasks = await self._tasks(gateway)
        start = most = _descriptors(gateway.pid) - sink.open_connections
        begun = time.monotonic()
        jobs = [
            asyncio.create_task(self._again(job, pause))
            for job, pause in (
                *[(self._civil, 0.02)] * 4,
                *[(self._abusive, 0.05)] * 2,
                (self._hostile, 0.1),
                (self._big, 0.5),
                *[(self._broken, 0.02)] * 3,
                (self._over_tls, 0.2),
            )
        ]
        report.warm = seconds / 3
        reloaded = 0.0
        while (at := time.monotonic() - begun) < seconds:
            report.memory.append((at, _memory(gateway.pid), sum(_memory(child) for child in children(gateway.pid))))
            most = max(most, _descriptors(gateway.pid))
            if at - reloaded >= reload_every:
                gateway.hang_up()
                reloaded = at
            self._mood(sink)
            await asyncio.sleep(0.5)
        self.over = True
        await asyncio.gather(*jobs)
        report.seconds = time.monotonic() - begun
        sink.close_at = None
        sink.replies.clear()
        await self._civil()
        await asyncio.sleep(2)
        report.descriptors = (start, most, _descriptors(gateway.pid) - sink.open_connections)
        report.weighers = len(children(gateway.pid))
        report.tasks = (tasks, await self._tasks(gateway))

    def _mood(self, sink: Sink) -> None:
        """The mailbox server is mostly well; what it took is forgotten, as it would fill our own memory."""
        sink.mails.clear()
        sink.commands.clear()
        sink.close_at, sink.delays = None, {}
        sink.replies.clear()
        match self.chance.randrange(40):
            case 0:
                sink.close_at = self.chance.choice(_MOODS)
            case 1:
                sink.delays[self.chance.choice(_MOODS)] = 0.3
            case 2:
                sink.replies[self.chance.choice(_MOODS)] = self.chance.choice(("451 4.3.0 later", "550 5.7.1 never"))

    @staticmethod
    async def _tasks(gateway: GatewayProcess) -> list[str]:
        os.kill(gateway.pid, signal.SIGUSR1)
        for _ in range(100):
            if told := [line for line in gateway.lines if line.startswith("tasks:")]:
                gateway.lines[:] = [line for line in gateway.lines if not line.startswith("tasks:")]
                return told[-1].split()[1:]
            await asyncio.sleep(0.05)
        raise AssertionError("it doesn't tell its tasks")

    # --- who loads it

    async def _again(self, job: Callable[[], Awaitable[None]], pause: float) -> None:
        while not self.over:
            with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
                await job()
            self.report.mails[job.__name__.strip("_")] += 1
            await asyncio.sleep(self.chance.uniform(0, 2 * pause))

    def _mail(self, body: str, person: int) -> tuple[str, bytes]:
        self.number += 1
        sender = f"anna@client{person}.example"
        return sender, mail(body, sender=sender, number=self.number)

    async def _client(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port))

    async def _converse(self, client: Client, sender: str, message: bytes, kind: str) -> None:
        """One mail in an open session; a refusal at any step is its reply."""
        for line in (f"MAIL FROM:<{sender}>", "RCPT TO:<support@shop.example>", "DATA"):
            reply = await client.say(line)
            if reply[:1] not in "23":
                self.report.replies[f"{kind} {reply[:1]}xx"] += 1
                await client.say("RSET")
                return
        stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
        await client.send(stuffed + b".\r\n")
        self.report.replies[f"{kind} {(await client.reply(60))[:1]}xx"] += 1

    async def _send(self, sender: str, message: bytes, kind: str) -> None:
        client = await self._client()
        try:
            await client.hello()
            await self._converse(client, sender, message, kind)
        finally:
            await client.close()

    async def _civil(self) -> None:
        words = "Hello, where is my parcel? It was to arrive on Monday. " * self.chance.randrange(1, 150)
        sender, message = self._mail("\r\n".join(words[start : start + 70] for start in range(0, len(words), 70)), self.chance.randrange(10**6, 10**9))
        await self._send(sender, message, "civil")

    async def _abusive(self) -> None:
        body = self.chance.choice(("You are an idiot, parcel {n}.", "i will kill you, parcel {n}.", "you dumb fool! {n}"))
        await self._send(*self._mail(body.format(n=self.number), self.chance.randrange(_ABUSERS)), "abusive")

    async def _big(self) -> None:
        line = b"A line of seventy characters that goes on and on until it is at its end\r\n"
        sender, message = self._mail("Hello, a picture.", self.chance.randrange(10**6, 10**9))
        await self._send(sender, message + line * self.chance.randrange(10_000, 100_000), "big")

    async def _hostile(self) -> None:
        await self._send("x@hostile.example", self.chance.choice(HOSTILE)(self.chance), "hostile")

    async def _over_tls(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = await self._client()
        try:
            await client.hello()
            await client.say("STARTTLS")
            if self.chance.random() < 0.3:
                await client.send(self.chance.randbytes(200))
                return
            await client.writer.start_tls(context)
            await client.say("EHLO client.test")
            if self.chance.random() < 0.3:
                client.reset()
                return
            await self._converse(client, *self._mail("Hello, where is my parcel?", self.chance.randrange(10**6, 10**9)), "tls")
        finally:
            await client.close()

    async def _broken(self) -> None:
        """A client that leaves anywhere, with or without good-bye, or speaks no SMTP."""
        client = await self._client()
        try:
            lines = self.chance.choice(BROKEN)
            for line in lines[: self.chance.randrange(len(lines) + 1)]:
                await client.send(line)
                if self.chance.random() < 0.7:
                    await client.reply(2)
            if self.chance.random() < 0.5:
                client.reset()
        finally:
            await client.close()


_BEGIN = (b"EHLO c.test\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<support@shop.example>\r\n")
BROKEN = (
    (*_BEGIN, b"DATA\r\n", b"Subject: half\r\n\r\nhalf a mess"),
    (*_BEGIN, b"DATA\r\n", b"Subject: x\r\n\r\nhello\r\n.\r\n"),
    (*_BEGIN, b"RSET\r\n", b"QUIT\r\n"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),),
    (b"x" * 300_000 + b"\r\n", b"NOOP\r\n"),
    tuple(b"FOO\r\n" for _ in range(25)),
    (b"".join((*_BEGIN, b"DATA\r\n", b"Subject: x\r\n\r\nhello\r\n.\r\n", *_BEGIN[1:])),),
    (*_BEGIN[:2], b"RCPT TO:<nobody@elsewhere.example>\r\n", b"DATA\r\n"),
)


def _nested(depth: int) -> bytes:
    head = b"From: x@hostile.example\r\n"
    parts = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (number, number) for number in range(depth))
    return head + parts + b"Content-Type: text/plain\r\n\r\nhello\r\n"


HOSTILE: tuple[Callable[[random.Random], bytes], ...] = (
    lambda _: _nested(400),
    lambda _: b"From: x@hostile.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nhello\r\n" * 3_000,
    lambda _: b"From: x@hostile.example\r\nSubject: " + b"=?utf-8?q?a?= " * 5_000 + b"\r\n\r\nhello\r\n",
    lambda _: b"".join(b"X-%d: %s\r\n" % (number, b"y" * 900) for number in range(400)) + b"\r\nhello\r\n",
    lambda chance: b"From: x@hostile.example\r\n\r\n" + chance.randbytes(20_000).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n",
    lambda _: b"From: x@hostile.example\r\nContent-Type: text/html\r\n\r\n" + b"<div><!--" * 20_000 + b"\r\n",
    lambda _: b"From: x@hostile.example\r\n\r\na bare\nline feed\r\n",
    lambda _: b"From: x@hostile.example\r\n\r\n" + b"you are " * 30_000 + b"\r\n",
    lambda _: b"Received: from a\r\n" * 40 + b"\r\nhello\r\n",
)


def _memory(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6
    except OSError:
        return 0.0


def _descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
