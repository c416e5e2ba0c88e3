"""Dialogs with the listener: what a client is told, and what the mailbox server behind hears of it."""

import asyncio

import pytest
from smtp_gateway import TLS, gateway, settings_for, until
from smtp_sink import EXTENSIONS, Sink, free_port

from gateway import replies
from gateway.errors import HoldFailed
from gateway.values import Reply

MESSAGE = b"From: a@client.test\r\nSubject: x\r\n\r\nhello\r\n"


async def test_downstreams_own_answers_go_to_the_client():
    async with Sink() as sink, gateway(settings_for(sink.address, recipients=["@gateway.test"])) as house, house.client() as client:
        sink.recipients = {
            "no@gateway.test": "550 5.1.1 <no@gateway.test>: unknown here",
            "full@gateway.test": "452-4.2.2 full\r\n452 4.2.2 come back",
        }
        sink.replies["message"] = "250-2.0.0 one\r\n250 2.0.0 Ok: queued as 12345"
        await client.hello()
        assert await client.say("MAIL FROM:<a@client.test>") == "250 2.1.0 Ok"
        assert await client.say("RCPT TO:<no@gateway.test>") == "550 5.1.1 <no@gateway.test>: unknown here"
        assert await client.say("RCPT TO:<full@gateway.test>") == "452-4.2.2 full|452 4.2.2 come back"
        assert await client.say("RCPT TO:<yes@gateway.test>") == "250 2.1.5 Ok"
        assert (await client.say("DATA")).startswith("354")
        await client.send(MESSAGE + b".\r\n")
        assert await client.reply() == "250-2.0.0 one|250 2.0.0 Ok: queued as 12345"
        assert [mail.recipients for mail in sink.mails] == [("yes@gateway.test",)]
        sink.replies["message"] = "554 5.7.1 looks like spam to me"
        assert await client.mail(MESSAGE, recipients=["yes@gateway.test"]) == "554 5.7.1 looks like spam to me"
        sink.replies["message"] = "no enhanced code"
        sink.replies["message"] = "250 plain"
        assert await client.mail(MESSAGE, recipients=["yes@gateway.test"]) == "250 plain"


async def test_a_refused_sender_is_told_so_at_rcpt():
    async with Sink() as sink, gateway(settings_for(sink.address)) as house, house.client() as client:
        sink.replies["mail"] = "550 5.7.1 I know you"
        await client.hello()
        assert await client.say("MAIL FROM:<a@client.test>") == "250 2.1.0 Ok"
        assert await client.say("RCPT TO:<support@gateway.test>") == "550 5.7.1 I know you"
        assert await client.say("DATA") == "554 5.5.1 No valid recipients"
        del sink.replies["mail"]
        assert await client.say("RCPT TO:<support@gateway.test>") == "250 2.1.5 Ok"


@pytest.mark.parametrize("extensions", [EXTENSIONS, ("8BITMIME",), ("SIZE 2000",), ("DSN", "PIPELINING"), ()])
async def test_only_what_downstream_has_is_offered(extensions):
    async with (
        Sink(extensions=extensions) as sink,
        gateway(settings_for(sink.address, limits="size = 5000")) as house,
        house.client() as client,
    ):
        offered = {line[4:] for line in (await client.hello()).split("|")[1:]}
        has = {extension.split()[0] for extension in extensions}
        assert "PIPELINING" in offered
        assert {"8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"} & offered == {
            "8BITMIME",
            "SMTPUTF8",
            "DSN",
            "ENHANCEDSTATUSCODES",
        } & has
        assert ("SIZE 2000" if "SIZE 2000" in extensions else "SIZE 5000") in offered
        assert not {"CHUNKING", "STARTTLS", "HELP"} & offered
        assert not any(line.startswith(("AUTH", "XCLIENT", "XFORWARD")) for line in offered)
        assert (await client.say("MAIL FROM:<a@b.test> SIZE=5001")).startswith("552 5.3.4")
        assert (await client.say("MAIL FROM:<a@b.test> BODY=8BITMIME")).startswith("250" if "8BITMIME" in has else "555")
        await client.say("RSET")
        assert (await client.say("MAIL FROM:<a@b.test> RET=HDRS ENVID=x")).startswith("250" if "DSN" in has else "555")
        assert (await client.say("RCPT TO:<support@gateway.test> NOTIFY=NEVER")).startswith("250" if "DSN" in has else "5")
        await client.say("RSET")
        assert (await client.mail(MESSAGE)).startswith("250")


async def test_parameters_arrive_unharmed():
    async with Sink() as sink, gateway(settings_for(sink.address)) as house, house.client() as client:
        await client.hello()
        mail = "MAIL FROM:<jörg@bücher.test> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=QQ314+2bxY SIZE=44"
        assert (await client.say(mail)).startswith("250")
        assert (await client.say("RCPT TO:<support@gateway.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2bX@Gateway.test")).startswith("250")
        assert (await client.say("DATA")).startswith("354")
        await client.send("From: jörg\r\n\r\nü\r\n.\r\n".encode())
        assert (await client.reply()).startswith("250")
        (mail,) = sink.mails
        assert mail.sender == "jörg@bücher.test"
        assert mail.mail_options == ("SMTPUTF8", "BODY=8BITMIME", "RET=HDRS", "ENVID=QQ314+2bxY", "SIZE=44")
        assert mail.recipient_options == (("NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Bob+2bX@Gateway.test"),)
        assert mail.message == "From: jörg\r\n\r\nü\r\n".encode()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MAIL FROM:<j\u00f6rg@b.test>", "553 5.6.7"),
        ("MAIL FROM:<a@b.test> FOO=BAR", "555"),
        ("MAIL FROM:<a@b.test> BODY=BINARYMIME", "501"),
        ("MAIL FROM:<a@b.test> AUTH=<>", "555"),
        ("MAIL FROM:<a@b.test> SIZE=x", "501"),
        ("MAIL FROM:<a@b.test> SIZE=1 SIZE=2", "501"),
        ("MAIL FROM:<a@b.test> SMTPUTF8=1", "501"),
        ("MAIL FROM:<a@b.test> RET=ALL", "501"),
        ("MAIL FROM:<a@b.test> ENVID=a\u00e4", "501"),
        ("MAIL FROM:<joe>", "553"),
        ("MAIL TO:<a@b.test>", "501"),
        ("RCPT TO:<support@gateway.test>", "503"),
        ("DATA", "503"),
        ("BDAT 5 LAST", "500"),
        ("AUTH PLAIN xx", "502"),
        ("STARTTLS", "502"),
        ("XCLIENT ADDR=1.2.3.4", "502"),
        ("XFORWARD ADDR=1.2.3.4", "502"),
        ("VRFY support", "252"),
        ("EXPN list", "502"),
        ("HELP", "214"),
        ("NOOP", "250"),
        ("", "500"),
        ("\u00fcEHLO", "500"),
    ],
)
async def test_single_commands(line, code):
    async with Sink() as sink, gateway(settings_for(sink.address)) as house, house.client() as client:
        await client.hello()
        assert (await client.say(line)).startswith(code)


async def test_helo_gets_no_extensions():
    async with Sink() as sink, gateway(settings_for(sink.address)) as house, house.client() as client:
        await client.reply()
        assert await client.say("HELO old.test") == "250 gw.test"
        assert (await client.say("MAIL FROM:<a@b.test> SIZE=1")).startswith("555")
        assert (await client.say("MAIL FROM:<a@b.test>")).startswith("250")


async def test_a_pipelined_dialog_in_one_write():
    async with Sink() as sink, gateway(settings_for(sink.address, recipients=["@gateway.test"])) as house, house.client() as client:
        sink.recipients["no@gateway.test"] = "550 5.1.1 no"
        first = b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<no@gateway.test>\r\nRCPT TO:<yes@gateway.test>\r\nDATA\r\nSubject: 1\r\n\r\n..a\r\n.\r\n"
        second = b"MAIL FROM:<>\r\nRCPT TO:<yes@gateway.test>\r\nDATA\r\n.\r\nRSET\r\nNOOP\r\nQUIT\r\n"
        await client.send(first + second)
        codes = [(await client.reply())[:3] for _ in range(13)]
        assert codes == ["220", "250", "250", "550", "250", "354", "250", "250", "250", "354", "250", "250", "250"]
        assert (await client.reply()).startswith("221")
        assert await client.reply() == "CLOSE"
        assert [(m.sender, m.message) for m in sink.mails] == [("a@b.test", b"Subject: 1\r\n\r\n.a\r\n"), ("", b"")]


async def test_null_sender_and_the_envelope_of_the_path():
    seen = []

    async def keep(envelope, message, delivery):
        seen.append((envelope, message))
        return replies.ACCEPTED_HELD

    async with Sink() as sink, gateway(settings_for(sink.address, recipients=["@gateway.test"]), keep) as house, house.client() as client:
        await client.hello()
        await client.say("MAIL FROM:<> RET=FULL")
        await client.say("RCPT TO:<Two@gateway.test> NOTIFY=NEVER")
        await client.say("RCPT TO:<one@gateway.test>")
        await client.say("RCPT TO:<Two@gateway.test>")
        await client.say("DATA")
        await client.send(MESSAGE + b".\r\n")
        assert await client.reply() == "250 2.6.0 Message accepted"
        ((envelope, message),) = seen
        assert envelope.sender == ""
        assert envelope.recipients == ("Two@gateway.test", "one@gateway.test")
        assert envelope.mail_options == ("RET=FULL",)
        assert envelope.recipient_options == (("NOTIFY=NEVER",), ())
        assert (envelope.client, envelope.helo, envelope.protocol) == ("127.0.0.1", "client.test", "ESMTP")
        assert message == MESSAGE
        assert not sink.mails


async def test_own_mailboxes_need_no_downstream():
    seen = []

    async def keep(envelope, message, delivery):
        seen.append(envelope.recipients)
        return replies.ACCEPTED_OWN

    async with gateway(settings_for(f"127.0.0.1:{free_port()}"), keep) as house, house.client() as client:
        await client.hello()
        assert (await client.mail(MESSAGE, recipients=["support+appeals.Tok@gateway.test", "support+civil@gateway.test"])).startswith("250")
        assert seen == [("support+appeals.Tok@gateway.test", "support+civil@gateway.test")]


async def test_downstream_away_and_back():
    port = free_port()
    async with gateway(settings_for(f"127.0.0.1:{port}")) as house, house.client() as client:
        assert "8BITMIME" in await client.hello()
        await client.say("MAIL FROM:<a@b.test>")
        assert (await client.say("RCPT TO:<support@gateway.test>")).startswith("451 4.3.0")
        assert (await client.say("DATA")).startswith("554")
        async with Sink(port) as sink:
            assert (await client.say("RCPT TO:<support@gateway.test>")).startswith("250")
            assert (await client.say("DATA")).startswith("354")
            await client.send(MESSAGE + b".\r\n")
            assert (await client.reply()).startswith("250")
            assert len(sink.mails) == 1
        await client.say("MAIL FROM:<a@b.test>")
        assert (await client.say("RCPT TO:<support@gateway.test>")).startswith("451 4.3.0")
        async with Sink(port) as sink:
            await client.say("RSET")
            assert (await client.mail(MESSAGE)).startswith("250")
            assert len(sink.mails) == 1


@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data", "message"])
async def test_downstream_hangs_up_at_each_step(step):
    async with Sink() as sink, gateway(settings_for(sink.address)) as house, house.client() as client:
        await client.hello()
        sink.close_at = step
        if step in {"connect", "ehlo"}:
            for connection in list(house.pool._idle):
                house.pool._idle.remove(connection)
                house.pool.discard(connection)
        await client.say("MAIL FROM:<a@b.test>")
        answer = await client.say("RCPT TO:<support@gateway.test>")
        if step in {"data", "message"}:
            assert answer.startswith("250")
            await client.say("DATA")
            await client.send(MESSAGE + b".\r\n")
            answer = await client.reply()
        assert answer.startswith("451 4.3.0")
        assert not sink.mails
        sink.close_at = None
        await client.say("RSET")
        assert (await client.mail(MESSAGE)).startswith("250")
        assert len(sink.mails) == 1


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "message"])
async def test_a_slow_downstream_is_not_waited_for_forever(step):
    async with Sink() as sink, gateway(settings_for(sink.address, route="timeout_seconds = 1")) as house, house.client() as client:
        await client.hello()
        sink.delays[step] = 30
        begun = asyncio.get_running_loop().time()
        await client.say("MAIL FROM:<a@b.test>")
        answer = await client.say("RCPT TO:<support@gateway.test>")
        if step in {"data", "message"}:
            await client.say("DATA")
            await client.send(MESSAGE + b".\r\n")
            answer = await client.reply()
        assert answer.startswith("451 4.3.0")
        assert asyncio.get_running_loop().time() - begun < 3


@pytest.mark.parametrize(
    ("error", "reply"),
    [(RuntimeError("secret path /etc/x"), "451 4.3.0"), (HoldFailed("secret disk"), "451 4.3.0"), (KeyError("secret"), "451 4.3.0")],
)
async def test_no_error_leaks_its_text(error, reply):
    async def fail(envelope, message, delivery):
        raise error

    async with Sink() as sink, gateway(settings_for(sink.address), fail) as house, house.client() as client:
        await client.hello()
        answer = await client.mail(MESSAGE)
        assert answer.startswith(reply)
        assert "secret" not in answer
        assert (await client.say("NOOP")).startswith("250")


async def test_a_path_that_returns_nonsense_is_451():
    async def nonsense(envelope, message, delivery):
        return None

    async with Sink() as sink, gateway(settings_for(sink.address), nonsense) as house, house.client() as client:
        await client.hello()
        assert (await client.mail(MESSAGE)).startswith("451 4.3.0")


async def test_state_does_not_leak_between_mails():
    async with Sink() as sink, gateway(settings_for(sink.address, recipients=["@gateway.test"])) as house, house.client() as client:
        await client.hello()
        await client.say("MAIL FROM:<a@b.test> SMTPUTF8 BODY=8BITMIME ENVID=one")
        await client.say("RCPT TO:<one@gateway.test> NOTIFY=NEVER")
        assert (await client.say("RSET")).startswith("250")
        assert (await client.say("DATA")).startswith("503")
        assert (await client.mail(MESSAGE, sender="c@d.test", recipients=["two@gateway.test"])).startswith("250")
        await client.say("MAIL FROM:<e@f.test>")
        await client.say("RCPT TO:<three@gateway.test>")
        await client.say("EHLO again.test")
        assert (await client.say("RCPT TO:<four@gateway.test>")).startswith("503")
        assert (await client.mail(MESSAGE, sender="g@h.test", recipients=["five@gateway.test"])).startswith("250")
        told = [(m.sender, m.recipients, m.mail_options, m.recipient_options) for m in sink.mails]
        assert told == [("c@d.test", ("two@gateway.test",), (), ((),)), ("g@h.test", ("five@gateway.test",), (), ((),))]


@pytest.mark.parametrize("bad", [b"a\nb\r\n", b"a\rb\r\n", b"\n.\r\n", b"\r.\r\n", b"\r\r\n", b"x\n\r\n", b"\n.\nMAIL FROM:<e@e.test>\r\n"])
async def test_bare_line_ends_are_refused_and_the_session_goes_on(bad):
    async with Sink() as sink, gateway(settings_for(sink.address)) as house, house.client() as client:
        await client.hello()
        assert (await client.mail(b"From: a\r\n\r\n" + bad)).startswith("550 5.6.0")
        assert (await client.mail(MESSAGE)).startswith("250")
        assert [mail.message for mail in sink.mails] == [MESSAGE]


async def test_a_looping_mail_is_refused():
    async with Sink() as sink, gateway(settings_for(sink.address, limits="hops = 5")) as house, house.client() as client:
        await client.hello()
        hop = b"Received: from a\r\n\tby b\r\n"
        assert (await client.mail(hop * 5 + MESSAGE + hop * 9)).startswith("250")
        assert await client.mail(hop * 5 + b"rEceived: x\r\n" + MESSAGE) == "554 5.4.6 Too many hops, this mail is in a loop"


async def test_memory_in_flight_is_bounded():
    going = asyncio.Event()

    async def wait(envelope, message, delivery):
        await going.wait()
        return Reply(250, "Ok", "2.0.0")

    async with Sink() as sink, gateway(settings_for(sink.address, limits="memory = 1_000_000"), wait) as house:  # noqa: SIM117
        async with house.client() as one, house.client() as two:
            await one.hello()
            await two.hello()
            big = b"From: a\r\n\r\n" + b"x" * 998 * 600 + b"\r\n"
            first = asyncio.create_task(one.mail(big))
            await until(lambda: house.listener.service.memory.taken >= len(big))
            assert await two.mail(big) == "451 4.3.1 Too many messages in flight, please try again later"
            going.set()
            assert (await first).startswith("250")
            assert house.listener.service.memory.taken == 0
            assert (await two.mail(big)).startswith("250")


async def test_limits_of_a_session():
    limits = "recipients = 2\nerrors = 3\ncommands = 12"
    async with Sink() as sink, gateway(settings_for(sink.address, recipients=["@gateway.test"], limits=limits)) as house:
        async with house.client() as client:
            await client.hello()
            await client.say("MAIL FROM:<a@b.test>")
            assert (await client.say("RCPT TO:<one@gateway.test>")).startswith("250")
            assert (await client.say("RCPT TO:<two@gateway.test>")).startswith("250")
            assert await client.say("RCPT TO:<three@gateway.test>") == "452 4.5.3 Too many recipients"
            for _ in range(4):
                assert (await client.say("FOO")).startswith("500")
            assert await client.reply() == "421 4.7.0 Too many errors, closing"
            assert await client.reply() == "CLOSE"
        async with house.client() as client:
            await client.hello()
            for _ in range(11):
                assert (await client.say("NOOP")).startswith("250")
            assert (await client.reply()).startswith("421 4.7.0 Too many commands")


async def test_limits_of_connections():
    limits = "connections = 3\nconnections_per_address = 2"
    async with Sink() as sink, gateway(settings_for(sink.address, limits=limits)) as house:  # noqa: SIM117
        async with house.client() as one, house.client() as two, house.client() as three:
            await one.hello()
            await two.hello()
            assert (await three.reply()).startswith("421 4.7.0")
            assert await three.reply() == "CLOSE"
            await one.say("QUIT")
            await until(lambda: house.listener.service.doors.connections == 1)
            async with house.client() as four:
                await four.hello()


async def test_total_time_ends_a_trickle():
    limits = "idle_seconds = 30\ntotal_seconds = 0.5"
    async with Sink() as sink, gateway(settings_for(sink.address, limits=limits)) as house, house.client() as client:
        await client.hello()
        await client.say("MAIL FROM:<a@b.test>")
        await client.say("RCPT TO:<support@gateway.test>")
        await client.say("DATA")
        with pytest.raises((ConnectionError, TimeoutError)):  # noqa: PT012 - a trickle
            for _ in range(100):
                await client.send(b"x")
                await asyncio.sleep(0.02)
            raise TimeoutError
        await house.quiet()
        assert not sink.mails


async def test_one_clients_extensions_dont_change_anothers_limits():
    async with Sink() as sink, gateway(settings_for(sink.address)) as house, house.client() as one, house.client() as two:
        await one.hello()
        await two.hello()
        for _ in range(50):
            await one.say("EHLO x.test")
        long = f"MAIL FROM:<{'a' * 200}@b.test> ENVID={'x' * 100} RET=FULL SIZE=1 BODY=8BITMIME SMTPUTF8"
        async with house.client() as three:
            await three.hello()
            assert (await two.say(long)).startswith("250")
        assert (await two.say("NOOP " + "x" * 5000)).startswith("500 5.5.2")
        assert (await two.say("NOOP " + "x" * 500_000)).startswith("500 5.5.2")
        assert (await two.say("NOOP")).startswith("250")


async def test_a_hundred_clients_at_once():
    async with Sink() as sink, gateway(settings_for(sink.address)) as house:

        async def one(number: int) -> None:
            async with house.client() as client:
                await client.hello()
                for part in range(3):
                    assert (await client.mail(b"Subject: %d.%d\r\n\r\n%s\r\n" % (number, part, b"y" * number * 50))).startswith("250")

        await asyncio.gather(*(one(number) for number in range(100)))
        subjects = sorted(mail.message.split(b"\r\n")[0] for mail in sink.mails)
        assert subjects == sorted(b"Subject: %d.%d" % (number, part) for number in range(100) for part in range(3))
        assert sink.connections <= 20


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("step", range(6))
async def test_clients_leave_at_each_step(step, reset):
    async with Sink() as sink, gateway(settings_for(sink.address)) as house:
        client = house.client()
        async with client as leaver:
            said = [b"EHLO c.test\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<support@gateway.test>\r\n", b"DATA\r\n", b"half a mess"]
            await leaver.reply()
            for line in said[:step]:
                await leaver.send(line)
                if b"half" not in line:
                    await leaver.reply()
            if reset:
                leaver.reset()
        await house.quiet()
        assert not sink.mails
        async with house.client() as next_one:
            await next_one.hello()
            assert (await next_one.mail(MESSAGE)).startswith("250")
        assert len(sink.mails) == 1


async def test_a_client_that_leaves_after_the_dot_does_not_undo_the_work():
    entered, going, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(envelope, message, delivery):
        entered.set()
        await going.wait()
        reply = await delivery.deliver(envelope.recipients, message)
        done.set()
        return reply

    async with Sink() as sink, gateway(settings_for(sink.address), slow) as house:
        async with house.client() as client:
            await client.hello()
            await client.say("MAIL FROM:<a@b.test>")
            await client.say("RCPT TO:<support@gateway.test>")
            await client.say("DATA")
            await client.send(MESSAGE + b".\r\n")
            await entered.wait()
            client.reset()
        await until(lambda: not house.listener.service.sessions)
        going.set()
        await asyncio.wait_for(done.wait(), 5)
        await house.quiet()
        assert [mail.message for mail in sink.mails] == [MESSAGE]


@pytest.mark.parametrize("step", ["mail", "rcpt"])
async def test_a_client_that_leaves_while_downstream_thinks_takes_nobodys_answer(step):
    async with Sink() as sink, gateway(settings_for(sink.address, recipients=["@gateway.test"], route="connections = 2")) as house:
        for round_ in range(5):
            sink.delays[step] = 0.05
            async with house.client() as leaver:
                await leaver.hello()
                await leaver.say("MAIL FROM:<leaver@b.test>")
                await leaver.send(b"RCPT TO:<gone@gateway.test>\r\n")
                await asyncio.sleep(0.01 * round_)
                leaver.reset()
            sink.recipients["no@gateway.test"] = "550 5.1.1 no"
            async with house.client() as client:
                await client.hello()
                await client.say("MAIL FROM:<stayer@b.test>")
                assert (await client.say("RCPT TO:<no@gateway.test>")).startswith("550 5.1.1")
                assert (await client.say("RCPT TO:<yes@gateway.test>")).startswith("250")
                assert (await client.say("DATA")).startswith("354")
                await client.send(MESSAGE + b".\r\n")
                assert (await client.reply()).startswith("250")
        assert {(mail.sender, mail.recipients) for mail in sink.mails} == {("stayer@b.test", ("yes@gateway.test",))}
        assert len(sink.mails) == 5


async def test_starttls_twice_and_with_parameter():
    async with Sink() as sink, gateway(settings_for(sink.address, listen=TLS)) as house, house.client() as client:
        assert "STARTTLS" in await client.hello()
        assert (await client.say("STARTTLS now")).startswith("501")
