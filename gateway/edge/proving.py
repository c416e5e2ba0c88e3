"""Signatures and ARC chains verified with dkimpy, keys at hand; large mails in a process of their own, which can be ended.

dkimpy walks over the whole body with regular expressions, a second for 5 MB, and the server would stand still meanwhile.
"""

import asyncio
import functools
import logging
import pickle
import sys
from collections.abc import Mapping

import dkim

log = logging.getLogger("courtesy.identity")
_QUIET = logging.getLogger("courtesy.identity.dkim")
_QUIET.disabled = True  # dkimpy logs header fields

_SMALL = 200_000
_CHAIN = -1
"""In place of a signature's number: the ARC chain."""


async def signature_holds(message: bytes, number: int, keys: Mapping[bytes, bytes]) -> bool:
    """Whether a DKIM signature of a message holds.

    Args:
        message: as received.
        number: of the signature, the topmost is 0.
        keys: key records by their names, without the last dot.
    """
    return await _proven(message, number, dict(keys))


async def chain_holds(message: bytes, keys: Mapping[bytes, bytes]) -> bool:
    """Whether the ARC chain of a message holds (RFC 8617 section 5.2)."""
    return await _proven(message, _CHAIN, dict(keys))


async def _proven(message: bytes, number: int, keys: dict[bytes, bytes]) -> bool:
    if len(message) <= _SMALL:
        return await asyncio.to_thread(_proves, message, number, keys)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.edge.proving", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        answer, _ = await process.communicate(pickle.dumps((message, number, keys)))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()
    return answer == b"holds"


def _proves(message: bytes, number: int, keys: dict[bytes, bytes]) -> bool:
    ask = functools.partial(_key, keys)
    try:
        if number == _CHAIN:
            result, _, _ = dkim.ARC(message, logger=_QUIET).verify(dnsfunc=ask)
            return bool(result == dkim.CV_Pass)
        return bool(dkim.DKIM(message, logger=_QUIET).verify(idx=number, dnsfunc=ask))
    except Exception as error:  # noqa: BLE001 - dkimpy raises all sorts on broken signatures and keys
        log.debug("a signature can't be read: %s", type(error).__name__)
        return False


def _key(keys: dict[bytes, bytes], name: bytes, timeout: float = 0) -> bytes | None:  # noqa: ARG001 - dkimpy's own call
    return keys.get(name.rstrip(b".").lower())


def main() -> None:
    """Answer for the one mail on standard input."""
    message, number, keys = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - from our own parent over our own pipe
    sys.stdout.write("holds" if _proves(message, number, keys) else "doesn't")


if __name__ == "__main__":
    main()
