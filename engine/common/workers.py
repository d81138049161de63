"""Work on batches shared between this process and helpers of its own; results come in the order of the batches."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 3  # batches a helper has waiting
_MOST_HELPERS = 7


def shared(work: Callable[[Item], Result], items: Iterable[Item | None], helpers: int) -> Iterator[Result]:
    """``work`` of every item. With ``helpers`` this process works too, whenever all of them have enough to do.

    ``work`` must be picklable. A helper that can't do it returns NotImplemented, and it is done here. None among the
    items is no work: it waits for all before it, so that what comes behind may depend on them.
    """
    if helpers < 1:
        yield from (work(item) for item in items if item is not None)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(helpers, mp_context=context, initializer=_begin)
    gc.freeze()  # rows come and go by the thousand: what was here before need not be looked through each time
    waiting: deque[tuple[Item, Future[Result] | None, Result | None]] = deque()
    try:
        for item in items:
            while item is None and waiting:
                yield _result(work, *waiting.popleft())
            if item is None:
                continue
            future = None
            if sum(each is not None and not each.done() for _, each, _ in waiting) < helpers * _AHEAD:
                future = _submitted(pool, work, item)
            waiting.append((item, future, None if future else work(item)))
            while waiting and (waiting[0][1] is None or waiting[0][1].done()):
                yield _result(work, *waiting.popleft())
        while waiting:
            yield _result(work, *waiting.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        gc.unfreeze()


def spare_processors() -> int:
    """Processors this process may use beside its own one, 7 at most."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(0, min(usable - 1, _MOST_HELPERS))


def _submitted(pool: ProcessPoolExecutor, work: Callable[[Item], Result], item: Item) -> Future[Result] | None:
    try:
        return pool.submit(work, item)
    except BrokenExecutor:
        return None  # a helper was killed: what is left is done here


def _result(work: Callable[[Item], Result], item: Item, future: Future[Result] | None, result: Result | None) -> Result:
    if future is None:
        return result  # type: ignore[return-value]
    try:
        result = future.result()
    except BrokenExecutor:
        return work(item)
    return work(item) if result is NotImplemented else result


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asked ends its helpers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.freeze()


def _end_with_parent() -> None:
    """A killed process can't end its helpers, and they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
