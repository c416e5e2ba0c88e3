"""The service extensions: what we offer a client, and whether the parameters that it gives were offered.

Only what the mailbox server has is offered, as a message can't be converted without breaking its signatures.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway import replies
from gateway.edge.downstream import Extensions
from gateway.values import Reply

UNKNOWN_PARAMETER = Reply(555, "Parameter not recognized or not offered", "5.5.4")
BAD_PARAMETER = Reply(501, "Syntax error in parameters", "5.5.4")

_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:=[^\s=\x00-\x1f\x7f]+(?:=[^\s\x00-\x1f\x7f]*)?)?")
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE)
_XTEXT = re.compile(r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class Offers:
    """What a client is offered.

    Attributes:
        size: the limit of SIZE.
        eightbit: 8BITMIME (RFC 6152).
        utf8: SMTPUTF8 (RFC 6531).
        dsn: DSN (RFC 3461).
        enhanced: ENHANCEDSTATUSCODES (RFC 2034); offered only if the replies that we pass on have them.
    """

    size: int
    eightbit: bool
    utf8: bool
    dsn: bool
    enhanced: bool

    @classmethod
    def of(cls, downstream: Extensions | None, size: int) -> "Offers":
        """What can be offered.

        A server that was never reached gets 451 for every recipient anyway. Until then 8BITMIME and SMTPUTF8 are offered,
        as a sender that needs them would otherwise take a passing outage for a permanent refusal.

        Args:
            downstream: what the mailbox server offered last, None while it was never reached.
            size: our own limit.
        """
        if downstream is None:
            return cls(size=size, eightbit=True, utf8=True, dsn=False, enhanced=True)
        has = downstream.keywords
        return cls(
            size=min(size, downstream.size) if downstream.size else size,
            eightbit="8BITMIME" in has,
            utf8="SMTPUTF8" in has,
            dsn="DSN" in has,
            enhanced="ENHANCEDSTATUSCODES" in has,
        )

    def lines(self, *, starttls: bool, more: Sequence[str] = ()) -> list[str]:
        """The lines of our EHLO reply after the first; CHUNKING is never among them, as verdicts need the whole message."""
        offered = [
            ("PIPELINING", True),
            (f"SIZE {self.size}", True),
            ("8BITMIME", self.eightbit),
            ("SMTPUTF8", self.utf8),
            ("DSN", self.dsn),
            ("ENHANCEDSTATUSCODES", self.enhanced),
            ("STARTTLS", starttls),
        ]
        return [*(keyword for keyword, there in offered if there), *more]

    def object_to_mail(self, parameters: Sequence[str]) -> Reply | None:
        """Check the parameters of MAIL; None when all is well."""
        return self._check(parameters, self._mail_parameter)

    def object_to_rcpt(self, parameters: Sequence[str]) -> Reply | None:
        """Check the parameters of RCPT; None when all is well."""
        return self._check(parameters, self._rcpt_parameter)

    @staticmethod
    def _check(parameters: Sequence[str], one: Callable[[str, str | None], Reply | None]) -> Reply | None:
        seen: set[str] = set()
        for parameter in parameters:
            keyword, equals, value = parameter.partition("=")
            keyword = keyword.upper()
            if not _PARAMETER.fullmatch(parameter) or keyword in seen:
                return BAD_PARAMETER
            seen.add(keyword)
            if objection := one(keyword, value if equals else None):
                return objection
        return None

    def _mail_parameter(self, keyword: str, value: str | None) -> Reply | None:
        match keyword:
            case "SIZE":
                if value is None or not (value.isascii() and value.isdigit()) or len(value) > 20:
                    return BAD_PARAMETER
                return replies.TOO_BIG if int(value) > self.size else None
            case "BODY" if self.eightbit:
                return None if value and value.upper() in {"7BIT", "8BITMIME"} else BAD_PARAMETER
            case "SMTPUTF8" if self.utf8:
                return None if value is None else BAD_PARAMETER
            case "RET" if self.dsn:
                return None if value and value.upper() in {"FULL", "HDRS"} else BAD_PARAMETER
            case "ENVID" if self.dsn:
                return None if value and len(value) <= 100 and _XTEXT.fullmatch(value) else BAD_PARAMETER
            case _:
                return UNKNOWN_PARAMETER

    def _rcpt_parameter(self, keyword: str, value: str | None) -> Reply | None:
        match keyword:
            case "NOTIFY" if self.dsn:
                return None if value and _NOTIFY.fullmatch(value) else BAD_PARAMETER
            case "ORCPT" if self.dsn:
                return None if value and ";" in value and len(value) <= 500 else BAD_PARAMETER
            case _:
                return UNKNOWN_PARAMETER
