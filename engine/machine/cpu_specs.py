"""What a core of this host's CPU computes: a server's core differs fourfold by whether it multiplies in bfloat16."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

CORE_FLOPS = 5e10
"""Floating-point operations a second that one core of a server's CPU reaches in training; others differ twofold."""
BF16_CORE_FLOPS = 2e11
"""The same of a core that multiplies in bfloat16, in 16-bit training. Measured on a Zen 4 core with AVX-512: products
of 576 by 1,536 reach 1.9e11 (in float32 0.9e11), and two cores train a model of 135M weights with 800 tokens/s."""
_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""What Linux calls those instructions on x86 and on Arm. AVX-512 alone takes bfloat16 apart into float32."""


@dataclass(frozen=True)
class Cpu:
    """``cores`` that a process may keep busy, and what each reaches in training: ``core_flops`` operations a second."""

    cores: int = 1
    core_flops: float = CORE_FLOPS

    @property
    def flops(self) -> float:
        return self.cores * self.core_flops


@cache
def core_flops(cpuinfo: Path = Path("/proc/cpuinfo")) -> float:
    """What one core of this host reaches in 16-bit training, by the instructions that it has."""
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
            told = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        return CORE_FLOPS
    return BF16_CORE_FLOPS if _BF16 & set(told.split()) else CORE_FLOPS
