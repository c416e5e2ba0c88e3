"""SPF asks whether a client may send for a domain (RFC 7208 section 4)."""

import ipaddress
from dataclasses import dataclass, field, replace

from gateway.addresses import a_labels
from gateway.edge.resolver import DnsTrouble, Resolver
from gateway.mail.spf import Asked, SpfError, Term, expand, is_spf, parse_spf

_MOST_LOOKUPS = 10
_MOST_VOID = 2
_MOST_HOSTS = 10
"""Limits of RFC 7208 section 4.6.4."""


async def check_spf(resolver: Resolver, client: str, sender: str, helo: str) -> str:
    """Ask whether a client may use a reverse path.

    Args:
        resolver: for DNS.
        client: its address.
        sender: the reverse path; the null path isn't checked, since nobody's name is in it.
        helo: the name that the client gave.

    Returns:
        str: pass, fail, softfail, neutral, none, temperror or permerror (section 2.6).
    """
    domain = a_labels(sender.rpartition("@")[2])
    try:
        address = ipaddress.ip_address(client.removeprefix("IPv6:"))
    except ValueError:
        return "none"
    if not _host_name(domain):
        return "none"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    try:
        return await _Check(resolver).run(Asked(address, sender, helo, domain))
    except DnsTrouble:
        return "temperror"
    except SpfError:
        return "permerror"


def _host_name(domain: str) -> bool:
    labels = domain.split(".")
    return len(domain) <= 253 and len(labels) > 1 and all(0 < len(label) <= 63 for label in labels)


@dataclass(slots=True)
class _Check:
    """One check with its count of lookups, which includes and redirects share."""

    resolver: Resolver
    lookups: int = field(default=0, init=False)
    void: int = field(default=0, init=False)

    async def run(self, asked: Asked) -> str:
        texts = [text.decode("ascii", "replace") for text in await self.resolver.texts(asked.domain)]
        records = [text for text in texts if is_spf(text)]
        if len(records) != 1:
            if records:
                raise SpfError("more than one record")
            return "none"
        record = parse_spf(records[0])
        for term in record.terms:
            if await self._matches(term, asked):
                return term.result
        if not record.redirect or any(term.name == "all" for term in record.terms):
            return "neutral"
        self._look_up()
        result = await self._there(expand(record.redirect, asked), asked)
        if result == "none":
            raise SpfError("redirect to a domain without a record")
        return result

    def _look_up(self) -> None:
        self.lookups += 1
        if self.lookups > _MOST_LOOKUPS:
            raise SpfError("too many lookups")

    def _answered(self, answer: tuple[str, ...]) -> tuple[str, ...]:
        self.void += not answer
        if self.void > _MOST_VOID:
            raise SpfError("too many lookups without an answer")
        return answer

    async def _there(self, domain: str, asked: Asked) -> str:
        domain = domain.lower()
        return await self.run(replace(asked, domain=domain)) if _host_name(domain) else "none"

    async def _matches(self, term: Term, asked: Asked) -> bool:
        if term.name == "all":
            return True
        if term.name in {"ip4", "ip6"}:
            return asked.client in ipaddress.ip_network(term.value)
        self._look_up()
        domain = expand(term.value, asked) if term.value else asked.domain
        if term.name == "include":
            result = await self._there(domain, asked)
            if result == "none":
                raise SpfError("include of a domain without a record")
            return result == "pass"
        if term.name == "exists":
            return bool(self._answered(await self.resolver.addresses(domain, 4)))
        if term.name == "ptr":
            return await self._is_named(domain, asked)
        hosts: tuple[str, ...] = (domain,)
        if term.name == "mx":
            hosts = self._answered(await self.resolver.exchangers(domain))
            if len(hosts) > _MOST_HOSTS:
                raise SpfError("too many exchangers")
        return await self._is_one_of(hosts, term, asked)

    async def _is_one_of(self, hosts: tuple[str, ...], term: Term, asked: Asked) -> bool:
        version = asked.client.version
        length = term.four if version == 4 else term.six
        for host in hosts:
            for address in self._answered(await self.resolver.addresses(host, version)):
                if asked.client in ipaddress.ip_network(f"{address}/{length}", strict=False):
                    return True
        return False

    async def _is_named(self, domain: str, asked: Asked) -> bool:
        """ptr, which nobody should use any more and some still do (section 5.5)."""
        for name in self._answered(await self.resolver.names(str(asked.client)))[:_MOST_HOSTS]:
            if (name == domain or name.endswith("." + domain)) and str(asked.client) in await self.resolver.addresses(
                name, asked.client.version
            ):
                return True
        return False
