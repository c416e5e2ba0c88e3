"""The one thread in which all work on the ledger's files is done, and whether it rests."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class LedgerThread(ThreadPoolExecutor):
    """An executor with one thread; the event loop alone hands work to it."""

    def __init__(self) -> None:
        super().__init__(1, thread_name_prefix="ledger")
        self._jobs: set[Future[Any]] = set()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Hand a piece of work over."""
        job: Future[T] = super().submit(fn, *args, **kwargs)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job

    @property
    def resting(self) -> bool:
        """Whether nothing is being done and nothing waits, so that the loop may look at what the thread keeps in memory."""
        return not self._jobs
