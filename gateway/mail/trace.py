"""Trace header fields on received bytes: ours go in front, nothing else changes, so that signatures still verify (RFC 6376 section 5.4.2)."""

import hashlib
import ipaddress
import re
from datetime import datetime
from email.utils import format_datetime

from gateway.values import Envelope

COURTESY = "X-Courtesy"
INCOMING = "X-Courtesy-Incoming"

_OURS = re.compile(rb"^(x-courtesy)(?=[ \t]*:)", re.IGNORECASE | re.MULTILINE)
_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(rb"^\r?\n", re.MULTILINE)
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_TRACE = frozenset({
    b"return-path", b"received", b"x-received", b"received-spf", b"authentication-results", b"arc-seal", b"arc-message-signature",
    b"arc-authentication-results", b"delivered-to", b"x-original-to", b"envelope-to", b"delivery-date", b"x-courtesy", b"x-courtesy-incoming",
})  # fmt: skip
_PROTOCOLS = frozenset({
    "SMTP", "ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA", "LMTP", "LMTPA", "LMTPS", "LMTPSA", "UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA",
    "UTF8LMTP", "UTF8LMTPA", "UTF8LMTPS", "UTF8LMTPSA",
})  # fmt: skip
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?\.?")
_LITERAL = re.compile(r"\[(?:IPv6:)?[0-9A-Fa-f:.]{2,45}\]", re.IGNORECASE)
_TOKEN = re.compile(r"[^A-Za-z0-9._-]")
_MAILBOX = re.compile(r"[^\s<>\x00-\x20\x7f]{1,320}")


def prepend(message: bytes, received: str, courtesy: str | None) -> bytes:
    """Put our trace fields in front of a message.

    Args:
        message: as received, CRLF lines.
        received: our Received field as `received_field` makes it.
        courtesy: value of our X-Courtesy field, None to add none.

    Returns:
        bytes: every byte of the message follows, except that its own X-Courtesy fields are called X-Courtesy-Incoming.
    """
    ours = received if courtesy is None else f"{received}{COURTESY}: {_one_line(courtesy)}\r\n"
    return ours.encode() + _renamed(message)


def _renamed(message: bytes) -> bytes:
    end = _header_end(message)
    header = message[:end]
    if b"x-courtesy" not in header.lower():
        return message
    return _OURS.sub(INCOMING.encode(), header) + message[end:]


def _header_end(message: bytes) -> int:
    """Where the first blank line is: a line that is no field doesn't end the section here, a lax reader may go on, too."""
    found = _BLANK.search(message)
    return found.start() if found else len(message)


def _one_line(value: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in value)[:900]


def received_field(envelope: Envelope, hostname: str, reference: str, when: datetime) -> str:
    """Our Received field (RFC 5321 section 4.4, RFC 3848).

    Args:
        envelope: names and addresses of it that aren't well formed are left out.
        hostname: ours.
        reference: the id of this mail at our place.
        when: aware.

    Returns:
        str: folded, with CRLF line ends; the recipient is named only when there is one (RFC 5321 section 7.6).
    """
    protocol = envelope.protocol.upper() if envelope.protocol.upper() in _PROTOCOLS else "ESMTP"
    lines = [
        f"Received: from {_helo(envelope.helo)}{_client(envelope.client)}",
        f"by {_helo(hostname)} with {protocol} id {_id(reference)}",
    ]
    if len(envelope.recipients) == 1 and (recipient := _recipient(envelope.recipients[0], protocol)):
        lines.append(f"for <{recipient}>")
    return "\r\n\t".join([*lines[:-1], f"{lines[-1]};", format_datetime(when)]) + "\r\n"


def _helo(name: str) -> str:
    return name if _HOST.fullmatch(name) or _LITERAL.fullmatch(name) else "unknown"


def _client(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.strip("[]").removeprefix("IPv6:").partition("%")[0])
    except ValueError:
        return ""
    return f" ([{'IPv6:' if parsed.version == 6 else ''}{parsed}])"


def _id(reference: str) -> str:
    return _TOKEN.sub("", reference)[:64] or "0"


def _recipient(address: str, protocol: str) -> str:
    if not _MAILBOX.fullmatch(address) or not (address.isascii() or protocol.startswith("UTF8")):
        return ""
    return address if address.isprintable() else ""


def delivery_key(envelope: Envelope, message: bytes) -> str:
    """The key under which a mail is the same when its client sends it again.

    Args:
        envelope: of this delivery.
        message: as received.

    Returns:
        str: SHA-256 of the envelope sender, the sorted recipients and the message without its leading trace fields.
    """
    digest = hashlib.sha256()
    for part in (envelope.sender, *sorted(envelope.recipients)):
        encoded = part.encode("utf-8", "surrogateescape")
        digest.update(b"%d:%s," % (len(encoded), encoded))
    digest.update(b"\n")
    digest.update(memoryview(message)[_after_trace(message) :])
    return digest.hexdigest()


def message_hash(message: bytes) -> str:
    """SHA-256 of a message without its leading trace fields: the same for every copy, whatever way it came."""
    return hashlib.sha256(memoryview(message)[_after_trace(message) :]).hexdigest()


def _after_trace(message: bytes) -> int:
    """Where the first field begins that isn't trace (RFC 5322 section 3.6.7)."""
    position = 0
    while (found := _NAME.match(message, position)) and found[1].lower() in _TRACE:
        position = message.find(b"\n", position) + 1
        while position and message[position : position + 1] in {b" ", b"\t"}:
            position = message.find(b"\n", position) + 1
        if not position:
            return len(message)
    return position


def count_received(message: bytes) -> int:
    """How many Received fields the header has (RFC 5321 section 6.3: a loop shows in their number)."""
    return len(_RECEIVED.findall(message, 0, _header_end(message)))
