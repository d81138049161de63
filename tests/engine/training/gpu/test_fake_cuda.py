"""What a step asks of a GPU, counted on one that computes nothing: waits, copies, dtypes, kernels and traffic."""

from __future__ import annotations

from typing import Any

import pytest

RUNS = ["plain", "sources", "packed", "dropout", "whole"]
LAYERS = ["layer kept", "layer recomputed", "layer dropped", "layer in float16"]


@pytest.mark.parametrize("run", RUNS)
def test_the_host_waits_for_the_device_once_a_step(counted: dict[str, Any], run: str) -> None:
    """When loss and norm are read. Each further wait empties the queue, and the next micro-batch's launches show."""
    steps = counted[run]
    assert len(steps) == 3
    assert max(step["micro_batches"] for step in steps) > 1
    for step in steps:
        assert len(step["waits"]) == 1, "\n".join(step["waits"])


def test_an_evaluation_waits_once_for_many_micro_batches(counted: dict[str, Any]) -> None:
    """20 of them: at 16 and at the end. Progress and a wish to stop are looked at between any two."""
    assert len(counted["evaluated"]["waits"]) == 2
    assert counted["evaluated"]["wrong"] == []


@pytest.mark.parametrize("run", RUNS)
def test_a_micro_batch_comes_in_one_copy(counted: dict[str, Any], run: str) -> None:
    """From pinned memory. Pageable copies stop the host, each until it is done, and there would be five of them."""
    for step in counted[run]:
        assert step["to_device"] == step["micro_batches"]


@pytest.mark.parametrize("run", [*RUNS, *LAYERS])
def test_nothing_is_computed_in_float64_or_with_tensors_in_ram(counted: dict[str, Any], run: str) -> None:
    """A consumer card does a 64th of its speed in float64; a tensor in RAM among a kernel's inputs is a hidden copy."""
    told = counted[run]
    for part in told if isinstance(told, list) else [told]:
        assert part["wrong"] == []


@pytest.mark.parametrize("run", LAYERS)
def test_a_layer_never_waits(counted: dict[str, Any], run: str) -> None:
    assert counted[run]["waits"] == []


@pytest.mark.parametrize(
    ("run", "kernels", "gigabytes"),
    [
        # 56 matrix products, eight a linear; 42 casts of A, B and their gradients; 4 norms; 2 for attention; the
        # rest is rope, SwiGLU and residuals.
        ("layer kept", 145, 5.0),
        # A third more: the forward pass once again.
        ("layer recomputed", 197, 7.0),
        # For each of seven layers: dropping, dropping again, and its gradient. PEFT's own path moves 12.3 GB.
        ("layer dropped", 174, 6.6),
        # Autocast looks on and casts nothing: a norm in float32 would make each linear behind it keep a copy.
        ("layer in float16", 145, 5.0),
    ],
)
def test_a_layer_of_an_8b_takes_few_kernels_and_little_traffic(
    counted: dict[str, Any], run: str, kernels: int, gigabytes: float
) -> None:
    """2,048 tokens in 16 bit with LoRA on all linears. Traffic bounds the pace of all that is no matrix product."""
    found = counted[run]
    assert found["kernels"] <= kernels, found["by_name"]
    assert found["bytes"] <= gigabytes * 1e9


def test_a_norm_is_one_kernel_each_way(counted: dict[str, Any]) -> None:
    """Two norms a layer, which the model's own module would spell out in eleven kernels each."""
    names = counted["layer kept"]["by_name"]
    assert (names["_fused_rms_norm"], names["_fused_rms_norm_backward"]) == (2, 2)
    assert not {"pow", "mean", "rsqrt"} & names.keys()
