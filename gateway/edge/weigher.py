"""The process that reads and weighs: mails come in on standard input, readings and assessments go out on standard output.

It runs apart from the server so that no mail can stall the others, and so that it can be ended when it runs late. Frames
are four bytes of length and a pickle; both ends are ours and talk over a pipe that nobody else has.
"""

import gc
import logging
import pickle
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gateway.edge.forms import load_forms
from gateway.edge.scorer import load_scorer
from gateway.edge.shipped import folder
from gateway.errors import ReadingFailed
from gateway.mail.message import ReadingLimits, read
from gateway.values import Assessment, Reading, Tag

log = logging.getLogger("courtesy.weigher")

FRAME = struct.Struct(">I")
LONGEST_FRAME = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """What a weigher is told at its start."""

    folders: tuple[Path, ...]
    limits: ReadingLimits


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to read and weigh."""

    message: bytes
    return_path: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The weigher stands ready with a version of the rules."""

    version: str


def unscored(error: str, version: str = "") -> Assessment:
    """The assessment of a mail that couldn't be read or weighed."""
    return Assessment(level=None, tags=frozenset({Tag.UNSCORED}), rules_version=version, error=error)


class Weigher:
    """Reads and weighs one mail after the other; nothing that a mail says can raise out of it."""

    def __init__(self, order: Order) -> None:
        """Load rules, forms, language model and ear.

        Raises:
            BadInput: the rules have errors.
        """
        # how mail programs quote and sign is no matter of the site's rules, so the shipped forms are always there
        self._forms = load_forms(tuple(dict.fromkeys((folder("rules"), *order.folders))))
        self._scorer = load_scorer(order.folders)
        self._limits = order.limits

    @property
    def version(self) -> str:
        """The version of the rules."""
        return self._scorer.version

    def weigh(self, mail: Mail) -> tuple[Reading, Assessment]:
        """Read and weigh one mail."""
        reading = Reading(())
        try:
            reading = read(mail.message, self._forms, self._limits, mail.return_path)
            return reading, self._scorer.assess(reading)
        except ReadingFailed as error:
            return reading, unscored(f"couldn't be read: {error}", self.version)
        except Exception as error:  # whatever a hostile mail provokes ends as delivered, unscored
            log.exception("weighing failed")
            return reading, unscored(f"couldn't be weighed: {type(error).__name__}", self.version)


def read_frame(stream: BinaryIO) -> object | None:
    """The next frame, None at the end."""
    head = stream.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    (length,) = FRAME.unpack(head)
    body = stream.read(length)
    return pickle.loads(body) if len(body) == length else None  # noqa: S301 - from our own parent over our own pipe


def frame(value: object) -> bytes:
    """A value as a frame."""
    body = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return FRAME.pack(len(body)) + body


def main() -> None:
    """Serve standard input until it ends."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    order = read_frame(source)
    if not isinstance(order, Order):
        return
    weigher = Weigher(order)
    # rules are millions of objects that live as long as the process: no collection needs to walk over them again
    gc.collect()
    gc.freeze()
    sink.write(frame(Ready(weigher.version)))
    sink.flush()
    while isinstance(mail := read_frame(source), Mail):
        sink.write(frame(weigher.weigh(mail)))
        sink.flush()


if __name__ == "__main__":
    # the pickles name this module by its full name, not __main__
    from gateway.edge import weigher as itself  # noqa: PLW0406

    itself.main()
