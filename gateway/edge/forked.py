"""The same work on every core: what was loaded once is shared with forked processes, results come back in order."""

import gc
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_work: Callable[[Any], Any] | None = None
"""What the forked processes do; set before the fork, so that nothing of it has to travel."""


def _do(item: Any) -> Any:
    assert _work is not None  # noqa: S101 - set before the fork
    return _work(item)


def spread(work: Callable[[_In], _Out], items: Iterable[_In], processes: int = 0) -> Iterator[_Out]:
    """Do the same with every item, on all cores.

    Args:
        work: may be a closure over whatever was loaded; it and what it needs is not copied.
        items: each small enough to travel through a pipe.
        processes: how many; 0 for one a core, 1 for none but this one.

    Yields:
        what `work` makes of each item, in the order of the items.
    """
    global _work  # noqa: PLW0603 - the one way to hand a closure to a forked child
    wanted = processes or len(os.sched_getaffinity(0))
    if wanted == 1:
        yield from map(work, items)
        return
    _work = work
    # the children only read what is there: without collections its pages stay shared
    gc.collect()
    gc.freeze()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pool = multiprocessing.get_context("fork").Pool(wanted)
        with pool:
            yield from pool.imap(_do, items)
    finally:
        gc.unfreeze()
        _work = None
