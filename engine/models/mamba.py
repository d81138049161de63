"""Output projections of Mamba mixers: no adapter can be put on them.

The mixers' fused kernels read the projection's weight themselves, past whatever wraps the layer: an adapter there gets
no gradient, or changes nothing. PEFT refuses it for five families; the rule holds for every mixer of this kind.
"""

from __future__ import annotations

from collections.abc import Iterable

_OUTPUT = ".out_proj.weight"


def mixer_outputs(tensors: Iterable[str]) -> list[str]:
    """Of a model with these tensors or parameters, the names of the layers that can't carry an adapter.

    A Mamba mixer is known by its decay ``A_log`` and its skip ``D`` (Gu & Dao 2023, arXiv:2312.00752).
    """
    names = set(tensors)
    mixers = (name.removesuffix(_OUTPUT) for name in names if name.endswith(_OUTPUT))
    return sorted(f"{mixer}.out_proj" for mixer in mixers if {f"{mixer}.A_log", f"{mixer}.D"} <= names)
