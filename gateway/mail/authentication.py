"""Authentication-Results as trusted hosts write them (RFC 8601), read tolerantly, believed sparingly."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from gateway.values import Identity, Reading

_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_METHOD = re.compile(r"^\s*(?P<method>[A-Za-z0-9_-]+)(?:\s*/\s*\d+)?\s*=\s*(?P<result>[A-Za-z]+)(?P<rest>.*)$", re.DOTALL)
_PROPERTY = re.compile(r"([A-Za-z0-9_-]+)\s*\.\s*([A-Za-z0-9_-]+)\s*=\s*([^\s;]+)")
_LONGEST = 8_000


@dataclass(frozen=True, slots=True)
class Result:
    """One method's result: dmarc=pass header.from=client.example."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...]

    def value(self, name: str) -> str:
        """The value of a property such as "header.from", "" when it isn't there."""
        return next((value for key, value in self.properties if key == name), "")


def parse(value: str) -> tuple[str, tuple[Result, ...]]:
    """Read one Authentication-Results value.

    Args:
        value: unfolded.

    Returns:
        tuple[str, tuple[Result, ...]]: the authserv-id in lower case, "" when there is none, and the results.
    """
    text = value[:_LONGEST]
    while (without := _COMMENT.sub(" ", text)) != text:
        text = without
    text = _QUOTED.sub(lambda match: re.sub(r"[;\s]", "_", match[1]), text)
    first, *rest = text.split(";")
    words = first.split()
    # Microsoft leaves the authserv-id out: the first clause is a result already (traps B10)
    identifier = words[0].lower().rstrip(".") if words and "=" not in words[0] else ""
    clauses = rest if identifier else [first, *rest]
    return identifier, tuple(_results(clauses))


def _results(clauses: Iterable[str]) -> Iterator[Result]:
    for clause in clauses:
        match = _METHOD.match(clause)
        if match:
            properties = tuple((f"{kind}.{name}".lower(), value.strip("\"'").lower()) for kind, name, value in _PROPERTY.findall(match["rest"]))
            yield Result(match["method"].lower(), match["result"].lower(), properties)


def identity_of(reading: Reading, trusted: frozenset[str]) -> Identity:
    """Who is accountable for a mail, by the word of trusted hosts.

    Verified means dmarc=pass in the topmost Authentication-Results of a trusted authserv-id, exactly one From field with
    exactly one address, and the same domain where the result names one (RFC 8601 section 5, RFC 7489 section 6.6.1).

    Args:
        reading: authors and Authentication-Results.
        trusted: authserv-ids in lower case.

    Returns:
        Identity: `by` says what verified it or why it is unverified.
    """
    if not reading.authors:
        return Identity("", verified=False, by="no author")
    address = normal_address(reading.authors[0].address)
    if reading.from_fields != 1 or len(reading.authors) != 1:
        return Identity(address, verified=False, by="more than one author")
    if not trusted:
        return Identity(address, verified=False, by="no trusted host is configured")
    for value in reading.authentication_results:
        identifier, results = parse(value)
        if identifier not in trusted:
            continue
        dmarc = [result for result in results if result.method == "dmarc"]
        if not dmarc:
            return Identity(address, verified=False, by=f"{identifier} says nothing of dmarc")
        named = dmarc[0].value("header.from")
        if dmarc[0].result != "pass" or len(dmarc) > 1:
            return Identity(address, verified=False, by=f"dmarc={dmarc[0].result} by {identifier}")
        if named and named.rpartition("@")[2].rstrip(".") != address.rpartition("@")[2]:
            return Identity(address, verified=False, by=f"dmarc=pass by {identifier} is for another domain")
        return Identity(address, verified=True, by=f"dmarc=pass by {identifier}")
    return Identity(address, verified=False, by="no word of a trusted host")


def normal_address(address: str) -> str:
    """The form that standings are kept under: the whole address in lower case, an IDN domain as A-labels.

    RFC 5321 section 2.4 leaves the case of a local part to its host; no host in use tells persons apart by it, and a
    block that capitals get round is no block.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at:
        return address.strip().lower()
    domain = domain.lower().rstrip(".")
    if not domain.isascii():
        with suppress(UnicodeError):
            domain = domain.encode("idna").decode("ascii")
    return f"{local.lower()}@{domain}"
