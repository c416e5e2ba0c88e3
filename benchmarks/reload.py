"""Rules that are reloaded while mail flows over SMTP through the real service: is a mail lost, or judged by half a set?

    python benchmarks/reload.py [--reloads 200] [--mails 5000] [--seed 1]

The load of tests/reloading.py: two files that belong together are swapped all the time, the service is asked to reload by
its socket and by SIGHUP in turn; afterwards the points, the version and the findings of every single mail are looked at.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from reloading import Reloading


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--mails", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(Reloading(Path(folder), options.seed).run(options.reloads, options.mails)))


if __name__ == "__main__":
    main()
