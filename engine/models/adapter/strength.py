"""How strong a saved LoRA adapter acts: its scale, written into its config so that plain PEFT loads it like that.

The update of every layer is ``scaling * B A`` with a scaling that is linear in ``lora_alpha``, for rsLoRA too: an alpha
times ``s`` is ``base + s * (tuned - base)`` in the weights, the interpolation of WiSE-FT (arXiv 2109.01903). Weights
stay as they are. The config at full strength is kept beside the one that PEFT reads.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from engine.common.errors import MachineError, ModelError, reason_of
from engine.common.files import read_json, write_atomic
from engine.messages.message import Message
from engine.models.adapter.card import AdapterCard
from engine.models.adapter.config import CONFIG_FILE, RECORD_FILE

FULL_FILE = "adapter_config.full-strength.json"
"""The config as training left it; there only while another strength is kept."""
STRONGEST = 2.0
_ALPHA = 8
"""PEFT's, where a config leaves it out."""
# Ways to start A and B that take the start out of the base: there the update is not all that training changed.
_CHANGES_BASE = re.compile(r"pissa|olora|corda|loftq|lora_ga|mica", re.IGNORECASE)


def why_not(folder: Path) -> Message | None:
    """Why a scale of the adapter in ``folder`` would not lie between base and tuned; None where it does."""
    values = read_json(folder / CONFIG_FILE)
    if values.get("use_dora"):
        return Message("strength.dora")
    start = values.get("init_lora_weights")
    if isinstance(start, str) and _CHANGES_BASE.search(start):
        return Message("strength.changed-base", init=start)
    return None


def require_scalable(folder: Path) -> None:
    """Raise ModelError where ``why_not`` has a reason."""
    reason = why_not(folder)
    if reason is not None:
        raise ModelError("strength.not-scalable", folder=folder, reason=reason)


def not_scaled(card: AdapterCard) -> tuple[Message, ...]:
    """What of an adapter acts in full at any scale: modules and tokens that are saved whole, and trained biases."""
    found = []
    if card.settings.modules_to_save:
        found.append(Message("strength.modules-stay", modules=list(card.settings.modules_to_save)))
    if card.contents.token_rows:
        found.append(Message("strength.tokens-stay", tokens=sum(card.contents.token_rows.values())))
    if card.settings.bias != "none":
        found.append(Message("strength.biases-stay", bias=card.settings.bias))
    return tuple(found)


def kept(folder: Path) -> float:
    """The scale that the adapter in ``folder`` is kept at: 1.0 as trained."""
    trained = read_json(folder / FULL_FILE)
    if not trained:
        return 1.0
    full, now = (each.get("lora_alpha", _ALPHA) for each in (trained, read_json(folder / CONFIG_FILE)))
    if not isinstance(full, int | float) or not isinstance(now, int | float) or not full:
        return 1.0
    return _plain(now / full)


def keep(folder: Path, scale: float, measured: str = "") -> Path | None:
    """Make the adapter in ``folder`` act at ``scale`` of its full strength; 1.0 brings the config of training back.

    Returns where the config at full strength is kept, None where it is the adapter's own again. ``measured`` names the
    evaluation that the choice rests on; ``tunedeck.json`` records it. An interruption at any point leaves either
    strength whole. Raises ModelError for a scale or an adapter that can't be, MachineError for what can't be written.
    """
    if not math.isfinite(scale) or not 0 < scale <= STRONGEST:
        raise ModelError("strength.no-scale", scale=scale, most=STRONGEST)
    require_scalable(folder)
    config, full = folder / CONFIG_FILE, folder / FULL_FILE
    trained = read_json(full) or read_json(config)
    if not isinstance(trained.get("lora_alpha", _ALPHA), int | float):
        raise ModelError("adapter.broken-config", path=config, reason=Message("strength.no-alpha"))
    try:
        if scale == 1:
            if full.exists():
                write_atomic(config, full.read_text("utf-8"))
                full.unlink()
            _record(folder, None)
            return None
        if not full.exists():
            write_atomic(full, config.read_text("utf-8"))
        write_atomic(config, json.dumps(_scaled(trained, scale), indent=2, sort_keys=True))
        _record(folder, {"scale": scale, "full": FULL_FILE} | ({"evaluation": measured} if measured else {}))
    except OSError as error:
        where = error.filename or folder
        raise MachineError("strength.unwritable", path=where, reason=reason_of(error)) from error
    return full


def _scaled(trained: dict[str, Any], scale: float) -> dict[str, Any]:
    """``trained`` with the scale in every alpha."""
    pattern = trained.get("alpha_pattern") or {}
    return trained | {
        "lora_alpha": _plain(trained.get("lora_alpha", _ALPHA) * scale),
        "alpha_pattern": {name: _plain(alpha * scale) for name, alpha in pattern.items()},
    }


def _plain(value: float) -> float:
    """Without what floating point adds behind the tenth digit; a whole number as one."""
    rounded = float(f"{value:.10g}")
    return int(rounded) if rounded == int(rounded) else rounded


def _record(folder: Path, strength: dict[str, Any] | None) -> None:
    """Note it in the adapter's record, where it has one."""
    record = read_json(folder / RECORD_FILE)
    if not record or record.get("strength") == strength:
        return
    record.pop("strength", None)
    record |= {"strength": strength} if strength else {}
    write_atomic(folder / RECORD_FILE, json.dumps(record, indent=1, ensure_ascii=False))
