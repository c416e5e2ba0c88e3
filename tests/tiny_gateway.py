"""`courtesy` with one small rules folder instead of the shipped one, so that a start takes a second; SIGUSR1 asks for its tasks.

python tests/tiny_gateway.py RULES serve --config FILE
"""

import asyncio
import signal
import sys
from pathlib import Path

from gateway.cli.main import main
from gateway.edge import scorer, shipped


def tell_tasks(*_):
    names = sorted(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())
    sys.stderr.write(f"tasks: {' '.join(names)}\n")


if __name__ == "__main__":
    rules = Path(sys.argv.pop(1))
    scorer.folder = lambda name: rules if name == "rules" else shipped.folder(name)
    signal.signal(signal.SIGUSR1, tell_tasks)
    main()
