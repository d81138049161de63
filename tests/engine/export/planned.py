"""An adapter on a base of 135M parameters that is not there, ready to be planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.app.export import Subject
from engine.config.schema import ModelSection
from engine.models.adapter.card import read_adapter
from engine.models.card import ModelCard
from engine.models.for_use import ForUse
from engine.runs.directory import RunDir

BASE = Path("/models/smollm2-135m")


def subject_of(run: RunDir, **_: Any) -> Subject:
    card = ModelCard(
        BASE, BASE.name, "llama", "LlamaForCausalLM", 576, 30, 9, 3, 64, 49152, True, 8192, 0, "bfloat16",
        134_515_008, 269_030_016, "", True, True, (), "", "instruct", (),
    )  # fmt: skip
    adapter = read_adapter(run.adapter)
    found = ForUse(str(run.path), ModelSection(name_or_path=str(BASE)), card, adapter, run)
    return Subject(found, adapter, "0" * 64, "1" * 64)
