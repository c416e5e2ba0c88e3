"""Mixed load on the real service for minutes: does memory stay flat, is a descriptor or a task left over?

    python benchmarks/soak.py [--minutes 10] [--seed 1] [--reload-every 20]

The load of tests/soaking.py: civil, abusive, hostile and big mail, mail over TLS, clients that leave anywhere, a mailbox
server with moods, rules reloaded now and then; with tiny rules, as it is the path that is loaded and not the judging.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from soaking import Soak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reload-every", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(Soak(Path(folder), options.seed).run(options.minutes * 60, options.reload_every))
    print(report)
    step = max(1, len(report.memory) // 20)
    print("MB of service + weighers: " + " ".join(f"{at:.0f}s:{mine:.0f}+{theirs:.0f}" for at, mine, theirs in report.memory[::step]))


if __name__ == "__main__":
    main()
