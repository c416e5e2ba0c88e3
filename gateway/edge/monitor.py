"""Answers a monitor on this host: GET /metrics in Prometheus' text format, GET /health with a sentence for what is wrong."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.edge.metrics_text import CONTENT_TYPE
from gateway.edge.settings import split_host_port

log = logging.getLogger("courtesy.monitor")

_PATIENCE = 10.0
_LONGEST = 16_384
_MOST = 32
"""Questions at a time; a monitor asks one."""
_PLAIN = "text/plain; charset=utf-8"
_WORDS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}

Answer = tuple[int, str, str]
"""Status, content type, text."""


class Monitor:
    """A small HTTP server of two pages, for GET and HEAD, a question a connection."""

    def __init__(self, metrics: Callable[[], Awaitable[str]], health: Callable[[], Awaitable[list[str]]]) -> None:
        """Prepare; nothing is opened before `start`.

        Args:
            metrics: the text of all metrics.
            health: a sentence for each thing that is wrong.
        """
        self._metrics = metrics
        self._health = health
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self, address: str) -> tuple[str, int]:
        """Begin to answer.

        Args:
            address: settings.metrics.address.

        Returns:
            tuple[str, int]: host and port.
        """
        host, port = split_host_port(address)
        self._server = await asyncio.start_server(self._talk, host, port, limit=_LONGEST)
        name = self._server.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    async def stop(self) -> None:
        """Close."""
        if self._server is not None:
            self._server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()

    def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._talks) >= _MOST:
            writer.close()
            return
        talk = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
        talk.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                method, _, rest = head.decode("latin-1").partition(" ")
                status, kind, text = await self._answer(method, rest.partition(" ")[0])
                body = text.encode()
                allow = "Allow: GET, HEAD\r\n" if status == 405 else ""
                header = (
                    f"HTTP/1.1 {status} {_WORDS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                    f"{allow}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
                )
                writer.write(header.encode("ascii") + (b"" if method == "HEAD" else body))
                await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("a monitor's question broke off: %s", type(error).__name__)
        except Exception:  # a bug here must not reach the mail
            log.exception("a monitor's question made the service stumble")

    async def _answer(self, method: str, target: str) -> Answer:
        if method not in {"GET", "HEAD"}:
            return (405, _PLAIN, "only GET is answered\n") if method.isalpha() else (400, _PLAIN, "this is no HTTP\n")
        path = target.partition("?")[0]
        if path == "/metrics":
            return 200, CONTENT_TYPE, await self._metrics()
        if path == "/health":
            wrong = await self._health()
            return (503, _PLAIN, "".join(f"{sentence}\n" for sentence in wrong)) if wrong else (200, _PLAIN, "ok\n")
        return 404, _PLAIN, "there are /metrics and /health\n"
