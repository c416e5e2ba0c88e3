"""May this mail be answered at all? Every way to answer wrongly is closed here (RFC 3834 sections 2 and 4)."""

import contextlib
import re

from gateway.values import Envelope, Identity, Reading

_BATV = re.compile(r"^(?:prvs=[0-9a-z]+=|btv1==[0-9a-z]+==)", re.IGNORECASE)


def plain_sender(address: str) -> str:
    """The reverse path without a BATV tag (prvs=), its domain in lower case and in A-labels, as identities have it."""
    bare = _BATV.sub("", address)
    local, at, domain = bare.rpartition("@")
    if not at:
        return bare
    domain = domain.lower()
    if not domain.isascii():
        with contextlib.suppress(UnicodeError):
            domain = domain.encode("idna").decode("ascii")
    return f"{local}@{domain}"


def why_not(reading: Reading, envelope: Envelope, identity: Identity, own: frozenset[str]) -> str:
    """Why no notice may go out, "" when one may.

    Args:
        reading: for what makes it automatic.
        envelope: a notice goes to its reverse path only, and only when that is the verified author.
        identity: the accountable author.
        own: our own addresses in lower case; they are never answered.

    Returns:
        str: the reason in a few words for the log.
    """
    if not envelope.sender:
        return "null reverse path"
    if reading.automatic:
        return f"automatic: {reading.automatic[0]}"
    if not identity.verified:
        return "the author is not verified"
    sender = plain_sender(envelope.sender)
    if sender.lower() in own or identity.address.lower() in own:
        return "one of our own addresses"
    if sender.lower() != identity.address.lower():
        return "the reverse path is not the author"
    return ""
