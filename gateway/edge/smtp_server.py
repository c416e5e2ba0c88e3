"""The verbs: what each command of a client asks for and what it is told."""

# ruff: noqa: N802 - aiosmtpd finds verbs by the names of their methods

import asyncio
import logging
from dataclasses import dataclass, field

from aiosmtpd.smtp import TLSSetupException

from gateway import replies
from gateway.edge.downstream_transaction import Transaction
from gateway.edge.smtp_addresses import Path, parse_path
from gateway.edge.smtp_data import hops, read_data
from gateway.edge.smtp_extensions import UNKNOWN_PARAMETER
from gateway.edge.smtp_limits import Reservation
from gateway.edge.smtp_recipients import Fate
from gateway.edge.smtp_service import Service
from gateway.edge.smtp_session import HELLO_FIRST, Session
from gateway.edge.smtp_trace import XCLIENT_ATTRIBUTES, XFORWARD_ATTRIBUTES, parse_attributes
from gateway.errors import GatewayError
from gateway.values import Envelope, Reply

log = logging.getLogger(__name__)

OK = Reply(250, "Ok", "2.0.0")
SENDER_OK = Reply(250, "Ok", "2.1.0")
RECIPIENT_OK = Reply(250, "Ok", "2.1.5")
GO_AHEAD = Reply(354, "End data with <CR><LF>.<CR><LF>")
BYE = Reply(221, "Bye", "2.0.0")
NOT_OFFERED = Reply(502, "Command not offered", "5.5.1")
NO_PARAMETER = Reply(501, "No parameter allowed", "5.5.4")
WONT_VERIFY = Reply(252, "Send mail and see", "2.5.0")
MAIL_TWICE = Reply(503, "A mail was begun already", "5.5.1")
MAIL_FIRST = Reply(503, "Say MAIL first", "5.5.1")
RCPT_FIRST = Reply(503, "Say RCPT first", "5.5.1")
NO_RECIPIENTS = Reply(554, "No valid recipients", "5.5.1")
NOT_NOW = Reply(503, "Not in the middle of a mail", "5.5.1")
TLS_BUSY = Reply(503, "TLS is active already", "5.5.1")
TLS_NOT_HERE = Reply(502, "TLS is not offered here", "5.5.1")
HELP = Reply(214, "See RFC 5321", "2.0.0")


@dataclass(slots=True)
class Mail:
    """A mail as far as the client has told of it."""

    head: Envelope
    transaction: Transaction
    recipients: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: int = 0

    @property
    def utf8(self) -> bool:
        """Whether the client asked for SMTPUTF8."""
        return any(option.upper() == "SMTPUTF8" for option in self.head.mail_options)

    def envelope(self) -> Envelope:
        """The envelope as the path gets it."""
        head = self.head
        return Envelope(
            head.sender,
            tuple(self.recipients),
            head.mail_options,
            tuple(self.recipients.values()),
            head.client,
            head.helo,
            head.protocol,
            head.client_name,
        )


class Server(Session):
    """A client's connection with the verbs of SMTP."""

    def __init__(self, service: Service) -> None:
        self.mail: Mail | None = None
        self._forwarded: dict[str, str] = {}
        self._claimed: dict[str, str] = {}
        self._working = False
        super().__init__(service)

    @property
    def resting(self) -> bool:
        """Whether no mail was begun."""
        return self.mail is None and not self._working

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()
        if self.mail is not None:
            self.mail.transaction.close()
            self.mail = None
        self._forwarded = {}

    # --- hello

    async def smtp_HELO(self, hostname: str) -> None:
        """Greet in the old way."""
        await self._hello(hostname, extended=False)

    async def smtp_EHLO(self, hostname: str) -> None:
        """Greet and say what is offered."""
        await self._hello(hostname, extended=True)

    async def _hello(self, hostname: str, *, extended: bool) -> None:
        name = hostname.split(" ", 1)[0]
        if not name or not name.isprintable() or len(name) > 255:
            await self.say(replies.BAD_SYNTAX)
            return
        self._set_rset_state()
        self.state.extended_smtp = extended
        self.state.host_name = name
        self.helo = self._claimed.get("HELO") or name.encode("ascii", "replace").decode("ascii")
        lines = [self.service.settings.hostname]
        if extended:
            more = []
            if self.service.trusts(self._peer()):
                more = [f"XCLIENT {' '.join(XCLIENT_ATTRIBUTES)}", f"XFORWARD {' '.join(XFORWARD_ATTRIBUTES)}"]
            starttls = self.tls_context is not None and not self.secured
            lines += self.service.offers.lines(starttls=starttls, more=more)
        await self.say(Reply(250, "\n".join(lines)))

    def _peer(self) -> str:
        return self.client

    # --- a mail

    async def smtp_MAIL(self, argument: str) -> None:
        """Begin a mail."""
        await self.say(self._begin(argument))

    def _begin(self, argument: str) -> Reply:
        if not self.state.host_name:
            return HELLO_FIRST
        if self.mail is not None:
            return MAIL_TWICE
        path = self._path("FROM:", argument)
        if isinstance(path, Reply):
            return path
        offers = self.service.offers
        if objection := offers.object_to_mail(path.parameters):
            return objection
        if not path.ascii and not any(parameter.upper() == "SMTPUTF8" for parameter in path.parameters):
            return replies.UTF8_NOT_OFFERED
        if path.address and not path.domain:
            return replies.BAD_ADDRESS
        told = {**self._claimed, **self._forwarded}
        head = Envelope(
            sender=path.address,
            recipients=(),
            mail_options=path.parameters,
            client=told.get("ADDR") or self.client,
            helo=told.get("HELO") or self.helo,
            protocol=self._protocol(path.parameters),
            client_name=told.get("NAME", ""),
        )
        self.mail = Mail(head, self.service.pool.transaction(head))
        return SENDER_OK

    def _protocol(self, parameters: tuple[str, ...]) -> str:
        """The WITH keyword (RFC 3848, RFC 6531 section 4.3)."""
        if not self.state.extended_smtp:
            return "SMTP"
        name = "UTF8SMTP" if any(parameter.upper() == "SMTPUTF8" for parameter in parameters) else "ESMTP"
        return f"{name}S" if self.secured else name

    def _path(self, keyword: str, argument: str) -> Path | Reply:
        if argument[: len(keyword)].upper() != keyword or not argument[len(keyword) :].strip():
            return replies.BAD_SYNTAX
        path = parse_path(argument[len(keyword) :])
        if path is None:
            return replies.BAD_ADDRESS
        if path.parameters and not self.state.extended_smtp:
            return UNKNOWN_PARAMETER
        return path

    async def smtp_RCPT(self, argument: str) -> None:
        """Ask for a recipient; the mailbox server's own answer is passed on."""
        mail = self.mail
        reply = MAIL_FIRST if mail is None else await self._recipient(mail, argument)
        if mail is not None and not reply.positive:
            mail.refused += 1
        await self.say(reply, utf8=mail is not None and mail.utf8)

    async def _recipient(self, mail: Mail, argument: str) -> Reply:
        path = self._path("TO:", argument)
        if isinstance(path, Reply):
            return path
        if not path.address:
            return replies.BAD_ADDRESS
        if not path.ascii and not mail.utf8:
            return replies.UTF8_NOT_OFFERED
        if objection := self.service.offers.object_to_rcpt(path.parameters):
            return objection
        fate = self.service.recipients.fate(path)
        if fate is Fate.DENY:
            return replies.RELAY_DENIED
        if path.address in mail.recipients:
            return RECIPIENT_OK
        if len(mail.recipients) >= self.limits.recipients:
            return replies.TOO_MANY_RECIPIENTS
        reply = RECIPIENT_OK if fate is Fate.OWN else await self._ask(mail, path)
        if reply.positive:
            mail.recipients[path.address] = path.parameters
        return reply

    async def _ask(self, mail: Mail, path: Path) -> Reply:
        self.pause_timeout()
        try:
            return await mail.transaction.ask(path.address, path.parameters)
        except GatewayError as error:
            log.warning("downstream: %s", error)
            return error.reply

    async def smtp_DATA(self, argument: str) -> None:
        """Read a mail, hand it over, pass on the reply."""
        mail = self.mail
        if mail is None:
            await self.say(MAIL_FIRST)
            return
        if argument:
            await self.say(NO_PARAMETER)
            return
        if not mail.recipients:
            await self.say(NO_RECIPIENTS if mail.refused else RCPT_FIRST)
            return
        self._working = True
        try:
            await self.say(GO_AHEAD)
            reply = await self._message(mail)
        finally:
            self._working = False
        await self.say(reply, utf8=mail.utf8)

    async def _message(self, mail: Mail) -> Reply:
        memory = self.service.memory.reserve()
        try:
            received = await read_data(self._reader, self.service.offers.size, memory, self._reset_timeout)
        except BaseException:
            memory.release()
            raise
        self.pause_timeout()
        refusal = received.refusal
        if refusal is None and hops(received.message) > self.limits.hops:
            refusal = replies.LOOP
        if refusal is not None:
            memory.release()
            self._set_post_data_state()
            return refusal
        # From here on the mail belongs to its work, which goes on when the client leaves and the session forgets it.
        self.mail = None
        work = self.service.begin(_work(self.service, mail, received.message, memory))
        self._set_post_data_state()
        try:
            async with asyncio.timeout(self.service.answer_seconds):
                return await asyncio.shield(work)
        except TimeoutError:
            return replies.DEADLINE

    async def smtp_RSET(self, argument: str) -> None:
        """Forget the mail that was begun."""
        if argument:
            await self.say(NO_PARAMETER)
            return
        self._set_rset_state()
        await self.say(OK)

    # --- trusted hosts tell who their client is

    async def smtp_XCLIENT(self, argument: str) -> None:
        """Take a trusted host's word for who the client is; the session begins anew."""
        told = self._told(argument, XCLIENT_ATTRIBUTES)
        if isinstance(told, Reply):
            await self.say(told)
            return
        self._claimed = {**self._claimed, **told}
        self._set_rset_state()
        self.state.host_name = None
        self.helo = ""
        await self.say(self.service.welcome())

    async def smtp_XFORWARD(self, argument: str) -> None:
        """Take a trusted host's word for whose mail comes next."""
        told = self._told(argument, XFORWARD_ATTRIBUTES)
        if not isinstance(told, Reply):
            self._forwarded = {**self._forwarded, **told}
            told = OK
        await self.say(told)

    def _told(self, argument: str, known: tuple[str, ...]) -> dict[str, str] | Reply:
        if not self.service.trusts(self._peer()):
            return NOT_OFFERED
        if self.mail is not None:
            return NOT_NOW
        return parse_attributes(argument, known) or replies.BAD_SYNTAX

    # --- the rest

    async def smtp_STARTTLS(self, argument: str) -> None:
        """Turn to TLS; the session begins anew (RFC 3207 section 4.2)."""
        if self.tls_context is None:
            await self.say(TLS_NOT_HERE)
        elif self.secured:
            await self.say(TLS_BUSY)
        elif argument:
            await self.say(NO_PARAMETER)
        else:
            self._claimed = {}
            await super().smtp_STARTTLS("")
            if not self.secured:  # the client left in the middle of the handshake
                raise TLSSetupException

    async def smtp_NOOP(self, argument: str) -> None:  # noqa: ARG002 - every verb gets one
        """Do nothing."""
        await self.say(OK)

    async def smtp_QUIT(self, argument: str) -> None:  # noqa: ARG002 - a client that leaves is not lectured
        """Say good-bye."""
        self._set_rset_state()
        await self.say(BYE)
        self.hang_up()

    async def smtp_VRFY(self, argument: str) -> None:
        """Confirm nothing (RFC 5321 section 7.3)."""
        await self.say(WONT_VERIFY if argument else replies.BAD_SYNTAX)

    async def smtp_EXPN(self, argument: str) -> None:  # noqa: ARG002 - every verb gets one
        """Confirm nothing."""
        await self.say(NOT_OFFERED)

    async def smtp_AUTH(self, argument: str) -> None:  # noqa: ARG002 - every verb gets one
        """Nobody logs in here."""
        await self.say(NOT_OFFERED)

    async def smtp_HELP(self, argument: str) -> None:  # noqa: ARG002 - every verb gets one
        """Point to the standard."""
        await self.say(HELP)


async def _work(service: Service, mail: Mail, message: bytes, memory: Reservation) -> Reply:
    """Hand a mail to the path; whatever goes wrong ends as 451."""
    try:
        return await service.handler(mail.envelope(), message, mail.transaction)
    except GatewayError as error:
        log.warning("%s: %s", type(error).__name__, error)
        return error.reply
    except Exception:
        log.exception("unexpected error on the path of a mail")
        return replies.TROUBLE
    finally:
        mail.transaction.close()
        memory.release()
