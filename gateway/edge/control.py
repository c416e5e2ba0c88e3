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
_PATIENCE = 60.0
"""Seconds in which a client has to ask its question."""
_CREDENTIALS = struct.Struct("3i")

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


class ControlServer:
    """Answers one question a line: {"call": NAME, "arguments": {...}} with {"result": ...} or {"error": TEXT}."""

    def __init__(self, state: Path, call: Call) -> None:
        """Prepare; nothing is opened before `start`."""
        self._path = state / SOCKET
        self._call = call
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the socket, readable by our user alone."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._talk, self._path, limit=_LONGEST)
        finally:
            os.umask(mask)

    async def stop(self) -> None:
        """Close the socket."""
        if self._server is not None:
            self._server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
        talk.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # read first: closing a socket with something unread in it throws our answer away
            question = await asyncio.wait_for(reader.readline(), _PATIENCE)
            trusted = _trusted(writer.get_extra_info("socket"))
            answer = await self._answer(question) if trusted else {"error": "only root and the user of the service may ask"}
            writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, TimeoutError, ValueError) as error:
            log.info("a question broke off: %s", error)

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            question = json.loads(line)
            return {"result": await self._call(str(question["call"]), dict(question["arguments"]))}
        except GatewayError as error:
            return {"error": str(error)}
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            return {"error": f"the question can't be understood: {error}"}
        except Exception as error:  # a bug in one operation is no reason to leave its asker without a word
            log.exception("a question made the service stumble")
            return {"error": f"the service stumbled ({type(error).__name__}); its log says more"}


class _NobodyListens(Exception):
    """No service has opened the socket, or this user may not open it."""


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
        GatewayError: the service says that it can't be done, or doesn't answer.
    """
    try:
        answer = json.loads(_asked(state, call, arguments, seconds))
    except _NobodyListens:
        raise ConnectionError("no service listens") from None
    except TimeoutError:
        raise GatewayError(f"the service didn't answer in time ({seconds:g} seconds); what was asked for may still happen") from None
    except (OSError, ValueError):
        raise GatewayError("the service closed without an answer; what was asked for may have happened") from None
    if "error" in answer:
        raise GatewayError(answer["error"])
    return answer["result"]


def _asked(state: Path, call: str, arguments: dict[str, Any], seconds: float) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(state / SOCKET))
        except OSError as error:
            raise _NobodyListens from error
        connection.sendall(json.dumps({"call": call, "arguments": arguments}).encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        data = b""
        while piece := connection.recv(1 << 16):
            data += piece
    return data
