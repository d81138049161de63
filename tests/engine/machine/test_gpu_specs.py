"""Each NVIDIA GPU gets the best attention kernel that torch has for its compute capability and dtype."""

from __future__ import annotations

import pytest

from engine.common.errors import MachineError
from engine.machine.gpu_specs import (
    CARDS,
    WHEELS,
    Wheel,
    attention_kernel,
    cuda_compiles_for,
    gpu_bytes,
    has_kernels,
    least_driver,
    trained_dtype,
    wheel_for,
)

TABLE = {  # capability: bfloat16, float16, float32
    (6, 0): ("math", "efficient", "efficient"),  # P100
    (7, 0): ("math", "efficient", "efficient"),  # V100
    (7, 5): ("math", "efficient", "efficient"),  # T4, RTX 2080
    (8, 0): ("flash", "flash", "efficient"),  # A100
    (8, 6): ("flash", "flash", "efficient"),  # RTX 3090, A10
    (8, 9): ("flash", "flash", "efficient"),  # RTX 4090, L4
    (9, 0): ("flash", "flash", "efficient"),  # H100
    (10, 0): ("flash", "flash", "efficient"),  # B200
    (12, 0): ("flash", "flash", "efficient"),  # RTX 5090
}


@pytest.mark.parametrize("capability", TABLE)
def test_each_capability_and_dtype_has_its_kernel(capability):
    kernels = tuple(attention_kernel(capability, dtype) for dtype in ("bfloat16", "float16", "float32"))
    assert kernels == TABLE[capability]


def test_a_mask_leaves_the_memory_efficient_kernel():
    assert attention_kernel((8, 0), "bfloat16", masked=True) == "efficient"
    assert attention_kernel((7, 5), "bfloat16", masked=True) == "math"


@pytest.mark.parametrize(
    ("capability", "width", "kernel"),
    [
        ((8, 0), 256, "flash"),
        ((8, 0), 512, "efficient"),  # Gemma 4's global layers
        ((8, 0), 224, "flash"),
        ((8, 9), 224, "efficient"),  # no backward pass there
        ((8, 9), 256, "flash"),
        ((9, 0), 224, "flash"),
        ((12, 0), 224, "efficient"),
        ((7, 5), 80, "efficient"),  # Phi-2
        ((7, 5), 100, "math"),  # not a multiple of eight
        ((8, 0), 100, "flash"),  # which pads it
    ],
)
def test_wide_and_odd_heads_leave_what_can_take_them(capability, width, kernel):
    assert attention_kernel(capability, "float16", head_width=width) == kernel


def test_values_of_another_width_than_keys_rule_flash_out():
    assert attention_kernel((9, 0), "bfloat16", head_width=192, value_width=128) == "efficient"


def test_a_gpu_newer_than_torch_knows_has_no_fused_kernel():
    assert attention_kernel((13, 0), "bfloat16") == "math"


CUDA_13, CUDA_12 = (13, 0), (12, 2)
GPUS = {  # capability: dtype, its attention kernel, the wheel under driver 580 and under driver 535
    (7, 0): ("float16", "efficient", "cu126", "cu126"),  # V100
    (7, 5): ("float16", "efficient", "cu130", "cu126"),  # T4
    (8, 0): ("bfloat16", "flash", "cu130", "cu126"),  # A100
    (8, 6): ("bfloat16", "flash", "cu130", "cu126"),  # RTX 3090
    (8, 9): ("bfloat16", "flash", "cu130", "cu126"),  # RTX 4090
    (9, 0): ("bfloat16", "flash", "cu130", "cu126"),  # H100
    (10, 0): ("bfloat16", "flash", "cu130", None),  # B200: only a newer driver helps
    (12, 0): ("bfloat16", "flash", "cu130", None),  # RTX 5090
}


@pytest.mark.parametrize("capability", GPUS)
def test_each_gpu_has_its_dtype_attention_and_wheel(capability):
    dtype = trained_dtype(capability)
    wheels = [wheel_for(capability, driver) for driver in (CUDA_13, CUDA_12)]
    named = tuple(wheel and wheel.name for wheel in wheels)
    assert (dtype, attention_kernel(capability, dtype), *named) == GPUS[capability]


def test_a_driver_older_than_all_wheels_has_none_and_an_unknown_one_rules_nothing_out():
    assert wheel_for((8, 0), (11, 4)) is None
    assert wheel_for((8, 0), None) == wheel_for(None, CUDA_13) == WHEELS[0]
    assert (least_driver((13, 2)), least_driver((12, 8))) == ("580", "525")


def torch_release() -> dict[tuple[int, int], list[str]]:
    """Of the installed torch, without loading it for more: the architectures of each of its release's builds."""
    cuda = pytest.importorskip("torch.cuda")
    releases = getattr(cuda, "PYTORCH_RELEASES_CODE_CC", None) or pytest.skip("an older torch has no such table")
    return {
        tuple(int(part) for part in name.split(".")): [f"sm_{number}" for number in sorted(built["x86_64"])]
        for name, built in releases.items()
    }


@pytest.mark.parametrize("wheel", WHEELS, ids=lambda wheel: wheel.name)
def test_the_wheels_are_those_of_the_installed_torch_s_release(wheel: Wheel):
    built = torch_release()[wheel.cuda]
    for capability in [(5, 0), (6, 1), *GPUS, (12, 1)]:
        claimed = wheel.first <= capability <= wheel.last
        assert has_kernels(built, capability) == claimed, capability
        assert cuda_compiles_for(wheel.cuda, capability) >= claimed, capability


@pytest.mark.parametrize(
    ("built", "capability", "runs"),
    [
        (["sm_80", "sm_86"], (8, 9), True),  # code for 8.6 runs on 8.9
        (["sm_86"], (8, 0), False),  # but not backwards
        (["sm_75", "sm_80", "sm_90"], (7, 0), False),  # V100 under the CUDA 13 wheel
        (["sm_80", "sm_90"], (12, 0), False),  # RTX 5090 under the CUDA 12.6 wheel
        (["sm_90", "compute_90"], (12, 0), True),  # portable code is compiled on the spot
        (["sm_90a", "sm_100"], (10, 3), True),
        ([], (8, 0), False),
    ],
)
def test_a_build_runs_where_its_architectures_do(built, capability, runs):
    assert has_kernels(built, capability) is runs


@pytest.mark.parametrize("wrong", ["RTX9999", "A1000", "h1000", "my card", "t44"])
def test_every_name_that_an_unknown_gpu_is_answered_with_is_known(wrong: str) -> None:
    with pytest.raises(MachineError) as caught:
        gpu_bytes(wrong)
    told = caught.value.reason.args
    assert all(gpu_bytes(name) > 0 for name in told.get("near", told.get("known")))
    assert "24GiB" in caught.value.hint
    if caught.value.code == "machine.unknown-gpu":
        assert set(told["known"]) == set(CARDS)
