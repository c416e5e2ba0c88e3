"""The paths of MAIL and RCPT: a strict and quick reader of its own, as what passes here is sent on (RFC 5321 section 4.1.2)."""

import ipaddress
import re
from dataclasses import dataclass

LONGEST_PATH = 254
"""Octets of a path without its brackets (RFC 5321 section 4.5.3.1.3)."""

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]"
_DOT_STRING = rf"{_ATEXT}+(?:\.{_ATEXT}+)*"
_QUOTED = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*"'
_LABEL = r"[A-Za-z0-9_\u0080-\U0010ffff](?:[A-Za-z0-9_\-\u0080-\U0010ffff]*[A-Za-z0-9_\u0080-\U0010ffff])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*|\[[A-Za-z0-9:.\-]+\]"
_ROUTE = rf"(?:@(?:{_DOMAIN})(?:,@(?:{_DOMAIN}))*:)?"

_PATH = re.compile(rf"\s*<(?:{_ROUTE}(?P<local>{_DOT_STRING}|{_QUOTED})(?:@(?P<domain>{_DOMAIN}))?)?>(?P<rest>\s.*)?")
_BARE_PATH = re.compile(rf"\s*(?P<local>{_DOT_STRING})@(?P<domain>{_DOMAIN})(?P<rest>\s.*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_DOT_STRING_ONLY = re.compile(_DOT_STRING)


@dataclass(frozen=True, slots=True)
class Path:
    """An address of MAIL or RCPT and the parameters behind it.

    Attributes:
        address: as it is sent on, "" for the null path; a source route is taken off (RFC 5321 appendix C), needless
            quotes too.
        local: its local part without quotes.
        domain: its domain as written, "" when there is none.
        parameters: as the client wrote them.
    """

    address: str
    local: str
    domain: str
    parameters: tuple[str, ...]

    @property
    def ascii(self) -> bool:
        """Whether it can go without SMTPUTF8."""
        return self.address.isascii()


def parse_path(argument: str) -> Path | None:
    """Read what follows FROM: or TO:.

    Args:
        argument: decoded as UTF-8 with surrogate escapes.

    Returns:
        Path | None: None when it is no address that we would send on.
    """
    match = _PATH.fullmatch(argument) or _BARE_PATH.fullmatch(argument)
    if not match or _CONTROL.search(argument):
        return None
    local, domain = match["local"] or "", match["domain"] or ""
    if not plain_domain(domain):
        return None
    if local.startswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
        if not local:
            return None
    written = local if not local or _DOT_STRING_ONLY.fullmatch(local) else _quoted(local)
    address = f"{written}@{domain}" if domain else written
    if len(address.encode("utf-8")) > LONGEST_PATH:
        return None
    return Path(address, local, domain, tuple((match["rest"] or "").split()))


def _quoted(local: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'


def plain_domain(domain: str) -> bool:
    """Whether a domain reads the same to everybody: a valid literal, ASCII, or an IDN in its one canonical form."""
    if domain.startswith("["):
        inside = domain[1:-1]
        try:
            ipaddress.ip_address(inside[5:] if inside[:5].lower() == "ipv6:" else inside)
        except ValueError:
            return False
        return True
    if domain.isascii():
        return True
    try:
        return domain.lower().encode("idna").decode("ascii").encode("ascii").decode("idna") == domain.lower()
    except UnicodeError:
        return False


def comparable_domain(domain: str) -> str:
    """A domain in the form in which two are compared: lower case, A-labels (RFC 5890)."""
    try:
        return domain.lower() if domain.isascii() else domain.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return domain.lower()
