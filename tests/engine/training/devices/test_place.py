"""Where a run computes is decided before torch sees a GPU, and a GPU that is not there is said."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch

from engine.config.schema import RunConfig
from engine.errors import MachineError
from engine.machine.gpus import Gpu, GpuReport, visible
from engine.machine.host import read_host
from engine.machine.snapshot import Machine
from engine.training.devices import place as devices
from engine.training.devices.place import place, restrict_gpus


def config(**sections: Any) -> RunConfig:
    return RunConfig.model_validate({"model": {"name_or_path": "tiny"}, "data": [{"path": "rows"}]} | sections)


GPUS = (
    Gpu(0, "Small", "GPU-aa", total_bytes=80 << 30, free_bytes=4 << 30),
    Gpu(1, "Large", "GPU-bb", total_bytes=80 << 30, free_bytes=70 << 30),
    Gpu(2, "Lost", "GPU-cc", trouble="fell off the bus"),
    Gpu(3, "Middle", "GPU-dd", total_bytes=80 << 30, free_bytes=40 << 30),
)


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has chosen GPUs yet: one is nearly full, one free, one does not answer, one is half full."""
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.setenv(name, "x")  # so that it is put back
        monkeypatch.delenv(name)

    def reading() -> Machine:
        return Machine(0.0, GpuReport(GPUS), visible(GPUS), read_host(()))

    monkeypatch.setattr(devices, "read_machine_now", reading)


@pytest.mark.parametrize(("gpus", "expected"), [("auto", "GPU-bb"), ("0", "0"), ("cpu", "")])
def test_the_freest_gpu_is_taken_unless_another_is_named(four_gpus: None, gpus: str, expected: str) -> None:
    restrict_gpus(config(launch={"gpus": gpus}))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


@pytest.mark.parametrize(("allowed", "expected"), [("0,3", "GPU-dd"), ("2", "2")])
def test_the_choice_stays_within_what_the_environment_allows(
    four_gpus: None, monkeypatch: pytest.MonkeyPatch, allowed: str, expected: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    restrict_gpus(config())
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


def test_indices_mean_what_nvidia_smi_shows(four_gpus: None) -> None:
    restrict_gpus(config(launch={"gpus": "1"}))
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


@pytest.mark.parametrize("machine", [None, Machine(0.0, GpuReport(problem="no driver"), (), read_host(()))])
def test_without_a_driver_that_answers_nothing_is_chosen(
    four_gpus: None, monkeypatch: pytest.MonkeyPatch, machine: Machine | None
) -> None:
    monkeypatch.setattr(devices, "read_machine_now", lambda: machine)
    restrict_gpus(config())
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_named_gpu_that_is_not_there_is_an_error(no_cuda: None) -> None:
    with pytest.raises(MachineError, match="The GPU can't be used") as caught:
        place(config(launch={"gpus": "0"}))
    assert "tunedeck doctor" in caught.value.hint


@pytest.mark.parametrize("gpus", ["auto", "cpu"])
def test_without_a_gpu_it_is_the_cpu(no_cuda: None, gpus: str) -> None:
    placement = place(config(launch={"gpus": gpus}, model={"name_or_path": "tiny", "dtype": "float32"}))
    assert placement.device == torch.device("cpu")
    assert (placement.dtype, placement.mixed_precision) == (torch.float32, "no")


@pytest.mark.parametrize(
    ("dtype", "precision", "expected"),
    [
        ("bfloat16", "auto", (torch.bfloat16, "bf16")),
        ("float16", "auto", (torch.float16, "fp16")),
        ("float32", "auto", (torch.float32, "no")),
        ("float32", "bf16", (torch.float32, "bf16")),
    ],
)
def test_dtype_and_precision_are_those_of_the_config(
    no_cuda: None, dtype: str, precision: str, expected: tuple[torch.dtype, str]
) -> None:
    placement = place(config(model={"name_or_path": "tiny", "dtype": dtype}, launch={"precision": precision}))
    assert (placement.dtype, placement.mixed_precision) == expected


@pytest.mark.parametrize(("has_bf16", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_is_bfloat16_where_the_cpu_has_it(
    no_cuda: None, monkeypatch: pytest.MonkeyPatch, has_bf16: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has_bf16)
    assert place(config()).dtype == expected
