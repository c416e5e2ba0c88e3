"""Tokens in addresses of ours: they prove that a reply belongs to a mail that we sent (traps: admin by mail)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

MAX_REFERENCE = 18
"""So that "support+appeals" and the token fit the 64 octets of a local part (RFC 5321 section 4.5.3.1.1)."""

_MINUTES = 6  # base32 digits: 30 bits of minutes last until the year 4011
_SEAL = 20  # base32 digits: 100 bits of HMAC
_REFERENCE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,16}[a-z0-9])?")
_LONGEST_ID = 512
_IN_ID = re.compile(r"<(?P<thing>[a-z]+)\.(?P<token>[a-z0-9-]{20,64})\.[a-z0-9]+@(?P<domain>[^@<>\s]+)>")
_TOKEN = re.compile(rf"(?P<reference>[a-z0-9][a-z0-9-]{{0,{MAX_REFERENCE - 1}}})-(?P<minutes>[a-z2-7]{{{_MINUTES}}})-(?P<seal>[a-z2-7]{{{_SEAL}}})")


class TokenState(StrEnum):
    """What a token proves."""

    VALID = "valid"
    EXPIRED = "expired"
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of checking a token; `reference` (lower case) and `expires` are empty when it is forged."""

    state: TokenState
    reference: str = ""
    expires: datetime | None = None


def make_token(kind: str, reference: str, expires: datetime, secret: bytes) -> str:
    """Make a token.

    Args:
        kind: what it is good for ("appeal", "decision"); a token of one kind is none of another.
        reference: of the incident or case: letters, digits, dashes; upper and lower case are the same.
        expires: aware; kept to the minute, the begun minute counts in full.
        secret: at least 16 octets.

    Returns:
        str: lower-case, at most 46 characters of a local part: REFERENCE-EXPIRY-SEAL.

    Raises:
        ValueError: an argument doesn't fit.
    """
    lowered = reference.lower()
    if not _REFERENCE.fullmatch(lowered):
        raise ValueError(f"a reference is 1 to {MAX_REFERENCE} letters, digits and inner dashes")
    if len(secret) < 16:
        raise ValueError("the secret is too short")
    if expires.tzinfo is None:
        raise ValueError("a token needs an aware time")
    minutes = -int(-expires.timestamp() // 60)
    if not 0 <= minutes < 1 << (5 * _MINUTES):
        raise ValueError("the time is out of range")
    shown = _digits(minutes)
    return f"{lowered}-{shown}-{_seal(kind, lowered, shown, secret)}"


def check_token(kind: str, token: str, now: datetime, secret: bytes) -> Proof:
    """Check a token in constant time with respect to the secret.

    Args:
        kind: what it should be good for.
        token: as it came in an address; servers may have changed its case.
        now: aware.
        secret: that it was made with.

    Returns:
        Proof: `expired` only for a token that we did make; anything else that is wrong is `forged`.
    """
    found = _TOKEN.fullmatch(token.lower()) if len(token) <= 64 and token.isascii() else None
    if found is None:
        return Proof(TokenState.FORGED)
    reference, minutes = found["reference"], found["minutes"]
    if not hmac.compare_digest(_seal(kind, reference, minutes, secret), found["seal"]):
        return Proof(TokenState.FORGED)
    expires = datetime.fromtimestamp(_number(minutes) * 60, UTC)
    return Proof(TokenState.VALID if now < expires else TokenState.EXPIRED, reference, expires)


def token_address(address: str, token: str) -> str:
    """An own address with a token: support+appeals@shop.example becomes support+appeals.TOKEN@shop.example.

    One without a plus gets one, appeals+TOKEN@shop.example: with a dot it could be somebody's mailbox.

    Raises:
        ValueError: the local part would be longer than 64 octets (RFC 5321 section 4.5.3.1.1).
    """
    local, _, domain = address.rpartition("@")
    made = f"{local}{'.' if '+' in local else '+'}{token}"
    if not local or len(made.encode("utf-8")) > 64:
        raise ValueError("the address is too long to carry a token")
    return f"{made}@{domain}"


def token_in_ids(identifiers: Iterable[str], thing: str, domain: str) -> str:
    """The token in the latest of some Message-IDs that names a mail of ours of one kind.

    A client may lose Reply-To and the token with it, but threads by In-Reply-To and References (RFC 5322 section 3.6.4).

    Args:
        identifiers: of the mails that a mail answers, with their angle brackets, oldest first.
        thing: what the mail of ours was: "notice", "case".
        domain: of our own message ids.

    Returns:
        str: not yet checked; "" for none.
    """
    for identifier in reversed(tuple(identifiers)):
        found = _IN_ID.fullmatch(identifier.lower()) if len(identifier) <= _LONGEST_ID else None
        if found and found["thing"] == thing and found["domain"] == domain.lower():
            return found["token"]
    return ""


_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def _digits(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (_MINUTES - 1), -1, -5))


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number << 5 | _ALPHABET.index(digit)
    return number


def _seal(kind: str, reference: str, minutes: str, secret: bytes) -> str:
    # None of the three can contain the separator, so no two triples give the same text.
    message = f"{kind}\0{reference}\0{minutes}".encode()
    return base64.b32encode(hmac.new(secret, message, hashlib.sha256).digest()).decode("ascii").lower()[:_SEAL]
