"""How long the ledger takes: many incidents of many senders and one sender with thousands.

Run: python benchmarks/ledger.py [--incidents 100000] [--senders 20000] [--heavy 5000] [--keep FOLDER]
"""

import argparse
import asyncio
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.edge.ledger_files import Changes
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.records import Incident, IncidentState, OutgoingMail
from gateway.values import Basis, Category, Disposition, Level, Mode, NoticeKind, Standing, Strike

START = datetime(2026, 1, 1, tzinfo=UTC)
HEAVY = "heavy@example.net"


def incident(number: int, sender: str, at: datetime) -> Incident:
    """An incident of ordinary size."""
    return Incident(
        id=f"B{number:09X}",
        key=f"{number:064x}",
        at=at,
        sender=sender,
        verified=True,
        by="mx.shop.example: dkim=pass header.d=example.net",
        envelope_sender=sender,
        recipients=("support@shop.example",),
        subject="Wo bleibt meine Bestellung 4711, das ist doch eine Frechheit",
        message_id=f"<{number}@mail.example.net>",
        level=Level.ABUSIVE,
        points=7,
        language="de",
        categories=(Category.INSULT, Category.PROFANITY),
        tags=(),
        basis=Basis.RULES,
        findings=(("de.insult.fool", 5), ("de.profanity.mild", 2)),
        excerpt="so ein Vollidiot",
        disposition=Disposition.FOLD,
        strikes=1,
        notice=NoticeKind.WARNING,
        alerts=(),
        proposal="",
        reason="insult aimed at staff, first strike",
        rules_version="2026.11.24-1",
        mode=Mode.ENFORCE,
        state=IncidentState.DONE,
    )


def notice(number: int, at: datetime) -> OutgoingMail:
    """A notice of ordinary size."""
    return OutgoingMail(f"N{number:09X}", "warning", "", ("customer@example.net",), b"Subject: about your mail\r\n" * 400, at)


async def fill(ledger: TinyLedger, incidents: int, senders: int, heavy: int, clock: list[datetime]) -> None:
    """Fill the ledger in batches, which is quicker than one by one and leaves the same files."""
    batch: list[Incident] = []
    for number in range(incidents):
        clock[0] = START + timedelta(minutes=5) * number
        batch.append(incident(number, HEAVY if number < heavy else f"customer{number % senders}@example.net", clock[0]))
        if len(batch) == 500:
            people = {each.sender: Standing(each.sender, (Strike(each.at, each.id, Level.ABUSIVE),)) for each in batch}
            await ledger.apply(Changes(tuple(batch), tuple(people.values())))
            batch = []
    await ledger.apply(Changes(tuple(batch)))


def show(name: str, seconds: Sequence[float]) -> None:
    """A line with median, 99th percentile and the worst."""
    ordered = sorted(seconds)
    figures = statistics.median(ordered), ordered[int(len(ordered) * 0.99)], ordered[-1]
    print(f"{name:36} median {figures[0] * 1e3:7.2f} ms   p99 {figures[1] * 1e3:7.2f} ms   worst {figures[2] * 1e3:7.2f} ms")


def show_disk(folder: Path) -> None:
    """A line with the size of all files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    print(f"{'disk':36} {sum(path.stat().st_size for path in files) / 1e6:9.1f} MB in {len(files)} files")


async def measure(folder: Path, incidents: int, senders: int, heavy: int) -> None:
    """Fill, then time what the path and people do."""
    clock = [START]

    def now() -> datetime:
        return clock[0]

    begun = time.perf_counter()
    ledger = await TinyLedger.open(folder, clock=now)
    await fill(ledger, incidents, senders, heavy, clock)
    print(f"filled {incidents} incidents in {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    await ledger.close()
    print(f"{'close (saves the index)':36} {(time.perf_counter() - begun) * 1e3:9.0f} ms")
    show_disk(folder)

    await asyncio.sleep(2.1)
    for name in ("open (index saved)", "open (no index: all files read)"):
        begun = time.perf_counter()
        ledger = await TinyLedger.open(folder, clock=now)
        print(f"{name:36} {(time.perf_counter() - begun) * 1e3:9.0f} ms")
        await ledger.close()
        (folder / "index.json").unlink()

    ledger = await TinyLedger.open(folder, clock=now)
    chance = random.Random(7)
    number = incidents
    for name, pick, rounds in (
        ("record, any sender", lambda: f"customer{chance.randrange(senders)}@example.net", 1000),
        ("record, new sender", lambda: f"new{chance.randrange(10**9)}@example.net", 500),
        ("record, the heavy sender", lambda: HEAVY, 500),
    ):
        seconds, lookups, settles, again = [], [], [], []
        for _ in range(rounds):
            number += 1
            clock[0] += timedelta(seconds=10)
            sender = pick()
            begun = time.perf_counter()
            known = await ledger.standing(sender)
            lookups.append(time.perf_counter() - begun)
            new = incident(number, sender, clock[0])
            after = Standing(sender, (*known.strikes[-3:], Strike(new.at, new.id, Level.ABUSIVE)))
            begun = time.perf_counter()
            await ledger.record(new, after)
            seconds.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            await ledger.settle(new, "250 2.6.0 Message accepted", (notice(number, clock[0]),))
            settles.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            assert await ledger.seen(sender, new.key) is not None
            again.append(time.perf_counter() - begun)
            for mail in await ledger.due(clock[0]):
                await ledger.sent(mail, clock[0])
        show(name, seconds)
        show("  standing", lookups)
        show("  settle", settles)
        show("  seen", again)
    seconds = []
    for _ in range(500):
        begun = time.perf_counter()
        assert await ledger.incident(f"B{chance.randrange(incidents):09X}") is not None
        seconds.append(time.perf_counter() - begun)
    show("incident by its id", seconds)
    for name, work in (
        ("list newest 50", lambda: ledger.incidents(limit=50)),
        ("list the heavy sender's 50", lambda: ledger.incidents(sender=HEAVY, limit=50)),
        ("list a week", lambda: ledger.incidents(since=clock[0] - timedelta(days=7))),
    ):
        begun = time.perf_counter()
        found = await work()
        print(f"{name:36} {(time.perf_counter() - begun) * 1e3:9.0f} ms for {len(found)}")
    await ledger.close()


def main() -> None:
    """Parse the arguments and measure in a folder that goes away again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=100_000)
    parser.add_argument("--senders", type=int, default=20_000)
    parser.add_argument("--heavy", type=int, default=5_000)
    parser.add_argument("--keep", type=Path, help="a new folder that stays")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="ledger-benchmark-"))
    try:
        asyncio.run(measure(folder, given.incidents, given.senders, given.heavy))
    finally:
        if given.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
