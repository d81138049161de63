"""Each family becomes a GGUF that says in llama.cpp what Transformers says, with its adapter and without."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from engine.export.gguf import converter
from engine.export.gguf.adapter import convert_adapter
from engine.export.gguf.server import LlamaServer
from engine.models.adapter.card import read_adapter
from tests.engine.export.gguf.families import FAMILIES, make

pytestmark = pytest.mark.usefixtures("gguf_converter", "warm")

_CLOSE = 0.05
"""Of a logarithm: llama.cpp keeps keys and values in 16 bits and adds up in another order."""
_LIKELIEST = 40


def adapted(model: Path, folder: Path) -> PeftModel:
    """``model`` with an adapter that changes much, saved to ``folder``."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(3)
        base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
        settings = {"r": 8, "lora_alpha": 16, "target_modules": "all-linear", "rank_pattern": {"o_proj": 4}}
        made = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **settings))
        for name, tensor in made.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(tensor, std=0.05)
        made.save_pretrained(folder)
    return made.eval()


def expected(model: PeftModel, prompt: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([prompt])).logits[0, -1], -1)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_says_in_llama_cpp_what_it_says_in_transformers(family: str, tmp_path: Path) -> None:
    model, file, lora = make(family, tmp_path / "model"), tmp_path / "model.gguf", tmp_path / "adapter.gguf"
    folder = converter.converter(lambda *progress: None)
    converter.run(folder, {"do": "convert", "model": str(model), "out": str(file), "type": "f32"})
    peft = adapted(model, tmp_path / "adapter")
    card = read_adapter(tmp_path / "adapter")
    assert convert_adapter(card, model, lora, folder) == len(card.tensors) // 2

    draw = np.random.default_rng(0)
    prompts = [[1, *draw.integers(5, 260, length).tolist()] for length in (3, 5, 8, 13, 21, 40)]
    effect = []
    for adapter in (None, lora):
        compared = 0
        with LlamaServer(file, adapter, context=128, threads=1) as server:
            for prompt in prompts:
                if adapter is None:
                    with peft.disable_adapter():
                        wanted = expected(peft, prompt)
                else:
                    wanted = expected(peft, prompt)
                    with peft.disable_adapter():
                        effect.append(float((wanted - expected(peft, prompt)).abs().max()))
                for token, found in server.logprobs(prompt, _LIKELIEST).items():
                    assert found == pytest.approx(float(wanted[token]), abs=_CLOSE)
                    compared += 1
        assert compared >= 3 * _LIKELIEST
    assert min(effect) > 2 * _CLOSE, "an adapter that changes nothing proves nothing"
