"""The starter comes as GGUF and leaves as a model that can be trained, with all that belongs to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import gguf
import pytest
from safetensors.torch import load_file

from engine.export.gguf import converter
from engine.export.safetensors_from_gguf import convert
from engine.models import starter
from engine.models.card import read_card
from tests.engine.export.gguf.families import make


@pytest.mark.usefixtures("warm")
def test_a_file_that_is_no_gguf_is_said_in_one_line_and_leaves_no_model(tmp_path: Path) -> None:
    broken = tmp_path / "model.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    command = starter.convert_command(broken, tmp_path / "out")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert [json.loads(line)["total"] for line in done.stdout.splitlines()] == [5, 5]
    assert done.stderr.strip().splitlines()[-1].partition(":")[0].endswith("Error")
    assert not (tmp_path / "out").exists()


def test_a_file_is_read_once_and_its_weights_arrive(
    tmp_path: Path, converter_folder: Path, warm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, file = make("Llama", tmp_path / "model"), tmp_path / "model.gguf"
    converter.run(converter_folder, {"do": "convert", "model": str(model), "out": str(file), "type": "bf16"})
    made: list[str] = []
    init, table = gguf.GGUFReader.__init__, gguf.TensorNameMap.__init__
    monkeypatch.setattr(gguf.GGUFReader, "__init__", lambda *args: made.append("reader") or init(*args))
    monkeypatch.setattr(gguf.TensorNameMap, "__init__", lambda *args: made.append("names") or table(*args))
    before = gguf.GGUFReader, gguf.get_tensor_name_map
    convert(file, tmp_path / "back", lambda phase: None)
    assert sorted(made) == ["names", "reader"]
    assert (gguf.GGUFReader, gguf.get_tensor_name_map) == before
    was, came = (load_file(folder / "model.safetensors") for folder in (model, tmp_path / "back"))
    assert was.keys() == came.keys()
    assert all(came[name].equal(was[name].bfloat16()) for name in was)


@pytest.mark.real
@pytest.mark.timeout(280)
def test_the_starter_model_arrives_whole_and_talks_sense(home: Path) -> None:
    steps: list[str] = []
    folder = starter.get("smollm2-135m", lambda _done, _total, message: steps.append(message.code)).path
    assert "export.writing" in steps
    card = read_card(folder)
    assert (card.parameters, card.dtype, card.kind) == (134_515_008, "bfloat16", "chat")
    assert card.eos_tokens == ("<|im_end|>",)

    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    assert tokenizer.eos_token_id == model.generation_config.eos_token_id == 2
    assert tokenizer.model_max_length == 8192
    assert tokenizer.tokenize("in 2024") == ["in", "Ġ", "2", "0", "2", "4"]
    question = [{"role": "user", "content": "What is the capital of France?"}]
    inputs = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    assert tokenizer.decode(inputs["input_ids"][0]).endswith("<|im_start|>assistant\n")
    answer = model.generate(**inputs, max_new_tokens=30, do_sample=False)[0]
    assert "Paris" in tokenizer.decode(answer[inputs["input_ids"].shape[1] :])
    assert answer[-1] == tokenizer.eos_token_id


def test_the_module_is_light_until_it_works() -> None:
    code = "import sys, engine.export.safetensors_from_gguf; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
