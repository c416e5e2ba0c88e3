"""A DNS server of a few records on a loopback port, and the same records as a resolver without any socket.

ZONE = {("client.example", "TXT"): ["v=spf1 -all"], ("slow.example", "TXT"): SILENCE}
with DnsServer(ZONE) as server:
    server.address      # "127.0.0.1:PORT"
    server.asked        # [("client.example", "TXT"), ...]
"""

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from gateway.edge.resolver import DnsTrouble

SILENCE = "no answer at all"
FAILURE = "SERVFAIL"


def _quoted(text: str) -> str:
    """A TXT value in strings of at most 255 octets."""
    escaped = [text[start : start + 200].replace("\\", "\\\\").replace('"', '\\"') for start in range(0, len(text), 200)]
    return " ".join(f'"{piece}"' for piece in escaped) or '""'


class DnsServer:
    def __init__(self, zone) -> None:
        self.zone = {(name.lower(), kind): records for (name, kind), records in zone.items()}
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                packet, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            if answer := self._answer(packet):
                self._socket.sendto(answer, peer)

    def _answer(self, packet):
        query = dns.message.from_wire(packet)
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        records = self.zone.get((name, kind), ())
        if records == SILENCE:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if records == FAILURE:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            texts = [_quoted(record) for record in records] if kind == "TXT" else list(records)
            response.answer.append(dns.rrset.from_text_list(question.name, 300, "IN", kind, texts))
        elif not any(known == name or known.endswith("." + name) for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


class ZoneResolver:
    """A `gateway.edge.resolver.Resolver` over the same kind of zone."""

    def __init__(self, zone) -> None:
        self.zone = {(name.lower(), kind): records for (name, kind), records in zone.items()}
        self.asked = []

    def _ask(self, name, kind):
        name = name.rstrip(".").lower()
        self.asked.append((name, kind))
        records = self.zone.get((name, kind), ())
        if isinstance(records, str):
            raise DnsTrouble(f"{kind} of {name}")
        return tuple(records)

    async def texts(self, name):
        return tuple(record.encode() for record in self._ask(name, "TXT"))

    async def addresses(self, name, version):
        return self._ask(name, "A" if version == 4 else "AAAA")

    async def exchangers(self, name):
        return self._ask(name, "MX")

    async def names(self, address):
        return self._ask(address, "PTR")
