"""client.example: customers with mailboxes, a mail server and a domain key of their own."""

import pwd
import shutil
import subprocess
import time
from pathlib import Path

import dkim
from real_dovecot import USER
from real_postfix import Postfix

SELECTOR = b"courtesy"


class Signer:
    """The customers' domain key; `verifies` asks a table in place of the DNS."""

    def __init__(self, folder: Path) -> None:
        key = folder / "dkim.key"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(key), "2048"], capture_output=True, timeout=60, check=True)
        done = subprocess.run(["openssl", "rsa", "-in", str(key), "-pubout"], capture_output=True, timeout=60, check=True)
        public = b"".join(line for line in done.stdout.splitlines() if not line.startswith(b"-"))
        self._private = key.read_bytes()
        self.name = SELECTOR + b"._domainkey.client.example"
        self.record = b"v=DKIM1; k=rsa; p=" + public

    def sign(self, message: bytes) -> bytes:
        return dkim.sign(message, SELECTOR, b"client.example", self._private) + message

    def verifies(self, message: bytes) -> bool:
        return dkim.verify(message, dnsfunc=lambda name, timeout=5: self.record if name.rstrip(b".") == self.name else b"")


class Customers:
    """Their Postfix, which keeps what it can't deliver, bounces what is refused, and has its customers' mailboxes.

    Args:
        folder: an empty one.
        port: where customers give it their mail.
        routes: port on loopback by domain.
        encrypted: to these ports it speaks TLS only, with a certificate for this name.
        authority: who vouches for such certificates.
    """

    def __init__(self, folder: Path, port: int, routes: dict[str, int], encrypted: dict[int, str], authority: Path) -> None:
        self.port = port
        self.mail = folder / "mail"
        self.mail.mkdir(parents=True)
        shutil.chown(self.mail, USER)
        postfix = self.postfix = Postfix(folder / "postfix", "mail.client.example", (port,))
        transport = postfix.table("transport", "".join(f"{domain} smtp:[127.0.0.1]:{to}\n" for domain, to in routes.items()))
        policy = postfix.table("tls", "".join(f"[127.0.0.1]:{to} verify match={host}\n" for to, host in encrypted.items()))
        boxes = postfix.table("boxes", "anna@client.example anna/\nbert@client.example bert/\nj\u00f6rg@client.example joerg/\n")
        postfix.configure(
            f"""message_size_limit = 50000000
smtp_bind_address = 127.0.0.2
transport_maps = {transport}
smtp_tls_policy_maps = {policy}
smtp_tls_CAfile = {authority}
virtual_mailbox_domains = client.example
virtual_mailbox_maps = {boxes}
{mailboxes_in(self.mail)}""",
            f"127.0.0.1:{port} inet n - n - - smtpd\n",
        )

    def write(self, sender: str, recipient: str, message: bytes, *, through: int = 0) -> None:
        """Write a mail with swaks, which gives it to the customers' server as it is, or to another port."""
        file = self.postfix.folder / "message"
        file.write_bytes(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        command = ["swaks", "--server", "127.0.0.1", "--port", str(through or self.port), "--helo", "pc.client.example", "--silent", "2"]
        command += ["--from", sender, "--to", recipient, "--data", f"@{file}", "--no-data-fixup", "--timeout", "120s"]
        done = subprocess.run(command, capture_output=True, timeout=180, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:] + done.stderr.decode(errors="replace")

    def inbox(self, name: str) -> list[bytes]:
        """What has arrived for a customer, with LF at line ends."""
        return [file.read_bytes() for file in sorted((self.mail / name).glob("new/*"))]

    def heard(self, name: str, text: bytes, seconds: float = 30.0) -> bytes:
        """Wait for a mail to a customer that has a text in it."""
        until = time.monotonic() + seconds
        while True:
            for message in self.inbox(name):
                if text in message:
                    return message
            assert time.monotonic() < until, f"{name} heard nothing of {text!r}:\n{self.postfix.log[-4000:]}"
            time.sleep(0.1)


def mailboxes_in(folder: Path) -> str:
    """Lines of main.cf for mailboxes that Postfix itself writes."""
    user = pwd.getpwnam(USER)
    return f"virtual_mailbox_base = {folder}\nvirtual_uid_maps = static:{user.pw_uid}\nvirtual_gid_maps = static:{user.pw_gid}\n"
