"""Weigher processes, leased one mail at a time, under a deadline; a late one is ended and replaced."""

import asyncio
import logging
import os
import pickle
import sys
from dataclasses import dataclass, field

from gateway.edge.weigher import FRAME, LONGEST_FRAME, Mail, Order, Ready, frame, unscored
from gateway.errors import WeighingFailed
from gateway.values import Assessment, Reading

log = logging.getLogger("courtesy.reader")

_START_SECONDS = 60


def workers_wanted(configured: int) -> int:
    """How many weighers: as configured, else one a core with one core left for the server."""
    return configured or max(1, (os.cpu_count() or 1) - 1)


@dataclass(slots=True, eq=False)
class _Worker:
    process: asyncio.subprocess.Process
    version: str

    async def weigh(self, mail: Mail) -> tuple[Reading, Assessment]:
        assert self.process.stdin is not None  # noqa: S101 - opened with pipes
        self.process.stdin.write(frame(mail))
        await self.process.stdin.drain()
        answer = await _receive(self.process)
        if not (isinstance(answer, tuple) and len(answer) == 2):
            raise WeighingFailed("the weigher answered out of turn")
        reading, assessment = answer
        assert isinstance(reading, Reading)  # noqa: S101 - our own pickle
        assert isinstance(assessment, Assessment)  # noqa: S101 - our own pickle
        return reading, assessment

    def end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()


async def _receive(process: asyncio.subprocess.Process) -> object:
    assert process.stdout is not None  # noqa: S101 - opened with pipes
    try:
        (length,) = FRAME.unpack(await process.stdout.readexactly(FRAME.size))
        if length > LONGEST_FRAME:
            raise WeighingFailed("the weigher's answer is too long")
        body = await process.stdout.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise WeighingFailed("the weigher ended") from error
    value: object = pickle.loads(body)  # noqa: S301 - from our own child over our own pipe
    return value


@dataclass(eq=False)
class ProcessReader:
    """A `gateway.ports.Reader` on worker processes.

    Attributes:
        order: rules folders and limits.
        count: how many weighers.
        deadline: seconds that one mail may take.
    """

    order: Order
    count: int
    deadline: float
    _idle: asyncio.Queue[_Worker] = field(default_factory=asyncio.Queue)
    _all: set[_Worker] = field(default_factory=set)
    _version: str = ""
    _starting: set[asyncio.Task[None]] = field(default_factory=set)
    _closed: bool = False

    @property
    def version(self) -> str:
        """The version of the rules in force."""
        return self._version

    async def start(self) -> None:
        """Start the weighers.

        Raises:
            WeighingFailed: they couldn't be started.
        """
        workers = await asyncio.gather(*(self._spawn(self.order) for _ in range(self.count)))
        self._version = workers[0].version
        for worker in workers:
            self._idle.put_nowait(worker)

    async def _spawn(self, order: Order) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.edge.weigher", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
        )
        assert process.stdin is not None  # noqa: S101 - opened with pipes
        try:
            process.stdin.write(frame(order))
            ready = await asyncio.wait_for(_receive(process), _START_SECONDS)
        except (WeighingFailed, TimeoutError, ConnectionError) as error:
            if process.returncode is None:
                process.kill()
            raise WeighingFailed("a weigher couldn't be started") from error
        if not isinstance(ready, Ready):
            raise WeighingFailed("a weigher couldn't be started")
        worker = _Worker(process, ready.version)
        self._all.add(worker)
        return worker

    async def weigh(self, message: bytes, return_path: str) -> tuple[Reading, Assessment]:
        """Read and weigh a mail; trouble and lateness give an unscored assessment, never an exception."""
        worker: _Worker | None = None
        try:
            async with asyncio.timeout(self.deadline):
                worker = await self._idle.get()
                while worker.process.returncode is not None:
                    self._replace(worker)
                    worker = await self._idle.get()
                result = await worker.weigh(Mail(message, return_path))
        except TimeoutError:
            error = "reading and weighing ran late"
        except (WeighingFailed, ConnectionError) as trouble:
            error = str(trouble)
        else:
            self._give_back(worker)
            return result
        log.warning("a mail goes on unscored: %s", error)
        if worker is not None:
            self._replace(worker)
        return Reading(()), unscored(error, self._version)

    def _give_back(self, worker: _Worker) -> None:
        if worker.version != self._version or self._closed:
            self._all.discard(worker)
            worker.end()
        else:
            self._idle.put_nowait(worker)

    def _replace(self, worker: _Worker) -> None:
        """End a worker that is late or gone, and start another in its place."""
        self._all.discard(worker)
        worker.end()
        if not self._closed:
            task = asyncio.get_running_loop().create_task(self._refill())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _refill(self) -> None:
        pause = 0.5
        while not self._closed:
            try:
                worker = await self._spawn(self.order)
            except WeighingFailed as error:
                log.error("%s; trying again", error)  # noqa: TRY400 - the sentence says it all
                await asyncio.sleep(pause)
                pause = min(30.0, pause * 2)
            else:
                self._idle.put_nowait(worker)
                return

    async def reload(self, order: Order) -> str:
        """Put new rules in force between two mails; on any trouble the old ones stay.

        Returns:
            str: the version in force now.

        Raises:
            WeighingFailed: the new rules couldn't be loaded.
        """
        fresh = await asyncio.gather(*(self._spawn(order) for _ in range(self.count)), return_exceptions=True)
        ready = [worker for worker in fresh if isinstance(worker, _Worker)]
        if len(ready) < self.count:
            for worker in ready:
                self._all.discard(worker)
                worker.end()
            raise WeighingFailed("the new rules couldn't be loaded; the old ones stay in force")
        self.order, self._version = order, ready[0].version
        while not self._idle.empty():
            old = self._idle.get_nowait()
            self._all.discard(old)
            old.end()
        for worker in ready:
            self._idle.put_nowait(worker)
        return self._version

    async def close(self) -> None:
        """End all weighers."""
        self._closed = True
        for task in list(self._starting):
            task.cancel()
        for worker in list(self._all):
            worker.end()
        for worker in list(self._all):
            await worker.process.wait()
            transport = getattr(worker.process, "_transport", None)
            if transport is not None:
                transport.close()
        self._all.clear()
