"""Customers, a shop with the gateway before the queue, and a desk with it in front of the mailboxes and after the queue."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gateway_process import GatewayProcess
from real_customers import Customers, Signer
from real_dovecot import Dovecot
from real_postfix import free_ports
from real_site import AFTER, BEFORE, Site, Verifier

PROGRAMS = {"postfix": "postfix", "dovecot": "dovecot-imapd, dovecot-lmtpd", "swaks": "swaks", "opendkim": "opendkim", "openssl": "openssl"}


def missing() -> str:
    """Why the servers can't be run here, "" when they can."""
    lacking = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if lacking:
        return f"needs Debian's packages {', '.join(lacking)}"
    if os.geteuid() != 0:
        return "Postfix and Dovecot start as root only"
    version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    return "" if version.startswith("2.3.") else f"is written for the configuration of Dovecot 2.3, and this is {version.strip()}"


def certificate(folder: Path, name: str, host: str) -> tuple[Path, Path]:
    """A certificate for a host on loopback, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host},IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    return cert, key


class Houses:
    """Everything, started and ended together."""

    def __init__(self, folder: Path) -> None:
        free = free_ports(11)
        ports = dict(zip(("customers", "imap", "lmtp", "border", "gateway", "reinject", "milter"), free[:7], strict=True))
        desk_ports = ports | dict(zip(("border", "gateway", "reinject", "milter"), free[7:], strict=True))
        tls = folder / "tls"
        tls.mkdir()
        pair, gateway_pair = certificate(tls, "mx", "mx.shop.example"), certificate(tls, "gw", "gw.desk.example")
        self._authority = tls / "authority.pem"
        self._authority.write_text(pair[0].read_text() + gateway_pair[0].read_text())
        self.signer = Signer(tls)
        self.dovecot = Dovecot(folder / "dovecot", ports["imap"], ports["lmtp"])
        self.customers = Customers(
            folder / "customers",
            ports["customers"],
            routes={"shop.example": ports["border"], "desk.example": desk_ports["gateway"]},
            encrypted={ports["border"]: "mx.shop.example", desk_ports["gateway"]: "gw.desk.example"},
            authority=self._authority,
        )
        self.shop = Site(folder / "shop", "shop.example", BEFORE, ports, self.dovecot, pair)
        self.desk = Site(folder / "desk", "desk.example", AFTER, desk_ports, self.dovecot, pair)
        self.milters = [Verifier(site.folder / "opendkim", f"mx.{site.domain}", site.ports["milter"], self.signer) for site in (self.shop, self.desk)]
        self.shop_gateway = self.shop.gateway()
        self.desk_gateway = self.desk.gateway(f'tls_cert = "{gateway_pair[0]}"\ntls_key = "{gateway_pair[1]}"')

    def start(self, stack: contextlib.ExitStack) -> None:
        """Start all; the stack ends them."""
        for server in (self.dovecot, *self.milters, self.customers.postfix, self.shop.postfix, self.desk.postfix):
            stack.callback(server.stop)
            server.start()
        gateways = (self.shop_gateway, self.desk_gateway)
        for gateway in gateways:
            stack.callback(gateway.stop)
        with self.trusted(), ThreadPoolExecutor() as threads:
            list(threads.map(GatewayProcess.start, gateways))

    @contextlib.contextmanager
    def trusted(self):
        """In this block a gateway starts for which the test's own authority is one of the system's."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(self._authority))
            yield


@contextlib.contextmanager
def houses():
    """Run everything for the length of a block, in a folder that Postfix's and Dovecot's own users can reach."""
    folder = Path(tempfile.mkdtemp(prefix="courtesy-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            everything = Houses(folder)
            everything.start(stack)
            yield everything
    finally:
        shutil.rmtree(folder, ignore_errors=True)
