"""A company with Postfix, gateway and Dovecot, set up as docs/install.md says.

main.cf, master.cf, the tables and courtesy.toml are read from that document, so that an admin gets what was tried here; only
ports, names and paths are put in.
"""

import re
import subprocess
from pathlib import Path

from gateway_process import GatewayProcess
from real_customers import Signer, mailboxes_in
from real_dovecot import Dovecot
from real_postfix import Postfix, wait_for_port

INSTALL = Path(__file__).parents[1] / "docs" / "install.md"
BEFORE, AFTER = "Postfix, before the queue", "Postfix, after the queue"


def told(section: str, name: str) -> str:
    """The block of a section of docs/install.md that is marked with a file's name."""
    text = INSTALL.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.search(rf"^```{re.escape(name)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]


class Verifier:
    """OpenDKIM as the site's milter: it adds Authentication-Results in the site's name to all that it sees whole."""

    def __init__(self, folder: Path, name: str, port: int, signer: Signer) -> None:
        folder.mkdir(parents=True)
        self._port = port
        self._config = folder / "opendkim.conf"
        keys = folder / "keys"
        keys.write_bytes(signer.name + b" " + signer.record + b"\n")
        self._config.write_text(
            f"Mode v\nSocket inet:{port}@127.0.0.1\nAuthservID {name}\nAlwaysAddARHeader yes\nTestDNSData refile:{keys}\nUserID opendkim\n"
            f"InternalHosts 192.0.2.255\nBackground no\nAutoRestart no\nSyslog no\n",
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(["opendkim", "-f", "-x", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self._port, self._process, lambda: "OpenDKIM")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


class Site:
    """A company's Postfix in one of the layouts before and behind the gateway.

    Args:
        folder: an empty one.
        domain: shop.example of the document becomes this.
        section: of docs/install.md, the layout.
        ports: customers, border, gateway, reinject, milter.
        dovecot: the mailboxes.
        tls: certificate and key of Postfix.
    """

    def __init__(self, folder: Path, domain: str, section: str, ports: dict[str, int], dovecot: Dovecot, tls: tuple[Path, Path]) -> None:
        self.folder, self.domain, self.ports, self.dovecot = folder, domain, ports, dovecot
        self._section = section
        self.postfix = Postfix(folder / "postfix", f"mx.{domain}", (ports["border"], ports["reinject"]))
        routes = f"client.example smtp:[127.0.0.1]:{ports['customers']}\n"
        boxes = f"support@{domain} support\nboss@{domain} boss\n"
        if section == BEFORE:  # Dovecot 2.3 takes no SMTPUTF8 by LMTP, so Postfix itself writes into that mailbox
            routes += f"\u00fcgyf\u00e9l@{domain} virtual:\n"
            boxes += f"\u00fcgyf\u00e9l@{domain} international@{domain}/\n"
        else:
            for table in ("courtesy", "courtesy_header_checks"):
                self.postfix.table(table, self._told(table))
        self.postfix.configure(
            f"""{self._told("main.cf")}
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = {self.postfix.table("boxes", boxes)}
virtual_transport = lmtp:inet:127.0.0.1:{dovecot.lmtp}
transport_maps = {self.postfix.table("transport", routes)}
smtpd_tls_security_level = may
smtpd_tls_cert_file = {tls[0]}
smtpd_tls_key_file = {tls[1]}
{mailboxes_in(dovecot.mail)}""",
            self._services(),
        )

    def _services(self) -> str:
        milter = f"    -o smtpd_milters=inet:127.0.0.1:{self.ports['milter']}\n"
        master = self._told("master.cf")
        if self._section == AFTER:
            return f"127.0.0.1:{self.ports['border']} inet n - n - - smtpd\n{milter}{master}"
        # a table vouches for client.example, as no milter can before the queue
        vouches = f"client.example PREPEND Authentication-Results: mx.{self.domain}; dmarc=pass header.from=client.example\n"
        asked = f"    -o {{smtpd_data_restrictions=check_sender_access {self.postfix.table('vouches', vouches)}}}\n"
        line, rest = master.removeprefix("smtp ").split("\n", 1)
        return f"127.0.0.1:{self.ports['border']} {line}\n{milter}{asked}{rest}"

    def _told(self, name: str, section: str = "") -> str:
        text = told(section or self._section, name).replace("/etc/postfix/", f"{self.postfix.config}/")
        text = text.replace("shop.example", self.domain).replace(r"shop\.example", self.domain.replace(".", r"\."))
        for host in ("127.0.0.1", "[127.0.0.1]"):
            text = text.replace(f"{host}:2525", f"{host}:{self.ports['gateway']}").replace(f"{host}:10025", f"{host}:{self.ports['reinject']}")
        return text

    def gateway(self, listen: str = "") -> GatewayProcess:
        """The gateway with the document's settings, enforcing, with TLS to Postfix.

        Args:
            listen: further lines of [listen].
        """
        text = self._told("toml", BEFORE).replace('"/var/lib/courtesy"', f'"{self.folder}/state"')
        text = text.replace("[downstream]\n", f'{listen}\n[downstream]\ntls = "starttls"\n')
        text += self._told("toml", AFTER)
        file = self.folder / "courtesy.toml"
        file.write_text(f'mode = "enforce"\n{text}\n[limits]\nworkers = 1\n', encoding="utf-8")
        return GatewayProcess(file)

    def inbox(self, name: str) -> list[bytes]:
        """All mails of a mailbox."""
        return self.dovecot.inbox(f"{name}@{self.domain}")

    def arrived(self, name: str, text: bytes) -> bytes:
        """Wait for the one mail in a mailbox that has a text in it."""
        try:
            return self.dovecot.arrived(f"{name}@{self.domain}", text)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.postfix.log[-4000:]}") from None
