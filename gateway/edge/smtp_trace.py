"""XCLIENT and XFORWARD attributes: how trusted hosts and we tell one another who the first client was.

The form is Postfix's (XCLIENT_README, XFORWARD_README): NAME=value pairs in xtext (RFC 3461 section 4).
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping

XCLIENT_ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO")
XFORWARD_ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")

_UNKNOWN = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")
_LONGEST = 255
_ESCAPED = re.compile(r"\+([0-9A-F]{2})")
_XTEXT = re.compile(r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})+")


def to_xtext(value: str) -> str:
    """Write a value as xtext; what ASCII can't say goes as its UTF-8 octets."""
    return "".join(
        chr(octet) if 0x21 <= octet <= 0x7E and octet not in b"+=" else f"+{octet:02X}" for octet in value.encode("utf-8", "replace")
    )


def from_xtext(value: str) -> str | None:
    """Read a value in xtext; None when it isn't."""
    if not _XTEXT.fullmatch(value):
        return None
    octets = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value).encode("latin-1")
    return octets.decode("utf-8", "replace")


def clean_address(value: str) -> str:
    """The IP address that an ADDR attribute names, "" when it names none."""
    try:
        return str(ipaddress.ip_address(value[5:] if value.upper().startswith("IPV6:") else value))
    except ValueError:
        return ""


def parse_attributes(argument: str, known: Iterable[str]) -> dict[str, str] | None:
    """Read the argument of XCLIENT or XFORWARD.

    Args:
        argument: what follows the verb.
        known: attribute names that the command has.

    Returns:
        dict[str, str] | None: values by name, "" for an unknown one; None when the argument is malformed.
    """
    found: dict[str, str] = {}
    for pair in argument.split():
        name, equals, raw = pair.partition("=")
        value = "" if raw.upper() in _UNKNOWN else from_xtext(raw)
        if not equals or name.upper() not in known or value is None or len(value) > _LONGEST or not value.isprintable():
            return None
        if name.upper() == "ADDR" and value:
            value = clean_address(value)
            if not value:
                return None
        found[name.upper()] = value
    return found or None


def xforward(offered: frozenset[str], attributes: Mapping[str, str]) -> str:
    """Write the XFORWARD command for a transaction.

    Args:
        offered: attribute names that the server takes.
        attributes: what we know, by name.

    Returns:
        str: the command without its line end, "" when there is nothing to tell.
    """
    pairs = []
    for name in XFORWARD_ATTRIBUTES:
        value = attributes.get(name, "")
        if name not in offered or name not in attributes:
            continue
        if name == "ADDR" and ":" in value:
            value = f"IPV6:{value}"
        pairs.append(f"{name}={to_xtext(value[:_LONGEST]) if value else '[UNAVAILABLE]'}")
    return "XFORWARD " + " ".join(pairs) if pairs else ""
