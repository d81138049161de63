"""End a computation in Python that goes on too long, from a thread beside it: a template may loop for ever."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LOOKS_S = 0.2


class TooLong(Exception):
    """The computation was ended."""


class TimeLimit:
    """``with limit():`` raises TooLong inside once it took ``seconds``; code in C is ended when it comes back.

    The thread that watches ends with the first look at which nothing is computed: a process makes many of these.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._thread = 0
        self._watching = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._thread, self._deadline = threading.get_ident(), time.monotonic() + self.seconds
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, daemon=True).start()
        try:
            yield
        finally:
            with self._lock:  # from here on nothing is raised any more
                self._deadline = None

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOKS_S)
            with self._lock:
                if self._deadline is None:
                    self._watching = False
                    return
                if time.monotonic() > self._deadline:
                    self._deadline = None
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(TooLong))

    def __getstate__(self) -> dict[str, float]:
        return {"seconds": self.seconds}

    def __setstate__(self, state: dict[str, float]) -> None:
        self.__init__(state["seconds"])  # type: ignore[misc]
