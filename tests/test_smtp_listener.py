"""The listening socket: TLS and its renewal, trusted hosts, inherited sockets, graceful stop."""

import asyncio
import contextlib
import socket
import ssl

import pytest
from smtp_gateway import DATA, TLS, Client, gateway, settings_for, until, verbatim
from smtp_sink import Sink

from gateway import replies
from gateway.edge.downstream_pool import Pool
from gateway.edge.smtp_listener import Listener
from gateway.edge.smtp_server import Server
from gateway.errors import BadInput
from gateway.values import Reply

MESSAGE = b"Subject: x\r\n\r\nhello\r\n"


def anything_goes() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def secure(client: Client) -> bytes:
    """STARTTLS; the certificate that was shown."""
    assert (await client.say("STARTTLS")).startswith("220")
    await client.writer.start_tls(anything_goes())
    return client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)


async def test_a_mail_over_tls():
    seen = []

    async def note(envelope, message, delivery):
        seen.append(envelope.protocol)
        return await verbatim(envelope, message, delivery)

    async with Sink() as sink, gateway(settings_for(sink.address, listen=TLS), note) as house, house.client() as client:
        assert "STARTTLS" in await client.hello()
        await client.say("MAIL FROM:<a@b.test>")
        await secure(client)
        assert (await client.say("MAIL FROM:<a@b.test>")).startswith("503")
        offers = await client.say("EHLO again.test")
        assert "STARTTLS" not in offers
        assert "AUTH" not in offers
        assert (await client.say("STARTTLS")).startswith("503")
        assert (await client.say("AUTH PLAIN x")).startswith("502")
        big = MESSAGE + b"y" * 200_000 + b"\r\n"
        assert (await client.mail(big)).startswith("250")
        assert sink.mails[0].message == big
        assert seen == ["ESMTPS"]
        assert (await client.say("QUIT")).startswith("221")


async def test_a_failed_handshake_and_a_client_that_leaves_in_it_cost_no_slot():
    async with Sink() as sink, gateway(settings_for(sink.address, listen=TLS)) as house:
        for rude in (b"this is no TLS at all\r\n" * 5, None):
            async with house.client() as client:
                await client.hello()
                assert (await client.say("STARTTLS")).startswith("220")
                if rude:
                    await client.send(rude)
                    await client.reply()
        await house.quiet()
        async with house.client() as client:
            await client.hello()
            await secure(client)
        await house.quiet()
        assert house.listener.service.doors.connections == 0


async def test_the_certificate_is_renewed_without_dropping_sessions(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def put(name: str) -> bytes:
        key.write_bytes((DATA / f"key-{name}.pem").read_bytes())
        cert.write_bytes((DATA / f"cert-{name}.pem").read_bytes())
        return ssl.PEM_cert_to_DER_cert(cert.read_text())

    one = put("one")
    settings_listen = f'tls_cert = "{cert}"\ntls_key = "{key}"'
    async with Sink() as sink, gateway(settings_for(sink.address, listen=settings_listen)) as house:  # noqa: SIM117
        async with house.client() as old, house.client() as new, house.client() as newer:
            await old.hello()
            assert await secure(old) == one
            two = put("two")
            house.listener.reload_tls()
            await new.hello()
            assert await secure(new) == two
            key.write_text("nonsense")
            with pytest.raises(BadInput, match="can't be used"):
                house.listener.reload_tls()
            await newer.hello()
            assert await secure(newer) == two
            assert (await old.say("EHLO x.test")).startswith("250")
            assert (await old.mail(MESSAGE)).startswith("250")


def test_bad_certificates_and_hosts_are_told_at_once():
    pool = Pool(settings_for("127.0.0.1:1").downstream, "gw.test")
    with pytest.raises(BadInput, match="tls_cert"):
        Listener(settings_for("127.0.0.1:1", listen='tls_cert = "/nowhere/a.pem"\ntls_key = "/nowhere/b.pem"'), verbatim, pool)
    with pytest.raises(BadInput, match="no address or network"):
        Listener(settings_for("127.0.0.1:1", listen='xclient_hosts = ["mx.shop.example"]'), verbatim, pool)


async def keep(seen, envelope):
    seen.append(envelope)
    return replies.ACCEPTED_HELD


async def test_xclient_from_a_trusted_host():
    seen = []
    settings = settings_for("127.0.0.1:1", listen='xclient_hosts = ["127.0.0.0/8"]')
    async with gateway(settings, lambda envelope, *_: keep(seen, envelope)) as house, house.client() as client:
        assert "XCLIENT NAME ADDR PORT PROTO HELO" in await client.hello()
        assert (await client.say("XCLIENT ADDR=nonsense")).startswith("501")
        assert (await client.say("XCLIENT NAME=mail.client.test ADDR=203.0.113.9 HELO=helo.test")).startswith("220")
        assert (await client.say("MAIL FROM:<a@b.test>")).startswith("503")
        await client.say("EHLO proxy.test")
        assert (await client.mail(MESSAGE, recipients=["support+civil@gateway.test"])).startswith("250")
        assert (seen[0].client, seen[0].helo) == ("203.0.113.9", "helo.test")
        await client.say("MAIL FROM:<a@b.test>")
        assert (await client.say("XCLIENT ADDR=1.2.3.4")).startswith("503")


async def test_xforward_holds_for_one_mail():
    seen = []
    settings = settings_for("127.0.0.1:1", listen='xclient_hosts = ["127.0.0.1"]')
    async with gateway(settings, lambda envelope, *_: keep(seen, envelope)) as house, house.client() as client:
        await client.hello()
        assert (await client.say("XFORWARD NAME=out.c.test ADDR=IPV6:2001:db8::7 PROTO=ESMTP HELO=c.test")).startswith("250")
        await client.mail(MESSAGE, recipients=["support+civil@gateway.test"])
        await client.mail(MESSAGE, recipients=["support+civil@gateway.test"])
        told = [(envelope.client_name, envelope.client, envelope.helo) for envelope in seen]
        assert told == [("out.c.test", "2001:db8::7", "c.test"), ("", "127.0.0.1", "client.test")]


async def test_proxy_protocol():
    seen = []
    settings = settings_for("127.0.0.1:1", listen="proxy_protocol = true", limits="connections_per_address = 1")
    async with gateway(settings, lambda envelope, *_: keep(seen, envelope)) as house:
        async with house.client() as client:
            await client.send(b"PROXY TCP4 203.0.113.5 192.0.2.1 1234 25\r\n")
            await client.hello()
            assert (await client.mail(MESSAGE, recipients=["support+civil@gateway.test"])).startswith("250")
            assert seen[0].client == "203.0.113.5"
            async with house.client() as again:
                await again.send(b"PROXY TCP4 203.0.113.5 192.0.2.1 1235 25\r\n")
                assert (await again.reply()).startswith("421")
            async with house.client() as other:
                await other.send(b"PROXY TCP4 203.0.113.6 192.0.2.1 1235 25\r\n")
                await other.hello()
        async with house.client() as client:
            await client.send(b"EHLO no.proxy.test\r\n")
            assert await client.reply() == "CLOSE"
        await house.quiet()


async def test_an_inherited_socket():
    async with Sink() as sink:
        settings = settings_for(sink.address)
        pool = Pool(settings.downstream, settings.hostname)
        await pool.start()
        listener = Listener(settings, verbatim, pool)
        with socket.create_server(("127.0.0.1", 0)) as given:
            port = given.getsockname()[1]
            inherited = socket.socket(fileno=given.detach())
        assert await listener.start(inherited) == ("127.0.0.1", port)
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        await client.hello()
        assert (await client.mail(MESSAGE)).startswith("250")
        await client.close()
        await listener.stop(1)
        await pool.stop()


async def test_a_graceful_stop_lets_a_mail_finish():
    entered, going = asyncio.Event(), asyncio.Event()

    async def slow(envelope, message, delivery):
        entered.set()
        await going.wait()
        return await delivery.deliver(envelope.recipients, message)

    async with Sink() as sink, gateway(settings_for(sink.address), slow) as house:
        async with house.client() as busy, house.client() as idle, house.client() as begun:
            await idle.hello()
            await busy.hello()
            await begun.hello()
            await begun.say("MAIL FROM:<late@client.test>")
            await begun.say("RCPT TO:<support@gateway.test>")
            mail = asyncio.create_task(busy.mail(MESSAGE))
            await entered.wait()
            stop = asyncio.create_task(house.listener.stop(5))
            assert await idle.reply() == "421 4.3.2 Service is closing, please try again later"
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(house.host, house.port)
            assert not stop.done()
            going.set()
            assert (await mail).startswith("250")
            assert (await busy.reply()).startswith("421 4.3.2")
            assert (await begun.say("DATA")).startswith("354")
            await begun.send(MESSAGE + b".\r\n")
            assert (await begun.reply()).startswith("250")
            assert (await begun.reply()).startswith("421 4.3.2")
            await stop
        assert [mail.sender for mail in sink.mails] == ["a@client.test", "late@client.test"]


async def test_a_stop_whose_grace_is_over():
    async def forever(envelope, message, delivery):
        await asyncio.Event().wait()

    async with Sink() as sink, gateway(settings_for(sink.address), forever, grace=0.1) as house, house.client() as client:
        await client.hello()
        mail = asyncio.create_task(client.mail(MESSAGE))
        await until(lambda: house.listener.service.work)
        await house.listener.stop(0.1)
        assert (await mail).startswith(("421", "451", "CLOSE"))
        assert not sink.mails


async def test_the_client_is_answered_in_time_and_the_work_goes_on():
    done = asyncio.Event()

    async def late(envelope, message, delivery):
        await asyncio.sleep(0.4)
        done.set()
        return Reply(250, "Ok")

    settings = settings_for("127.0.0.1:1")
    async with gateway(settings, late) as house, house.client() as client:
        type(house.listener.service).answer_seconds, usual = 0.1, type(house.listener.service).answer_seconds
        try:
            await client.hello()
            assert (await client.mail(MESSAGE, recipients=["support+civil@gateway.test"])).startswith("451")
        finally:
            type(house.listener.service).answer_seconds = usual
        async with asyncio.timeout(5):
            await done.wait()


async def test_a_client_that_never_reads_is_let_go():
    def talk(port: int) -> None:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(1)
            sock.connect(("127.0.0.1", port))
            with contextlib.suppress(OSError):
                for _ in range(1_000):
                    sock.sendall(b"EHLO x\r\n" * 1_000)

    limits = "idle_seconds = 0.3\ncommands = 1000000"
    async with Sink() as sink, gateway(settings_for(sink.address, limits=limits)) as house:
        talking = asyncio.create_task(asyncio.to_thread(talk, house.port))
        # on a busy machine the whole session may be over before anybody looks; that it connected, talk() itself proves
        await until(lambda: house.listener.service.sessions or talking.done(), 20)
        await until(lambda: not house.listener.service.sessions, 20)
        await talking


async def test_a_client_who_is_gone_before_the_sessions_first_step_takes_no_place():
    """uvloop tells of the end in the same breath as of the connection; a balancer's health check connects and closes."""

    class Hasty(Server):
        def connection_made(self, transport):
            super().connection_made(transport)
            self.eof_received()

    async with Sink() as sink, gateway(settings_for(sink.address)) as house:
        pairs = [socket.socketpair() for _ in range(5)]
        for _, ours in pairs:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: Hasty(house.listener.service), ours)
        await until(lambda: not house.listener.service.sessions and not house.listener.service.doors.connections)
        for theirs, _ in pairs:
            assert theirs.recv(100) == b"", "and the connection is closed"
            theirs.close()
