"""The service when its disk is full, its ledger torn or in use, or the mailbox server fails in the middle: no mail is lost, none is refused."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import smtplib
import subprocess
import sys

import pytest
from gate_house import abusive, gate_house, threat
from gateway_process import GatewayProcess, children, mail, settings, wait_until
from smtp_gateway import Client, gateway, settings_for
from smtp_sink import Sink, ThreadedSink
from tiny_rules import write

from gateway.edge.weigher import Order, frame
from gateway.mail.message import ReadingLimits

CIVIL, ABUSE, THREAT = "Hello, where is my parcel?", "You are an idiot.", "i will kill you."


@pytest.fixture
def rules(tmp_path):
    return write(tmp_path / "rules")


@pytest.fixture
def sink():
    with ThreadedSink() as sink:
        yield sink


def anna(number: int) -> str:
    return f"anna@client{number}.example"


class House:
    """A service before a sink, and a customer a mail."""

    def __init__(self, service: GatewayProcess, sink: ThreadedSink) -> None:
        self.service, self.sink, self.count = service, sink, 0

    def send(self, body: str) -> tuple[int, bytes]:
        """One mail of somebody new; the reply's code and what the mailbox server got of it."""
        self.count += 1
        before = len(self.sink.mails)
        code, _ = self.service.send(mail(body, sender=anna(self.count), number=self.count), anna(self.count))
        got = [sunk.message for sunk in self.sink.mails[before:] if came(sunk.message)]
        assert len(got) <= 1
        return code, got[0] if got else b""


def came(message: bytes) -> bool:
    """Whether it came from a customer through the gateway, unlike what the gateway writes itself."""
    return message.startswith(b"Received: from client.example")


def folded(message: bytes) -> bool:
    return b"\r\nContent-Type: message/rfc822" in message


def test_a_full_disk_and_a_disk_with_room_again(tmp_path, sink, rules):
    """RLIMIT_FSIZE of the running process stands for the disk: no file can be written, then again each can."""
    with GatewayProcess(settings(tmp_path, sink.port), rules=rules) as service:
        house = House(service, sink)
        code, message = house.send(ABUSE)
        assert (code, folded(message)) == (250, True)
        assert house.send(THREAT) == (250, b"")
        _, most = resource.prlimit(service.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (0, most))
        code, message = house.send(CIVIL)
        assert code == 250
        assert message.endswith(mail(CIVIL, sender=anna(3), number=3))
        code, message = house.send(ABUSE)
        assert code == 250
        assert message.endswith(mail(ABUSE, sender=anna(4), number=4)), "delivered plain"
        code, message = house.send(THREAT)
        assert code == 250, "what can't be recorded has no consequence, and is not lost"
        assert message.endswith(mail(THREAT, sender=anna(5), number=5))
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (most, most))
        code, message = house.send(ABUSE)
        assert (code, folded(message)) == (250, True)
        assert house.send(THREAT) == (250, b"")
        held = json.loads(service.courtesy("held", "list", "--json"))
        assert {one["sender"] for one in held} == {anna(2), anna(7)}
        strikes = {one["address"] for one in json.loads(service.courtesy("sender", "list", "--json"))}
        assert strikes == {anna(1), anna(2), anna(6), anna(7)}
        assert not any("Traceback" in line for line in service.lines)
        assert [line for line in service.lines if "File too large" in line], "it is said"
        service.courtesy("ledger", "check")


def test_a_ledger_file_that_is_torn_while_mail_flows(tmp_path, sink, rules):
    with GatewayProcess(settings(tmp_path, sink.port), rules=rules) as service:
        house = House(service, sink)
        assert folded(house.send(ABUSE)[1])
        (file,) = (tmp_path / "state" / "ledger" / "senders").glob("*.json")
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        for body in (CIVIL, ABUSE, THREAT):
            code, _ = service.send(mail(body, sender=anna(1), number=77), anna(1))
            assert code == 250
            assert [sunk for sunk in sink.mails if came(sunk.message)][-1].message.endswith(mail(body, sender=anna(1), number=77)), "delivered plain"
        assert folded(house.send(ABUSE)[1]), "other senders' files are whole"
        assert file.read_bytes() == whole[: len(whole) // 2], "left untouched for whoever mends it"
        assert any(f"{file.name}" in line for line in service.lines)


def test_a_torn_ledger_or_one_in_use_keeps_the_service_from_starting_and_says_why(tmp_path, sink, rules):
    config = settings(tmp_path, sink.port)
    with GatewayProcess(config, rules=rules) as service:
        house = House(service, sink)
        house.send(ABUSE)
        second = GatewayProcess(config, rules=rules)
        with pytest.raises(AssertionError, match=f"in use by process {service.pid}"):
            second.start()
        second.stop()
        assert folded(house.send(ABUSE)[1]), "the first one is not disturbed"
        service.stop(signal.SIGKILL)
        file = next((tmp_path / "state" / "ledger" / "senders").glob("*.json"))
        file.write_bytes(file.read_bytes()[:-30])
        broken = GatewayProcess(config, rules=rules)
        with pytest.raises(AssertionError, match=rf"{file.name}.*left untouched"):
            broken.start()
        assert "Traceback" not in "\n".join(broken.lines)
        broken.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "systemd"])
def test_a_signal_to_the_whole_group_lets_the_mail_in_progress_be_weighed(tmp_path, sink, rules, number):
    with GatewayProcess(settings(tmp_path, sink.port), rules=rules) as service:
        client = smtplib.SMTP("127.0.0.1", service.port, local_hostname="client.example", timeout=60)
        client.ehlo()
        client.mail(anna(1))
        client.rcpt("support@shop.example")
        client.docmd("DATA")
        for pid in (*children(service.pid), service.pid):
            os.kill(pid, number)
        client.send(mail(ABUSE, sender=anna(1), number=1) + b".\r\n")
        assert client.getreply()[0] == 250
        assert [folded(sunk.message) for sunk in sink.mails if came(sunk.message)] == [True]
        client.close()
        service.stop(number)
        assert not any("Traceback" in line for line in service.lines), service.lines


def test_a_mailbox_server_that_goes_away_and_comes_back_behind_the_service(tmp_path, rules):
    with ThreadedSink() as sink:
        port = sink.port
    with GatewayProcess(settings(tmp_path, port), rules=rules) as service:

        def tried(body: str, number: int) -> int:
            with smtplib.SMTP("127.0.0.1", service.port, local_hostname="client.example", timeout=60) as client:
                client.ehlo()
                client.mail(anna(number))
                code, _ = client.rcpt("support@shop.example")
                return client.data(mail(body, sender=anna(number), number=number))[0] if code == 250 else code

        assert tried(CIVIL, 1) == tried(ABUSE, 2) == 451
        with ThreadedSink(port) as back:
            assert tried(CIVIL, 1) == tried(ABUSE, 2) == 250
            assert [folded(sunk.message) for sunk in back.mails if came(sunk.message)] == [False, True]
            wait_until(lambda: any(b"Auto-Submitted: auto-replied" in sunk.message for sunk in back.mails))


def test_a_weigher_whose_service_is_gone_ends_without_a_word(rules):
    weigher = subprocess.Popen([sys.executable, "-m", "gateway.edge.weigher"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    weigher.stdout.close()
    weigher.stdin.write(frame(Order((rules,), ReadingLimits())))
    weigher.stdin.close()
    with weigher.stderr:
        assert weigher.stderr.read() == b""
    assert weigher.wait(60) == 0


# --- the mailbox server fails in the middle ------------------------------------------------------------------------------


class Half:
    """A mailbox server that takes half of what comes after DATA, or gives half of a reply, and hangs up; later it is well."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.well = False
        self.messages: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._converse(reader, writer)
        writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 half\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-half\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go\r\n")
                if not self.well and self.fault == "body":
                    await reader.readexactly(200_000)
                    return
                message = await reader.readuntil(b"\r\n.\r\n")
                if not self.well:
                    writer.write({"no reply": b"", "half a code": b"25", "half a line": b"250 2.0.0 O", "a line of two": b"250-one\r\n"}[self.fault])
                    await writer.drain()
                    return
                self.messages.append(message[:-3])
                writer.write(b"250 2.0.0 Ok\r\n")
            else:
                writer.write(b"250 2.0.0 Ok\r\n")


@pytest.mark.parametrize("fault", ["body", "no reply", "half a code", "half a line", "a line of two"])
async def test_a_mailbox_server_that_breaks_off_in_the_middle_is_451_and_the_next_try_arrives(fault):
    server = Half(fault)
    listening = await asyncio.start_server(server, "127.0.0.1", 0, limit=1 << 24)
    message = b"Subject: x\r\n\r\n" + b"A line of sixty characters that goes on and on and on.......\r\n" * 16_000
    address = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with gateway(settings_for(address)) as house, house.client() as client:
        await client.hello()
        assert (await client.mail(message)).startswith("451 4.3.0")
        server.well = True
        assert (await client.mail(message)).startswith("250")
        assert server.messages == [message]
    listening.close()


@pytest.mark.parametrize("thinks", [abusive(), threat()], ids=["folded", "held"])
async def test_one_of_three_recipients_is_refused_and_the_verdict_holds_for_the_other_two(tmp_path, thinks):
    async with gate_house(tmp_path) as house:
        house.reader.thinks = thinks
        house.sink.recipients["postmaster@shop.example"] = "550 5.1.1 no such mailbox"
        client: Client = house.client
        assert (await client.say("MAIL FROM:<anna@client.example>")).startswith("250")
        assert (await client.say("RCPT TO:<support@shop.example>")).startswith("250")
        assert await client.say("RCPT TO:<postmaster@shop.example>") == "550 5.1.1 no such mailbox"
        assert (await client.say("RCPT TO:<support+complaints@shop.example>")).startswith("250")
        assert (await client.say("DATA")).startswith("354")
        await client.send(mail("You are an idiot.") + b".\r\n")
        assert (await client.reply()).startswith("250")
        verbatim, *other = house.sink.mails
        assert verbatim.recipients == ("support+complaints@shop.example",)
        assert verbatim.message.endswith(mail("You are an idiot."))
        held = await house.held.held()
        if held:
            assert [one.envelope.recipients for one in held] == [("support@shop.example",)]
        else:
            assert [(one.recipients, folded(one.message)) for one in other] == [(("support@shop.example",), True)]


@pytest.mark.parametrize("reply", ["554 5.7.1 looks like spam", "452 4.3.1 no room"])
async def test_what_the_mailbox_server_refuses_after_data_is_told_and_a_resend_asks_it_again_where_it_may(tmp_path, reply):
    async with gate_house(tmp_path) as house:
        house.reader.thinks = abusive()
        house.sink.replies["message"] = reply
        for _ in range(2):
            assert await house.send(mail("You are an idiot.")) == reply
        assert await house.strikes() == 1
        assert await house.outgoing() == [], "what wasn't delivered is answered by nobody but its own server"
        asked = house.sink.commands.count("DATA")
        del house.sink.replies["message"]
        code = await house.send(mail("You are an idiot."))
        assert code == (reply if reply.startswith("5") else "250 2.0.0 Ok: sunk")
        assert house.sink.commands.count("DATA") == asked + (not reply.startswith("5"))
        assert await house.strikes() == 1


async def test_a_sink_that_is_slow_at_every_step_still_gets_every_mail_once():
    async with Sink() as sink, gateway(settings_for(sink.address)) as house:
        sink.delays = dict.fromkeys(("connect", "ehlo", "mail", "rcpt", "data", "message", "rset"), 0.05)

        async def one(number: int) -> str:
            async with house.client() as client:
                await client.hello()
                return await client.mail(b"Subject: %d\r\n\r\nhello\r\n" % number)

        assert {reply[:3] for reply in await asyncio.gather(*(one(number) for number in range(60)))} == {"250"}
        assert sorted(sunk.message for sunk in sink.mails) == sorted(b"Subject: %d\r\n\r\nhello\r\n" % number for number in range(60))
