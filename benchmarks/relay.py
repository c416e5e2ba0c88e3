"""Mails per second through three relays, side by side in one run: straight to the sink, stock aiosmtpd with aiosmtplib, ours.

    python benchmarks/relay.py [--seconds 3] [--rounds 3] [--clients 8] [--uvloop]

Relay, sink and load are processes of their own; the rounds alternate, the medians are printed. Nothing is scored.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import resource
import socket
import statistics
import sys
import time

SIZES = {"2 KB": 2_000, "10 KB": 10_000, "100 KB": 100_000}
LINE = b"The parcel was to arrive on Monday, and it is Thursday now; please tell me.\r\n"


def message_of(size: int) -> bytes:
    head = b"From: a@client.test\r\nTo: support@gateway.test\r\nSubject: parcel\r\nMessage-ID: <1@client.test>\r\n\r\n"
    return head + LINE * ((size - len(head)) // len(LINE))


class SinkProtocol(asyncio.Protocol):
    """The quickest thing that speaks enough SMTP."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.buffer, self.data = transport, bytearray(), False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            if self.data:
                if not self.buffer.endswith(b"\r\n.\r\n") and b"\r\n.\r\n" not in self.buffer:
                    return
                end = self.buffer.index(b"\r\n.\r\n")
                del self.buffer[: end + 5]
                self.data = False
                self.transport.write(b"250 2.0.0 Ok\r\n")
                continue
            end = self.buffer.find(b"\r\n")
            if end < 0:
                return
            verb = bytes(self.buffer[:4]).upper()
            del self.buffer[: end + 2]
            if verb == b"EHLO":
                self.transport.write(b"250-sink\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n")
            elif verb == b"DATA":
                self.data = True
                self.transport.write(b"354 go\r\n")
            elif verb == b"QUIT":
                self.transport.write(b"221 bye\r\n")
                self.transport.close()
            else:
                self.transport.write(b"250 2.0.0 Ok\r\n")


async def sink(port_of: "multiprocessing.Queue[int]", _downstream: int) -> None:
    server = await asyncio.get_running_loop().create_server(SinkProtocol, "127.0.0.1", 0)
    port_of.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def stock(port_of: "multiprocessing.Queue[int]", downstream: int) -> None:
    """As the documentation of both libraries has it, with kept connections and quiet logs."""
    import logging

    import aiosmtplib
    from aiosmtpd.smtp import SMTP

    logging.getLogger("mail.log").setLevel(logging.WARNING)
    idle: list[aiosmtplib.SMTP] = []

    class Handler:
        async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
            client = (
                idle.pop() if idle else aiosmtplib.SMTP(hostname="127.0.0.1", port=downstream, local_hostname="gw.test", start_tls=False)
            )
            if not client.is_connected:
                await client.connect()
            await client.sendmail(envelope.mail_from, envelope.rcpt_tos, envelope.content)
            idle.append(client)
            return "250 Ok"

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), hostname="gw.test", loop=loop, data_size_limit=50_000_000), "127.0.0.1", 0)
    port_of.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def ours(port_of: "multiprocessing.Queue[int]", downstream: int) -> None:
    from gateway.edge.downstream_pool import Pool
    from gateway.edge.settings import parse_settings
    from gateway.edge.smtp_listener import Listener

    settings = parse_settings(
        f"""
[listen]
address = "127.0.0.1:0"
[downstream]
address = "127.0.0.1:{downstream}"
[accept]
recipients = ["support@gateway.test"]
[addresses]
support = "support@gateway.test"
[limits]
commands = 1_000_000_000
""",
        "benchmark",
    )

    async def verbatim(envelope, message, delivery):
        return await delivery.deliver(envelope.recipients, message)

    pool = Pool(settings.downstream, settings.hostname)
    await pool.start()
    _, port = await Listener(settings, verbatim, pool).start()
    port_of.put(port)
    await asyncio.Event().wait()


def run(what, port_of, downstream: int, uvloop: bool, asked, told) -> None:
    """A process: the relay in the main thread; its CPU time on request."""
    import threading

    def tell() -> None:
        while asked.get() is not None:
            usage = resource.getrusage(resource.RUSAGE_SELF)
            told.put(usage.ru_utime + usage.ru_stime)
        os._exit(0)

    threading.Thread(target=tell, daemon=True).start()
    if uvloop:
        import uvloop as fast

        fast.run(what(port_of, downstream))
    else:
        asyncio.run(what(port_of, downstream))


class Relay:
    def __init__(self, what, downstream: int, uvloop: bool) -> None:
        context = multiprocessing.get_context("spawn")
        port_of, self.asked, self.told = context.Queue(), context.Queue(), context.Queue()
        self.process = context.Process(target=run, args=(what, port_of, downstream, uvloop, self.asked, self.told), daemon=True)
        self.process.start()
        self.port = port_of.get(timeout=30)

    def cpu(self) -> float:
        self.asked.put(True)
        return self.told.get(timeout=10)

    def stop(self) -> None:
        self.asked.put(None)
        self.process.join(5)


async def client(port: int, body: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def reply() -> bytes:
        while True:
            line = await reader.readline()
            if line[3:4] != b"-":
                return line

    await reply()
    writer.write(b"EHLO load.test\r\n")
    await reply()
    count = 0
    while time.monotonic() < until:
        for line in (b"MAIL FROM:<a@client.test>\r\n", b"RCPT TO:<support@gateway.test>\r\n", b"DATA\r\n"):
            writer.write(line)
            said = await reply()
            if said[:1] not in {b"2", b"3"}:
                raise RuntimeError(f"{line!r}: {said!r}")
        writer.write(body)
        said = await reply()
        if not said.startswith(b"250"):
            raise RuntimeError(repr(said))
        count += 1
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return count


async def load(port: int, body: bytes, seconds: float, clients: int) -> tuple[int, float]:
    begun = time.monotonic()
    counts = await asyncio.gather(*(client(port, body, begun + seconds) for _ in range(clients)))
    return sum(counts), time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    base = Relay(sink, 0, options.uvloop)
    relays = {
        "sink, straight": base,
        "aiosmtpd + aiosmtplib": Relay(stock, base.port, options.uvloop),
        "courtesy gateway": Relay(ours, base.port, options.uvloop),
    }
    figures: dict[tuple[str, str], list[tuple[float, float]]] = {}
    try:
        for _ in range(options.rounds):
            for size, octets in SIZES.items():
                body = message_of(octets) + b".\r\n"
                for name, relay in relays.items():
                    before = relay.cpu()
                    count, seconds = asyncio.run(load(relay.port, body, options.seconds, options.clients))
                    figures.setdefault((name, size), []).append((count / seconds, (relay.cpu() - before) / count * 1000))
    finally:
        for relay in reversed(relays.values()):
            relay.stop()
    print(
        f"medians of {options.rounds} rounds of {options.seconds:g} s, {options.clients} kept connections, Python {sys.version.split()[0]}"
    )
    print(f"{'':24}" + "".join(f"{size:>26}" for size in SIZES))
    print(f"{'':24}" + f"{'mails/s':>13}{'CPU s/1000':>13}" * len(SIZES))
    for name in relays:
        row = f"{name:24}"
        for size in SIZES:
            runs = figures[name, size]
            row += f"{statistics.median(rate for rate, _ in runs):13,.0f}{statistics.median(cpu for _, cpu in runs):13.3f}"
        print(row)


if __name__ == "__main__":
    main()
