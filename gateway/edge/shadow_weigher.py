"""A weigher beside those of the service, that gives way to them: it has all the time, and nobody is hurt when it ends."""

import asyncio
import sys
from dataclasses import dataclass, replace

from gateway.edge.reader import gone, receive, stands_ready
from gateway.edge.weigher import Order, Ready, frame
from gateway.errors import WeighingFailed
from gateway.values import Assessment, Reading

_START_SECONDS = 1_800
"""On a busy host it gets little processor time."""
_MAIL_SECONDS = 600


@dataclass(slots=True, eq=False)
class PatientWeigher:
    """One weigher process, of the lowest priority; it weighs mails that were read already."""

    process: asyncio.subprocess.Process
    ready: Ready

    @classmethod
    async def start(cls, order: Order) -> "PatientWeigher":
        """Start one.

        Raises:
            BadInput: the rules have errors.
            WeighingFailed: it couldn't be started.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "gateway.edge.weigher", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
        )
        try:
            ready = await asyncio.wait_for(stands_ready(process, replace(order, patient=True)), _START_SECONDS)
        except BaseException as error:
            await _bury(process)
            if isinstance(error, (TimeoutError, ConnectionError)):
                raise WeighingFailed("its weigher couldn't be started") from error
            raise
        return cls(process, ready)

    async def weigh(self, reading: Reading) -> Assessment:
        """Weigh a mail.

        Raises:
            WeighingFailed: the weigher ended, or is stuck.
        """
        assert self.process.stdin is not None  # noqa: S101 - opened with pipes
        try:
            async with asyncio.timeout(_MAIL_SECONDS):
                self.process.stdin.write(frame(reading))
                await self.process.stdin.drain()
                answer = await receive(self.process)
        except TimeoutError:
            raise WeighingFailed("its weigher is stuck") from None
        except (WeighingFailed, ConnectionError):
            raise WeighingFailed("its weigher ended") from None
        if not isinstance(answer, Assessment):
            raise WeighingFailed("its weigher answered out of turn")
        return answer

    async def died(self) -> None:
        """Wait until it ends, whoever ends it."""
        await self.process.wait()

    async def end(self) -> None:
        """End it."""
        await _bury(self.process)


async def _bury(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await gone(process)
