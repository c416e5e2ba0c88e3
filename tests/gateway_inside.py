"""The whole service inside the test's own loop, before a sink, and a client that speaks bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_process import settings
from smtp_gateway import Client
from smtp_sink import Sink

from gateway.edge.service import Running, running
from gateway.edge.settings import load_settings


@dataclass
class Inside:
    running: Running
    sink: Sink
    client: Client

    async def send(self, message: bytes, sender: str, recipient: str = "support@shop.example", options: str = "") -> str:
        """Send a message of CRLF lines, dots doubled here; the final reply."""
        for line in (f"MAIL FROM:<{sender}>{options}", f"RCPT TO:<{recipient}>", "DATA"):
            reply = await self.client.say(line)
            assert reply[:1] in "23", (line, reply)
        stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
        await self.client.send(stuffed + b".\r\n")
        return await self.client.reply(60)

    async def outbox_empty(self) -> None:
        """Wait until all our own mail has left."""
        async with asyncio.timeout(60):
            while await self.running.ledger.waiting():  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.02)


@asynccontextmanager
async def gateway_inside(folder: Path, *, mode: str = "enforce", more: str = "") -> AsyncIterator[Inside]:
    async with Sink() as sink, running(load_settings(settings(folder, sink.port, mode=mode, more=more))) as state:
        client = Client(*await asyncio.open_connection(*state.address))
        try:
            await client.hello()
            yield Inside(state, sink, client)
        finally:
            await client.close()
