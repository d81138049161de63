"""An adapter kept at a scale: plain PEFT loads it at that strength, and the full one is never lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.helpers import rescale_adapter_scale
from transformers import AutoModelForCausalLM

from engine.common.errors import MachineError, ModelError
from engine.models.adapter import strength
from engine.models.adapter.card import read_adapter

IDS = torch.arange(12)[None]


def adapter(tiny: Path, folder: Path, **settings: Any) -> Path:
    """An adapter that changes something, as a run leaves it, with its record."""
    torch.manual_seed(1)
    chosen: dict[str, Any] = {"r": 4, "lora_alpha": 32, "target_modules": "all-linear", "init_lora_weights": False}
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny), LoraConfig(task_type="CAUSAL_LM", **(chosen | settings))
    )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.mul_(0.3)
    model.save_pretrained(folder)
    (folder / "tunedeck.json").write_text(json.dumps({"base": {"name_or_path": str(tiny)}, "step": 6}))
    return folder


@torch.no_grad()
def logits(tiny: Path, folder: Path, scale: float | None = None) -> torch.Tensor:
    """Of plain PEFT, loaded as anybody would; ``scale`` changes the strength in memory."""
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), str(folder)).eval()
    if scale is None:
        return model(input_ids=IDS).logits
    with rescale_adapter_scale(model, scale):
        return model(input_ids=IDS).logits


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"v_proj": 5, "0.mlp.up_proj": 12}},
        {"lora_bias": True, "target_modules": ["q_proj"]},
    ],
    ids=["plain", "rslora", "patterns", "lora-bias"],
)
@pytest.mark.parametrize("scale", [0.25, 0.7, 1.25])
def test_plain_peft_loads_it_at_the_kept_strength(tiny: Path, tmp_path: Path, settings: Any, scale: float) -> None:
    folder = adapter(tiny, tmp_path / "adapter", **settings)
    in_memory, full = logits(tiny, folder, scale), logits(tiny, folder)
    strength.keep(folder, scale)
    torch.testing.assert_close(logits(tiny, folder), in_memory, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(full, in_memory, atol=1e-3)


def test_the_full_strength_stays_beside_it_and_comes_back_to_the_byte(tiny: Path, tmp_path: Path) -> None:
    folder = adapter(tiny, tmp_path / "adapter")
    before, weights = (folder / "adapter_config.json").read_bytes(), (folder / "adapter_model.safetensors").read_bytes()
    full = strength.keep(folder, 0.75, measured="strength")
    assert full is not None
    assert full.read_bytes() == before
    strength.keep(folder, 0.5)
    assert strength.kept(folder) == 0.5
    assert full.read_bytes() == before
    assert json.loads((folder / "adapter_config.json").read_text())["lora_alpha"] == 16
    assert strength.keep(folder, 1) is None
    assert (folder / "adapter_config.json").read_bytes() == before
    assert (folder / "adapter_model.safetensors").read_bytes() == weights
    assert not full.exists()


def test_the_record_says_which_strength_and_by_what(tiny: Path, tmp_path: Path) -> None:
    folder = adapter(tiny, tmp_path / "adapter")
    record = tmp_path / "adapter" / "tunedeck.json"
    strength.keep(folder, 0.75, measured="strength")
    noted = json.loads(record.read_text())
    assert noted["strength"] == {"scale": 0.75, "full": strength.FULL_FILE, "evaluation": "strength"}
    assert noted["step"] == 6
    assert read_adapter(str(folder)).settings.lora_alpha == 24
    strength.keep(folder, 1)
    assert "strength" not in json.loads(record.read_text())


def test_a_kept_strength_is_of_the_full_one_never_of_the_last(tiny: Path, tmp_path: Path) -> None:
    folder = adapter(tiny, tmp_path / "adapter")
    for scale in (0.5, 0.5, 0.7):
        strength.keep(folder, scale)
    assert strength.kept(folder) == 0.7
    assert json.loads((folder / "adapter_config.json").read_text())["lora_alpha"] == 22.4


@pytest.mark.parametrize("scale", [0, -0.5, 2.5, float("nan"), float("inf")])
def test_a_senseless_strength_is_refused_and_nothing_changes(tiny: Path, tmp_path: Path, scale: float) -> None:
    folder = adapter(tiny, tmp_path / "adapter")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ModelError) as error:
        strength.keep(folder, scale)
    assert error.value.code == "strength.no-scale"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"use_dora": True}, "strength.dora"), ({"init_lora_weights": "pissa"}, "strength.changed-base"),
     ({"init_lora_weights": "olora"}, "strength.changed-base")],
)  # fmt: skip
def test_where_a_scale_is_no_interpolation_it_is_refused(tiny: Path, tmp_path: Path, settings: Any, code: str) -> None:
    folder = adapter(tiny, tmp_path / "adapter", **settings)
    with pytest.raises(ModelError) as error:
        strength.keep(folder, 0.5)
    assert error.value.code == "strength.not-scalable"
    assert error.value.reason.args["reason"].code == code
    assert not (folder / strength.FULL_FILE).exists()


def test_dora_at_scale_0_is_not_the_base_which_is_why_it_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = adapter(tiny, tmp_path / "adapter", use_dora=True)
    plain = AutoModelForCausalLM.from_pretrained(tiny).eval()
    with torch.no_grad():
        assert not torch.allclose(logits(tiny, folder, 0.0), plain(input_ids=IDS).logits, atol=1e-3)


def test_what_is_saved_whole_is_said(tiny: Path, tmp_path: Path) -> None:
    folder = adapter(
        tiny, tmp_path / "adapter", modules_to_save=["norm"], target_modules=["q_proj"], bias="lora_only",
        trainable_token_indices=[3, 4],
    )  # fmt: skip
    said = strength.not_scaled(read_adapter(str(folder)))
    assert [each.code for each in said] == ["strength.modules-stay", "strength.tokens-stay", "strength.biases-stay"]
    assert strength.not_scaled(read_adapter(str(adapter(tiny, tmp_path / "plain")))) == ()


def test_a_folder_that_can_not_be_written_leaves_the_adapter_as_it_was(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = adapter(tiny, tmp_path / "adapter")
    before = (folder / "adapter_config.json").read_bytes()

    def full_disk(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(strength, "write_atomic", full_disk)
    with pytest.raises(MachineError) as error:
        strength.keep(folder, 0.5)
    assert error.value.code == "strength.unwritable"
    assert (folder / "adapter_config.json").read_bytes() == before
    assert strength.kept(folder) == 1


def test_a_config_without_an_alpha_is_kept_and_read_with_that_of_peft(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4}))
    strength.keep(tmp_path, 0.5)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["lora_alpha"] == 4
    assert strength.kept(tmp_path) == 0.5
    strength.keep(tmp_path, 1.0)
    assert strength.kept(tmp_path) == 1.0
