"""The one door by which an adapter's files get onto a model: what PEFT passes over there is an error, not silence."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, set_peft_model_state_dict
from peft.utils.save_and_load import load_peft_weights

from engine.common.errors import ModelError
from engine.models.adapter.tensors import PREFIX, is_copy, module_path


def put_on(
    model: Any, folder: Path, name: str = "default", config: LoraConfig | None = None, trainable: bool = False
) -> PeftModel:
    """``model``, plain or with adapters on it already, with the adapter in ``folder`` under ``name``.

    ``config`` takes the place of the folder's own. Raises ModelError: PEFT can't load it, or leaves some of its
    tensors out; with ``trainable`` also where it lacks some that its config asks for, which would begin anew.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the report below says it in full
            device = str(model.device)
            if isinstance(model, PeftModel):
                model.load_adapter(str(folder), name, is_trainable=trainable, torch_device=device)
            else:
                model = PeftModel.from_pretrained(
                    model, str(folder), name, config=config, is_trainable=trainable, torch_device=device
                )
            # PEFT keeps its report to itself when it loads; given the same tensors again it hands it over.
            weights = load_peft_weights(str(folder), device=device)
            report = set_peft_model_state_dict(model, _as_saved(weights), name)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        words = " ".join(str(error).split())[:300]
        raise ModelError("modeling.adapter-unfit", folder=folder, reason=words) from error
    missing = sorted(key for key in report.missing_keys if trainable and ".lora_" in key and f".{name}" in key)
    lost = sorted(report.unexpected_keys)
    if lost:
        raise ModelError("modeling.adapter-tensors-left", folder=folder, count=len(lost), tensor=lost[0])
    if missing:
        raise ModelError("modeling.adapter-incomplete", folder=folder, tensor=missing[0])
    return model


def _as_saved(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors under the names that PEFT saves them by, whatever the adapter is called."""
    return {PREFIX + module_path(name): tensor for name, tensor in weights.items() if not is_copy(name, weights)}
