"""A run that continues an adapter is refused before it starts where the adapter can't be built on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.common.errors import ConfigError, ModelError
from engine.config.presets import Layer, resolve
from engine.config.rules import Issue
from engine.models.weights import hash_files
from tests.engine.app.checking import preflight
from tests.engine.models.folders import ATTENTION, MakeModel
from tests.engine.models.making import PREFIX, lora_tensors, write_adapter


@pytest.fixture
def model(make_model: MakeModel) -> Path:
    return make_model("model", weights=ATTENTION, tokenizer__json="{}")


def checked(tmp_path: Path, model: Path, old: Path, /, **sections: Any) -> dict[str, Issue]:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"prompt": "a", "completion": "b"}) + "\n")
    values: dict[str, Any] = {
        "model": {"name_or_path": str(model)}, "data": [{"path": str(rows)}],
        "strategy": {"kind": "continue", "adapter": str(old)} | sections.pop("strategy", {}),
    }  # fmt: skip
    return {issue.field: issue for issue in preflight(resolve([Layer("file", values | sections)]))}


def adapter_on(model: Path, folder: Path, **changed: Any) -> Path:
    return write_adapter(folder, base_model_name_or_path=str(model), **changed)


def test_an_adapter_on_its_own_base_has_nothing_said_against_it(tmp_path: Path, home: Path, model: Path) -> None:
    assert "strategy.adapter" not in checked(tmp_path, model, adapter_on(model, tmp_path / "a"))


def test_continue_with_a_changed_rank_in_the_config_is_refused(tmp_path: Path, home: Path, model: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        checked(tmp_path, model, adapter_on(model, tmp_path / "a"), adapter={"r": 32})
    assert "adapter.r: is 32, but the adapter to continue has 4" in caught.value.message
    assert "fresh" in caught.value.message


def test_another_architecture_is_refused(tmp_path: Path, home: Path, model: Path) -> None:
    adapter = adapter_on(model, tmp_path / "a", tensors=lora_tensors(hidden=16))
    with pytest.raises(ModelError, match="does not fit this model"):
        checked(tmp_path, model, adapter, strategy={"trust_base": True})


def test_nan_is_refused_and_named(tmp_path: Path, home: Path, model: Path) -> None:
    tensors = lora_tensors()
    tensors[f"{PREFIX}0.self_attn.q_proj.lora_A.weight"][0, 0] = np.nan
    with pytest.raises(ModelError) as caught:
        checked(tmp_path, model, adapter_on(model, tmp_path / "a", tensors=tensors))
    assert "0.self_attn.q_proj.lora_A" in caught.value.message


def test_a_changed_base_is_refused_unless_the_user_vouches_for_it(tmp_path: Path, home: Path, model: Path) -> None:
    adapter = adapter_on(model, tmp_path / "a")
    hashes = hash_files([model / "model.safetensors"])
    (adapter / "tunedeck.json").write_text(json.dumps({"base": {"name_or_path": "m", "weights_sha256": hashes}}))
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x02")
    with pytest.raises(ModelError) as caught:
        checked(tmp_path, model, adapter)
    assert "changed: model.safetensors" in caught.value.message
    issue = checked(tmp_path, model, adapter, strategy={"trust_base": True})["strategy.adapter"]
    assert (issue.level, issue.what.code) == ("warning", "check.adapter-vouched")


def test_an_adapter_without_effect_and_without_optimizer_is_said(tmp_path: Path, home: Path, model: Path) -> None:
    tensors = {name: t * ("lora_A" in name) for name, t in lora_tensors().items()}
    adapter = adapter_on(model, tmp_path / "a", tensors=tensors)
    found = checked(tmp_path, model, adapter, strategy={"take_optimizer": True})
    assert found["strategy.adapter"].what.code == "check.adapter-zero"
    assert found["strategy.take_optimizer"].what.code == "check.no-optimizer-state"
