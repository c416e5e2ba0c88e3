"""A Dovecot of the test's own, fed by LMTP and read by IMAP, in one folder and on loopback."""

import imaplib
import subprocess
import time
from pathlib import Path

from real_postfix import wait_for_port

USER, GROUP = "nobody", "nogroup"
"""Whose the mailboxes are, here and where Postfix writes into them itself."""

CONFIG = """base_dir = {folder}/run
log_path = {folder}/dovecot.log
instance_name = courtesy-test
listen = 127.0.0.1
protocols = imap lmtp
ssl = no
disable_plaintext_auth = no
recipient_delimiter = +
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"""


class Dovecot:
    """One instance; every address is a user with the password "secret"."""

    def __init__(self, folder: Path, imap: int, lmtp: int) -> None:
        self.folder, self.imap, self.lmtp = folder, imap, lmtp
        self.mail = folder / "mail"
        for name in ("run", "mail"):
            (folder / name).mkdir(parents=True)
        self.mail.chmod(0o777)
        self._config = folder / "dovecot.conf"
        self._config.write_text(CONFIG.format(folder=folder, user=USER, group=GROUP, imap=imap, lmtp=lmtp), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "start.log").open("wb") as said:
            self._process = subprocess.Popen(["dovecot", "-F", "-c", str(self._config)], stdout=said, stderr=said)
        for port in (self.imap, self.lmtp):
            wait_for_port(port, self._process, (self.folder / "start.log").read_text)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def inbox(self, address: str) -> list[bytes]:
        """All mails of a mailbox as IMAP hands them out."""
        with imaplib.IMAP4("127.0.0.1", self.imap, timeout=60) as client:
            client.login(address, "secret")
            client.select("INBOX", readonly=True)
            numbers = client.search(None, "ALL")[1][0].split()
            return [client.fetch(number, "(BODY.PEEK[])")[1][0][1] for number in numbers]

    def arrived(self, address: str, text: bytes, seconds: float = 30.0) -> bytes:
        """Wait for the one mail in a mailbox that has a text in it."""
        until = time.monotonic() + seconds
        while True:
            found = [message for message in self.inbox(address) if text in message]
            assert len(found) < 2, f"{text!r} arrived {len(found)} times"
            if found:
                return found[0]
            assert time.monotonic() < until, f"{text!r} didn't arrive at {address}"
            time.sleep(0.1)
