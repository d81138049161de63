"""Commands reach a runner whole, are answered by number, and odd files steer nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.common.errors import MachineError, RunError
from engine.common.who import who
from engine.messages.catalogue import text
from engine.runs import control, story
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.event_lines import decode
from tests.engine.runs.making import write


@pytest.fixture
def running(run: RunDir) -> Iterator[RunDir]:
    """A run whose runner is this very process."""
    lock = RunLock(run.lock)
    lock.acquire()
    yield run
    lock.release()


def test_a_command_is_read_as_it_was_sent(running: RunDir) -> None:
    assert control.read(running) is None
    assert control.send(running, "set", {"train.learning_rate": 1e-4}) == 1
    assert control.read(running) == control.ControlMessage(1, "set", {"train.learning_rate": 1e-4})
    assert control.send(running, "stop") == 2
    assert control.read(running) == control.ControlMessage(2, "stop", {})


def test_nobody_to_steer_is_an_error_with_a_way_on_that_this_run_has(run: RunDir) -> None:
    def hint() -> str:
        with pytest.raises(RunError) as caught:
            control.send(run, "stop")
        return caught.value.hint

    assert f"tunedeck resume {run.id}` starts it from the beginning" in hint(), "there is no checkpoint"
    (run.path / "checkpoint-4").mkdir()
    (run.path / "checkpoint-4" / "COMPLETE").write_text("{}")
    assert f"tunedeck resume {run.id}" in hint()
    write(run, ev.Finished(outcome="finished", step=4, adapter="adapter", seconds=1.0))
    assert str(run.adapter) in hint()
    assert "resume" not in hint()
    assert not run.control.exists()


def test_senders_at_the_same_time_get_numbers_of_their_own(running: RunDir) -> None:
    numbers: list[int] = []
    threads = [
        threading.Thread(target=lambda: numbers.extend(control.send(running, "save") for _ in range(25)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 101))


@pytest.mark.parametrize(
    "text",
    [
        "", "{", '{"seq": 1', "[]", "null", '{"seq": "1", "command": "stop"}', '{"seq": true, "command": "stop"}',
        '{"seq": 1, "command": "explode"}', '{"seq": 1, "command": ["stop"]}', '{"command": "stop"}',
        '{"seq": 1, "command": "set", "values": [1]}', "\x00\x00",
    ],
)  # fmt: skip
def test_a_torn_or_odd_file_is_no_command_and_does_not_stop_the_next(running: RunDir, text: str) -> None:
    running.control.write_text(text)
    assert control.read(running) is None
    seq = control.send(running, "stop")
    assert control.read(running) == control.ControlMessage(seq, "stop", {})


def test_bytes_that_are_no_text_are_no_command(running: RunDir) -> None:
    running.control.write_bytes(b"\xff\xfe\x00")
    assert control.read(running) is None


def test_unknown_fields_of_a_newer_version_do_not_hide_the_command(running: RunDir) -> None:
    running.control.write_text(json.dumps({"seq": 3, "command": "save", "values": {}, "sender": "someone"}))
    assert control.read(running) == control.ControlMessage(3, "save", {})


def test_the_answer_to_a_command_is_found_by_its_number(running: RunDir) -> None:
    write(running, ev.ControlAck(control_seq=1, command="save"), ev.ControlAck(control_seq=2, command="stop", ok=False))
    answer = control.wait_for_ack(running, 2, timeout_s=5)
    assert answer is not None
    assert (answer.command, answer.ok) == ("stop", False)


def test_an_answer_that_comes_later_is_waited_for(running: RunDir) -> None:
    seq = control.send(running, "save")
    timer = threading.Timer(0.2, write, [running, ev.ControlAck(control_seq=seq, command="save")])
    timer.start()
    assert control.wait_for_ack(running, seq, timeout_s=20) is not None
    timer.join()


def test_no_answer_within_the_time_is_none(running: RunDir) -> None:
    assert control.wait_for_ack(running, 1, timeout_s=0) is None


def test_nobody_waits_for_a_runner_that_is_gone(run: RunDir) -> None:
    assert control.wait_for_ack(run, 1, timeout_s=3600) is None


def test_a_command_that_cannot_be_written_is_told(running: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(control, "write_atomic", full)
    with pytest.raises(MachineError) as caught:
        control.send(running, "save")
    assert "No space left" in caught.value.message


def test_who_gave_a_command_is_in_the_log_where_it_is_known(running: RunDir) -> None:
    control.send(running, "save")
    sent = control.read(running)
    assert sent is not None
    assert sent.by == who()
    known = story.answer_to(ev.ControlAck(control_seq=1, command="save", by=sent.by))
    assert sent.by in text(known)
    earlier = decode(b'{"v":2,"seq":1,"t":0,"type":"control_ack","control_seq":1,"command":"save","ok":true}')
    assert isinstance(earlier, ev.ControlAck)
    assert story.answer_to(earlier) == story.answer(earlier)
