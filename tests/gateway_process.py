"""The real service as a process on real sockets, and a customer who writes to it."""

import contextlib
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

BORDER = "mx.shop.example"


def settings(folder: Path, downstream: int, *, mode: str = "enforce", more: str = "") -> Path:
    file = folder / "courtesy.toml"
    file.write_text(
        f"""mode = "{mode}"
hostname = "gw.shop.example"
state_dir = "{folder / "state"}"
language = "en"
time_zone = "Europe/Berlin"
[listen]
address = "127.0.0.1:0"
[downstream]
address = "127.0.0.1:{downstream}"
[accept]
recipients = ["support@shop.example", "postmaster@shop.example"]
[identity]
trusted_authserv_ids = ["{BORDER}"]
[addresses]
support = "Shop Support <support@shop.example>"
managers = ["boss@shop.example"]
[limits]
workers = 1
{more}
""",
        encoding="utf-8",
    )
    return file


def with_socket(command: list[str], sock: socket.socket, number: int = 1) -> list[str]:
    """The command as systemd starts it: the socket is descriptor 3, and the environment says whose it is."""
    before = f"import os, sys; os.dup2({sock.fileno()}, 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='{number}')"
    return [sys.executable, "-c", f"{before}; os.execv(sys.argv[1], sys.argv[1:])", *command]


class GatewayProcess:
    """`courtesy serve` as a child; `port` is known inside the with block.

    With a rules folder of its own (tiny_rules.write) it starts in a second, as the shipped rules aren't loaded.
    """

    def __init__(self, config: Path, passed: socket.socket | None = None, rules: Path | None = None) -> None:
        self.config = config
        self.passed = passed
        self.program = [str(Path(__file__).with_name("tiny_gateway.py")), str(rules)] if rules else ["-m", "gateway.cli"]
        self.port = 0
        self.lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self) -> int:
        """Of the service itself, not of its weighers; 0 when there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        command = [sys.executable, *self.program, "serve", "--config", str(self.config)]
        descriptors = ()
        if self.passed is not None:
            descriptors = (self.passed.fileno(),)
            command = with_socket(command, self.passed)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, pass_fds=descriptors)
        ready = threading.Event()

        def read() -> None:
            for line in self._process.stderr:
                self.lines.append(line.rstrip())
                if found := re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)", line.rstrip()):
                    self.port = int(found[1])
                    ready.set()
            ready.set()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        ready.wait(100)
        assert self.port, "\n".join(self.lines)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        self._process.wait(60)
        self._reader.join(10)
        self._process.stderr.close()
        self._process = None
        self.port = 0

    def hang_up(self) -> None:
        """Ask it to load the rules anew."""
        self._process.send_signal(signal.SIGHUP)

    def send(self, message: bytes, sender: str, recipients=("support@shop.example",)) -> tuple[int, str]:
        """Send one mail; the final reply's code and text."""
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.example", timeout=60) as client:
            client.ehlo()
            client.mail(sender)
            for recipient in recipients:
                code, text = client.rcpt(recipient)
                assert code == 250, (recipient, code, text)
            code, text = client.data(message)
            return code, text.decode()

    def courtesy(self, *arguments: str, check: bool = True) -> str:
        """Run a command of the command line against this service."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", *arguments, "--config", str(self.config)], capture_output=True, text=True, timeout=120, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout if check else done.stdout + done.stderr


def children(pid: int) -> list[int]:
    """Process ids of a process's children."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def mail(body: str, *, sender: str = "anna@client.example", subject: str = "Order", number: int = 0, verified: bool = True, more: str = "") -> bytes:
    domain = sender.rpartition("@")[2]
    authentication = f"Authentication-Results: {BORDER}; dmarc=pass header.from={domain}\r\n" if verified else ""
    text = (
        f"{authentication}From: Anna <{sender}>\r\nTo: support@shop.example\r\nSubject: {subject}\r\n"
        f"Message-ID: <m{number}@{domain}>\r\n{more}MIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n"
    )
    return text.encode()


def wait_until(test, seconds: float = 30.0):
    """Wait until a test is true and return what it says."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := test():
            return found
        time.sleep(0.05)
    raise AssertionError("it didn't happen in time")
