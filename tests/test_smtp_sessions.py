"""84 byte-level sessions (tests/data/smtp/cases.jsonl) against the real listener, with what must arrive behind it."""

import asyncio
import json
import re
import socket
import ssl
import struct
import time

import pytest
from smtp_gateway import DATA, TLS, gateway, settings_for
from smtp_sink import Sink

CASES = [json.loads(line) for line in (DATA / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
IDLE = 1.5
WAIT = 8


def read_reply(sock: socket.socket) -> str:
    """One complete reply, or CLOSE, or SILENCE."""
    sock.settimeout(WAIT)
    got = b""
    try:
        while octet := sock.recv(1):
            got += octet
            if got.endswith(b"\n") and not re.match(rb"\d\d\d-", got.split(b"\n")[-2]):
                return got.decode("latin-1").strip().replace("\r\n", "|")
    except TimeoutError:
        return "SILENCE"
    except OSError:
        pass
    return got.decode("latin-1") + "CLOSE"


class Play:
    """One session as the case tells it."""

    def __init__(self, port: int) -> None:
        self.address = ("127.0.0.1", port)
        self.sock = socket.create_connection(self.address, timeout=WAIT)
        self.heard: list[str] = []

    def do(self, step, expected) -> bool:
        """Do a step; whether the session goes on."""
        match step:
            case str():
                self.sock.sendall(step.encode("latin-1"))
            case {"repeat": times, "data": data, "each": True}:
                reply = ""
                for _ in range(times):
                    try:
                        self.sock.sendall(data.encode("latin-1"))
                        reply = read_reply(self.sock)
                    except OSError:
                        reply = "CLOSE"
                    if reply == "CLOSE":
                        break
                    assert re.search(expected, reply), reply
                self.heard.append(reply)
                return reply != "CLOSE"
            case {"repeat": times, "data": data}:
                self.sock.sendall(data.encode("latin-1") * times)
            case {"sleep": seconds}:
                time.sleep(IDLE + 2 if isinstance(seconds, str) else seconds)
            case {"close": _}:
                self.sock.close()
                return False
            case {"rst": _}:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.sock.close()
                return False
            case {"shutdown_wr": _}:
                self.sock.shutdown(socket.SHUT_WR)
            case {"starttls": _}:
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                self.sock = context.wrap_socket(self.sock)
            case {"drip": text, "every": seconds}:
                for octet in text.encode("latin-1"):
                    self.sock.sendall(bytes([octet]))
                    time.sleep(seconds)
            case {"connections": count}:
                crowd = [socket.create_connection(self.address, timeout=WAIT) for _ in range(count)]
                self.sock.close()
                self.sock = socket.create_connection(self.address, timeout=WAIT)
                self.expect(expected)
                for other in crowd:
                    other.close()
                return False
        return True

    def expect(self, expected: str) -> None:
        begun = time.monotonic()
        reply = read_reply(self.sock)
        self.heard.append(reply)
        assert re.search(expected, reply), (expected, self.heard)
        assert time.monotonic() - begun < 5 or "CLOSE" in expected, "slow"

    def run(self, case) -> list[str]:
        """Play all; what was said beyond what was expected."""
        try:
            for step, expected in zip(case["send"], case["expect"], strict=True):
                try:
                    if not self.do(step, expected):
                        return []
                except OSError:
                    if expected is not None:
                        self.expect(expected)
                    return []
                if expected is not None and not (isinstance(step, dict) and step.get("each")):
                    self.expect(expected)
            self.sock.settimeout(0.2)
            try:
                return self.sock.recv(65536).decode("latin-1").splitlines()
            except OSError:
                return []
        finally:
            self.sock.close()


def as_wanted(count: int, wanted) -> bool:
    match wanted:
        case None:
            return True
        case int():
            return count == wanted
        case "<=1":
            return count <= 1
        case ">=1":
            return count >= 1
    raise AssertionError(wanted)


# More is said than the case reads: the second pipelined mail has its replies too.
TALKATIVE = {"pipelined_two_mails", "pipelined_ok", "http_request"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['severity']}-{case['name']}")
async def test_session(case):
    async with Sink() as sink:
        settings = settings_for(sink.address, listen=TLS, limits=f"size = 1_000_000\nidle_seconds = {IDLE}")
        async with gateway(settings) as house:
            extra = await asyncio.to_thread(lambda: Play(house.port).run(case))
            await house.quiet()
        assert case["name"] in TALKATIVE or not extra
        assert as_wanted(len(sink.mails), case["delivered"]), len(sink.mails)
        for mail in sink.mails:
            assert mail.message.count(b"\n") == mail.message.count(b"\r") == mail.message.count(b"\r\n")
            assert mail.recipients == ("support@gateway.test",)


def test_all_cases_are_here():
    assert len(CASES) == 84
