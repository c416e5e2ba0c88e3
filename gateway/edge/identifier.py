"""Who is accountable: the word of trusted hosts for each mail, our own checks where it matters and we are the border."""

import logging
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.addresses import a_labels, many_people, normal_address
from gateway.edge.settings import IdentitySettings
from gateway.mail.authentication import NO_WORD, NOBODY_TRUSTED, Trusted, identity_of
from gateway.values import Envelope, Identity, Reading

log = logging.getLogger("courtesy.identity")


class Checks(Protocol):
    """Checks of our own: DKIM, SPF, DMARC, ARC."""

    async def check(self, domain: str, reading: Reading, envelope: Envelope, message: bytes) -> tuple[bool, str]:
        """Whether the author's domain stands behind a mail, and by what, or why not; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class HeaderIdentifier:
    """A `gateway.ports.Identifier` that believes what trusted hosts wrote, and checks for itself where it has checks.

    Attributes:
        trusted: whose word counts; a bare set stands for authserv-ids.
        many: what the site knows of addresses behind which more people than one stand.
        checks: our own, None where another host is the border.
    """

    trusted: Trusted | frozenset[str]
    many: frozenset[str] = field(default_factory=frozenset)
    checks: Checks | None = None

    async def identify(self, reading: Reading, envelope: Envelope) -> Identity:
        """Name the accountable author and whether a trusted host vouches for him."""
        del envelope
        identity = identity_of(reading, self.trusted)
        return replace(identity, many=many_people(identity.address, self.many)) if identity.address else identity

    async def confirm(self, identity: Identity, reading: Reading, envelope: Envelope, message: bytes) -> Identity:
        """Check for ourselves when no trusted host spoke and somebody can be accountable at all."""
        if self.checks is None or identity.by not in {NO_WORD, NOBODY_TRUSTED}:
            return identity
        verified, by = await self.checks.check(identity.address.rpartition("@")[2], reading, envelope, message)
        log.debug("own checks: %s", by)
        return replace(identity, verified=verified, by=by)


def identifier_of(settings: IdentitySettings) -> HeaderIdentifier:
    """The identifier that the settings ask for."""
    trusted = Trusted(
        authserv_ids=frozenset(name.lower().rstrip(".") for name in settings.trusted_authserv_ids),
        microsoft=a_labels(settings.microsoft_border),
        sealers=frozenset(a_labels(name) for name in settings.arc_sealers),
    )
    return HeaderIdentifier(trusted, many_of(settings), _checks(settings, trusted.sealers) if settings.own_checks else None)


def many_of(settings: IdentitySettings) -> frozenset[str]:
    """What the site knows of addresses behind which more people than one stand, in normal form."""
    return frozenset(normal_address(name) for name in settings.many_people)


def _checks(settings: IdentitySettings, sealers: frozenset[str]) -> Checks:
    from gateway.edge.border import OwnChecks  # noqa: PLC0415 - its libraries are an extra, which the settings ask for
    from gateway.edge.resolver import DnsResolver  # noqa: PLC0415

    return OwnChecks(DnsResolver(settings.nameservers, settings.dns_seconds), settings.dns_seconds, sealers)
