"""A real runner: killed, stopped, left behind, and going on from where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.common.errors import RunError
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunLock, list_runs
from engine.runs.launch import launch
from tests.e2e.conftest import MakeConfig
from tests.e2e.driving import events, losses, runner_pid, start, wait, wait_for_end

pytestmark = pytest.mark.e2e


def tunedeck(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command, as a shell runs it."""
    command = [sys.executable, "-P", "-m", "tui", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_killed_with_9_it_is_shown_as_crashed_and_resumes_to_the_losses_of_a_straight_run(
    make_config: MakeConfig,
) -> None:
    config = make_config(steps=40, every=5)
    straight = start(config)
    assert wait_for_end(straight).state == "finished"

    run = start(config)
    wait(run, lambda state: state.done_steps >= 12 and len(run.complete_checkpoints()) > 0)
    os.kill(runner_pid(run), signal.SIGKILL)
    state = wait_for_end(run)
    assert (state.state, state.reason) == ("crashed", Message("runs.killed", signal="SIGKILL"))
    listed = tunedeck("runs")
    assert "SIGKILL" in listed.stdout
    assert "can be resumed" in listed.stdout
    from_step = int(run.complete_checkpoints()[-1].name.removeprefix("checkpoint-"))

    resumed = tunedeck("resume", "--follow", run.id)
    assert resumed.returncode == 0, resumed.stderr
    starts = [event for event in events(run) if isinstance(event, ev.RunStarted)]
    assert [event.resumed_from_step for event in starts] == [None, from_step]
    assert losses(run) == losses(straight)
    assert (run.adapter / "adapter_model.safetensors").read_bytes() == (
        straight.adapter / "adapter_model.safetensors"
    ).read_bytes()


def test_sigterm_saves_a_checkpoint_and_ends_as_stopped(make_config: MakeConfig) -> None:
    run = start(make_config(steps=100_000, every=50_000))
    wait(run, lambda state: state.done_steps >= 3)
    os.kill(runner_pid(run), signal.SIGTERM)
    state = wait_for_end(run)
    assert state.state == "stopped"
    assert state.reason == Message("events.signal", signal="SIGTERM")
    assert state.finished is not None
    assert [path.name for path in run.complete_checkpoints()] == [f"checkpoint-{state.finished.step}"]
    assert state.finished.step == state.done_steps


def test_commands_from_a_shell_steer_a_real_training(make_config: MakeConfig) -> None:
    run = start(make_config(steps=100_000, every=50_000))
    wait(run, lambda state: state.done_steps >= 2)
    saved = tunedeck("save")
    assert saved.returncode == 0, saved.stderr
    assert run.complete_checkpoints()
    paused = tunedeck("pause")
    assert paused.returncode == 0, paused.stderr
    at = wait(run, lambda state: state.state == "paused").done_steps
    resumed = tunedeck("resume")
    assert resumed.returncode == 0, resumed.stderr
    wait(run, lambda state: state.done_steps > at)
    stopped = tunedeck("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert wait_for_end(run).state == "stopped"


def test_a_second_runner_is_refused_and_leaves_no_trace_in_the_log(make_config: MakeConfig) -> None:
    run = start(make_config(steps=100_000, every=50_000))
    wait(run, lambda state: state.state == "running")
    command = [sys.executable, "-P", "-m", "engine.training.runner", str(run.path)]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == RunError.exit_code
    assert "already running" in second.stderr
    assert "Traceback" not in second.stderr
    with pytest.raises(RunError):
        launch(run)
    with pytest.raises(RunError):
        RunLock(run.lock).acquire(patience_s=0)
    assert sum(isinstance(event, ev.RunStarted) for event in events(run)) == 1


def test_the_shell_that_follows_a_training_may_die_the_training_goes_on(make_config: MakeConfig, home: Path) -> None:
    config = make_config(steps=100_000, every=50_000)
    shell = subprocess.Popen(
        [sys.executable, "-P", "-m", "tui", "run", str(config)],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert shell.stderr is not None
    while "/100,000" not in shell.stderr.readline():
        assert shell.poll() is None
    os.killpg(shell.pid, signal.SIGKILL)
    shell.communicate()
    [run] = list_runs(home / "runs")
    at = wait(run, lambda state: state.done_steps >= 1).done_steps
    assert wait(run, lambda state: state.done_steps > at + 3).state == "running"


def test_an_error_of_the_data_that_only_the_tokens_show_is_told_with_what_to_do(make_config: MakeConfig) -> None:
    answer = tunedeck("run", str(make_config()), "--set", "dataset.max_length=8")
    assert answer.returncode == 1
    assert "max_length" in answer.stderr
    assert "Traceback" not in answer.stderr
