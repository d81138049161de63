"""From a shell: why memory ran out, what would help, and a remedy applied."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.machine import snapshot
from engine.machine.gpu_specs import GIB
from engine.machine.gpus import Gpu, GpuReport
from engine.machine.host import Host
from engine.machine.snapshot import Machine
from engine.runs import events as ev
from engine.runs.directory import RunDir
from tests import memory_runs
from tests.engine.cli.cli_calls import FakeRunner, Shell, launches
from tests.engine.runs.making import failure, step, write


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: None)


@pytest.fixture
def failed(home: Path, tmp_path: Path) -> RunDir:
    return memory_runs.out_of_memory(home / "runs", memory_runs.model(tmp_path / "m"), [memory_runs.OTHER])


def goes_on(runner: FakeRunner) -> Iterable[ev.Event]:
    return [ev.State(state="starting"), ev.RunStarted(total_steps=300, resumed_from_step=100), step(101),
            ev.Finished(outcome="finished", step=300)]  # fmt: skip


def test_the_standing_of_a_run_that_memory_ended_has_its_post_mortem(shell: Shell, failed: RunDir) -> None:
    answer = shell("status", failed.id)
    assert answer.code == 0
    for part in ("Out of memory in the backward pass of a layer, at step 118", "32 layers for 1 row x 2,048 tokens",
                 "also on the GPU: python, user u17, 11.2 GiB", "Remedies", "  1  Gradient checkpointing", "  2  ",
                 "resumes from the last checkpoint", "starts a new run", f"tunedeck resume {failed.id} --remedy 1",
                 "memory:", "predicted"):  # fmt: skip
        assert part in answer.out, part


def test_the_same_as_json(shell: Shell, failed: RunDir) -> None:
    found = shell("status", failed.id, "--json").json["post_mortem"]
    assert (found["phase"], found["step"]) == ("backward", 118)
    assert found["others"][0]["code"] == "memory.process-holds"
    assert found["remedies"][0]["settings"] == {"train.gradient_checkpointing": True}
    assert found["remedies"][0]["saved_bytes"] > GIB
    assert found["remedies"][0]["carries"] == "all"


def test_a_run_that_ended_otherwise_has_none(shell: Shell, home: Path) -> None:
    from engine.runs import directory

    run = directory.create("m", "")
    write(run, ev.RunStarted(), step(1), failure("The loss is not a number"))
    assert shell("status", run.id, "--json").json["post_mortem"] is None
    assert "Remedies" not in shell("status", run.id).out
    refused = shell("resume", run.id, "--remedy", 1)
    assert refused.code == 6
    assert "nothing to remedy" in refused.err


def test_another_gpu_that_is_free_is_named(shell: Shell, failed: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = (Gpu(0, "NVIDIA L4", free_bytes=GIB), Gpu(1, "NVIDIA H100", free_bytes=70 * GIB))
    machine = Machine(GpuReport(cards), cards, Host("h", GIB, GIB, 1, None, ()))
    monkeypatch.setattr(snapshot, "read_machine_now", lambda: machine)
    assert "  1  Use GPU 1, NVIDIA H100: has " in shell("status", failed.id).out


def test_a_remedy_is_applied_and_the_training_goes_on(
    shell: Shell, failed: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = launches(monkeypatch, goes_on)
    answer = shell("resume", failed.id, "--remedy", 1)
    assert answer.code == 0, answer.err
    assert calls == [(failed, True)]
    for part in (
        "Gradient checkpointing",
        "train.gradient_checkpointing = true",
        "resumes from checkpoint-100",
        "config.1.toml",
    ):
        assert part in answer.err, part
    assert tomllib.loads(failed.config.read_text())["train"]["gradient_checkpointing"] is True


def test_a_remedy_that_needs_a_new_run_says_which(
    shell: Shell, failed: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = launches(monkeypatch, goes_on)
    remedies = shell("status", failed.id, "--json").json["post_mortem"]["remedies"]
    number = next(i for i, each in enumerate(remedies, 1) if each["carries"] == "nothing")
    answer = shell("resume", failed.id, "--remedy", number)
    assert answer.code == 0, answer.err
    [(new, resumed)] = calls
    assert new != failed
    assert not resumed
    assert new.id in answer.err


@pytest.mark.parametrize("number", [0, 4, -1])
def test_a_remedy_that_is_not_there_is_refused(shell: Shell, failed: RunDir, number: int) -> None:
    answer = shell("resume", failed.id, f"--remedy={number}")
    assert answer.code == 6
    assert "No such remedy" in answer.err
    assert not (failed.path / "config.1.toml").exists()


def test_a_run_that_is_alive_is_not_changed(shell: Shell, failed: RunDir) -> None:
    runner = FakeRunner(failed)
    answer = shell("resume", failed.id, "--remedy", 1)
    runner.end()
    assert answer.code == 6
    assert "Stop it first" in answer.err


def test_who_followed_the_run_is_sent_there(shell: Shell, failed: RunDir) -> None:
    answer = shell("attach", failed.id, "--plain")
    assert answer.code == 1
    assert f"`tunedeck status {failed.id}`" in answer.err
