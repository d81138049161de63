"""Where a run computes is decided before torch sees a GPU, and a GPU that is not there is said."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch

from engine.common.errors import MachineError
from engine.config.schema import RunConfig
from engine.distributed import device as devices
from engine.distributed.device import place, restrict_gpus
from engine.machine.gpus import Gpu, GpuReport, visible
from engine.machine.host import read_host
from engine.machine.snapshot import Machine
from engine.machine.torch_build import TorchBuild, judged
from engine.messages.message import Message


def config(**sections: Any) -> RunConfig:
    return RunConfig.model_validate({"model": {"name_or_path": "tiny"}, "data": [{"path": "rows"}]} | sections)


GPUS = (
    Gpu(0, "Small", "GPU-aa", total_bytes=80 << 30, free_bytes=4 << 30),
    Gpu(1, "Large", "GPU-bb", total_bytes=80 << 30, free_bytes=70 << 30),
    Gpu(2, "Lost", "GPU-cc", trouble=Message.literal("fell off the bus")),
    Gpu(3, "Middle", "GPU-dd", total_bytes=80 << 30, free_bytes=40 << 30),
)


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has chosen GPUs yet: one is nearly full, one free, one does not answer, one is half full."""
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.setenv(name, "x")  # so that it is put back
        monkeypatch.delenv(name)

    def reading() -> Machine:
        return Machine(GpuReport(GPUS), visible(GPUS), read_host(()))

    monkeypatch.setattr(devices, "read_machine_now", reading)


@pytest.mark.parametrize(("gpus", "expected"), [("auto", "GPU-bb"), ("0", "GPU-aa"), ("cpu", "")])
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


def test_a_companion_is_given_a_card_that_its_first_process_no_longer_sees(four_gpus: None) -> None:
    assert restrict_gpus(config(launch={"gpus": "0,3"})) == ["GPU-aa", "GPU-dd"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-aa"


@pytest.mark.parametrize("answers", [True, False])
def test_where_no_gpu_can_be_looked_up_only_what_the_environment_names_is_taken(
    four_gpus: None, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    silent = Machine(GpuReport(problem=Message.literal("no driver")), (), read_host(())) if answers else None
    monkeypatch.setattr(devices, "read_machine_now", lambda: silent)
    assert restrict_gpus(config(launch={"gpus": "1"})) == ["1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert restrict_gpus(config(launch={"gpus": "3"})) == ["3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    with pytest.raises(MachineError, match="CUDA_VISIBLE_DEVICES=2,3 does not name 0"):
        restrict_gpus(config(launch={"gpus": "0"}))


def test_indices_mean_what_nvidia_smi_shows(four_gpus: None) -> None:
    restrict_gpus(config(launch={"gpus": "1"}))
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


@pytest.mark.parametrize("machine", [None, Machine(GpuReport(problem=Message.literal("no driver")), (), read_host(()))])
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
    with pytest.raises(MachineError) as caught:
        place(config(launch={"gpus": "0"}))
    assert caught.value.code == "distributed.gpu-unseen"
    assert 'launch.gpus = "cpu"' in caught.value.hint


class OfCuda13:
    """What torch says of itself under a driver that is too old, or beside a card that it has no code for."""

    cuda, hip = "13.0", None


@pytest.fixture
def cuda_13(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "version", OfCuda13)


def reads(monkeypatch: pytest.MonkeyPatch, build: TorchBuild, *cards: Gpu, cuda: tuple[int, int] = (13, 0)) -> None:
    """This machine has ``cards`` under a driver for ``cuda``, and torch of this ``build``."""
    report = judged(GpuReport(cards, "535.129.03", cuda=cuda), build)
    machine = Machine(report, report.gpus, read_host(()))
    monkeypatch.setattr(devices, "read_machine_now", lambda: machine)


A100 = Gpu(0, "A100", "GPU-aa", total_bytes=80 << 30, free_bytes=70 << 30, compute_capability=(8, 0))


@pytest.mark.parametrize("gpus", ["auto", "0"])
def test_a_driver_too_old_for_torch_is_refused_and_not_trained_on_the_cpu(
    no_cuda: None, cuda_13: None, monkeypatch: pytest.MonkeyPatch, gpus: str
) -> None:
    reads(monkeypatch, TorchBuild("2.13.0", (13, 0)), A100, cuda=(12, 2))
    asked = config(launch={"gpus": gpus})
    for refused in (restrict_gpus, place):  # before torch is loaded, and after
        with pytest.raises(MachineError, match="needs NVIDIA driver 580") as caught:
            refused(asked)
        assert "535.129.03" in caught.value.message
        assert "whl/cu126" in caught.value.hint


def test_a_card_that_torch_does_not_see_for_another_reason_is_refused_with_its_words(
    no_cuda: None, cuda_13: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("CUDA unknown error - this may be due to an incorrectly set up environment\nmore")

    monkeypatch.setattr(torch.cuda, "init", fail)
    reads(monkeypatch, TorchBuild("2.13.0", (13, 0)), A100)
    with pytest.raises(MachineError, match="CUDA unknown error") as caught:
        place(config())
    assert caught.value.reason.args["gpu"] == ("0 A100",)
    assert place(config(launch={"gpus": "cpu"})).device.type == "cpu"  # what the hint says


def test_a_cuda_torch_on_a_machine_without_cards_trains_on_the_cpu(
    no_cuda: None, cuda_13: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads(monkeypatch, TorchBuild("2.13.0", (13, 0)))
    assert place(config()).device.type == "cpu"


def test_a_torch_for_cpus_beside_a_card_trains_on_the_cpu_unless_the_card_is_named(
    no_cuda: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads(monkeypatch, TorchBuild("2.13.0+cpu", None), A100)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert restrict_gpus(config()) == ["auto"]
    assert place(config()).device.type == "cpu"
    with pytest.raises(MachineError, match="built for CPUs only") as caught:
        restrict_gpus(config(launch={"gpus": "0"}))
    assert "whl/cu130" in caught.value.hint


def test_a_card_that_torch_has_no_code_for_is_refused_with_the_wheel_that_has(
    cuda_13: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads(monkeypatch, TorchBuild("2.13.0", (13, 0)))
    answers = {
        "is_available": True, "get_device_capability": (7, 0), "get_device_name": "Tesla V100",
        "get_arch_list": ["sm_75", "sm_80", "sm_90"], "is_bf16_supported": False,
    }  # fmt: skip
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, lambda *arguments, answer=answer, **named: answer)
    with pytest.raises(MachineError, match=r"no kernels for Tesla V100 \(compute capability 7.0\)") as caught:
        place(config())
    assert "whl/cu126" in caught.value.hint
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_70", "sm_80"])
    assert place(config()).dtype == torch.float16


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


def test_kernels_for_shapes_of_rows_are_kept_in_bounds_unless_somebody_set_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, "0")
    devices.bound_kernel_cache()
    assert os.environ[name] == "0"
    monkeypatch.delenv(name)
    devices.bound_kernel_cache()
    assert 16 <= int(os.environ[name]) <= 256
    monkeypatch.delenv(name)
