"""Follow a run in a thread and post its newest state, at most once per interval."""

from __future__ import annotations

import threading

from textual.message_pump import MessagePump

from engine.messages.message import Message
from engine.runs.directory import RunDir
from engine.runs.follow import Follower
from tui.messages import RunAdvanced

_BATCH_EVENTS = 20_000
_BATCH_S = 0.1


def follow(run: RunDir, target: MessagePump, stop: threading.Event, interval_s: float = 1.0) -> None:
    """Post RunAdvanced to ``target`` whenever the log or the state of ``run`` moved, until ``stop`` is set.

    Meant for a thread worker. A long log is read in batches; only the state after the last one is posted.
    """
    follower = Follower(run)
    posted: tuple[int, str, Message | None] | None = None
    while not stop.is_set():
        state = follower.poll(_BATCH_EVENTS, _BATCH_S)
        if not follower.caught_up and posted is None:
            continue
        mark = (state.last_seq, state.state, state.reason)
        if mark != posted:
            posted = mark
            target.post_message(RunAdvanced(run, state, follower.caught_up))
        stop.wait(interval_s)
