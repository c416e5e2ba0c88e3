"""The error tree.

GatewayError                what any of ours is; carries the SMTP reply to give
  ReadingFailed             a mail couldn't be read: deliver it unscored
  WeighingFailed            a mail couldn't be weighed: deliver it unscored
  LedgerFailed              the ledger can't be read or written: deliver plain, no consequence
    LedgerLocked            another process holds it
    LedgerTorn              a file of it can't be understood
  HoldFailed                a mail couldn't be stored durably
  DownstreamFailed          the mailbox server is away or broke the dialogue
  BadInput                  settings or rules with errors; carries them all
"""

from dataclasses import dataclass
from typing import ClassVar

from gateway import replies
from gateway.values import Reply


class GatewayError(Exception):
    """What any error of ours is; `reply` is what the SMTP client gets when nothing better is known."""

    reply: ClassVar[Reply] = replies.TROUBLE


class ReadingFailed(GatewayError):
    """A mail couldn't be read."""


class WeighingFailed(GatewayError):
    """A mail couldn't be weighed, or not in time."""


class LedgerFailed(GatewayError):
    """The ledger can't be read or written."""


class LedgerLocked(LedgerFailed):
    """Another process holds the ledger; `holder` is its number, as far as it is known."""

    def __init__(self, text: str, holder: str) -> None:
        """Keep the number beside the text."""
        super().__init__(text)
        self.holder = holder


class LedgerTorn(LedgerFailed):
    """A file of the ledger can't be understood; it is named in the text and left untouched."""


class HoldFailed(GatewayError):
    """A mail couldn't be stored durably, so nobody may say 250 to it."""


class DownstreamFailed(GatewayError):
    """The mailbox server is away or broke the dialogue."""

    reply: ClassVar[Reply] = replies.DOWNSTREAM_AWAY


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file that a person wrote: where (line from 1, 0 when the whole file) and what to do."""

    file: str
    line: int
    text: str
    severity: str = "error"

    def __str__(self) -> str:
        """In the form that `config check` and `rules check` print."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.severity}: {self.text}"


class BadInput(GatewayError):
    """Settings or rules with errors; `problems` has them all."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep all problems; the text is the lines that a person reads, what is wrong before what is only worth a word."""
        super().__init__("\n".join(str(problem) for problem in sorted(problems, key=lambda problem: problem.severity != "error")))
        self.problems = problems
