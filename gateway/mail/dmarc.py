"""DMARC records as text, and whose organisation a domain belongs to (RFC 9989 sections 4.7, 4.10 and 5.3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_VERSION = re.compile(r"v\s*=\s*DMARC1\s*(?:;|$)")
_MOST_QUERIES = 8
"""RFC 9989 section 4.10: a tree walk asks at most so often."""


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """What a domain owner wishes.

    Attributes:
        policy: what receivers should do when nothing stands behind the author: none, quarantine or reject.
        dkim: how closely the signature's domain must fit, `spf` likewise the reverse path's: r is relaxed, s strict.
        psd: y for a public suffix, n for an organisation of its own, u for whatever the tree says.
    """

    policy: str = "none"
    dkim: Literal["r", "s"] = "r"
    spf: Literal["r", "s"] = "r"
    psd: Literal["y", "n", "u"] = "u"


def parse_dmarc(text: str) -> DmarcRecord | None:
    """Read a DMARC record; None when it is none. Unknown tags and unknown values count as not given (section 4.7)."""
    if not _VERSION.match(text):
        return None
    tags: dict[str, str] = {}
    for pair in text.split(";")[1:]:
        name, equals, value = pair.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip().lower())
    policy = tags.get("p", "")
    psd = tags.get("psd", "")
    return DmarcRecord(
        policy=policy if policy in {"none", "quarantine", "reject"} else "none",
        dkim="s" if tags.get("adkim") == "s" else "r",
        spf="s" if tags.get("aspf") == "s" else "r",
        psd="y" if psd == "y" else "n" if psd == "n" else "u",
    )


def tree(domain: str) -> tuple[str, ...]:
    """The domains that a tree walk asks, longest first: of a very long name the middle is left out (section 4.10)."""
    labels = domain.split(".")
    names = [".".join(labels[number:]) for number in range(len(labels))]
    return (names[0], *names[1:][-(_MOST_QUERIES - 1) :])


def organisation(domain: str, found: Mapping[str, DmarcRecord]) -> str:
    """The organisational domain by what a tree walk found (section 4.10.2).

    Args:
        domain: where the walk began.
        found: the one valid record of each domain that has one.

    Returns:
        str: the domain itself when nothing was found.
    """
    names = [name for name in tree(domain) if name in found]
    for name in names:
        if found[name].psd == "n":
            return name
        if found[name].psd == "y" and name != domain:
            return ".".join(domain.split(".")[-(name.count(".") + 2) :])
    return names[-1] if names else domain


def in_force(domain: str, found: Mapping[str, DmarcRecord]) -> DmarcRecord | None:
    """The record that a domain's mail stands under: its own, its organisation's, or a public suffix's (section 4.10.1)."""
    own = found.get(domain) or found.get(organisation(domain, found))
    if own is not None:
        return own
    return next((found[name] for name in tree(domain) if name in found and found[name].psd == "y"), None)
