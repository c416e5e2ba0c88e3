"""DNS for our own checks of an author: dnspython with a cache and a time limit; nothing there is an answer, trouble is an error."""

from collections.abc import Sequence
from typing import Any, Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
import dns.reversename
from dns.rdatatype import RdataType

from gateway.edge.settings import split_host_port

_CACHED = 20_000
_MOST_RECORDS = 100
_LONGEST_TXT = 16_384


class DnsTrouble(Exception):
    """No answer in time, or a server that fails: whatever rests on it stays unknown."""


class Resolver(Protocol):
    """What the checks ask; an empty answer says that there is nothing, and each raises DnsTrouble."""

    async def texts(self, name: str) -> tuple[bytes, ...]:
        """TXT records, the strings of each joined."""
        ...

    async def addresses(self, name: str, version: int) -> tuple[str, ...]:
        """A records for version 4, AAAA records for version 6."""
        ...

    async def exchangers(self, name: str) -> tuple[str, ...]:
        """Hosts of MX records, the preferred first."""
        ...

    async def names(self, address: str) -> tuple[str, ...]:
        """PTR records of an address."""
        ...


class DnsResolver:
    """A `Resolver` on the servers of the system, or on named ones."""

    def __init__(self, servers: Sequence[str] = (), seconds: float = 5.0) -> None:
        """Read /etc/resolv.conf, unless servers are named.

        Args:
            servers: HOST:PORT of each, addresses only.
            seconds: patience with one question.
        """
        self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(*split_host_port(server)) for server in servers]
        self._resolver.search = []
        self._resolver.lifetime = seconds
        self._resolver.timeout = min(2.0, seconds)
        self._resolver.cache = dns.resolver.LRUCache(_CACHED)

    async def texts(self, name: str) -> tuple[bytes, ...]:
        """TXT records, the strings of each joined without a space (RFC 7208 section 3.3)."""
        return tuple(b"".join(record.strings)[:_LONGEST_TXT] for record in await self._ask(name, RdataType.TXT))

    async def addresses(self, name: str, version: int) -> tuple[str, ...]:
        """A records for version 4, AAAA records for version 6."""
        return tuple(record.address for record in await self._ask(name, RdataType.A if version == 4 else RdataType.AAAA))

    async def exchangers(self, name: str) -> tuple[str, ...]:
        """Hosts of MX records, the preferred first."""
        records = sorted(await self._ask(name, RdataType.MX), key=lambda record: record.preference)
        return tuple(record.exchange.to_text(omit_final_dot=True).lower() for record in records)

    async def names(self, address: str) -> tuple[str, ...]:
        """PTR records of an address."""
        reverse = dns.reversename.from_address(address).to_text()
        return tuple(record.target.to_text(omit_final_dot=True).lower() for record in await self._ask(reverse, RdataType.PTR))

    async def _ask(self, name: str, kind: RdataType) -> list[Any]:
        try:
            answer = await self._resolver.resolve(f"{name.rstrip('.')}.", kind, raise_on_no_answer=False)
        except (dns.resolver.NXDOMAIN, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return []
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise DnsTrouble(f"no answer about {kind.name}: {type(error).__name__}") from error
        return list(answer.rrset or ())[:_MOST_RECORDS]
