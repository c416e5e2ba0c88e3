"""How long a weekly digest takes: over a ledger of many incidents, and for each week of a simulated year.

Run: python benchmarks/digest.py [--incidents 100000] [--senders 20000] [--days 365] [--year [WEEKS]] [--keep FOLDER]

The year is that of the tests' company: 200,000 mails in six languages, three managers; its digests are written to
FOLDER as text, one a week, in turn in each language.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from ledger_makers import an_incident
from simulated_company import CATEGORIES, FIRST, LANGUAGES, MAILBOXES, YEAR, Company

from gateway.edge.digest_office import gather
from gateway.edge.languages import LANGUAGES as ORDER
from gateway.edge.ledger_files import Changes
from gateway.policy.digest import make_digest
from gateway.policy.figures import Digest
from gateway.policy.weeks import Week
from gateway.records import IncidentState
from gateway.values import Level, Standing, Strike

END = datetime(2027, 8, 30, 5, tzinfo=UTC)
"""A Monday, 7:00 in Berlin."""


async def fill(company: Company, incidents: int, senders: int, days: int) -> None:
    """Incidents evenly over the days before END, one in fifty overturned, and their counters."""
    chance, step = random.Random(7), timedelta(days=days) / incidents
    batch, people, days_counted = [], {}, {}
    for number in range(incidents):
        at = END - step * (incidents - number)
        sender, language = f"customer{chance.randrange(senders)}@example.net", company.pick(LANGUAGES)
        level = Level.SEVERE if number % 20 == 0 else Level.ABUSIVE
        category = company.pick(CATEGORIES[level])
        wrong = number % 50 == 0
        incident = an_incident(
            f"B{number:08X}",
            key=f"{number:064x}",
            sender=sender,
            at=at,
            level=level,
            language=language,
            categories=(category,),
            findings=((f"{language}.{category.value}.common", 6),),
            recipients=(company.pick(MAILBOXES),),
            state=IncidentState.OVERTURNED if wrong else IncidentState.DONE,
            notes=((at + timedelta(hours=5), "boss", "overturned"),) if wrong else (),
            reply="250 2.0.0 OK",
        )
        people[sender] = Standing(sender, (Strike(at, incident.id, level),))
        days_counted.setdefault(at.date(), (at, Counter()))[1].update(
            {"mails": 20, "level.clean": 19, f"level.{level.word}": 1, f"language.{language}": 20, f"rule.{language}.{category.value}.common": 1}
        )
        batch.append(incident)
        if len(batch) == 10_000:
            company.clock.now = at
            await company.ledger.apply(Changes(tuple(batch), tuple(people.values())))
            batch, people = [], {}
    await company.ledger.apply(Changes(tuple(batch), tuple(people.values())))
    for at, counters in days_counted.values():
        await company.ledger.count(at, counters)
    company.clock.now = END


async def many(folder: Path, incidents: int, senders: int, days: int) -> None:
    """Fill a ledger and time a digest in its parts."""
    company = await Company.open(folder)
    begun = time.perf_counter()
    await fill(company, incidents, senders, days)
    print(f"filled {incidents} incidents of {days} days in {time.perf_counter() - begun:.1f} s")
    week, zone = Week.of(END, company.settings.zone).plus(-1), company.settings.zone
    for _ in range(2):
        begun, used = time.perf_counter(), time.process_time()
        kept = await gather(company.office, week)
        gathered = time.perf_counter()
        digest = make_digest(kept, week, zone, company.policy, END, decide_days=5)
        company.office.writer.templates.digests.render(digest, "en")
        took, used = time.perf_counter() - begun, time.process_time() - used
        print(f"digest, {len(kept.incidents)} incidents read, {digest.incidents} of the week: {took:.2f} s, {gathered - begun:.2f} s of it reading; processor {used:.2f} s")
    await company.ledger.close()


async def year(folder: Path, weeks: int) -> None:
    """Live a year and write each week's digest on its Monday, as the timer would."""
    company = await Company.open(folder)
    begun, digests = time.perf_counter(), []
    for number in range(weeks):
        week = FIRST.plus(number)
        await company.live_week(week)
        digests.append(await monday(company, week, folder / "digests"))
    print(f"lived {weeks} weeks in {time.perf_counter() - begun:.0f} s, digests {sum(spent for _, spent in digests):.1f} s of it")
    print(f"slowest digest {max(spent for _, spent in digests):.2f} s")
    mails = sum(digest.mails for digest, _ in digests)
    counted = sum(day["mails"] for day in (await company.ledger.counters(FIRST.monday, FIRST.plus(weeks).monday)).values())
    incidents = sum(digest.incidents for digest, _ in digests)
    kept = len([incident async for incident in company.ledger.every_incident()])
    print(f"mails {mails} in the digests, {counted} in the ledger; incidents {incidents} and {kept}")
    if (mails, incidents) != (counted, kept):
        raise SystemExit("they don't add up")
    await company.ledger.close()


async def monday(company: Company, week: Week, folder: Path) -> tuple[Digest, float]:
    begun = time.perf_counter()
    digest = await company.digest(week)
    language = ORDER[week.number % len(ORDER)]
    rendered = company.office.writer.templates.digests.render(digest, language)
    spent = time.perf_counter() - begun
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    await asyncio.to_thread((folder / f"{week.name}-{language}.txt").write_text, f"Subject: {rendered.subject}\n\n{rendered.text}", "utf-8")
    return digest, spent


def main() -> None:
    """Parse the arguments and measure in a folder that goes away again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=100_000)
    parser.add_argument("--senders", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--year", type=int, nargs="?", const=YEAR, default=0, metavar="WEEKS", help="live the simulated year instead, or some weeks of it")
    parser.add_argument("--keep", type=Path, help="a folder that stays")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="digest-benchmark-"))
    folder.mkdir(exist_ok=True)
    try:
        asyncio.run(year(folder, given.year) if given.year else many(folder, given.incidents, given.senders, given.days))
    finally:
        if given.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
