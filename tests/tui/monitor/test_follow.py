"""Following a run posts its newest state, once per change."""

from __future__ import annotations

import threading
from pathlib import Path

from textual.message import Message
from textual.message_pump import MessagePump

from tests.tui import fake_runs
from tui.messages import RunAdvanced
from tui.monitor.follow import follow


class Target(MessagePump):
    """Takes messages and, after ``enough`` of them, ends the following."""

    def __init__(self, stop: threading.Event, enough: int) -> None:
        super().__init__()
        self.stop, self.enough = stop, enough
        self.seen: list[RunAdvanced] = []

    def post_message(self, message: Message) -> bool:
        assert isinstance(message, RunAdvanced)
        self.seen.append(message)
        if len(self.seen) >= self.enough:
            self.stop.set()
        return True


def test_a_long_log_is_one_message_with_all_of_it(root: Path) -> None:
    run, _ = fake_runs.training_run(root, 25_000, total=50_000)
    stop = threading.Event()
    target = Target(stop, 1)
    follow(run, target, stop, interval_s=0.01)
    assert [message.state.done_steps for message in target.seen] == [25_000]
    assert target.seen[0].caught_up


async def test_silence_posts_nothing_and_each_change_posts_once(root: Path) -> None:
    run, writer = fake_runs.new_run(root)
    fake_runs.begin(writer, 900)
    stop = threading.Event()
    target = Target(stop, 2)
    thread = threading.Thread(target=follow, args=(run, target, stop, 0.01))
    thread.start()
    while len(target.seen) < 1:
        stop.wait(0.01)
    assert not stop.wait(0.1), "nothing happened, nothing was posted"
    fake_runs.train(writer, 1, 1, 900)
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert target.seen[-1].state.last_seq > target.seen[0].state.last_seq


def test_an_older_unread_state_gives_way_to_a_newer_one_of_the_same_run(root: Path) -> None:
    one, two = fake_runs.finished_run(root, "one"), fake_runs.finished_run(root, "two")
    from engine.runs.follow import load_state

    older, newer = RunAdvanced(one, load_state(one), True), RunAdvanced(one, load_state(one), True)
    assert newer.can_replace(older)
    assert not newer.can_replace(RunAdvanced(two, load_state(two), True))
