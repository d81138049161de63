"""What several threads do at once: every item once, no more at a time than allowed, and an end that is heard."""

from __future__ import annotations

import threading
import time

import pytest

from engine.common.threads import as_done


def test_every_item_is_done_once_and_so_many_at_a_time() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def double(item: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1
        return 2 * item

    assert dict(as_done(double, range(12), 3, lambda: None)) == {place: 2 * place for place in range(12)}
    assert 1 < most <= 3
    assert dict(as_done(double, [], 3, lambda: None)) == {}


def test_who_asks_for_the_end_does_not_wait_for_what_is_left() -> None:
    hold, begun = threading.Event(), []

    def wait(item: int) -> None:
        begun.append(item)
        hold.wait()

    def stop() -> None:
        if begun:
            raise InterruptedError

    try:
        with pytest.raises(InterruptedError):
            list(as_done(wait, range(50), 2, stop))
    finally:
        hold.set()
    assert len(begun) <= 3


def test_an_error_of_one_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        list(as_done(lambda item: 1 // item, [1, 0, 1], 2, lambda: None))
