"""The one watch over the machine: it starts when a screen first looks, at the pace that screen needs."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from textual.message_pump import MessagePump

from tui.messages import MachineRead
from tui.world import World

if TYPE_CHECKING:
    from engine.machine.snapshot import Machine
    from tui.world import Watch

NOBODY_LOOKS_S = 60.0


class MachineFeed:
    """Posts MachineRead to everyone who looks. ``latest`` is the newest reading, None before the first."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lookers: dict[MessagePump, float] = {}
        self._watch: Watch | None = None
        self._lock = threading.Lock()
        self._begun = self._ended = False
        self.latest: Machine | None = None

    def look(self, looker: MessagePump, every_s: float = 1.0) -> None:
        """Tell ``looker`` of readings at least every so many seconds; at once of the newest there is."""
        self._lookers[looker] = every_s
        if self.latest is not None:
            looker.post_message(MachineRead(self.latest))
        if not self._begun:
            self._begun = True
            # NVML and psutil take a while to load and may hang in the driver: never in the screen's thread.
            threading.Thread(target=self._begin, name="machine-feed", daemon=True).start()
        self._set_pace()

    def leave(self, looker: MessagePump) -> None:
        """``looker`` is not looking any more."""
        self._lookers.pop(looker, None)
        self._set_pace()

    def stop(self) -> None:
        """At the app's end."""
        with self._lock:
            self._ended = True
            watch, self._watch = self._watch, None
        self._lookers.clear()
        if watch is not None:
            watch.stop()

    def _begin(self) -> None:
        watch = self._world.watch_machine(self._world.root, self._heard)
        with self._lock:
            if not self._ended:
                self._watch = watch
                self._pace(watch)
                return
        watch.stop()

    def _set_pace(self) -> None:
        with self._lock:
            if self._watch is not None:
                self._pace(self._watch)

    def _pace(self, watch: Watch) -> None:
        watch.pace(min(self._lookers.values(), default=NOBODY_LOOKS_S))

    def _heard(self, machine: Machine) -> None:
        """In the watch's thread."""
        self.latest = machine
        for looker in tuple(self._lookers):
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                looker.post_message(MachineRead(machine))


def feed_of(node: object) -> MachineFeed:
    """The feed of the app that ``node`` (a widget or screen) is part of."""
    found = node.app.machine_feed  # type: ignore[attr-defined]
    assert isinstance(found, MachineFeed)
    return found
