"""A process that writes to a ledger as fast as it can and says on stdout what is durable, until somebody kills it."""

import asyncio
import sys
from pathlib import Path

from ledger_makers import NOON, Clock, a_mail, a_standing, an_incident

from gateway.edge import ledger_store
from gateway.edge.ledger_files import Changes
from gateway.edge.tinydb_ledger import TinyLedger


def say(word):
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def write(folder, start):
    ledger_store._LIMITS = {"incidents": (6, 4), "posted": (6, 4), "outgoing": (4, 3)}  # so that files are split all the time
    ledger = await TinyLedger.open(folder, clock=Clock())
    say("open")
    for number in range(start, start + 100_000):
        sender = f"s{number % 3}@example.net"
        reference = f"I{number}"
        await ledger.record(an_incident(reference, sender=sender), a_standing(sender, reference), (a_mail(f"M{number}"),))
        await ledger.settle(an_incident(reference), "250 ok", (a_mail(f"S{number}"),))
        say(reference)
        if number % 5 == 0:  # growing and shrinking tears a file of TinyDB's own storage
            await ledger.apply(
                Changes(tuple(an_incident(reference, sender=sender, subject=letter * 200, reply="250 ok") for letter in "ab"))
            )
            for mail in await ledger.due(NOON):
                await ledger.sent(mail, NOON)
        if number % 7 == 0:  # several files at once
            await ledger.apply(Changes(standings=tuple(a_standing(f"t{each}@example.net", reference) for each in range(4))))
            say(f"T{number}")


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
