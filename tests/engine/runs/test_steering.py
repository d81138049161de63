"""Orders reach the training in their turn, are answered once, and a stop is heard at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from engine.messages.message import Message
from engine.runs.steering import Steering, StopRequested
from tests.engine.runs.making import said

Answers = list[tuple[str, bool, str]]


def noting(answers: Answers, name: str) -> Callable[[bool, Message], None]:
    return lambda ok, message: answers.append((name, ok, message.code))


def test_orders_are_taken_oldest_first_and_once() -> None:
    steering = Steering()
    for command in ("save", "sample", "pause"):
        steering.put(command)  # type: ignore[arg-type]
    assert [order.command for order in steering.take()] == ["save", "sample", "pause"]
    assert steering.take() == []


def test_a_long_phase_ends_when_the_run_is_to_stop() -> None:
    steering = Steering()
    steering.check()
    steering.stop(said("SIGTERM"))
    assert steering.stop_requested
    with pytest.raises(StopRequested):
        steering.check()


def test_the_first_reason_to_stop_is_kept() -> None:
    steering = Steering()
    steering.stop(said("asked to stop"))
    steering.stop(said("SIGTERM"))
    assert steering.reason == said("asked to stop")


def test_resuming_what_is_not_paused_is_refused() -> None:
    steering, answers = Steering(), Answers()
    steering.put("resume", noting(answers, "resume"))
    assert answers == [("resume", False, "events.not-paused")]
    assert steering.take() == []


def test_resuming_takes_back_a_pause_that_has_not_begun() -> None:
    steering, answers = Steering(), Answers()
    steering.put("pause", noting(answers, "pause"))
    steering.put("save")
    steering.put("resume", noting(answers, "resume"))
    assert answers == [("pause", False, "events.pause-cancelled"), ("resume", True, "events.resuming")]
    assert [order.command for order in steering.take()] == ["save"]


def in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_pause_lasts_until_somebody_resumes() -> None:
    steering, answers = Steering(), Answers()
    steering.pause_begins()
    waiting = in_background(steering.wait_while_paused)
    waiting.join(0.05)
    assert waiting.is_alive()
    steering.put("resume", noting(answers, "resume"))
    waiting.join(5)
    assert not waiting.is_alive()
    assert answers == [("resume", True, "events.resuming")]


def test_a_resume_between_the_order_and_the_wait_is_not_lost() -> None:
    """Saving before a pause takes a while; who resumes meanwhile must not find the run paused for good."""
    steering = Steering()
    steering.pause_begins()
    steering.put("resume")
    waiting = in_background(steering.wait_while_paused)
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_stop_ends_a_pause() -> None:
    steering = Steering()
    steering.pause_begins()
    waiting = in_background(steering.wait_while_paused)
    steering.stop(said("asked to stop"))
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_paused_run_answers_every_order() -> None:
    steering, answers = Steering(), Answers()
    steering.pause_begins()
    waiting = in_background(steering.wait_while_paused)
    for command in ("save", "sample", "pause"):
        steering.put(command, noting(answers, command))  # type: ignore[arg-type]
    steering.put("resume", noting(answers, "resume"))
    waiting.join(5)
    assert not waiting.is_alive()
    left = [order.command for order in steering.take()]
    answered = [name for name, _, _ in answers]
    assert sorted(answered + left) == ["pause", "resume", "sample", "save"]


def test_what_a_paused_run_can_not_do_is_refused_with_what_to_do() -> None:
    steering, answers = Steering(), Answers()
    steering.pause_begins()
    steering.put("sample", noting(answers, "sample"))
    waiting = in_background(steering.wait_while_paused)
    until_answered = time.monotonic() + 5
    while not answers and time.monotonic() < until_answered:
        time.sleep(0.01)
    assert answers == [("sample", False, "events.paused-resume-first")]
    steering.put("resume", noting(answers, "resume"))
    waiting.join(5)


def test_a_stop_is_passed_on_once_and_at_once_to_who_comes_later() -> None:
    steering, heard = Steering(), list[str]()
    steering.on_stop(lambda: heard.append("early"))
    steering.stop(said("asked to stop"))
    steering.stop(said("again"))
    steering.on_stop(lambda: heard.append("late"))
    assert heard == ["early", "late"]
    assert steering.reason == said("asked to stop")
