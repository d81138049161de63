"""``tunedeck run`` says what a run needs before it starts, settles auto, and warns or refuses in time."""

from __future__ import annotations

import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from engine.machine import snapshot
from engine.machine.snapshot import Machine
from engine.runs import events as ev
from engine.runs.directory import list_runs
from tests.engine.app.test_plan import LLAMA_8B, machine
from tests.engine.cli.cli_calls import Shell, config_file, launches
from tests.engine.machine.fake_gpus import no_use
from tests.engine.models.folders import MakeModel

Usage = namedtuple("Usage", "total used free")
pytestmark = pytest.mark.usefixtures("unexamined")
FINISHED = [ev.RunStarted(total_steps=1), ev.Finished(outcome="finished", step=1)]


@pytest.fixture
def config(make_model: MakeModel, tmp_path: Path) -> Path:
    return config_file(tmp_path, make_model(config=LLAMA_8B), 32)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with an L4 that is nearly full and an empty A100."""
    found = machine(("NVIDIA L4", 22.5, 2.0), ("NVIDIA A100-SXM4-80GB", 79.3, 79.0))
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: found)
    return found


@pytest.mark.usefixtures("here")
def test_one_line_says_what_it_needs_where_and_how_long(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = launches(monkeypatch, lambda runner: FINISHED)
    answer = shell("run", config)
    assert answer.code == 0, answer.err
    [line] = [line for line in answer.err.splitlines() if line.startswith("needs ")]
    assert "of 79.0 GiB free on GPU 1, NVIDIA A100-SXM4-80GB; fits, " in line
    assert "; about " in line
    [(run, _)] = calls
    written = run.config.read_text()
    assert "gradient_checkpointing = false # auto: not needed" in written
    assert 'optim = "adamw" # auto: 32-bit optimizer states take only' in written
    assert 'gpus = "auto" # default' in written


@pytest.mark.usefixtures("here")
def test_what_will_not_fit_is_warned_of_with_remedies(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launches(monkeypatch, lambda runner: FINISHED)
    answer = shell("run", config, "--check", "--set", "launch.gpus=0", "--set", "model.quantization=none")
    assert answer.code == 0
    assert "of 2.0 GiB free on GPU 0, NVIDIA L4; 20.5 GiB of 22.5 GiB in use; does not fit, " in answer.err
    assert "warning: memory: does not fit, " in answer.err
    assert "4-bit base model (NF4, QLoRA)" in answer.err


@pytest.mark.usefixtures("here")
def test_a_disk_that_cannot_hold_it_refuses_the_start(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = launches(monkeypatch, lambda runner: FINISHED)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 10**8))
    answer = shell("run", config)
    assert answer.code == 5
    assert "The disk is too small for the run" in answer.err
    assert (calls, list_runs()) == ([], [])


@pytest.mark.usefixtures("here")
def test_a_gpu_that_is_not_there_refuses_the_start(shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launches(monkeypatch, lambda runner: FINISHED)
    answer = shell("run", config, "--set", "launch.gpus=7")
    assert answer.code == 5
    assert "This machine has: 0 NVIDIA L4, 1 NVIDIA A100-SXM4-80GB" in answer.err
    assert list_runs() == []


@pytest.mark.parametrize(("falls_to_cpu", "code"), [(True, 0), (False, 5)])
def test_gpus_that_the_installed_torch_cannot_use_are_told(
    shell: Shell, config: Path, here: Machine, monkeypatch: pytest.MonkeyPatch, falls_to_cpu: bool, code: int
) -> None:
    reason = no_use("torch 2.13 is of another kind", "Install X", falls_to_cpu)
    gpus = tuple(replace(gpu, unusable=reason) for gpu in here.gpus)
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: replace(here, gpus=gpus))
    answer = shell("run", config, "--check")
    assert answer.code == code
    assert ("GiB free on RAM" in answer.err) == falls_to_cpu
    assert "torch 2.13 is of another kind." in answer.err
    assert "Install X" in answer.err


def test_a_driver_that_hangs_keeps_nobody_from_starting(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: None)
    calls = launches(monkeypatch, lambda runner: FINISHED)
    assert shell("run", config).code == 0
    [(run, _)] = calls
    assert 'micro_batch_tokens = "auto" # default' in run.config.read_text()
