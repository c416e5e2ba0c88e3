"""Kill -9 of the whole service at random moments while mail flows: is a mail lost, a strike doubled, the ledger hurt?

    python benchmarks/crash.py [--kills 300] [--seed 1] [--clients 4]

It is the story of tests/killing.py, told longer; a broken promise ends it with an AssertionError that names the mail.
Three seconds a kill on a quiet machine, as the service takes that long to start even with tiny rules; Ctrl-C ends the
killing and gives the report of what there is.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from killing import KillingStory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = KillingStory(Path(folder), options.seed, options.clients).run(options.kills, check_every=10)
    print(report)
    print(f"took {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
