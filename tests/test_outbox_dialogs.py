"""Our own mail on its way out, against a small real server."""

import asyncio
import contextlib
import shutil
import socket
from datetime import timedelta

import pytest
from ledger_makers import NOON, Clock, a_mail, an_incident
from outbox_sink import Sink, self_signed, serving

from gateway.edge.durable import Disk
from gateway.edge.ledger_files import Changes
from gateway.edge.outbox import GIVE_UP, Outbox, retry_at
from gateway.edge.settings import Accept, Addresses, Downstream, NoticeSettings, Outbound, Settings
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
async def ledger(tmp_path, clock):
    async with await TinyLedger.open(tmp_path / "ledger", clock=clock) as opened:
        yield opened


def settings_for(address, notices_per_hour=200, **route):
    return Settings(
        hostname="gw.shop.example",
        downstream=Downstream(address="127.0.0.1:1"),
        outbound=Outbound(address=address, **route),
        accept=Accept(recipients=("support@shop.example",)),
        addresses=Addresses(support="support@shop.example"),
        notices=NoticeSettings(per_hour=notices_per_hour),
    )


def outbox_for(ledger, clock, address, told=None, **more):
    def observe(kind, outcome):
        if told is not None:
            told.append((kind, outcome))

    return Outbox(ledger, settings_for(address, **more), clock=clock, seconds=5, observe=observe)


async def put(ledger, *mails):
    await ledger.apply(Changes(outgoing=mails))


async def test_a_notice_leaves_with_the_null_reverse_path_unchanged(ledger, clock, sink):
    message = b"Subject: about your mail\r\n\r\n.a line with a dot\r\n..two\r\nlast\r\n"
    await ledger.record(an_incident(), None, (a_mail(message=message),))
    told = []
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address, told).send_due() == 1
        assert await outbox_for(ledger, clock, address).send_due() == 0
    assert sink.mails == [("<>", ("anna@example.net",), message)]
    assert await ledger.waiting() == ()
    assert [mail.error for mail in await ledger.posted(NOON)] == [""]
    assert told == [("warning", "sent")]


async def test_a_mail_that_is_too_big_is_not_even_sent(ledger, clock, sink):
    await put(ledger, a_mail(message=b"Subject: x\r\n\r\n" + b"x" * 2000))
    async with serving(sink, data_size_limit=1000) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 0
    assert sink.options == []
    assert (await ledger.posted(NOON))[0].error.startswith("552")


async def test_several_mails_use_one_connection(ledger, clock, sink):
    await put(ledger, *(a_mail(f"N{number}", created=NOON - timedelta(minutes=number)) for number in range(45)))
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 45
    assert sink.sessions == 1
    assert await ledger.waiting() == ()


async def test_no_report_is_asked_for_where_dsn_is_offered(ledger, clock, sink):
    await put(ledger, a_mail())
    async with serving(sink, dsn=True) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 1
    assert "NOTIFY=NEVER" in sink.options


async def test_a_temporary_refusal_is_tried_again_later_and_later(ledger, clock, sink):
    await put(ledger, a_mail(recipients=("say451@example.net",)))
    told = []
    pauses = []
    async with serving(sink) as address:
        outbox = outbox_for(ledger, clock, address, told)
        for _ in range(11):
            assert await outbox.send_due() == 0
            (mail,) = await ledger.waiting()
            pauses.append((mail.next_try - clock()).total_seconds() / 60)
            assert mail.last_error == "451 4.1.1 said 451"
            clock.now = mail.next_try - timedelta(seconds=1)
            assert await outbox.send_due() == 0
            assert (await ledger.waiting()) == (mail,), "not before its time"
            clock.now = mail.next_try
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240]
    assert told == [("warning", "retry")] * 11


async def test_after_five_days_it_is_given_up(ledger, clock, sink, caplog):
    await put(ledger, a_mail(recipients=("say451@example.net",)))
    tries = 0
    async with serving(sink) as address:
        outbox = outbox_for(ledger, clock, address)
        while waiting := await ledger.waiting():
            clock.now = waiting[0].next_try or clock.now
            await outbox.send_due()
            tries += 1
            assert tries < 100
    assert clock.now == NOON + GIVE_UP
    (posted,) = await ledger.posted(NOON)
    assert posted.error == "given up after 5 days: 451 4.1.1 said 451"
    assert "outgoing mail N1 (warning) is given up" in caplog.text
    assert "example.net" not in caplog.text


async def test_a_permanent_refusal_is_given_up_at_once(ledger, clock, sink):
    await put(ledger, a_mail(recipients=("say550@example.net",)), a_mail("N2"))
    told = []
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address, told).send_due() == 1
    assert await ledger.waiting() == ()
    assert {mail.id: mail.error for mail in await ledger.posted(NOON)} == {"N1": "550 5.1.1 said 550", "N2": ""}
    assert sorted(told) == [("warning", "gave_up"), ("warning", "sent")]


@pytest.mark.parametrize(("where", "reply", "waits"), [
    ("at_mail", "451 later", True), ("at_mail", "550 no", False), ("at_data", "451 later", True), ("at_data", "554 no", False),
    ("at_data", "421 closing", True), ("at_mail", "421 closing", True),
])  # fmt: skip
async def test_refusals_of_the_whole_mail(ledger, clock, sink, where, reply, waits):
    setattr(sink, where, reply)
    await put(ledger, a_mail(recipients=("a@example.net", "b@example.net")))
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 0
    assert len(await ledger.waiting()) == waits
    posted = await ledger.posted(NOON)
    assert [mail.error for mail in posted] == ([] if waits else [f"{reply}; {reply}"])


async def test_each_recipient_is_served_on_his_own(ledger, clock, sink):
    await put(
        ledger, a_mail(kind="threat", recipients=("a@example.net", "say451@example.net", "say550@example.net"), sender="gw@shop.example")
    )
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 1
    assert [(sender, recipients) for sender, recipients, _ in sink.mails] == [("gw@shop.example", ("a@example.net",))]
    (mail,) = await ledger.waiting()
    assert mail.recipients == ("say451@example.net",), "who has it gets it no second time"
    assert "550 5.1.1 said 550" in mail.last_error


async def test_a_line_that_drops_is_tried_again_and_does_not_hinder_others(ledger, clock, sink):
    await put(ledger, a_mail(recipients=("drop@example.net",), created=NOON - timedelta(minutes=1)), a_mail("N2"))
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 1
    (mail,) = await ledger.waiting()
    assert (mail.id, mail.attempts) == ("N1", 1)
    assert sink.sessions == 2


async def test_a_server_that_closes_in_between_is_tried_again(ledger, clock, sink):
    await put(ledger, a_mail(recipients=("say421@example.net",)))
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 0
    (mail,) = await ledger.waiting()
    assert mail.last_error.startswith("421")


async def test_a_server_that_is_away_makes_all_wait_and_is_asked_once(ledger, clock):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        await put(ledger, *(a_mail(f"N{number}") for number in range(30)))
        assert await outbox_for(ledger, clock, address).send_due() == 0
    waiting = await ledger.waiting()
    assert {(mail.attempts, mail.next_try) for mail in waiting} == {(1, NOON + timedelta(minutes=1))}
    assert address in waiting[0].last_error


@pytest.mark.parametrize(
    "greeting", [b"554 go away\r\n", b"421 busy\r\n", b"", b"nonsense\r\n", b"220 hi\r\n500 no EHLO\r\n500 no HELO\r\n"]
)
async def test_a_server_that_refuses_us_is_no_mails_fault(ledger, clock, greeting):
    async def answer(reader, writer):
        writer.write(greeting)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            await asyncio.wait_for(reader.read(200), 5)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        await put(ledger, a_mail())
        outbox = Outbox(ledger, settings_for(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"), clock=clock, seconds=1)
        assert await outbox.send_due() == 0
    (mail,) = await ledger.waiting()
    assert mail.attempts == 1
    assert mail.last_error


async def test_a_silent_server_costs_only_our_patience(ledger, clock):
    async def answer(reader, writer):
        await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        await put(ledger, a_mail())
        outbox = Outbox(ledger, settings_for(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"), clock=clock, seconds=0.2)
        assert await outbox.send_due() == 0
    assert (await ledger.waiting())[0].attempts == 1


async def test_addresses_beyond_ascii_need_smtputf8(ledger, clock, sink):
    await put(ledger, a_mail(recipients=("жанна@example.com",)))
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 1
    assert sink.mails[0][1] == ("жанна@example.com",)
    assert "SMTPUTF8" in sink.options[0]
    await put(ledger, a_mail("N2", recipients=("жанна@example.com",)))
    async with serving(sink, utf8=False) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 0
    assert "doesn't offer it" in (await ledger.posted(NOON))[-1].error


async def test_an_address_can_not_smuggle_a_command(ledger, clock, sink):
    await put(ledger, a_mail(recipients=("a@example.net>\r\nRCPT TO:<b@example.net",)))
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 0
    assert sink.mails == []
    assert "control character" in (await ledger.posted(NOON))[0].error


async def test_eight_bit_messages_say_so(ledger, clock, sink):
    await put(ledger, a_mail(message="Subject: x\r\n\r\nÜber\r\n".encode()))
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address).send_due() == 1
    assert "BODY=8BITMIME" in sink.options[0]


# --- TLS and login ---


@needs_openssl
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
async def test_tls_with_a_login(ledger, clock, sink, tmp_path, mode):
    context = self_signed(tmp_path)
    (tmp_path / "password").write_text("secret\n")
    await put(ledger, a_mail())
    more = (
        {"tls": context, "require_starttls": True, "auth_required": True}
        if mode == "starttls"
        else {"implicit": context, "auth_require_tls": False}
    )
    async with serving(sink, authenticator=sink.authenticate, **more) as address:
        login = {"tls": mode, "username": "outbox", "password_file": str(tmp_path / "password")}
        assert await outbox_for(ledger, clock, address, **login).send_due() == 0, "nobody knows this certificate"
        assert sink.logins == []
        assert "certificate" in (await ledger.waiting())[0].last_error.lower()
        clock.forward(minutes=1)
        assert await outbox_for(ledger, clock, address, tls_verify=False, **login).send_due() == 1
    assert sink.logins == [("outbox", "secret")]


@needs_openssl
async def test_a_wrong_or_missing_password_gives_nothing_up(ledger, clock, sink, tmp_path):
    context = self_signed(tmp_path)
    await put(ledger, a_mail())
    login = {"tls": "starttls", "tls_verify": False, "username": "outbox", "password_file": str(tmp_path / "password")}
    async with serving(sink, tls=context, authenticator=sink.authenticate, auth_required=True) as address:
        outbox = outbox_for(ledger, clock, address, **login)
        await outbox.send_due()
        assert "password_file" in (await ledger.waiting())[0].last_error
        (tmp_path / "password").write_text("wrong")
        clock.forward(minutes=1)
        await outbox.send_due()
        (mail,) = await ledger.waiting()
        assert mail.attempts == 2
        assert "wrong" not in mail.last_error
        (tmp_path / "password").write_text("secret")
        clock.forward(minutes=2)
        assert await outbox.send_due() == 1


async def test_no_tls_where_the_route_has_none_is_no_silent_fallback(ledger, clock, sink):
    await put(ledger, a_mail())
    async with serving(sink) as address:
        assert await outbox_for(ledger, clock, address, tls="starttls").send_due() == 0
    assert sink.mails == []
    assert (await ledger.waiting())[0].attempts == 1


# --- the cap ---


async def test_notices_have_an_hourly_cap_alerts_and_digests_have_none(ledger, clock, sink):
    notices = [a_mail(f"N{number}", created=NOON - timedelta(hours=2)) for number in range(5)]
    await put(ledger, *notices, a_mail("A1", "threat"), a_mail("D1", "digest"))
    async with serving(sink) as address:
        outbox = outbox_for(ledger, clock, address, notices_per_hour=2)
        assert await outbox.send_due() == 4
        assert [mail.kind for mail in await ledger.waiting()] == ["warning"] * 3
        assert {mail.attempts for mail in await ledger.waiting()} == {0}
        clock.forward(minutes=59)
        assert await outbox.send_due() == 0
        restarted = outbox_for(ledger, clock, address, notices_per_hour=2)
        assert await restarted.send_due() == 0, "a restart doesn't forget the hour"
        clock.forward(minutes=1)
        assert await restarted.send_due() == 2
        clock.forward(hours=1)
        assert await restarted.send_due() == 1


# --- the disk ---


async def test_what_left_but_could_not_be_noted_is_not_sent_again(tmp_path, clock, sink):
    import os

    full = [False]

    def write(descriptor, data):
        if full[0]:
            raise OSError(28, "No space left on device")
        return os.write(descriptor, data)

    async with await TinyLedger.open(tmp_path, clock=clock, disk=Disk(write=write)) as ledger, serving(sink) as address:
        await put(ledger, a_mail(created=NOON - timedelta(minutes=1)), a_mail("N2"))
        outbox = outbox_for(ledger, clock, address)
        full[0] = True
        for _ in range(3):
            with pytest.raises(LedgerFailed, match="No space left"):
                await outbox.send_due()
        assert len(sink.mails) == 1
        full[0] = False
        assert await outbox.send_due() == 1
        assert len(sink.mails) == 2
        assert await ledger.waiting() == ()


# --- running ---


@contextlib.asynccontextmanager
async def running(outbox):
    task = asyncio.create_task(outbox.run())
    try:
        yield task
    finally:
        outbox.stop()
        await asyncio.wait_for(task, 10)


async def until(true):
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


async def test_what_is_recorded_leaves_at_once(ledger, clock, sink):
    async with serving(sink) as address, running(outbox_for(ledger, clock, address)):
        await asyncio.sleep(0.05)
        await ledger.record(an_incident(), None, (a_mail(),))
        await until(lambda: len(sink.mails) == 1)
        await put(ledger, a_mail("N2", "digest"))
        await until(lambda: len(sink.mails) == 2)


async def test_what_waited_over_a_restart_leaves_at_the_start(tmp_path, clock, sink):
    async with await TinyLedger.open(tmp_path, clock=clock) as ledger:
        await put(ledger, a_mail())
    async with (
        await TinyLedger.open(tmp_path, clock=clock) as ledger,
        serving(sink) as address,
        running(outbox_for(ledger, clock, address)),
    ):
        await until(lambda: len(sink.mails) == 1)


async def test_stopping_lets_the_mail_on_its_way_arrive_and_no_other_begin(ledger, clock, sink):
    sink.pause = 0.2
    await put(ledger, *(a_mail(f"N{number}") for number in range(5)))
    async with serving(sink) as address:
        outbox = outbox_for(ledger, clock, address)
        task = asyncio.create_task(outbox.run())
        await until(lambda: sink.options)
        await asyncio.sleep(0.05)
        outbox.stop()
        await asyncio.wait_for(task, 10)
    assert len(sink.mails) == 1
    assert len(await ledger.waiting()) == 4


async def test_no_trouble_of_the_ledger_ends_the_outbox(ledger, clock, sink, caplog):
    class Stumbling:
        def __init__(self):
            self.mail_waiting = ledger.mail_waiting
            self.troubles = [LedgerFailed("disk"), RuntimeError("bug")]

        def __getattr__(self, name):
            return getattr(ledger, name)

        async def due(self, *args, **kwargs):
            if self.troubles:
                raise self.troubles.pop(0)
            return await ledger.due(*args, **kwargs)

    async with serving(sink) as address, running(Outbox(Stumbling(), settings_for(address), clock=clock)) as task:
        for number in range(3):
            await asyncio.sleep(0.05)
            assert not task.done()
            await put(ledger, a_mail(f"N{number}"))
        await until(lambda: len(sink.mails) == 3)
    assert "the outbox waits for the ledger: disk" in caplog.text
    assert "the outbox stumbled" in caplog.text


async def test_the_nap_ends_with_the_next_try(ledger, clock, sink):
    async with serving(sink) as address:
        outbox = outbox_for(ledger, clock, address, notices_per_hour=1)
        assert await outbox._nap() == 60
        await put(ledger, a_mail(created=NOON + timedelta(seconds=7)))
        assert await outbox._nap() == 7
        clock.forward(seconds=10)
        assert await outbox._nap() == 0
        await outbox.send_due()
        await put(ledger, a_mail("N2"))
        assert await outbox._nap() == 60, "the cap is reached, looking again in a minute is soon enough"
        clock.forward(minutes=59, seconds=30)
        assert await outbox._nap() == 30


def test_the_last_try_is_at_the_end_of_the_five_days():
    mail = a_mail()
    assert retry_at(mail, NOON + GIVE_UP - timedelta(seconds=5)) == NOON + GIVE_UP
    assert retry_at(mail, NOON + GIVE_UP) is None
