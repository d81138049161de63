"""Each NVIDIA GPU gets the best attention kernel that torch has for its compute capability and dtype."""

from __future__ import annotations

import pytest

from engine.machine.gpu_specs import attention_kernel

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
