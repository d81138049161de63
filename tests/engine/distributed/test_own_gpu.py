"""A run's log tells how its GPUs are doing: its own, and those of the processes that train along."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from engine.distributed import own_gpu
from engine.distributed.own_gpu import run_gpus
from engine.machine import processes
from engine.machine.gpus import Gpu
from engine.machine.processes import GpuProcess
from tests.tui.machines import gpu, process, used_by, with_gpus


def test_a_run_on_one_gpu_tells_of_that_one() -> None:
    assert [use.index for use in run_gpus(with_gpus(gpu(2)), ["auto"])] == [2]


def test_a_run_on_several_tells_of_all_of_them() -> None:
    machine = with_gpus(gpu(0), gpu(1), gpu(3))
    own, other = str(machine.gpus[0].uuid), str(machine.gpus[2].uuid)
    seen = replace(machine, gpus=machine.gpus[:1])  # as this process has hidden the others from itself
    assert [use.index for use in run_gpus(seen, [own, other])] == [0, 3]
    assert [use.index for use in run_gpus(seen, ["0", "3"])] == [0, 3]


def test_one_that_is_gone_is_passed_over() -> None:
    assert [use.index for use in run_gpus(with_gpus(gpu(0)), ["0", "7"])] == [0]


def test_own_processes_are_nobody_else_s() -> None:
    card = used_by(gpu(0), process(3.0, pid=os.getpid()), process(1.0, pid=99_999_999))
    (use,) = run_gpus(with_gpus(card), ["0"])
    assert [other.pid for other in use.others] == [99_999_999]


GIB = 2**30


def in_a_container(monkeypatch: pytest.MonkeyPatch, reserved: int | None) -> None:
    """Process numbers are not the host's; torch holds ``reserved`` bytes of the GPU, or is not on it yet."""
    cuda = SimpleNamespace(memory_reserved=lambda index: reserved)
    monkeypatch.setattr(own_gpu, "sees_host_pids", lambda: False)
    monkeypatch.setattr(own_gpu, "_torch_on_gpu", lambda: None if reserved is None else SimpleNamespace(cuda=cuda))


def test_in_a_container_the_run_knows_itself_by_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver counts processes as the host does: none of its numbers is this process's."""
    held = {900_001: 3 * GIB, 900_002: round(10.7 * GIB), 900_003: 40 * GIB}
    card = Gpu(0, processes=tuple(GpuProcess(pid, size) for pid, size in held.items()))
    in_a_container(monkeypatch, 10 * GIB)
    assert [other.pid for other in own_gpu.others_on(card)] == [900_003, 900_001]
    assert own_gpu.own_bytes(card) == held[900_002]
    in_a_container(monkeypatch, None)
    assert len(own_gpu.others_on(card)) == 3, "before torch is there all are others"
    assert own_gpu.own_bytes(card) == 0
    in_a_container(monkeypatch, 20 * GIB)
    assert len(own_gpu.others_on(card)) == 3, "nobody holds about as much"
    assert own_gpu.own_bytes(card) == 20 * GIB


def test_in_a_container_nobody_is_named_by_a_number_that_means_another_process_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert processes.describe(os.getpid(), GIB).program
    monkeypatch.setattr(processes, "sees_host_pids", lambda: False)
    assert processes.describe(os.getpid(), GIB) == GpuProcess(os.getpid(), GIB)
