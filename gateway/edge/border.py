"""Our own checks where the gateway is the border: does the author's domain stand behind a mail? DKIM, SPF, DMARC, ARC.

Verified is what DMARC calls a pass (RFC 9989 section 5.3.5): a signature, or the path that SPF allows, of a domain that is
the author's, or its organisation's, and a DMARC record in force there. Anything else, trouble of any kind included, leaves
the author unverified, and then nothing follows for anybody.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from publicsuffixlist import PublicSuffixList

from gateway.addresses import a_labels
from gateway.edge.proving import chain_holds, signature_holds
from gateway.edge.resolver import DnsTrouble, Resolver
from gateway.edge.spf_check import check_spf
from gateway.mail.authentication import arc_voucher
from gateway.mail.dkim_fields import Signature, arc_keys, usable_signatures
from gateway.mail.dmarc import DmarcRecord, in_force, organisation, parse_dmarc, tree
from gateway.values import Envelope, Reading

log = logging.getLogger("courtesy.identity")

_AT_A_TIME = 20


@dataclass(frozen=True, slots=True)
class Organisation:
    """To whom a domain belongs: by the tree walk, and by the list of public suffixes."""

    walked: str
    listed: str


class OwnChecks:
    """A `gateway.edge.identifier.Checks` that asks DNS."""

    def __init__(self, resolver: Resolver, seconds: float, sealers: frozenset[str] = frozenset()) -> None:
        """Keep what the checks need.

        Args:
            resolver: for DNS.
            seconds: what all checks of one mail may take together.
            sealers: domains whose ARC seals are believed.
        """
        self._resolver = resolver
        self._seconds = seconds
        self._sealers = sealers
        self._suffixes = PublicSuffixList()
        self._room = asyncio.Semaphore(_AT_A_TIME)

    async def check(self, domain: str, reading: Reading, envelope: Envelope, message: bytes) -> tuple[bool, str]:
        """Whether the author's domain stands behind a mail, and by what, or why not."""
        try:
            async with asyncio.timeout(self._seconds), self._room:
                return await self._check(domain, reading, envelope, message)
        except TimeoutError:
            return False, "own checks: took too long"
        except DnsTrouble as trouble:
            log.info("own checks: %s", trouble)
            return False, "own checks: dmarc=temperror"
        except Exception as error:  # noqa: BLE001 - whatever a hostile mail provokes, the author is unverified and the mail goes on
            log.error("own checks failed: %s", type(error).__name__)  # noqa: TRY400 - a trace might hold words of the mail
            return False, "own checks failed"

    async def _check(self, domain: str, reading: Reading, envelope: Envelope, message: bytes) -> tuple[bool, str]:
        found = await self._walk(domain)
        record = in_force(domain, found)
        if record is None:
            return False, "own checks: dmarc=none"
        author = self._organisation(domain, found)
        signatures = [
            signature
            for signature in usable_signatures(message)
            if await self._aligned(signature.domain, domain, author, strict=record.dkim == "s")
        ]
        for signature in signatures:
            if await self._signed(signature, message):
                return True, f"own checks: dmarc=pass, dkim of {signature.domain}"
        path = a_labels(envelope.sender.rpartition("@")[2])
        if path and await self._aligned(path, domain, author, strict=record.spf == "s"):
            spf = await check_spf(self._resolver, envelope.client, envelope.sender, envelope.helo)
            if spf == "pass":
                return True, f"own checks: dmarc=pass, spf of {path}"
        sealer = arc_voucher(reading.trail, domain, self._sealers)
        if sealer and await self._sealed(message):
            return True, f"own checks: ARC of {sealer}"
        return False, f"own checks: dmarc=fail (p={record.policy})"

    # --- DMARC --------------------------------------------------------------------------------------------------------

    async def _walk(self, domain: str) -> dict[str, DmarcRecord]:
        """The valid DMARC records up the tree from a domain (RFC 9989 section 4.10); two of one domain are none."""
        found: dict[str, DmarcRecord] = {}
        for name in tree(domain):
            texts = [text.decode("utf-8", "replace") for text in await self._resolver.texts(f"_dmarc.{name}")]
            records = [record for text in texts if (record := parse_dmarc(text)) is not None]
            if len(records) == 1:
                found[name] = records[0]
                if records[0].psd != "u":
                    break
        return found

    def _organisation(self, domain: str, found: dict[str, DmarcRecord]) -> Organisation:
        return Organisation(organisation(domain, found), self._suffixes.privatesuffix(domain) or domain)

    async def _aligned(self, other: str, domain: str, author: Organisation, *, strict: bool) -> bool:
        """Whether a domain that was proven is the author's (RFC 9989 section 4.4); relaxed, it may be its organisation's.

        The tree walk alone would make one organisation of all customers of a registry that publishes a record and forgets
        psd=y, so the list of public suffixes must agree.
        """
        if other == domain:
            return True
        if strict or (self._suffixes.privatesuffix(other) or other) != author.listed:
            return False
        return organisation(other, await self._walk(other)) == author.walked

    # --- DKIM and ARC -------------------------------------------------------------------------------------------------

    async def _signed(self, signature: Signature, message: bytes) -> bool:
        keys = await self._keys([signature.key_name])
        return await signature_holds(message, signature.number, keys)

    async def _sealed(self, message: bytes) -> bool:
        keys = await self._keys(arc_keys(message))
        return await chain_holds(message, keys)

    async def _keys(self, names: Iterable[str]) -> dict[bytes, bytes]:
        """The key records, fetched before the libraries ask for them: they would wait in the middle of their work."""
        keys: dict[bytes, bytes] = {}
        for name in names:
            texts = await self._resolver.texts(name)
            if len(texts) == 1:
                keys[name.encode("ascii")] = texts[0]
        return keys
