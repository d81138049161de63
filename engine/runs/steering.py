"""What people ask of a running training: orders queue up here and the loop takes them between two steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.common.errors import TunedeckError
from engine.messages.message import Message
from engine.runs.control import Command

Answer = Callable[[bool, Message], None]


class StopRequested(Exception):
    """Raised inside a long phase when the run is to end."""


@dataclass(frozen=True)
class Order:
    """A command and how to answer it: ``answer(ok, message)`` is called once, when it is done or refused.

    ``values`` are those of a ControlMessage.
    """

    command: Command
    answer: Answer
    values: dict[str, Any] = field(default_factory=dict)


def _no_answer(ok: bool, message: Message) -> None:
    """For orders that come by signal: nobody waits for it."""


class Steering:
    """Thread-safe. The runner's main thread puts orders in, the training thread takes them out."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._orders: list[Order] = []
        self._stop = False
        self._paused = False
        self._on_stop: list[Callable[[], None]] = []
        self.at_best = False
        """Whether the best step is to be the result, whatever the config says."""
        self.reason: Message | None = None
        self.lost: TunedeckError | None = None

    @property
    def stop_requested(self) -> bool:
        return self._stop

    def stop(self, reason: Message) -> None:
        """Ask for the end; the first reason is kept."""
        with self._lock:
            told = [] if self._stop else list(self._on_stop)
            if not self._stop:
                self._stop, self.reason = True, reason
            self._lock.notify_all()
        for tell in told:
            tell()

    def on_stop(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` once when the end is asked for, at once if it was."""
        with self._lock:
            self._on_stop.append(tell)
            stopped = self._stop
        if stopped:
            tell()

    def lose(self, error: TunedeckError) -> None:
        """A process that trains along ended, as ``error`` says: the training thread may wait for it for ever."""
        self.lost = self.lost or error

    def put(self, command: Command, answer: Answer = _no_answer, values: dict[str, Any] | None = None) -> None:
        """Queue an order. ``resume`` acts at once, or is refused when nothing is paused."""
        with self._lock:
            if command == "resume":
                waiting = [order for order in self._orders if order.command == "pause"]
                self._orders = [order for order in self._orders if order.command != "pause"]
                for order in waiting:
                    order.answer(False, Message("events.pause-cancelled"))
                going_on = self._paused or bool(waiting)
                answer(going_on, Message("events.resuming" if going_on else "events.not-paused"))
                self._paused = False
            else:
                self._orders.append(Order(command, answer, values or {}))
            self._lock.notify_all()

    def take(self) -> list[Order]:
        """All waiting orders, oldest first."""
        with self._lock:
            orders, self._orders = self._orders, []
            return orders

    def check(self) -> None:
        """Raise StopRequested if the run is to end; for phases between whose parts nothing is lost."""
        if self._stop:
            raise StopRequested

    def pause_begins(self) -> None:
        """From now on ``resume`` has something to end, even before the wait."""
        with self._lock:
            self._paused = True

    def wait_while_paused(self) -> Order | None:
        """Block until somebody resumes or stops the run, or wants steps taken back: that order is returned."""
        with self._lock:
            while self._paused and not self._stop:
                self._lock.wait(1.0)
                back = [order for order in self._orders if order.command == "rollback"]
                for order in self._orders:
                    if order.command != "rollback":
                        _refuse_while_paused(order)
                self._orders = back[1:]
                if back:
                    self._paused = False
                    return back[0]
            self._paused = False
            return None


def _refuse_while_paused(order: Order) -> None:
    is_pause = order.command == "pause"
    order.answer(is_pause, Message("events.paused-already" if is_pause else "events.paused-resume-first"))
