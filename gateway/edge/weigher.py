"""The process that reads and weighs: mails come in on standard input, readings and assessments go out on standard output.

It runs apart from the server so that no mail can stall the others, and so that it can be ended when it runs late. Frames
are four bytes of length and a pickle; both ends are ours and talk over a pipe that nobody else has.
"""

import contextlib
import gc
import logging
import os
import pickle
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gateway.edge.ear_model import load_ear
from gateway.edge.forms import load_forms
from gateway.edge.logs import set_up
from gateway.edge.rules import load_rules
from gateway.edge.rules_check import check_examples
from gateway.edge.scorer import build_scorer
from gateway.edge.settings import LogSettings
from gateway.edge.shipped import folder
from gateway.errors import BadInput, Problem, ReadingFailed
from gateway.mail.message import ReadingLimits, read
from gateway.numbers import Policy
from gateway.scoring.rules import RuleBook
from gateway.values import Assessment, Reading, Tag

log = logging.getLogger("courtesy.weigher")

FRAME = struct.Struct(">I")
LONGEST_FRAME = 512 * 1024 * 1024
_NICEST = 19
_PLAIN_LOG = LogSettings(level="warning")


@dataclass(frozen=True, slots=True)
class Order:
    """What a weigher is told at its start.

    Attributes:
        folders: rules folders, later ones laid over earlier ones.
        shown: how the folders are named in messages, when they are copies.
        examples: try the examples of the site's own rules first; when one fails, the rules are not taken.
        patient: give way to everybody else, for processor time and for memory.
    """

    folders: tuple[Path, ...]
    limits: ReadingLimits
    log: LogSettings = _PLAIN_LOG
    shown: tuple[str, ...] = ()
    examples: bool = False
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to read and weigh."""

    message: bytes
    return_path: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The weigher stands ready with a version of the rules: its numbers, and the rules of it that give points."""

    version: str
    policy: Policy
    scoring: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The weigher can't work with the rules that it was given."""

    problems: tuple[Problem, ...]


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
        own = str(folder("rules"))
        self._forms = load_forms(order.folders if own in (*order.shown, *map(str, order.folders)) else (Path(own), *order.folders))
        book, _ = load_rules(order.folders, shown=order.shown)
        self.policy, self.scoring = book.policy, book.scoring
        self._scorer = build_scorer(book, load_ear(order.folders, order.shown))
        if order.examples:
            self._try_examples(book, len(order.folders) - 1)
        self._limits = order.limits

    def _try_examples(self, book: RuleBook, layer: int) -> None:
        """Whether rules of the site's own do what their examples say."""
        if layer and (wrong := [p for p in check_examples(book, self._scorer.without_ear(), layer=layer) if p.severity == "error"]):
            raise BadInput(tuple(wrong))

    @property
    def version(self) -> str:
        """The version of the rules."""
        return self._scorer.version

    def weigh(self, mail: Mail) -> tuple[Reading, Assessment]:
        """Read and weigh one mail."""
        reading = Reading(())
        try:
            reading = read(mail.message, self._forms, self._limits, mail.return_path)
        except ReadingFailed as error:
            return reading, unscored(f"couldn't be read: {error}", self.version)
        except Exception as error:  # whatever a hostile mail provokes ends as delivered, unscored
            log.exception("reading failed")
            return reading, unscored(f"couldn't be weighed: {type(error).__name__}", self.version)
        return reading, self.assess(reading)

    def assess(self, reading: Reading) -> Assessment:
        """Weigh a mail that was read before."""
        try:
            return self._scorer.assess(reading)
        except Exception as error:  # likewise
            log.exception("weighing failed")
            return unscored(f"couldn't be weighed: {type(error).__name__}", self.version)


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
    """Serve standard input until it ends; signals to the whole group are the service's, which still has mail to finish."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):  # the service is gone, and nobody waits for an answer
        _serve()


def _serve() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    order = read_frame(source)
    if not isinstance(order, Order):
        return
    set_up(order.log)
    if order.patient:
        _give_way()
    try:
        weigher = Weigher(order)
    except BadInput as error:
        sink.write(frame(Rejected(error.problems)))
        sink.flush()
        return
    # rules are millions of objects that live as long as the process: no collection needs to walk over them again
    gc.collect()
    gc.freeze()
    sink.write(frame(Ready(weigher.version, weigher.policy, weigher.scoring)))
    sink.flush()
    while isinstance(item := read_frame(source), Mail | Reading):
        sink.write(frame(weigher.weigh(item) if isinstance(item, Mail) else weigher.assess(item)))
        sink.flush()


def _give_way() -> None:
    """Let everybody else go first, and be the first to go when memory runs out; where the host forbids it, it stays as it is."""
    with contextlib.suppress(OSError):
        os.nice(_NICEST)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    # the pickles name this module by its full name, not __main__
    from gateway.edge import weigher as itself  # noqa: PLW0406

    itself.main()
