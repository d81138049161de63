"""A real run that the system ended for memory: a remedy changes it, and it goes on where it was."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from engine.app import remedy as remedying
from engine.app.post_mortem import examine
from engine.common.files import read_json, write_atomic
from engine.memory.out_of_memory import Remedy, carries
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.follow import load_state
from engine.runs.launch import launch
from tests.e2e.conftest import MakeConfig
from tests.e2e.driving import events, losses, runner_pid, start, wait, wait_for_end

pytestmark = pytest.mark.e2e


def killed_for_memory(config: Path) -> RunDir:
    """A run killed in its middle, with the word of the system that memory was the reason."""
    run = start(config)
    wait(run, lambda state: state.done_steps >= 7 and len(run.complete_checkpoints()) > 0)
    os.kill(runner_pid(run), signal.SIGKILL)
    wait_for_end(run)
    write_atomic(run.exit_json, json.dumps(read_json(run.exit_json) | {"oom_kill": True}))
    return run


def test_a_run_changed_by_a_remedy_goes_on_from_its_checkpoint_to_its_end(make_config: MakeConfig) -> None:
    run = killed_for_memory(make_config(steps=14, every=3))
    done = int(run.complete_checkpoints()[-1].name.removeprefix("checkpoint-"))
    found = examine(run, load_state(run))
    assert found is not None
    assert found.title.code in ("memory.killed", "memory.killed-in")
    settings: dict[str, object] = {"train.micro_batch_tokens": 48, "train.gradient_checkpointing": True}
    remedy = Remedy(Message.literal("Smaller pieces"), settings, 1.0, 0.0, carries(settings), True)

    assert remedying.apply(run, found, remedy, launch) == run
    assert wait_for_end(run).state == "finished"
    starts = [event for event in events(run) if isinstance(event, ev.RunStarted)]
    assert [event.resumed_from_step for event in starts] == [None, done]
    assert sorted(losses(run)) == list(range(1, 15))
    assert load_state(run).micro_batch_tokens == 48
    assert (run.path / "config.1.toml").is_file()
