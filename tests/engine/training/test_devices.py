"""Where a run computes is decided before torch sees a GPU, and a GPU that is not there is said."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.config.schema import RunConfig
from engine.errors import MachineError
from engine.training.devices import place, restrict_gpus


def config(**sections: Any) -> RunConfig:
    return RunConfig.model_validate({"model": {"name_or_path": "tiny"}, "data": [{"path": "rows"}]} | sections)


class FakeNvml:
    """Three GPUs: one nearly full, one free, one that does not answer."""

    class NVMLError(Exception):
        pass

    free = (4, 70, -1)

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return len(self.free)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        if self.free[handle] < 0:
            raise self.NVMLError("GPU is lost")
        return SimpleNamespace(free=self.free[handle] << 30)

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"GPU-{handle}"


@pytest.fixture
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has chosen GPUs yet, and three are there."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "x")  # so that it is put back
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())  # type: ignore[arg-type]


@pytest.mark.parametrize(("gpus", "expected"), [("auto", "GPU-1"), ("0", "0"), ("cpu", "")])
def test_the_freest_gpu_is_taken_unless_another_is_named(visible: None, gpus: str, expected: str) -> None:
    restrict_gpus(config(launch={"gpus": gpus}))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


def test_what_the_environment_allows_is_kept(visible: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    restrict_gpus(config())
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2"


def test_without_a_driver_nothing_is_chosen(visible: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoDriver(FakeNvml):
        def nvmlInit(self) -> None:
            raise self.NVMLError("Driver not loaded")

    monkeypatch.setitem(sys.modules, "pynvml", NoDriver())  # type: ignore[arg-type]
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
    assert (placement.dtype, placement.mixed_precision, placement.micro_batch_tokens) == (torch.float32, "no", 1024)


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


def test_micro_batches_are_as_large_as_the_config_says(no_cuda: None) -> None:
    assert place(config(train={"micro_batch_tokens": 333})).micro_batch_tokens == 333
