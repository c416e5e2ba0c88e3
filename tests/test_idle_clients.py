"""Two thousand clients who only sit there, at every step of the dialogue, and the mail of the others."""

import asyncio
import resource
import time

import pytest
from smtp_gateway import Client, gateway, settings_for, until
from smtp_sink import Sink

from gateway.edge import downstream_pool

IDLE = 2_000
STEPS = (
    (),
    (b"EHLO c.test\r\n",),
    (b"EHLO c.test\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<support@gateway.test>\r\n"),
    (b"EHLO c.test\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<support@gateway.test>\r\n", b"DATA\r\n"),
)
MESSAGE = b"Subject: x\r\n\r\nhello\r\n"


@pytest.fixture
def many_descriptors():
    """Both ends of each connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * IDLE + 500
    if soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            pytest.skip(f"only {hard} descriptors are allowed here, {needed} are needed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
async def test_mail_passes_two_thousand_idle_clients(many_descriptors, monkeypatch):
    monkeypatch.setattr(downstream_pool, "PATIENCE_SECONDS", 0.1)  # so that the crowd is soon seated
    limits = f"connections = {IDLE + 10}\nconnections_per_address = {IDLE + 10}\nmemory = 20_000_000"
    async with Sink() as sink, gateway(settings_for(sink.address, limits=limits)) as house:
        crowd: list[Client] = []

        async def sit(steps: tuple[bytes, ...]) -> None:
            client = Client(*await asyncio.open_connection(house.host, house.port))
            crowd.append(client)
            assert (await client.reply(60)).startswith("220")
            for line in steps:
                await client.send(line)
                assert (await client.reply(60))[:1] in "23", line
            if steps is STEPS[-1]:
                await client.send(b"x" * 1000)

        for start in range(0, IDLE, 40):
            await asyncio.gather(*(sit(STEPS[number % len(STEPS)]) for number in range(start, start + 40)))
        assert house.listener.service.doors.connections == IDLE
        assert house.pool.connections <= 20
        await asyncio.sleep(0.2)  # from now on all of them dawdle
        slowest = 0.0
        for _ in range(50):
            begun = time.monotonic()
            async with house.client() as client:
                await client.hello()
                assert (await client.mail(MESSAGE)).startswith("250")
            slowest = max(slowest, time.monotonic() - begun)
        assert len(sink.mails) == 50
        assert slowest < 1, "who dawdles with a connection to the mailbox server gives it up to who is ready"
        for number, client in enumerate(crowd):  # half of them go on as if nothing had been
            if number % len(STEPS) == 3 and number % 8 == 3:
                await client.send(b"\r\n.\r\n")
                assert (await client.reply(60)).startswith("250")
        assert len(sink.mails) == 50 + IDLE // 8
        for number, client in enumerate(crowd):
            client.reset() if number % 2 else client.writer.close()
        await until(lambda: house.listener.service.doors.connections == 0, 20)
