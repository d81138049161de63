"""`tunedeck adapter inspect` tells what an adapter is and whether it fits a model, in words and as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.engine.cli.cli_calls import Shell
from tests.engine.models.folders import ATTENTION, MakeModel
from tests.engine.models.making import PREFIX, lora_tensors, write_adapter


@pytest.fixture
def model(make_model: MakeModel) -> Path:
    return make_model("model", weights=ATTENTION)


def test_a_foreign_adapter_is_shown_with_what_is_unknown(shell: Shell, tmp_path: Path) -> None:
    answer = shell("adapter", "inspect", write_adapter(tmp_path / "theirs", use_rslora=True))
    lines = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in answer.out.splitlines())
    assert answer.code == 0
    assert lines["base model"] == "org/model"
    assert lines["base weights"].startswith("unknown")
    assert "rsLoRA" in lines["method"]
    assert lines["layers"] == "q_proj, v_proj (4 in total)"
    assert lines["trained on"].startswith("unknown")


def test_json_has_everything_and_null_for_the_unknown(shell: Shell, tmp_path: Path, model: Path) -> None:
    found = shell("adapter", "inspect", write_adapter(tmp_path / "a"), "--base", model, "--json").json
    assert (found["r"], found["lora_alpha"], found["targets"]) == (4, 8, ["q_proj", "v_proj"])
    assert found["tensors"][f"{PREFIX}0.self_attn.q_proj.lora_A.weight"] == {"shape": [4, 8], "dtype": "F32"}
    assert (found["data"], found["weights_sha256"], found["run"]) == (None, None, None)
    assert (found["match"]["level"], found["without_effect"]) == ("unsure", False)


def test_a_model_it_does_not_fit_is_an_error_for_a_script(shell: Shell, tmp_path: Path, model: Path) -> None:
    adapter = write_adapter(tmp_path / "a", lora_tensors(hidden=16))
    answer = shell("adapter", "inspect", adapter, "--base", model)
    assert answer.code == 4
    assert "does not fit" in answer.out


def test_nan_is_an_error_and_names_the_tensor(shell: Shell, tmp_path: Path) -> None:
    tensors = lora_tensors()
    tensors[f"{PREFIX}1.self_attn.v_proj.lora_A.weight"][0, 0] = np.nan
    answer = shell("adapter", "inspect", write_adapter(tmp_path / "a", tensors))
    assert answer.code == 4
    assert "1.self_attn.v_proj.lora_A" in answer.out


def test_a_pickled_adapter_is_refused_with_the_way_to_convert_it(shell: Shell, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    answer = shell("adapter", "inspect", folder)
    assert (answer.code, answer.out) == (4, "")
    assert "save_file" in answer.err
    assert "pickled" in shell("adapter", "inspect", folder, "--allow-pickle").out


def test_what_a_stranger_wrote_into_the_config_cannot_steer_the_terminal(shell: Shell, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a", base_model_name_or_path="x\x1b]0;gone\x07\x1b[2Jy")
    answer = shell("adapter", "inspect", folder)
    assert "\x1b" not in answer.out
    assert "\x1b" not in json.dumps(shell("adapter", "inspect", folder, "--json").out)
