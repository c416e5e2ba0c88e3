"""What reading and weighing cost, beside mail-parser alone in the same run (processor time, medians).

    python benchmarks/cost.py
"""

import gc
import statistics
import sys
import time
from email.message import EmailMessage
from pathlib import Path

import mailparser

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sets

from gateway.edge.forms import load_forms
from gateway.edge.scorer import load_scorer, rules_folders
from gateway.mail.message import read


def mail(own: str, size: int) -> bytes:
    """A mail of a size: so many own words, the rest a quoted thread below an attribution line, as support mail has it."""
    message = EmailMessage()
    message["From"] = "Anna <anna@client.example>"
    message["To"] = "support@shop.example"
    message["Subject"] = "Order 40718"
    message["Message-ID"] = "<a@client.example>"
    message["Date"] = "Mon, 23 Nov 2026 10:00:00 +0000"
    for n in range(3):
        message[f"X-Trace-{n}"] = "by mx.client.example with ESMTPS id 4711; Mon, 23 Nov 2026 10:00:00 +0000"
    quoted = []
    while len(own) + sum(map(len, quoted)) < size - 900:
        quoted.append(f"> we received your request number {4711 + len(quoted)} and passed it on to our colleagues\n")
    message.set_content(f"{own}\n\nOn Mon, 23 Nov 2026 at 09:00, Support <support@shop.example> wrote:\n{''.join(quoted)}")
    return message.as_bytes().replace(b"\n", b"\r\n")


def spent(work, rounds: int) -> float:
    started = time.process_time()
    for _ in range(rounds):
        work()
    return 1000 * (time.process_time() - started) / rounds


def main() -> None:
    forms = load_forms(rules_folders())
    scorer = load_scorer(rules_folders())
    gc.collect()
    gc.freeze()  # as the weigher does
    print(f"rules {scorer.version}: milliseconds of processor time a mail")
    ratios = []
    for lang in sets.LANGUAGES:
        cases = [case for case in sets.sentences(lang) if not case.subject and case.level == 0]
        texts, k = [], 0
        for _ in range(20):
            text = ""
            while len(text) < 2000:
                text += cases[k % len(cases)].body + "\n"
                k += 7
            texts.append(text)
        mails = [mail(text, 10_000) for text in texts]
        for message in mails:
            scorer.assess(read(message, forms))
        alone, both, reading = [], [], []
        for message in mails * 3:
            alone.append(spent(lambda m=message: mailparser.parse_from_bytes(m), 3))
            reading.append(spent(lambda m=message: read(m, forms), 3))
            both.append(spent(lambda m=message: scorer.assess(read(m, forms)), 3))
        ratios.append(statistics.median(both) / statistics.median(alone))
        print(f"{lang}: mail-parser {statistics.median(alone):.2f}, read {statistics.median(reading):.2f}, read and weigh {statistics.median(both):.2f}, ratio {ratios[-1]:.1f}")
    print(f"median ratio {statistics.median(ratios):.1f}")
    for factor in (1, 2, 4, 8):
        text = ("Where is my order? I have been waiting for three weeks and nobody answers. " * 27 * factor)[: 2000 * factor]
        message = mail(text, 4_000 * factor)
        print(f"own text {2 * factor} kB: {spent(lambda m=message: scorer.assess(read(m, forms)), 5):.2f} ms")


if __name__ == "__main__":
    main()
