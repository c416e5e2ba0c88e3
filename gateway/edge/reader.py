"""Weigher processes, leased one mail at a time, under a deadline; a late one is ended and replaced."""

import asyncio
import logging
import os
import pickle
import sys
from dataclasses import dataclass, field, replace

from gateway.edge.weigher import FRAME, LONGEST_FRAME, Mail, Order, Ready, Rejected, frame, unscored
from gateway.errors import BadInput, WeighingFailed
from gateway.numbers import Policy
from gateway.values import Assessment, Reading

log = logging.getLogger("courtesy.reader")

_START_SECONDS = 240


def workers_wanted(configured: int) -> int:
    """How many weighers: as configured, else one a core with one core left for the server."""
    return configured or max(1, (os.cpu_count() or 1) - 1)


@dataclass(slots=True, eq=False)
class _Worker:
    process: asyncio.subprocess.Process
    ready: Ready
    generation: int

    async def weigh(self, mail: Mail) -> tuple[Reading, Assessment]:
        assert self.process.stdin is not None  # noqa: S101 - opened with pipes
        self.process.stdin.write(frame(mail))
        await self.process.stdin.drain()
        answer = await receive(self.process)
        if not (isinstance(answer, tuple) and len(answer) == 2):
            raise WeighingFailed("the weigher answered out of turn")
        reading, assessment = answer
        assert isinstance(reading, Reading)  # noqa: S101 - our own pickle
        assert isinstance(assessment, Assessment)  # noqa: S101 - our own pickle
        return reading, assessment


async def stands_ready(process: asyncio.subprocess.Process, order: Order) -> Ready:
    """Tell a new weigher what to do and wait until it can do it.

    Raises:
        BadInput: the rules have errors.
        WeighingFailed: it ended.
    """
    assert process.stdin is not None  # noqa: S101 - opened with pipes
    process.stdin.write(frame(order))
    answer = await receive(process)
    if isinstance(answer, Rejected):
        raise BadInput(answer.problems)
    if not isinstance(answer, Ready):
        raise WeighingFailed("a weigher couldn't be started")
    return answer


async def receive(process: asyncio.subprocess.Process) -> object:
    """The next answer of a weigher.

    Raises:
        WeighingFailed: it ended.
    """
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
    _ready: Ready | None = None
    _generation: int = 0
    _starting: set[asyncio.Task[None]] = field(default_factory=set)
    _ending: set[asyncio.Task[None]] = field(default_factory=set)
    _closed: bool = False

    @property
    def version(self) -> str:
        """The version of the rules in force."""
        return self._ready.version if self._ready else ""

    def policy(self) -> Policy:
        """The numbers that belong to these rules."""
        assert self._ready is not None  # noqa: S101 - asked for after the start
        return self._ready.policy

    @property
    def scoring(self) -> frozenset[str]:
        """Ids of the rules in force that give points."""
        return self._ready.scoring if self._ready else frozenset()

    @property
    def alive(self) -> int:
        """How many weighers run."""
        return sum(worker.process.returncode is None for worker in self._all)

    @property
    def idle(self) -> int:
        """How many of them wait for a mail."""
        return self._idle.qsize()

    async def start(self) -> None:
        """Start the weighers.

        Raises:
            BadInput: the rules have errors.
            WeighingFailed: they couldn't be started.
        """
        self._take(self.order, await self._spawn_all(self.order))

    async def _spawn_all(self, order: Order) -> list[_Worker]:
        """As many weighers as are wanted, all of one version, or none at all; the first one tries the rules."""
        ready = [await self._spawn(order, self._generation + 1)]
        fresh = await asyncio.gather(*(self._spawn(replace(order, examples=False), self._generation + 1) for _ in range(self.count - 1)), return_exceptions=True)
        ready += [worker for worker in fresh if isinstance(worker, _Worker)]
        if len(ready) < self.count or len({worker.ready.version for worker in ready}) > 1:
            for worker in ready:
                self._dismiss(worker)
            changed = "the rules changed while they were loaded" if len(ready) == self.count else "a weigher couldn't be started"
            raise WeighingFailed(changed)
        return ready

    def _take(self, order: Order, ready: list[_Worker]) -> None:
        """From here on mail is judged by these; nothing can come between, for nothing is waited for."""
        self.order, self._ready, self._generation = replace(order, examples=False), ready[0].ready, ready[0].generation
        for task in self._starting:  # weighers of the old rules that were about to be replaced
            task.cancel()
        while not self._idle.empty():
            self._dismiss(self._idle.get_nowait())
        for worker in ready:
            self._idle.put_nowait(worker)

    async def _spawn(self, order: Order, generation: int) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "gateway.edge.weigher", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
        )
        try:
            ready = await asyncio.wait_for(stands_ready(process, order), _START_SECONDS)
        except BaseException as error:
            self._bury(process)
            if isinstance(error, (TimeoutError, ConnectionError)):
                raise WeighingFailed("a weigher couldn't be started") from error
            raise
        worker = _Worker(process, ready, generation)
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
        except asyncio.CancelledError:
            # nobody waits for the answer any more, so the worker isn't at the beginning of a frame
            if worker is not None:
                self._replace(worker)
            raise
        else:
            self._give_back(worker)
            return result
        log.warning("a mail goes on unscored: %s", error)
        if worker is not None:
            self._replace(worker)
        return Reading(()), unscored(error, self.version)

    def _give_back(self, worker: _Worker) -> None:
        if worker.generation != self._generation or self._closed:
            self._dismiss(worker)
        else:
            self._idle.put_nowait(worker)

    def _replace(self, worker: _Worker) -> None:
        """End a worker that is late or gone, and start another in its place."""
        self._dismiss(worker)
        if not self._closed and worker.generation == self._generation:
            task = asyncio.get_running_loop().create_task(self._refill())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _refill(self) -> None:
        pause = 0.5
        while not self._closed:
            try:
                worker = await self._spawn(self.order, self._generation)
            except (WeighingFailed, BadInput) as error:
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
            BadInput: the new rules have errors.
            WeighingFailed: the new rules couldn't be loaded.
        """
        self._take(order, await self._spawn_all(order))
        return self.version

    async def close(self) -> None:
        """End all weighers."""
        self._closed = True
        for task in list(self._starting):
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for worker in list(self._all):
            self._dismiss(worker)
        await asyncio.gather(*self._ending)

    def _dismiss(self, worker: _Worker) -> None:
        self._all.discard(worker)
        self._bury(worker.process)

    def _bury(self, process: asyncio.subprocess.Process) -> None:
        """End a process, and wait for its end beside everything else."""
        if process.returncode is None:
            process.kill()
        task = asyncio.get_running_loop().create_task(gone(process))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def gone(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a weigher and give back what it had of us."""
    await process.wait()
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
