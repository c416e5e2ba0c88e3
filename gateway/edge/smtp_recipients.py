"""For whom mail is taken: the accepted addresses, the gateway's own mailboxes, postmaster and abuse. Nothing else is relayed."""

import re
from enum import Enum, auto
from typing import Literal, get_args

from gateway.edge.settings import Settings
from gateway.edge.smtp_addresses import Path, comparable_domain, parse_path

OwnName = Literal["appeals", "report", "civil", "decisions"]

_ROUTING = re.compile(r'[@%!:|\\/"\s(),;<>\[\]]')
"""What lets a local part name another host to some server or other (RFC 5321 section 2.3.11 forbids guessing)."""
_ROLES = ("postmaster", "abuse")


class Fate(Enum):
    """What becomes of a recipient."""

    ASK = auto()
    OWN = auto()
    DENY = auto()


def _key(local: str, domain: str) -> str:
    return f"{local.lower()}@{comparable_domain(domain)}"


class Recipients:
    """Answers for whom mail is taken, from the settings."""

    def __init__(self, settings: Settings) -> None:
        """Prepare the answers.

        Args:
            settings: all settings in force; accept and addresses count.
        """
        addresses = settings.addresses
        listed = [*(a for a in settings.accept.recipients if not a.startswith("@")), addresses.own("complaints")]
        self._addresses = {_key(*a.rsplit("@", 1)) for a in listed}
        self._domains = {comparable_domain(a[1:]) for a in settings.accept.recipients if a.startswith("@")}
        self._own: list[tuple[OwnName, str, str]] = []
        for name in get_args(OwnName):
            local, domain = addresses.own(name).rsplit("@", 1)
            self._own.append((name, local.lower(), comparable_domain(domain)))
        self._role_domains = self._domains | {a.rpartition("@")[2] for a in self._addresses} | {domain for _, _, domain in self._own}

    def own(self, address: str) -> OwnName | None:
        """Which of the gateway's own mailboxes an address is, with or without a token."""
        found = self.own_token(address)
        return found[0] if found else None

    def own_token(self, address: str) -> tuple[OwnName, str] | None:
        """The own mailbox and the token in the address.

        Args:
            address: a recipient.

        Returns:
            tuple[OwnName, str] | None: name and token ("" without one, in the case in which it was written); None when it
            is none of ours. `support+appeals.TOKEN@` and `appeals+TOKEN@` both carry one.
        """
        local, at, domain = address.rpartition("@")
        if not at:
            return None
        domain, lower = comparable_domain(domain), local.lower()
        for name, own_local, own_domain in self._own:
            if domain != own_domain or not lower.startswith(own_local):
                continue
            token = local[len(own_local) :]
            if not token:
                return name, ""
            if (token[0] == "+" or (token[0] == "." and "+" in own_local)) and re.fullmatch(r"[A-Za-z0-9._=-]+", token[1:]):
                return name, token[1:]
        return None

    def fate(self, path: Path) -> Fate:
        """What becomes of a recipient.

        Args:
            path: as parsed from RCPT.

        Returns:
            Fate: OWN is consumed by the gateway, ASK is asked of the mailbox server, DENY is no address of ours.
        """
        if not path.domain:
            return Fate.ASK if path.local.lower() == "postmaster" else Fate.DENY
        if self.own(path.address):
            return Fate.OWN
        domain = comparable_domain(path.domain)
        if _key(path.local, path.domain) in self._addresses and '"' not in path.address:
            return Fate.ASK
        if _ROUTING.search(path.local) or '"' in path.address:
            return Fate.DENY
        if domain in self._domains or (path.local.lower() in _ROLES and domain in self._role_domains):
            return Fate.ASK
        return Fate.DENY

    def fate_of(self, address: str) -> Fate:
        """The same for an address as text; DENY when it is none."""
        path = parse_path(f"<{address}>")
        return self.fate(path) if path else Fate.DENY
