"""One SMTP connection to the route of our own mail, and what each recipient's server said."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiosmtplib

from gateway.edge.settings import Outbound, split_host_port
from gateway.records import OutgoingMail

_SPOKEN = re.compile(r"\b([45]\d\d(?:[ -][45]\.\d{1,3}\.\d{1,3})?)[ -][^;]*")
"""A reply's codes and its words."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class RouteFailed(Exception):
    """The route is away, refuses us or broke the dialogue: no mail's fault, so none is given up for it at once."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of one mail, by recipient.

    Attributes:
        accepted: for these the server took it.
        later: temporary refusals (4yz) with their replies.
        refused: permanent ones (5yz).
    """

    accepted: tuple[str, ...] = ()
    later: tuple[tuple[str, str], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


class Route:
    """An open connection; `open` it, `send` mails one after the other, `close` it.

    aiosmtplib's lower calls are used, because its `send` refuses the null reverse path (RFC 5321 section 4.5.5).
    """

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    @classmethod
    async def open(cls, route: Outbound, hostname: str, seconds: float) -> Self:
        """Connect, begin TLS and log in as the settings say.

        Args:
            route: settings.route_out.
            hostname: how we introduce ourselves.
            seconds: patience with each answer.

        Raises:
            RouteFailed: any of it didn't work.
        """
        host, port = split_host_port(route.address)
        password = await _password(route.password_file) if route.password_file else None
        client = aiosmtplib.SMTP(
            hostname=host,
            port=port,
            local_hostname=hostname,
            timeout=seconds,
            use_tls=route.tls == "implicit",
            start_tls=route.tls == "starttls",
            validate_certs=route.tls_verify,
            username=route.username or None,
            password=password,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await _hello(client)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            raise RouteFailed(one_line(f"{route.address}: {error} {error.__cause__ or ''}".rstrip())) from error
        return cls(client)

    async def send(self, mail: OutgoingMail) -> Answers:
        """Send one mail.

        Args:
            mail: its reverse path may be null.

        Returns:
            Answers: each recipient is in exactly one of its parts.

        Raises:
            RouteFailed: the connection broke; nobody knows what became of the mail.
        """
        try:
            return await self._transaction(mail)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._client.close()
            raise RouteFailed(one_line(error)) from error

    @property
    def usable(self) -> bool:
        """Whether another mail can be sent."""
        return self._client.is_connected

    async def close(self) -> None:
        """Take leave politely if the server still listens."""
        try:
            if self._client.is_connected:
                await self._client.quit(timeout=5)
        except (aiosmtplib.SMTPException, OSError):
            pass
        finally:
            self._client.close()

    async def _transaction(self, mail: OutgoingMail) -> Answers:
        needs_utf8 = not all(address.isascii() for address in (mail.sender, *mail.recipients))
        if needs_utf8 and not self._client.supports_extension("smtputf8"):
            return _all(mail.recipients, 550, "SMTPUTF8 is needed for this address and the server doesn't offer it")
        options = [f"SIZE={len(mail.message)}"] if self._client.supports_extension("size") else []
        if not mail.message.isascii() and self._client.supports_extension("8bitmime"):
            options.append("BODY=8BITMIME")
        if needs_utf8:
            options.append("SMTPUTF8")
        code, text = await self._command("MAIL", f"FROM:<{mail.sender}>", *options)
        if code != 250:
            await self._reset()
            return _all(mail.recipients, code, text)
        # our mail never causes a report about itself (RFC 3461 section 4.1)
        silent = ["NOTIFY=NEVER"] if self._client.supports_extension("dsn") else []
        answers = {recipient: await self._command("RCPT", f"TO:<{recipient}>", *silent) for recipient in mail.recipients}
        accepted = tuple(recipient for recipient, (code, _) in answers.items() if code in {250, 251})
        if accepted:
            try:
                await self._client.data(mail.message)
            except aiosmtplib.SMTPDataError as error:
                answers |= dict.fromkeys(accepted, (error.code, error.message))
                accepted = ()
        if not accepted:
            await self._reset()
        rest = [(recipient, code, text) for recipient, (code, text) in answers.items() if recipient not in accepted]
        return Answers(
            accepted,
            tuple((recipient, _said(code, text)) for recipient, code, text in rest if code < 500),
            tuple((recipient, _said(code, text)) for recipient, code, text in rest if code >= 500),
        )

    async def _command(self, verb: str, *words: str) -> tuple[int, str]:
        line = " ".join(words)
        if _CONTROL.search(line):
            return 553, "the address has a control character in it"
        response = await self._client.execute_command(verb.encode("ascii"), *(word.encode("utf-8") for word in words))
        if response.code == 421:  # whatever was asked: the server is closing (RFC 5321 section 3.8)
            raise aiosmtplib.SMTPServerDisconnected(_said(response.code, response.message))
        return response.code, response.message

    async def _reset(self) -> None:
        try:
            if self._client.is_connected:
                await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):  # what was said about this mail stands
            self._client.close()


async def _hello(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


async def _password(file: str) -> str:
    try:
        content = await asyncio.to_thread(Path(file).read_text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RouteFailed(f"password_file {file} can't be read: {one_line(error)}") from error
    return content.rstrip("\r\n")


def _all(recipients: tuple[str, ...], code: int, text: str) -> Answers:
    said = tuple((recipient, _said(code, text)) for recipient in recipients)
    return Answers(refused=said) if code >= 500 else Answers(later=said)


def _said(code: int, text: str) -> str:
    return one_line(f"{code} {text}")


def one_line(what: object) -> str:
    """A server's words or an error as a short line without control characters, fit for a log and a file."""
    text = str(what)
    if not text and isinstance(what, Exception):
        text = type(what).__name__
    return _CONTROL.sub(" ", text)[:300]


def without_words(error: str) -> str:
    """An error with the codes of a server's replies and without their words, which may quote a mail; for the log."""
    return _SPOKEN.sub(r"\1", error)
