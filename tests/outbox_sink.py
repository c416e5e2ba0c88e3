"""A small real SMTP server that answers as a test wants it: 250, 451, 550, or drops the line."""

import asyncio
import contextlib
import ssl
import subprocess

from aiosmtpd.smtp import SMTP, AuthResult


class Sink:
    """What arrived, and what is answered; addresses are matched by their local parts."""

    def __init__(self):
        self.mails = []
        self.options = []
        self.sessions = 0
        self.logins = []
        self.at_mail = None
        self.at_data = None
        self.pause = 0.0

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802 - aiosmtpd's name
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]] if server.dsn else responses

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        self.options.append(tuple(options))
        if self.at_mail:
            return self.at_mail
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        for code in ("421", "451", "550"):
            if address.startswith(f"say{code}"):
                return f"{code} {code[0]}.1.1 said {code}" if code != "421" else "421 closing"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.pause:
            await asyncio.sleep(self.pause)
        if any(address.startswith("drop") for address in envelope.rcpt_tos):
            server.transport.abort()
            return "250 never seen"
        if self.at_data:
            return self.at_data
        self.mails.append((envelope.mail_from, tuple(envelope.rcpt_tos), envelope.original_content or envelope.content))
        return "250 2.6.0 taken"

    def authenticate(self, server, session, envelope, mechanism, data):
        login = (data.login.decode(), data.password.decode())
        self.logins.append(login)
        return AuthResult(success=login == ("outbox", "secret"), handled=False)


class Server(SMTP):
    """aiosmtpd, which can't DSN, taught to take NOTIFY."""

    line_length_limit = 100_000
    dsn = False

    async def handle_exception(self, error):
        return "451 stumbled"

    async def smtp_RCPT(self, arg):  # noqa: N802 - aiosmtpd's name
        if self.dsn and arg and " " in arg:
            arg, _, option = arg.partition(" ")
            self.event_handler.options.append(option)
        await super().smtp_RCPT(arg)


@contextlib.asynccontextmanager
async def serving(sink, *, dsn=False, tls=None, implicit=None, utf8=True, **options):
    """Serve a sink on loopback; yields HOST:PORT."""

    def make():
        sink.sessions += 1
        server = Server(sink, hostname="sink.example", enable_SMTPUTF8=utf8, tls_context=tls, **options)
        server.dsn = dsn
        return server

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=implicit)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)  # connections end


def self_signed(folder):
    """A TLS context whose certificate nobody knows."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
