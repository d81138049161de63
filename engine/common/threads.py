"""One thing done to many items by several threads, as requests to a server that answers some of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

_CHECK_EVERY_S = 0.5
_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


def as_done(
    do: Callable[[_Item], _Done], items: Sequence[_Item], at_once: int, check: Callable[[], None]
) -> Iterator[tuple[int, _Done]]:
    """The place of each item with what ``do`` made of it, as soon as it is done; ``at_once`` are being done.

    ``check`` is called twice a second at least and may raise. What it or ``do`` raises is raised here, and what was
    not begun by then is not done.
    """
    pool = ThreadPoolExecutor(at_once)
    try:
        left = {pool.submit(do, item): place for place, item in enumerate(items)}
        while left:
            check()
            done, _ = wait(left, _CHECK_EVERY_S, FIRST_COMPLETED)
            for future in done:
                yield left.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
