"""Who vouches for an author: Authentication-Results of trusted hosts (RFC 8601), Microsoft's form, ARC; read tolerantly, believed sparingly."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.addresses import a_labels, normal_address
from gateway.values import Identity, Reading, TrailField

__all__ = ["NOBODY_TRUSTED", "NO_WORD", "Result", "Trusted", "arc_voucher", "identity_of", "normal_address", "parse", "why_nobody"]

NOBODY_TRUSTED = "no trusted host is configured"
NO_WORD = "no word of a trusted host"

_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_METHOD = re.compile(r"^\s*(?P<method>[A-Za-z0-9_-]+)(?:\s*/\s*\d+)?\s*=\s*(?P<result>[A-Za-z]+)(?P<rest>.*)$", re.DOTALL)
_PROPERTY = re.compile(r"([A-Za-z0-9_-]+)\s*\.\s*([A-Za-z0-9_-]+)\s*=\s*([^\s;]+)")
_REASON = re.compile(r"(?:^|\s)reason\s*=\s*([^\s;]+)")
_BY = re.compile(r"(?:^|\s)by\s+([^\s;]+)", re.IGNORECASE)
_INSTANCE = re.compile(r"^\s*i\s*=\s*(\d{1,2})\s*;")
_SEALER = re.compile(r"(?:^|;)\s*d\s*=\s*([^\s;]+)")
_SEAL_INSTANCE = re.compile(r"(?:^|;)\s*i\s*=\s*(\d{1,2})\s*(?:;|$)")
_LONGEST = 8_000
_MOST_SETS = 50
"""RFC 8617 section 5.1.1.1."""
_ARC_OVERRIDE = "130"
"""Microsoft's reason of a compauth=pass that rests on the ARC of a sealer whom the tenant trusts, where DMARC failed."""


@dataclass(frozen=True, slots=True)
class Result:
    """One method's result: dmarc=pass header.from=client.example."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...]

    def value(self, name: str) -> str:
        """The value of a property such as "header.from" or "reason", "" when it isn't there."""
        return next((value for key, value in self.properties if key == name), "")


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whose word counts.

    Attributes:
        authserv_ids: names under which the site's border hosts write Authentication-Results, in lower case.
        microsoft: how the name of Exchange Online's border host ends when that is the site's border, else "".
        sealers: domains whose ARC seals are believed (RFC 8617 section 5.2), in lower case.
    """

    authserv_ids: frozenset[str] = frozenset()
    microsoft: str = ""
    sealers: frozenset[str] = frozenset()


def parse(value: str) -> tuple[str, tuple[Result, ...]]:
    """Read one Authentication-Results value.

    Args:
        value: unfolded.

    Returns:
        tuple[str, tuple[Result, ...]]: the authserv-id in lower case, "" when there is none, and the results.
    """
    text = _QUOTED.sub(lambda match: re.sub(r"[;\s]", "_", match[1]), _uncommented(value))
    first, *rest = text.split(";")
    words = first.split()
    # Microsoft leaves the authserv-id out: the first clause is a result already (traps B10)
    identifier = words[0].lower().rstrip(".") if words and "=" not in words[0] else ""
    clauses = rest if identifier else [first, *rest]
    return identifier, tuple(_results(clauses))


def _uncommented(value: str) -> str:
    text = value[:_LONGEST]
    while (without := _COMMENT.sub(" ", text)) != text:
        text = without
    return text


def _results(clauses: Iterable[str]) -> Iterator[Result]:
    for clause in clauses:
        match = _METHOD.match(clause)
        if match:
            properties = [(f"{kind}.{name}".lower(), value.strip("\"'").lower()) for kind, name, value in _PROPERTY.findall(match["rest"])]
            properties += [("reason", reason.lower()) for reason in _REASON.findall(match["rest"])[:1]]
            yield Result(match["method"].lower(), match["result"].lower(), tuple(properties))


# --- who is accountable ---------------------------------------------------------------------------------------------


def why_nobody(reading: Reading) -> str:
    """Why nobody can be accountable for a mail whoever vouches, "" when somebody can: exactly one author in one From field."""
    if not reading.authors:
        return "no author"
    return "more than one author" if reading.from_fields != 1 or len(reading.authors) != 1 else ""


def identity_of(reading: Reading, trusted: Trusted | frozenset[str]) -> Identity:
    """Who is accountable for a mail, by the word of trusted hosts.

    Verified means dmarc=pass in the topmost Authentication-Results of a trusted host, exactly one From field with
    exactly one address, and the same domain where the result names one (RFC 8601 section 5, RFC 9989 section 5.3.5); or
    arc=pass there and dmarc=pass in what a listed sealer saw.

    Args:
        reading: authors and what hosts on the way wrote.
        trusted: whose word counts; a bare set stands for authserv-ids.

    Returns:
        Identity: `by` says what verified it or why it is unverified.
    """
    if not isinstance(trusted, Trusted):
        trusted = Trusted(trusted)
    address = normal_address(reading.authors[0].address) if reading.authors else ""
    if why := why_nobody(reading):
        return Identity(address, verified=False, by=why)
    if not trusted.authserv_ids and not trusted.microsoft:
        return Identity(address, verified=False, by=NOBODY_TRUSTED)
    domain = address.rpartition("@")[2]
    for value in reading.authentication_results:
        identifier, results = parse(value)
        if identifier and identifier in trusted.authserv_ids:
            verified, by = _judged(identifier, results, domain)
            sealer = "" if verified or not _passed(results, "arc") else arc_voucher(reading.trail, domain, trusted.sealers)
            return Identity(address, verified=True, by=f"ARC of {sealer} by {identifier}") if sealer else Identity(address, verified, by)
    if trusted.microsoft and (results := _microsoft_word(reading.trail, trusted.microsoft)):
        verified, by = _microsoft(results, domain)
        return Identity(address, verified, by)
    return Identity(address, verified=False, by=NO_WORD)


def _passed(results: Sequence[Result], method: str) -> bool:
    return [result.result for result in results if result.method == method] == ["pass"]


def _names(result: Result, domain: str) -> bool:
    return a_labels(result.value("header.from").rpartition("@")[2]) == domain


def _judged(host: str, results: Sequence[Result], domain: str) -> tuple[bool, str]:
    dmarc = [result for result in results if result.method == "dmarc"]
    if not dmarc:
        return False, f"{host} says nothing of dmarc"
    if dmarc[0].result != "pass" or len(dmarc) > 1:
        return False, f"dmarc={dmarc[0].result} by {host}"
    if dmarc[0].value("header.from") and not _names(dmarc[0], domain):
        return False, f"dmarc=pass by {host} is for another domain"
    return True, f"dmarc=pass by {host}"


# --- Microsoft's form -----------------------------------------------------------------------------------------------


def _microsoft_word(trail: Sequence[TrailField], border: str) -> tuple[Result, ...]:
    """The topmost result without an authserv-id, when it stands above the Received field of the border host.

    Such a field names nobody, so only its place tells who wrote it: what came with the mail stands below the field with
    which the border took the mail.
    """
    word: tuple[Result, ...] = ()
    for field in trail:
        if field.name == "received":
            by = _BY.search(_uncommented(field.value))
            if by and a_labels(by[1]).endswith("." + border):
                return word
        elif field.name == "authentication-results" and not word:
            identifier, results = parse(field.value)
            word = () if identifier else results
    return ()


def _microsoft(results: Sequence[Result], domain: str) -> tuple[bool, str]:
    """dmarc=pass that names the author's domain and isn't gainsaid by compauth, or a pass by the ARC of the tenant's sealers."""
    dmarc = next((result for result in results if result.method == "dmarc"), None)
    composite = [result for result in results if result.method == "compauth"]
    if dmarc is None:
        return False, "Microsoft says nothing of dmarc"
    if not _names(dmarc, domain):
        return False, "Microsoft's result is for another domain"
    if any(result.result == "fail" for result in composite):
        return False, "compauth=fail by Microsoft"
    if _passed(results, "dmarc"):
        return True, "dmarc=pass by Microsoft"
    if [(result.result, result.value("reason")) for result in composite] == [("pass", _ARC_OVERRIDE)]:
        return True, "compauth=pass by Microsoft, for the ARC of a trusted sealer"
    return False, f"dmarc={dmarc.result} by Microsoft"


# --- ARC ------------------------------------------------------------------------------------------------------------


def arc_voucher(trail: Sequence[TrailField], domain: str, sealers: frozenset[str]) -> str:
    """The listed sealer who saw dmarc=pass for the author's domain (RFC 8617), of a chain that somebody else has verified.

    From the latest set back, as long as the sealers are listed: what stands below an unlisted one is that one's word only.

    Args:
        trail: ARC-Seal and ARC-Authentication-Results among others.
        domain: of the author, as A-labels.
        sealers: domains whose seals are believed.

    Returns:
        str: the sealer's domain, "" when there is none.
    """
    seals: dict[int, str] = {}
    seen: dict[int, str] = {}
    for field in trail:
        if field.name not in {"arc-seal", "arc-authentication-results"}:
            continue
        found = (_SEAL_INSTANCE if field.name == "arc-seal" else _INSTANCE).search(field.value)
        kept = seals if field.name == "arc-seal" else seen
        if found is None or int(found[1]) in kept or len(kept) >= _MOST_SETS:
            return ""
        if field.name == "arc-seal":
            sealer = _SEALER.search(field.value)
            seals[int(found[1])] = a_labels(sealer[1]) if sealer else ""
        else:
            seen[int(found[1])] = field.value[found.end() :]
    if not seals or set(seals) != set(seen) or set(seals) != set(range(1, len(seals) + 1)):
        return ""
    for number in range(len(seals), 0, -1):
        if seals[number] not in sealers:
            return ""
        _, results = parse(seen[number])
        if _passed(results, "dmarc") and any(_names(result, domain) for result in results if result.method == "dmarc"):
            return seals[number]
    return ""
