"""The pool and its transactions against a real server that behaves as badly as servers do."""

import asyncio
import ssl
from dataclasses import replace

import pytest
from smtp_gateway import DATA, settings_for, until
from smtp_sink import EXTENSIONS, Sink, free_port

from gateway.edge import downstream_pool
from gateway.edge.downstream import Extensions, parse_reply, stuffed
from gateway.edge.downstream_pool import Pool
from gateway.edge.smtp_trace import from_xtext, parse_attributes, to_xtext, xforward
from gateway.errors import DownstreamFailed
from gateway.values import Envelope, Reply

MESSAGE = b"Subject: x\r\n\r\nhello\r\n"
HEAD = Envelope("a@b.test", ())
TO = ("one@gateway.test", "two@gateway.test")


class Bench:
    """A pool before a sink."""

    def __init__(self, sink: Sink, route: str = "") -> None:
        self.sink = sink
        self.pool = Pool(settings_for(sink.address, route=route).downstream, "gw.test")

    async def __aenter__(self) -> Pool:
        await self.pool.start()
        return self.pool

    async def __aexit__(self, *_: object) -> None:
        await self.pool.stop()
        assert self.pool.connections == 0


async def test_the_open_transaction_is_used_when_the_recipients_are_those_asked_for():
    async with Sink() as sink, Bench(sink) as pool:
        transaction = pool.transaction(HEAD)
        for recipient in TO:
            assert await transaction.ask(recipient, ()) == Reply(250, "Ok", "2.1.5")
        assert await transaction.deliver(reversed(TO), MESSAGE) == Reply(250, "Ok: sunk", "2.0.0")
        transaction.close()
        assert [command.split(":")[0] for command in sink.commands] == ["EHLO gw.test", "MAIL FROM", "RCPT TO", "RCPT TO", "DATA"]


async def test_other_recipients_get_a_transaction_of_their_own():
    async with Sink() as sink, Bench(sink) as pool:
        transaction = pool.transaction(Envelope("a@b.test", (), ("BODY=8BITMIME", "SIZE=10")))
        for recipient in TO:
            await transaction.ask(recipient, ("NOTIFY=NEVER",))
        assert (await transaction.deliver(TO[:1], MESSAGE)).positive
        assert (await transaction.deliver(TO[1:], MESSAGE + b"folded\r\n")).positive
        transaction.close()
        assert [(m.recipients, m.message, m.mail_options, m.recipient_options) for m in sink.mails] == [
            (TO[:1], MESSAGE, ("BODY=8BITMIME", "SIZE=10"), (("NOTIFY=NEVER",),)),
            (TO[1:], MESSAGE + b"folded\r\n", ("BODY=8BITMIME", "SIZE=10"), (("NOTIFY=NEVER",),)),
        ]
        assert sink.commands.count("RSET") == 1
        assert sink.connections == 1


async def test_an_unfinished_transaction_is_undone_before_the_next():
    async with Sink() as sink, Bench(sink) as pool:
        first = pool.transaction(HEAD)
        await first.ask(TO[0], ())
        first.close()
        first.close()
        second = pool.transaction(Envelope("c@d.test", ()))
        await second.ask(TO[1], ())
        await second.deliver(TO[1:], MESSAGE)
        second.close()
        (mail,) = sink.mails
        assert (mail.sender, mail.recipients) == ("c@d.test", TO[1:])
        assert sink.connections == 1


async def test_a_connection_on_which_much_was_refused_is_not_handed_to_the_next_client():
    """Postfix makes a session slow after ten errors; the next mail has nothing to do with them."""
    async with Sink() as sink, Bench(sink) as pool:
        sink.recipients = {f"u{number}@gateway.test": "550 5.1.1 unknown" for number in range(6)}

        async def probe(unknown: int):
            transaction = pool.transaction(HEAD)
            for number in range(unknown):
                assert (await transaction.ask(f"u{number}@gateway.test", ())).code == 550
            transaction.close()

        async def send():
            assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive
            return sink.mails[-1].connection

        assert await send() == 1
        await probe(5)
        assert await send() == 1
        for _ in range(2):
            await probe(3)
        assert await send() == 2
        await probe(6)
        assert pool.connections == 0
        assert await send() == 3


async def test_who_guesses_recipients_holds_no_connection_that_has_become_slow():
    async with Sink() as sink, Bench(sink) as pool:
        sink.recipients = {f"u{number}@gateway.test": "550 5.1.1 unknown" for number in range(14)}
        transaction = pool.transaction(HEAD)
        for number in range(14):
            assert (await transaction.ask(f"u{number}@gateway.test", ())).code == 550
        assert (await transaction.ask(TO[0], ())).positive
        assert (await transaction.deliver(TO[:1], MESSAGE)).positive
        transaction.close()
        assert sink.connections == 3
        assert pool.connections == 1


async def test_a_connection_on_which_much_was_begun_and_nothing_sent_is_renewed():
    async with Sink() as sink, Bench(sink) as pool:
        for _ in range(120):
            transaction = pool.transaction(HEAD)
            assert (await transaction.ask(TO[0], ())).positive
            transaction.close()
        assert sink.connections == 3


async def test_recipients_refused_at_the_second_asking():
    async with Sink() as sink, Bench(sink) as pool:
        transaction = pool.transaction(HEAD)
        for recipient in TO:
            await transaction.ask(recipient, ())
        sink.recipients[TO[0]] = "550 5.1.1 gone"
        assert await transaction.deliver(TO[:1], MESSAGE) == Reply(550, "gone", "5.1.1")
        with pytest.raises(DownstreamFailed, match="1 of 2"):
            await transaction.deliver(TO, MESSAGE)
        assert (await transaction.deliver(TO[1:], MESSAGE)).positive
        transaction.close()
        assert [mail.recipients for mail in sink.mails] == [TO[1:]]


async def test_a_dead_connection_between_recipients_and_message_is_replaced():
    async with Sink() as sink:
        async with Bench(sink) as pool:
            transaction = pool.transaction(HEAD)
            await transaction.ask(TO[0], ())
            await sink.stop()
            await sink.start()
            await transaction.ask(TO[1], ())
            await sink.stop()
            await sink.start()
            await asyncio.sleep(0.01)
            assert (await transaction.deliver(TO, MESSAGE)).positive
            transaction.close()
        assert [mail.recipients for mail in sink.mails] == [TO]


async def test_an_idle_connection_that_died_is_not_used():
    async with Sink() as sink, Bench(sink) as pool:
        await sink.stop()
        await sink.start()
        assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive


async def test_421_on_an_idle_connection_costs_one_more_try():
    async with Sink() as sink, Bench(sink) as pool:
        sink.replies["mail"] = "421 4.3.2 shutting down"
        transaction = pool.transaction(HEAD)
        asking = asyncio.create_task(transaction.ask(TO[0], ()))
        async with asyncio.timeout(5):
            while sink.connections < 2:  # noqa: ASYNC110 - before the second MAIL is answered
                await asyncio.sleep(0)
        del sink.replies["mail"]
        assert (await asking).positive
        transaction.close()


@pytest.mark.parametrize("step", ["data", "message"])
async def test_after_data_nothing_is_tried_again(step):
    async with Sink() as sink, Bench(sink) as pool:
        sink.close_at = step
        transaction = pool.transaction(HEAD)
        await transaction.ask(TO[0], ())
        with pytest.raises(DownstreamFailed):
            await transaction.deliver(TO[:1], MESSAGE)
        transaction.close()
        assert sink.connections == 1
        assert sink.commands.count("DATA") == 1


async def test_refusals_of_data_are_passed_on():
    async with Sink() as sink, Bench(sink) as pool:
        sink.replies["data"] = "451-4.7.1 try\r\n451 4.7.1 later"
        assert await pool.send(Envelope("a@b.test", TO), MESSAGE) == Reply(451, "try\nlater", "4.7.1")
        sink.replies["data"] = "250 what?"
        with pytest.raises(DownstreamFailed):
            await pool.send(Envelope("a@b.test", TO), MESSAGE)
        del sink.replies["data"]
        assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive
        assert len(sink.mails) == 1


@pytest.mark.parametrize("nonsense", ["hello there", "99 short", "250-one\r\n550 two", "x" * 100_000])
async def test_a_server_that_speaks_no_smtp(nonsense):
    async with Sink() as sink, Bench(sink) as pool:
        sink.replies["rcpt"] = nonsense
        transaction = pool.transaction(HEAD)
        with pytest.raises(DownstreamFailed):
            await transaction.ask(TO[0], ())
        transaction.close()


async def test_a_server_without_pipelining_and_one_without_ehlo():
    async with Sink(extensions=("8BITMIME",)) as sink, Bench(sink) as pool:
        assert pool.extensions == Extensions(frozenset({"8BITMIME"}))
        assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive
        sink.replies["mail"] = "550 5.7.1 no"
        assert await pool.send(Envelope("a@b.test", TO), MESSAGE) == Reply(550, "no", "5.7.1")


async def test_a_server_that_knows_no_ehlo():
    async with Sink() as sink:
        sink.replies["ehlo"] = "502 5.5.1 what?"
        async with Bench(sink) as pool:
            assert pool.extensions == Extensions()
            assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive
        sink.replies["helo"] = "550 5.7.1 go away"
        async with Bench(sink) as pool:
            with pytest.raises(DownstreamFailed, match="go away"):
                await pool.send(Envelope("a@b.test", TO), MESSAGE)
        sink.replies["connect"] = "554 5.3.2 closed"
        async with Bench(sink) as pool:
            with pytest.raises(DownstreamFailed, match="closed"):
                await pool.send(Envelope("a@b.test", TO), MESSAGE)


async def test_a_server_that_stops_reading_in_the_middle():
    over, gone = asyncio.Event(), asyncio.Event()

    async def stall(reader, writer):
        writer.write(b"220 x\r\n")
        for answer in (b"250-x\r\n250 PIPELINING\r\n", b"250 Ok\r\n", b"250 Ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(answer)
        await over.wait()
        writer.transport.abort()
        gone.set()

    server = await asyncio.start_server(stall, "127.0.0.1", 0, limit=1000)
    sink = Sink(server.sockets[0].getsockname()[1])
    async with Bench(sink, "timeout_seconds = 1") as pool:
        with pytest.raises(DownstreamFailed, match="stopped reading"):
            await pool.send(Envelope("a@b.test", TO[:1]), b"x" * 40_000_000 + b"\r\n")
    server.close()
    over.set()
    await asyncio.wait_for(gone.wait(), 5)


async def test_the_keeper_closes_what_grew_old_and_learns_again(monkeypatch):
    for name in ("_KEEP_SECONDS", "IDLE_SECONDS", "REFRESH_SECONDS"):
        monkeypatch.setattr(downstream_pool, name, 0.02)
    async with Sink() as sink, Bench(sink) as pool:
        sink.extensions = ("DSN",)
        await until(lambda: pool.extensions.keywords == {"DSN"})
        monkeypatch.setattr(downstream_pool, "REFRESH_SECONDS", 60)
        await until(lambda: pool.connections == 0)
        await until(lambda: sink.open_connections == 0)


async def test_an_aged_connection_is_renewed(monkeypatch):
    async with Sink() as sink, Bench(sink) as pool:
        monkeypatch.setattr(downstream_pool, "AGE_SECONDS", 0)
        assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive
        assert sink.connections == 2


async def test_what_the_server_lacks_is_not_asked_of_it():
    async with Sink(extensions=("PIPELINING",)) as sink, Bench(sink) as pool:
        sized = Envelope("a@b.test", TO, ("SIZE=10",))
        assert (await pool.send(sized, MESSAGE)).positive
        assert sink.mails[0].mail_options == ()
        assert (await pool.send(Envelope("j\u00f6@b.test", TO, ("SMTPUTF8",)), MESSAGE)).enhanced == "5.6.7"
        for options in (("BODY=8BITMIME",), ("RET=FULL",), ("ENVID=x",)):
            assert (await pool.send(Envelope("a@b.test", TO, options), MESSAGE)).code == 451
        dsn = Envelope("a@b.test", TO, (), (("NOTIFY=NEVER",), ()))
        assert (await pool.send(dsn, MESSAGE)).code == 451
        assert len(sink.mails) == 1


async def test_a_crowd_shares_few_connections():
    async with Sink() as sink, Bench(sink, "connections = 3") as pool:
        sink.delays["message"] = 0.005
        said = await asyncio.gather(*(pool.send(Envelope(f"{n}@b.test", TO), MESSAGE) for n in range(60)))
        assert all(reply.positive for reply in said)
        assert len({mail.sender for mail in sink.mails}) == 60
        assert sink.connections == 3


async def test_a_dawdler_gives_its_connection_to_who_is_ready(monkeypatch):
    monkeypatch.setattr(downstream_pool, "PATIENCE_SECONDS", 0.05)
    async with Sink() as sink, Bench(sink, "connections = 1") as pool:
        dawdler = pool.transaction(HEAD)
        await dawdler.ask(TO[0], ())
        assert (await pool.send(Envelope("quick@b.test", TO), MESSAGE)).positive
        assert (await dawdler.deliver(TO[:1], MESSAGE)).positive
        dawdler.close()
        assert [mail.sender for mail in sink.mails] == ["quick@b.test", "a@b.test"]


async def test_who_has_dawdled_long_enough_costs_the_next_no_time(monkeypatch):
    monkeypatch.setattr(downstream_pool, "PATIENCE_SECONDS", 0.3)
    async with Sink() as sink, Bench(sink, "connections = 2") as pool:
        dawdlers = [pool.transaction(replace(HEAD, sender=f"{number}@b.test")) for number in range(2)]
        for dawdler in dawdlers:
            await dawdler.ask(TO[0], ())
        await asyncio.sleep(0.35)
        begun = asyncio.get_running_loop().time()
        assert (await pool.send(Envelope("quick@b.test", TO), MESSAGE)).positive
        assert asyncio.get_running_loop().time() - begun < 0.25
        for dawdler in dawdlers:
            assert (await dawdler.deliver(TO[:1], MESSAGE)).positive
            dawdler.close()
        assert [mail.sender for mail in sink.mails] == ["quick@b.test", "0@b.test", "1@b.test"]


async def test_busy_connections_are_not_waited_for_forever():
    async with Sink() as sink, Bench(sink, "connections = 1\ntimeout_seconds = 1") as pool:
        connection = await pool.lease()
        with pytest.raises(DownstreamFailed, match="busy"):
            await pool.send(Envelope("a@b.test", TO), MESSAGE)
        pool.release(connection)
        assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive


async def test_a_waiter_that_is_cancelled_leaves_nothing_behind():
    async with Sink() as sink, Bench(sink, "connections = 1") as pool:
        connection = await pool.lease()
        waiting = [asyncio.create_task(pool.lease()) for _ in range(3)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
        pool.release(connection)
        for task in waiting[1:]:
            pool.release(await task)
        assert pool.connections == 1


async def test_the_offers_are_learned_again():
    port = free_port()
    pool = Pool(settings_for(f"127.0.0.1:{port}").downstream, "gw.test")
    await pool.start()
    assert pool.extensions is None
    async with Sink(port, extensions=("SIZE 7", "DSN")) as sink:
        assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive
        assert pool.extensions == Extensions(frozenset({"SIZE", "DSN"}), size=7)
        sink.extensions = EXTENSIONS
        await pool._learn()
        assert "SMTPUTF8" in pool.extensions.keywords
        await pool.stop()


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(DATA / "cert-one.pem", DATA / "key-one.pem")
    return context


async def test_starttls_to_downstream():
    async with Sink(tls=server_context()) as sink:
        async with Bench(sink, 'tls = "starttls"\ntls_verify = false') as pool:
            assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive
            assert sink.commands[:3] == ["EHLO gw.test", "STARTTLS", "EHLO gw.test"]
        verifying = Pool(settings_for(sink.address, route='tls = "starttls"').downstream, "gw.test")
        with pytest.raises(DownstreamFailed, match="certificate"):
            await verifying.send(Envelope("a@b.test", TO), MESSAGE)
        await verifying.stop()
    async with Sink() as sink:
        pool = Pool(settings_for(sink.address, route='tls = "starttls"').downstream, "gw.test")
        with pytest.raises(DownstreamFailed, match="no STARTTLS"):
            await pool.send(Envelope("a@b.test", TO), MESSAGE)
        await pool.stop()
        assert not any(command.startswith("MAIL") for command in sink.commands)


async def test_implicit_tls_to_downstream():
    sink = Sink()
    server = await asyncio.start_server(sink._serve, "127.0.0.1", 0, ssl=server_context())
    sink.port = server.sockets[0].getsockname()[1]
    async with Bench(sink, 'tls = "implicit"\ntls_verify = false') as pool:
        assert (await pool.send(Envelope("a@b.test", TO), MESSAGE)).positive
    server.close()
    await sink.stop()


async def test_whose_mail_it_is_is_told_by_xforward():
    async with Sink() as sink, Bench(sink) as pool:
        envelope = Envelope("a@b.test", TO, client="2001:db8::1", helo="mail.client.test", protocol="ESMTPS")
        await pool.send(envelope, MESSAGE)
        assert sink.mails[0].xforward == "NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 PROTO=ESMTP HELO=mail.client.test SOURCE=REMOTE"
        await pool.send(replace(envelope, client_name="out.client.test"), MESSAGE)
        assert sink.mails[1].xforward.startswith("NAME=out.client.test ADDR=IPV6:2001:db8::1 ")


async def test_no_command_can_be_smuggled_into_a_released_mail():
    async with Sink() as sink, Bench(sink) as pool:
        for envelope in (Envelope("a@b.test>\r\nRCPT TO:<x@y.test", TO), Envelope("a@b.test", ("a\r\nQUIT",))):
            with pytest.raises(DownstreamFailed):
                await pool.send(envelope, MESSAGE)
        with pytest.raises(DownstreamFailed):
            await pool.send(Envelope("a@b.test", TO), b"x\n.\r\nMAIL FROM:<>\r\n")
        with pytest.raises(DownstreamFailed):
            await pool.send(Envelope("a@b.test", ()), MESSAGE)
        assert not sink.mails
        assert not any("QUIT" in command for command in sink.commands)


async def test_a_large_message_goes_in_blocks():
    async with Sink() as sink, Bench(sink) as pool:
        message = b"Subject: big\r\n\r\n" + b".x" * 400 * 5_000 + b"\r\n"
        assert (await pool.send(Envelope("a@b.test", TO), message)).positive
        assert sink.mails[0].message == message


@pytest.mark.parametrize(
    ("lines", "reply", "written"),
    [
        ([b"250 2.0.0 Ok"], Reply(250, "Ok", "2.0.0"), None),
        ([b"250"], Reply(250, ""), "250 "),
        ([b"250 2.1.5"], Reply(250, "", "2.1.5"), "250 2.1.5 "),
        ([b"250-2.0.0 a", b"250 2.0.0 b"], Reply(250, "a\nb", "2.0.0"), None),
        ([b"550-5.1.1 a", b"550 5.7.1 b"], Reply(550, "5.1.1 a\n5.7.1 b"), None),
        ([b"550-5.1.1 a", b"550 b"], Reply(550, "5.1.1 a\nb"), None),
        ([b"250 5.0.0 odd"], Reply(250, "5.0.0 odd"), None),
        ([b"550 5.7.1 \xff\x00\x1b[31m"], Reply(550, "\ufffd??[31m", "5.7.1"), None),
    ],
)
def test_replies_are_kept_as_they_were_given(lines, reply, written):
    assert parse_reply(lines) == reply
    if written is None and all(line.isascii() for line in lines):
        written = "\r\n".join(line.decode() for line in lines)
    if written is not None:
        assert str(reply) == written


def test_extensions_are_read_with_care():
    lines = ["size", "SIZE 10240000", "8bitmime", "AUTH=LOGIN", "", "XFORWARD name addr", "DSN"]
    found = Extensions.read(lines)
    assert (found.size, found.xforward) == (10240000, frozenset({"NAME", "ADDR"}))
    assert {"8BITMIME", "DSN"} <= found.keywords
    assert Extensions.read(["SIZE \u00b2", "SIZE x"]).size == 0


def test_dots():
    assert stuffed(b".\r\n..\r\nx.\r\n") == b"..\r\n...\r\nx.\r\n.\r\n"
    assert stuffed(b"") == b".\r\n"
    assert stuffed(b"x") == b"x\r\n.\r\n"


def test_xtext_and_attributes():
    assert from_xtext(to_xtext("a+b=c \u00e4")) == "a+b=c \u00e4"
    assert from_xtext("a+zz") is None
    known = ("NAME", "ADDR")
    assert parse_attributes("NAME=a+2Btest ADDR=IPV6:2001:DB8::1", known) == {"NAME": "a+test", "ADDR": "2001:db8::1"}
    assert parse_attributes("addr=[UNAVAILABLE]", known) == {"ADDR": ""}
    for bad in ("", "NAME", "X=1", "ADDR=nonsense", "NAME=a+0Ab", "NAME=" + "x" * 300):
        assert parse_attributes(bad, known) is None
    assert xforward(frozenset(), {"ADDR": "1.2.3.4"}) == ""
