"""A Postfix of the test's own: configuration, queue and log in one folder, loopback only, without syslog, ended by its own stop."""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

MAIN = """compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_loglevel = 1
smtpd_tls_loglevel = 1
smtputf8_enable = yes
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
myhostname = {hostname}
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mailbox_size_limit = 0
virtual_mailbox_limit = 0
minimal_backoff_time = 300s
"""

SERVICES = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One instance.

    Args:
        folder: an empty one of its own, which other users can reach.
        hostname: myhostname.
        ports: loopback ports that are open when it is ready.
    """

    def __init__(self, folder: Path, hostname: str, ports: tuple[int, ...]) -> None:
        self.folder, self._hostname, self._ports = folder, hostname, ports
        self.config = folder / "etc"
        for name in ("etc", "spool", "data"):
            (folder / name).mkdir(parents=True)
        shutil.chown(folder / "data", "postfix")
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, main: str, services: str) -> None:
        """Write main.cf and master.cf.

        Args:
            main: lines beyond the above; of two with the same name the last one counts.
            services: the smtpd lines of master.cf, and others beyond the above.
        """
        (self.config / "main.cf").write_text(once(MAIN.format(folder=self.folder, hostname=self._hostname) + main), encoding="utf-8")
        (self.config / "master.cf").write_text(services + SERVICES, encoding="utf-8")

    def table(self, name: str, lines: str) -> str:
        """Write a lookup table; what main.cf calls it."""
        file = self.config / name
        file.write_text(lines, encoding="utf-8")
        return f"texthash:{file}"

    def start(self) -> None:
        with (self.folder / "start.log").open("wb") as said:
            self._process = subprocess.Popen(["postfix", "-c", str(self.config), "start-fg"], stdout=said, stderr=said)
        for port in self._ports:
            wait_for_port(port, self._process, lambda: (self.folder / "start.log").read_text() + self.log)

    def stop(self) -> None:
        if self._process is None:
            return
        subprocess.run(["postfix", "-c", str(self.config), "stop"], capture_output=True, timeout=60, check=False)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    @property
    def log(self) -> str:
        file = self.folder / "postfix.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def queue(self) -> list[dict]:
        """What waits in the queue."""
        done = subprocess.run(["postqueue", "-c", str(self.config), "-j"], capture_output=True, text=True, timeout=60, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def flush(self, seconds: float = 60.0) -> None:
        """Try everything that waits again and again, until nothing waits any more."""
        until = time.monotonic() + seconds
        while self.queue():
            assert time.monotonic() < until, self.log[-4000:]
            subprocess.run(["postqueue", "-c", str(self.config), "-f"], capture_output=True, timeout=60, check=True)
            time.sleep(0.5)


def once(main: str) -> str:
    """Lines of main.cf, of those with the same name only the last one: Postfix warns of others."""
    lines: dict[str, str] = {}
    for line in main.splitlines():
        name = line.partition("=")[0].strip()
        if name and not name.startswith("#"):
            lines.pop(name, None)
            lines[name] = line
    return "\n".join(lines.values()) + "\n"


def wait_for_port(port: int, process: subprocess.Popen[bytes], told, seconds: float = 60.0) -> None:
    """Wait until a server accepts connections."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nobody listens on port {port}:\n{told()}")


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
