"""Who else has the run open: looked at in a thread, said in the top line and the help, and told when one comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs.viewers import Presence, Viewer

_EVERY_S = 3.0


def look(presence: Presence, stop: threading.Event, tell: Callable[[tuple[Viewer, ...]], object]) -> None:
    """Be among the viewers until ``stop``, and ``tell`` of them whenever they change. For a thread."""
    known: tuple[Viewer, ...] = ()
    presence.enter()
    try:
        while not stop.is_set():
            found = presence.viewers()
            if found != known:
                known = found
                tell(found)
            stop.wait(_EVERY_S)
    finally:
        presence.leave()


def count(viewers: Sequence[Viewer]) -> str:
    """``2 attached``; "" where nobody else is."""
    return text("viewers.attached", count=len(viewers)) if len(viewers) > 1 else ""


def who(viewers: Sequence[Viewer]) -> str:
    """All of them in a sentence; "" where nobody else is."""
    return text("viewers.help", viewers=[_described(each) for each in viewers]) if len(viewers) > 1 else ""


def newcomers(before: Sequence[Viewer], now: Sequence[Viewer]) -> list[str]:
    """A sentence for each that came and can steer."""
    came = [each for each in now if each not in before and each.steers and not each.is_self]
    return [text("viewers.came", who=_named(each)) for each in came]


def _named(viewer: Viewer) -> Message:
    if viewer.host == socket.gethostname():
        return Message.literal(viewer.who)
    return Message("viewers.elsewhere", who=viewer.who, host=viewer.host)


def _described(viewer: Viewer) -> Message:
    said = Message("viewers.since", who=_named(viewer), since=viewer.since)
    said = said if viewer.steers else Message("viewers.only-watches", viewer=said)
    return Message("viewers.here", viewer=said) if viewer.is_self else said
