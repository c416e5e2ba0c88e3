"""Which signatures of a mail are worth verifying, and which keys they need (RFC 6376, RFC 8617); verifying is gateway.edge.border's."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.addresses import a_labels
from gateway.mail.headers import Field, section

_ALGORITHMS = frozenset({"rsa-sha256", "ed25519-sha256"})
"""RFC 8301 section 3.1: rsa-sha1 is no proof any more."""
_READ_ONCE = frozenset({"from", "subject", "date", "to", "cc", "reply-to", "mime-version", "content-type", "content-transfer-encoding"})
"""Fields that a mail has once; of a second one nobody knows which a signature covers and which a reader sees."""
_MOST = 10
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that may prove who wrote a mail: its place among all, its domain, and where its key is."""

    number: int
    domain: str
    key_name: str


def usable_signatures(message: bytes) -> tuple[Signature, ...]:
    """The signatures that cover what we read: From, Subject and the whole body.

    One with l= covers the beginning of the body only, so anybody could add to it (RFC 6376 section 8.2); one without the
    subject leaves it to anybody.
    """
    fields = section(message).fields
    times = Counter(field.name for field in fields)
    if any(times[name] > 1 for name in _READ_ONCE):
        return ()
    needed = {"from"} | ({"subject"} & set(times))
    found = []
    for number, field in enumerate([field for field in fields if field.name == "dkim-signature"][:_MOST]):
        tags = tag_list(field)
        signed = {name.strip().lower() for name in tags.get("h", "").split(":")}
        key = _key_name(tags)
        if key and "l" not in tags and tags.get("a", "").lower() in _ALGORITHMS and needed <= signed:
            found.append(Signature(number, a_labels(tags["d"]), key))
    return tuple(found)


def arc_keys(message: bytes) -> tuple[str, ...]:
    """Where the keys of all ARC seals and signatures of a mail are, each once."""
    names = [
        _key_name(tag_list(field)) for field in section(message).fields if field.name in {"arc-seal", "arc-message-signature"}
    ]
    return tuple(dict.fromkeys(name for name in names if name))[: 2 * _MOST]


def tag_list(field: Field) -> dict[str, str]:
    """The tags of a signature or seal (RFC 6376 section 3.2); of one that stands twice the first, white space folded away."""
    tags: dict[str, str] = {}
    for pair in field.value.decode("utf-8", "replace").split(";"):
        name, equals, value = pair.partition("=")
        if equals:
            tags.setdefault(name.strip(), "".join(value.split()))
    return tags


def _key_name(tags: Mapping[str, str]) -> str:
    """selector._domainkey.domain, "" when it is no name to ask for."""
    name = f"{tags.get('s', '')}._domainkey.{tags.get('d', '')}".lower().rstrip(".")
    return name if tags.get("s") and tags.get("d") and len(name) <= 253 and _NAME.fullmatch(name) else ""
