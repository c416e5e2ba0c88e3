"""SPF records as text: their terms and macros (RFC 7208 sections 4.6, 5, 6 and 7). Who looks things up is gateway.edge.spf_check."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote

_TERM = re.compile(r"(?P<qualifier>[-+?~]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists)(?P<rest>[:/].*)?", re.IGNORECASE)
_MODIFIER = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)=(?P<value>.*)")
_CIDR = re.compile(r"(?:/(?P<four>\d{1,2}))?(?://(?P<six>\d{1,3}))?$")
_MACRO = re.compile(r"%(?:\{(?P<letter>[a-zA-Z])(?P<digits>\d{0,3})(?P<reverse>r?)(?P<delimiters>[-.+,/_=]*)\}|(?P<plain>[%_-])|(?P<bad>.?))", re.IGNORECASE)
_VERSION = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_WANTS_DOMAIN = frozenset({"include", "exists"})
_TAKES_DOMAIN = frozenset({"a", "mx", "ptr"}) | _WANTS_DOMAIN


class SpfError(ValueError):
    """The record can't be understood: permerror (RFC 7208 section 4.6)."""


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism.

    Attributes:
        result: what its match means: pass, fail, softfail or neutral.
        value: its domain with macros, or its network; "" when there is none.
        four: prefix length for IPv4 addresses; `six` for IPv6.
    """

    result: str
    name: str
    value: str = ""
    four: int = 32
    six: int = 128


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """The mechanisms in their order, and where to go on when none matches."""

    terms: tuple[Term, ...]
    redirect: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What macros speak of: the client, the reverse path, the greeting and the domain whose record is read."""

    client: ipaddress.IPv4Address | ipaddress.IPv6Address
    sender: str
    helo: str
    domain: str


_ANYBODY = Asked(ipaddress.IPv4Address(0), "a@b.example", "b.example", "b.example")
_RESULTS = {"": "pass", "+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


def is_spf(text: str) -> bool:
    """Whether a TXT record is an SPF record at all (section 4.5)."""
    return bool(_VERSION.match(text))


def parse_spf(text: str) -> SpfRecord:
    """Read an SPF record.

    Raises:
        SpfError: any syntax error anywhere in it (section 4.6).
    """
    terms: list[Term] = []
    redirect = ""
    for word in text.split(" ")[1:]:
        if not word:
            continue
        mechanism = _TERM.fullmatch(word)
        if mechanism:
            terms.append(_term(_RESULTS[mechanism["qualifier"]], mechanism["name"].lower(), mechanism["rest"] or ""))
            continue
        modifier = _MODIFIER.fullmatch(word)
        if modifier is None:
            raise SpfError(f"unknown term {word[:40]}")
        if modifier["name"].lower() == "redirect":
            if redirect or not modifier["value"]:
                raise SpfError("redirect stands twice or empty")
            redirect = _spec(modifier["value"])
    return SpfRecord(tuple(terms), redirect)


def _term(result: str, name: str, rest: str) -> Term:
    if name in {"ip4", "ip6"}:
        try:
            network = ipaddress.ip_network(rest[1:], strict=False)
        except ValueError:
            raise SpfError(f"{name} without a network") from None
        if not rest.startswith(":") or network.version != int(name[2]):
            raise SpfError(f"{name} with another network")
        return Term(result, name, str(network))
    if name == "all" and rest:
        raise SpfError("all takes nothing")
    value, four, six = rest, 32, 128
    if name in {"a", "mx"}:
        found = _CIDR.search(rest)
        if found:
            value = rest[: found.start()]
            four, six = int(found["four"] or 32), int(found["six"] or 128)
    if four > 32 or six > 128 or (value and not value.startswith(":")) or value == ":":
        raise SpfError(f"{name} with a bad domain or prefix")
    if name in _WANTS_DOMAIN and not value:
        raise SpfError(f"{name} without a domain")
    return Term(result, name, _spec(value[1:]), four, six)


def _spec(text: str) -> str:
    """A domain-spec, looked at whether it will be needed or not (section 4.6)."""
    expand(text, _ANYBODY)
    if re.search(r"[/\s]", _MACRO.sub("", text)):
        raise SpfError("a bad domain")
    return text


def expand(text: str, asked: Asked) -> str:
    """A domain-spec with its macros replaced, at most 253 characters, the leftmost labels dropped (section 7).

    Raises:
        SpfError: an unknown macro.
    """
    expanded = _MACRO.sub(lambda found: _macro(found, asked), text).rstrip(".")
    while len(expanded) > 253 and "." in expanded:
        expanded = expanded.partition(".")[2]
    return expanded


def _macro(found: re.Match[str], asked: Asked) -> str:
    if found["plain"]:
        return {"%": "%", "_": " ", "-": "%20"}[found["plain"]]
    if not found["letter"]:
        raise SpfError("a lone %")
    value = _value(found["letter"].lower(), asked)
    pieces = re.split(f"[{re.escape(found['delimiters'] or '.')}]", value)
    if found["reverse"]:
        pieces.reverse()
    if found["digits"]:
        if int(found["digits"]) == 0:
            raise SpfError("a macro that keeps nothing")
        pieces = pieces[-int(found["digits"]) :]
    joined = ".".join(pieces)
    return quote(joined, safe="") if found["letter"].isupper() else joined


def _value(letter: str, asked: Asked) -> str:
    local, _, domain = asked.sender.rpartition("@")
    four = asked.client.version == 4
    dotted = str(asked.client) if four else ".".join(asked.client.exploded.replace(":", ""))
    values = {
        "s": f"{local or 'postmaster'}@{domain}",
        "l": local or "postmaster",
        "o": domain,
        "d": asked.domain,
        "i": dotted,
        "p": "unknown",  # section 7.3: not to be used, and nothing of ours rests on it
        "v": "in-addr" if four else "ip6",
        "h": asked.helo,
    }
    if letter not in values:
        raise SpfError(f"the macro {letter} isn't for records")
    return values[letter]
