"""A disk that fills up under a training: the log may suffer, what was learnt may not."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from engine.runs import events as ev
from engine.runs.launch import launch
from tests.e2e.conftest import MakeConfig
from tests.e2e.driving import events, poll_until, runner_pid, start, wait, wait_for_end
from tests.e2e.small_disk import SmallDisk

pytestmark = pytest.mark.e2e


def test_a_disk_full_while_logging_costs_lines_and_the_training_goes_on(
    make_config: MakeConfig, small_disk: SmallDisk
) -> None:
    run = start(make_config(steps=100_000, every=100_000))
    wait(run, lambda state: state.done_steps >= 3)
    small_disk.fill()
    process = psutil.Process(runner_pid(run))
    size, worked_s = -1, sum(process.cpu_times()[:2])

    def is_full() -> bool:
        nonlocal size
        before, size = size, run.events.stat().st_size
        return before == size and sum(process.cpu_times()[:2]) > worked_s + 3  # it works on, and nothing is written

    poll_until(is_full)
    before = wait(run, lambda state: True).done_steps
    small_disk.free()
    after = wait(run, lambda state: state.done_steps > before)
    assert after.state == "running"
    os.kill(process.pid, signal.SIGTERM)
    assert wait_for_end(run).state == "stopped"
    written = events(run)
    steps = [event.step for event in written if isinstance(event, ev.Step)]
    assert steps[-1] > len(steps), "no line was lost: the disk was not full"
    assert [event.seq for event in written] == list(range(1, len(written) + 1))
    assert run.adapter.is_dir()


def test_a_disk_full_at_a_checkpoint_stops_with_the_last_good_one_intact(
    make_config: MakeConfig, small_disk: SmallDisk
) -> None:
    run = start(make_config(steps=100_000, every=10))
    wait(run, lambda state: len(state.checkpoints) >= 1)
    small_disk.fill()
    state = wait(run, lambda state: state.ended)
    assert state.state == "failed"
    assert state.failure is not None
    assert "checkpoint" in state.failure.as_error.title
    assert "tunedeck resume" in state.failure.as_error.hint
    good = run.complete_checkpoints()
    assert good
    assert not list(run.path.glob("*.partial"))

    small_disk.free()
    launch(run, resume=True)
    went_on = wait(run, lambda state: state.state == "running" and state.started is not None)
    assert went_on.started is not None
    assert went_on.started.resumed_from_step == int(good[-1].name.removeprefix("checkpoint-"))
