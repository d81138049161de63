"""PEFT, loaded without torch's compiler: the other modules take its names from here.

PEFT loads bitsandbytes, which hands two kernels to ``torch.compile`` as it is loaded, for devices that it brings none
for. Nothing here computes on those, and to load the compiler takes more than a second of a core and 45 MB, at the start
of each run, dialogue and evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def _as_it_is(function: Any = None, **_: Any) -> Any:
    """What ``torch.compile`` is called as, with a function or as a decorator with settings."""
    return _as_it_is if function is None else function


@contextmanager
def _no_compiler() -> Iterator[None]:
    before = torch.compile
    torch.compile = _as_it_is  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compile = before


with _no_compiler():
    from peft import (
        LoraConfig,
        PeftModel,
        get_peft_model,
        get_peft_model_state_dict,
        set_peft_model_state_dict,
    )
    from peft.tuners.lora.layer import LoraLayer
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils import ModulesToSaveWrapper
    from peft.utils.merge_utils import dare_linear, dare_ties, ties
    from peft.utils.other import AuxiliaryTrainingWrapper
    from peft.utils.save_and_load import load_peft_weights

__all__ = [
    "AuxiliaryTrainingWrapper", "BaseTunerLayer", "LoraConfig", "LoraLayer", "ModulesToSaveWrapper", "PeftModel",
    "dare_linear", "dare_ties", "get_peft_model", "get_peft_model_state_dict", "load_peft_weights",
    "set_peft_model_state_dict", "ties",
]  # fmt: skip
