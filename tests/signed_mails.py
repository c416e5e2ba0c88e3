"""Mails that are really signed and sealed: RSA keys of their own, made once a run, and the DNS records that go with them."""

import functools
import re
import subprocess

import dkim

SELECTOR = "s1"


@functools.cache
def _key() -> tuple[bytes, str]:
    """A private key and its record."""
    private = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, timeout=60, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout"], input=private, capture_output=True, timeout=60, check=True).stdout.decode()
    return private, "v=DKIM1; k=rsa; p=" + "".join(re.sub("-----[^-]+-----", "", public).split())


def key_record() -> str:
    return _key()[1]


def signed(message: bytes, domain: str, *, length: bool = False, without: tuple[bytes, ...] = (), algorithm: bytes = b"rsa-sha256") -> bytes:
    """The message with a DKIM signature of a domain on top."""
    fields = [name for name in (b"from", b"to", b"subject", b"message-id", b"content-type") if name not in without]
    field = dkim.sign(
        message,
        SELECTOR.encode(),
        domain.encode(),
        _key()[0],
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=fields,
        length=length,
        signature_algorithm=algorithm,
    )
    return field + message


def sealed(message: bytes, domain: str, host: str) -> bytes:
    """The message with one more ARC set of a forwarder, who seals what `host` wrote in Authentication-Results on top."""
    fields = [b"from", b"to", b"subject", b"message-id", b"content-type"]
    made = dkim.arc_sign(message, SELECTOR.encode(), domain.encode(), _key()[0], host.encode(), include_headers=fields)
    assert len(made) == 3, "the host's Authentication-Results don't allow a seal"
    return b"".join(made) + message


def key_zone(*domains: str) -> dict[tuple[str, str], list[str]]:
    """Key records of some domains."""
    return {(f"{SELECTOR}._domainkey.{domain}", "TXT"): [key_record()] for domain in domains}
