"""How many threads a training on the CPU computes with: as many as there are cores that nobody else keeps busy.

Threads that work on one product wait for each other at its end. One that shares its core with another process holds
up all the others, and while they spin in wait they take the cores from the very process they wait for: beside one
busy process on two cores, two threads were three times slower than one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

from engine.machine.host import allowed_processors, usable_cores

WINDOW_S = 2.0
"""Between two looks; the kernel counts in hundredths of a second."""
_LEAST_FREE = 0.6
"""Of a core, for a thread to be worth it. A process that shares all cores with ours is seen as half a core or more."""

Load = tuple[float, float, float]
"""Seconds: now, all processors' busy time, this process's."""


def read_load() -> Load:
    """What this process and all others took of the processors it may run on, up to now."""
    allowed = allowed_processors()
    busy = 0.0
    for index, times in enumerate(psutil.cpu_times(percpu=True)):
        if allowed is None or index in allowed:
            idle = times.idle + getattr(times, "iowait", 0.0)
            # The kernel counts guests' time in user and nice too.
            guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
            busy += sum(times) - idle - guests
    return time.monotonic(), busy, time.process_time()


class Processors:
    """Keeps ``set_threads`` (torch's) at the number of free cores; ``share`` is called between pieces of work.

    ``most`` is the number of threads that torch would take by itself. ``on_change`` hears how many it is now, of how
    many. Does nothing where the user set OMP_NUM_THREADS, or where there is one core.
    """

    def __init__(
        self, most: int, set_threads: Callable[[int], None], on_change: Callable[[int, int], None],
        read: Callable[[], Load] = read_load,
    ) -> None:  # fmt: skip
        self._set, self._on_change, self._read = set_threads, on_change, read
        allowed = allowed_processors()
        self._processors = usable_cores() if allowed is None else len(allowed)
        self.most = self.threads = min(most, usable_cores())
        self._rising = False
        self._active = most > 1 and "OMP_NUM_THREADS" not in os.environ
        if self._active:
            set_threads(self.most)
            self._last = read()

    def share(self) -> None:
        """Look what others take and follow it: fewer threads at once, more after two looks that agree."""
        if not self._active or time.monotonic() - self._last[0] < WINDOW_S:
            return
        now = self._read()
        seconds, busy, own = (after - before for after, before in zip(now, self._last, strict=True))
        self._last = now
        free = self._processors - max(0.0, busy - own) / seconds
        wanted = min(self.most, max(1, int(free + 1 - _LEAST_FREE)))
        if wanted > self.threads and not self._rising:
            self._rising = True
            return
        self._rising = False
        if wanted != self.threads:
            self.threads = wanted
            self._set(wanted)
            self._on_change(wanted, self.most)
