"""The control socket: the command line asks the running service; only root and the service's own user may."""

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError

log = logging.getLogger("courtesy.control")

SOCKET = "control.sock"
_LONGEST = 64 * 1024 * 1024
_CREDENTIALS = struct.Struct("3i")

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


class ControlServer:
    """Answers one question a line: {"call": NAME, "arguments": {...}} with {"result": ...} or {"error": TEXT}."""

    def __init__(self, state: Path, call: Call) -> None:
        """Prepare; nothing is opened before `start`."""
        self._path = state / SOCKET
        self._call = call
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Open the socket, readable by our user alone."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=_LONGEST)
        finally:
            os.umask(mask)

    async def stop(self) -> None:
        """Close the socket."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not _trusted(writer.get_extra_info("socket")):
                answer: dict[str, Any] = {"error": "only root and the user of the service may ask"}
            else:
                answer = await self._answer(await reader.readline())
            writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError) as error:
            log.info("a question broke off: %s", error)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            question = json.loads(line)
            return {"result": await self._call(str(question["call"]), dict(question["arguments"]))}
        except GatewayError as error:
            return {"error": str(error)}
        except (KeyError, TypeError, ValueError) as error:
            return {"error": f"the question can't be understood: {error}"}


def _trusted(connection: socket.socket) -> bool:
    _, user, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return user in {0, os.geteuid()}


def ask(state: Path, call: str, arguments: dict[str, Any], seconds: float = 60.0) -> Any:
    """Ask the running service.

    Args:
        state: the state folder of the service.
        call: name of the operation.
        arguments: JSON values.
        seconds: patience.

    Returns:
        Any: the operation's answer, JSON values.

    Raises:
        ConnectionError: no service listens there.
        GatewayError: the service says that it can't be done.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(state / SOCKET))
        except OSError as error:
            raise ConnectionError("no service listens") from error
        connection.sendall(json.dumps({"call": call, "arguments": arguments}).encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        data = b""
        while piece := connection.recv(1 << 16):
            data += piece
    answer = json.loads(data) if data else {"error": "the service closed without an answer"}
    if "error" in answer:
        raise GatewayError(answer["error"])
    return answer["result"]
