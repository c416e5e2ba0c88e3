"""Mails per second, latency and memory of relays, side by side in one run: straight to the sink, stock aiosmtpd with
aiosmtplib, Haraka where it is installed, our listener and pool alone, our whole service in pass and in observe.

    python benchmarks/relay.py [--seconds 3] [--rounds 3] [--clients 8] [--uvloop] [--haraka FOLDER] [--sizes 2 10 100]

Relay, sink and load are processes of their own; the rounds alternate, the medians are printed. Only "observe" reads and
weighs, with the shipped rules and one weigher. Haraka: npm install Haraka in FOLDER; it relays by queue/smtp_proxy.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

RATE = 50.0
"""Mails of 10 KB a second for the latency; half of what it carries for a relay that doesn't carry so many."""
PACED_SECONDS = 4.0
TICKS = os.sysconf("SC_CLK_TCK")
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

    def memory(self) -> float:
        return memory_of(self.process.pid)

    def stop(self) -> None:
        self.asked.put(None)
        self.process.join(5)


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def memory_of(pid: int) -> float:
    """Megabytes of a process and all that it started."""
    return sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in family(pid)) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Program:
    """A relay that is a program of its own."""

    def __init__(self, command: list[str], ready: str, port: int = 0) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self.process.stdout:
            said.append(line)
            if found := re.search(ready, line):
                self.port = port or int(found[1])
                break
        else:
            raise SystemExit(f"{' '.join(command)} didn't start:\n{''.join(said)}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()  # so that its pipe never fills

    def cpu(self) -> float:
        fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in family(self.process.pid)]
        return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS

    def memory(self) -> float:
        return memory_of(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def service(folder: Path, downstream: int, mode: str) -> Program:
    """`courtesy serve`, all of it."""
    config = folder / f"{mode}.toml"
    config.write_text(
        f"""mode = "{mode}"
state_dir = "{folder / mode}"
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
workers = 1
weighing_seconds = 60.0
connections = 2000
connections_per_address = 2000
"""
    )
    return Program([sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)], r"listening on 127\.0\.0\.1:(\d+)")


def haraka(folder: Path, installed: Path, downstream: int) -> Program:
    """Haraka as a relay before the sink, one process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = installed / "node_modules" / "Haraka" / "bin" / "haraka"
    home = folder / "haraka"
    subprocess.run(["node", str(program), "-i", str(home)], check=True, capture_output=True)
    files = {
        "smtp.ini": f"listen=127.0.0.1:{port}\nnodes=0\n",
        "plugins": "rcpt_to.in_host_list\nqueue/smtp_proxy\n",
        "host_list": "gateway.test\n",
        "smtp_proxy.ini": f"host=127.0.0.1\nport={downstream}\nenable_tls=false\n",
        "loglevel": "LOGNOTICE\n",
        "databytes": "50000000\n",
    }
    for name, content in files.items():
        (home / "config" / name).write_text(content)
    return Program(["node", str(program), "-c", str(home)], rf"({port})", port)


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


async def paced(port: int, body: bytes, rate: float) -> list[float]:
    """Milliseconds from MAIL to the final reply at a fixed rate of mails a second, on kept connections."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    took: list[float] = []

    async def reply(reader: asyncio.StreamReader) -> bytes:
        while True:
            line = await reader.readline()
            if line[3:4] != b"-":
                return line

    async def one() -> None:
        if idle:
            reader, writer = idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await reply(reader)
            writer.write(b"EHLO load.test\r\n")
            await reply(reader)
        begun = time.monotonic()
        for data in (b"MAIL FROM:<a@client.test>\r\n", b"RCPT TO:<support@gateway.test>\r\n", b"DATA\r\n", body):
            writer.write(data)
            said = await reply(reader)
            if said[:1] not in {b"2", b"3"}:
                raise RuntimeError(repr(said))
        took.append((time.monotonic() - begun) * 1000)
        idle.append((reader, writer))

    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(max(20, int(rate * PACED_SECONDS))):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            group.create_task(one())
    for _, writer in idle:
        writer.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--haraka", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 10, 100], help="in KB")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    base = Relay(sink, 0, options.uvloop)
    relays: dict[str, Relay | Program] = {"sink, straight": base}
    figures: dict[tuple[str, int], list[tuple[float, float]]] = {}
    latency: dict[str, list[float]] = {}
    rates: dict[str, float] = {}
    try:
        relays["aiosmtpd + aiosmtplib"] = Relay(stock, base.port, options.uvloop)
        if options.haraka:
            relays["Haraka"] = haraka(folder, options.haraka, base.port)
        relays["our listener and pool"] = Relay(ours, base.port, options.uvloop)
        relays["courtesy, pass"] = service(folder, base.port, "pass")
        relays["courtesy, observe"] = service(folder, base.port, "observe")
        for _ in range(options.rounds):
            for size in options.sizes:
                body = message_of(size * 1000) + b".\r\n"
                for name, relay in relays.items():
                    before = relay.cpu()
                    count, seconds = asyncio.run(load(relay.port, body, options.seconds, options.clients))
                    figures.setdefault((name, size), []).append((count / seconds, (relay.cpu() - before) / count * 1000))
        for name, relay in relays.items():
            carries = statistics.median(rate for rate, _ in figures[name, 10 if 10 in options.sizes else options.sizes[0]])
            rates[name] = min(RATE, carries / 2)
            latency[name] = sorted(asyncio.run(paced(relay.port, message_of(10_000) + b".\r\n", rates[name])))
        memory = {name: relay.memory() for name, relay in relays.items()}
    finally:
        for relay in reversed(relays.values()):
            relay.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"medians of {options.rounds} rounds of {options.seconds:g} s, {options.clients} kept connections, Python {sys.version.split()[0]}")
    print("latency: of mails of 10 KB at so many a second")
    print(f"{'':24}" + "".join(f"{f'{size} KB':>24}" for size in options.sizes) + f"{'at':>6}{'p50':>9}{'p99 ms':>9}{'MB':>7}")
    print(f"{'':24}" + f"{'mails/s':>12}{'CPU s/1000':>12}" * len(options.sizes))
    for name in relays:
        row = f"{name:24}"
        for size in options.sizes:
            runs = figures[name, size]
            row += f"{statistics.median(rate for rate, _ in runs):12,.0f}{statistics.median(cpu for _, cpu in runs):12.3f}"
        took = latency[name]
        print(f"{row}{rates[name]:6.0f}{took[len(took) // 2]:9.1f}{took[int(len(took) * 0.99)]:9.1f}{memory[name]:7.0f}")


if __name__ == "__main__":
    main()
