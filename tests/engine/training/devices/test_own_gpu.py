"""A run's log tells how its GPUs are doing: its own, and those of the processes that train along."""

from __future__ import annotations

import os
from dataclasses import replace

from engine.training.devices.own_gpu import run_gpus
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
