"""Configs of runs to estimate."""

from __future__ import annotations

from typing import Any

from engine.config.schema import RunConfig
from engine.memory.from_config import Setup
from engine.models.dims import ModelShape
from tests.engine.memory.models import LLAMA_3_8B


def setup(shape: ModelShape = LLAMA_3_8B, device: str = "cuda", longest_row: int | None = None, **fields: Any) -> Setup:
    """A run with ``section__field=value`` set, e.g. ``model__quantization="nf4"``."""
    values: dict[str, Any] = {"model": {"name_or_path": "m"}, "data": [{"path": "rows.jsonl"}],
                              "dataset": {"max_length": 2048}}  # fmt: skip
    for name, value in fields.items():
        section, field = name.split("__")
        values.setdefault(section, {})[field] = value
    return Setup(RunConfig.model_validate(values), shape, device, longest_row=longest_row)  # type: ignore[arg-type]
