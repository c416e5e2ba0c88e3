"""The DKIM signature under our own mail (RFC 6376), made just before it leaves.

Relaxed over relaxed, RSA with SHA-256 (RFC 8301). Everything that says who writes, to whom, when and what about is
signed; From, Reply-To and Subject once more than they occur, so that nobody can add a second one (section 8.15).
"""

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

from gateway.edge.settings import DkimSettings
from gateway.errors import BadInput, Problem

log = logging.getLogger("courtesy.dkim")

FEWEST_BITS = 1024
"""RFC 8301 section 3.2: shorter keys are no signature to anybody."""

_SIGNED = (
    *("from", "from", "reply-to", "reply-to", "subject", "subject", "to", "date", "message-id", "in-reply-to", "references"),
    *("auto-submitted", "mime-version", "content-type", "content-transfer-encoding", "content-language"),
)
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one domain; `load_signer` makes one."""

    domain: bytes
    selector: bytes
    key: bytes = field(repr=False)

    def signed(self, message: bytes) -> bytes:
        """A message with its signature in front.

        Args:
            message: complete, CRLF lines.

        Returns:
            bytes: every byte of the message follows the signature.
        """
        import dkim  # noqa: PLC0415 - takes a third of a second, which nobody without a key has to wait for

        header = message.partition(b"\r\n\r\n")[0]
        present = {name.lower() for name in _FIELD.findall(header)}
        twice = {b"from", b"reply-to", b"subject"}
        names = [name for name in (entry.encode("ascii") for entry in _SIGNED) if name in present or name in twice]
        try:
            signature: bytes = dkim.sign(
                message, self.selector, self.domain, self.key, canonicalize=(b"relaxed", b"relaxed"), include_headers=names
            )
        except dkim.DKIMException as error:
            # better a notice or an alert without a signature than none
            log.error("a mail of ours leaves unsigned: %s", error)  # noqa: TRY400 - the sentence says it all
            return message
        return signature + message


def load_signer(settings: DkimSettings) -> Signer | None:
    """Read the key.

    Args:
        settings: of the signature.

    Returns:
        Signer | None: None when no key is given.

    Raises:
        BadInput: the key can't be read, is no RSA key, or is too short.
    """
    if not settings.key_file:
        return None
    try:
        import dkim.crypto  # noqa: PLC0415
    except ImportError:
        raise _problem(settings, "needs the package dkimpy: pip install 'courtesy-gateway[border]'") from None
    try:
        key = Path(settings.key_file).read_bytes()
        bits = dkim.crypto.parse_pem_private_key(key)["modulus"].bit_length()
    except OSError as error:
        raise _problem(settings, f"can't be read: {error.strerror}") from None
    except Exception:  # noqa: BLE001 - whatever the parser stumbles over, it is no key
        raise _problem(settings, "is not an RSA private key in PEM form; `openssl genrsa -out FILE 2048` makes one") from None
    if bits < FEWEST_BITS:
        raise _problem(settings, f"has {bits} bits, and {FEWEST_BITS} are the fewest that anybody accepts; better make one of 2048")
    return Signer(settings.domain.encode("ascii"), settings.selector.encode("ascii"), key)


def _problem(settings: DkimSettings, text: str) -> BadInput:
    return BadInput((Problem(settings.key_file, 0, f"dkim.key_file {text}"),))
