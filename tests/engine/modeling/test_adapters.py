"""An old adapter is continued with its own shape and weights, whatever PEFT can put into a LoRA folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from engine.common.errors import ConfigError, ModelError
from engine.config.presets import Layer, resolve
from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.modeling.adapters import attach_adapter, trainable
from engine.models.adapter.adopt import adopt
from engine.models.card import read_card
from engine.training.strategies import take_optimizer
from tests.codes import raises
from tests.tiny import make_tiny_model

TOKENS = torch.tensor([[5, 17, 42, 99, 7, 61]])
Made = Callable[..., Path]


def base_of(folder: Path, dtype: torch.dtype = torch.float32, nf4: bool = False) -> Any:
    """What the loader hands over, as far as an adapter needs it."""
    quantized = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4") if nf4 else None
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, quantization_config=quantized)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return SimpleNamespace(model=model, card=read_card(folder), tokenizer=AutoTokenizer.from_pretrained(folder))


def continuing(model: Path, old: Path | str, /, **sections: Any) -> RunConfig:
    values: dict[str, Any] = {"model": {"name_or_path": str(model)}, "data": [{"path": "x"}]}
    values["strategy"] = {"kind": "continue", "adapter": str(old)}
    return adopt(resolve([Layer("file", values | sections)])).config


@pytest.fixture
def old(tiny: Path, tmp_path: Path, home: Path) -> Made:
    """Write an adapter of PEFT's own making, its zeros replaced so that it changes the model."""

    def make(model: Path = tiny, **settings: Any) -> Path:
        config = LoraConfig(**{"task_type": "CAUSAL_LM", "r": 4, "target_modules": "all-linear", **settings})
        adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model), config)
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in trainable(adapted):
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
        adapted.save_pretrained(tmp_path / "old", save_embedding_layers=False)
        return tmp_path / "old"

    return make


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(TOKENS).logits.float()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_rslora": True, "lora_alpha": 3},
        {"use_dora": True},
        {"modules_to_save": ["embed_tokens"]},
        {"trainable_token_indices": [1, 2]},
        {"target_modules": ["q_proj", "down_proj"], "rank_pattern": {"q_proj": 8}, "alpha_pattern": {"q_proj": 2}},
        {"layers_to_transform": [1], "target_modules": ["v_proj"], "lora_bias": True},
    ],
)
def test_a_continued_adapter_computes_what_it_did_and_is_saved_alike(
    tiny: Path, tmp_path: Path, old: Made, settings: dict[str, Any]
) -> None:
    folder = old(**settings)
    expected = logits(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), folder))
    model = attach_adapter(continuing(tiny, folder), base_of(tiny), "the base")
    assert torch.allclose(logits(model), expected, atol=1e-5)
    model.save_pretrained(tmp_path / "new", save_embedding_layers=False)
    before, after = (load_file(path / "adapter_model.safetensors") for path in (folder, tmp_path / "new"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert model.peft_config["default"].base_model_name_or_path == "the base"


def test_it_is_trained_in_float32_on_a_16_bit_base(tiny: Path, old: Made) -> None:
    folder = old()
    model = attach_adapter(continuing(tiny, folder), base_of(tiny, torch.bfloat16), "b")
    trained = trainable(model)
    assert {parameter.dtype for parameter in trained} == {torch.float32}
    assert sum(p.numel() for p in trained) == sum(
        t.numel() for t in load_file(folder / "adapter_model.safetensors").values()
    )


def test_it_is_continued_on_a_4_bit_base_with_gradients_for_every_matrix(tiny: Path, old: Made) -> None:
    model = attach_adapter(continuing(tiny, old()), base_of(tiny, torch.bfloat16, nf4=True), "b")
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    model(TOKENS, labels=TOKENS).loss.backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in trainable(model))


def test_dropout_stays_this_runs_own(tiny: Path, old: Made) -> None:
    folder = old(lora_dropout=0.2)
    model = attach_adapter(continuing(tiny, folder, adapter={"lora_dropout": 0.5}), base_of(tiny), "b")
    assert {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)} == {0.5}
    assert model.peft_config["default"].lora_dropout == 0.5


def test_a_config_of_another_shape_is_refused_by_the_runner_too(tiny: Path, old: Made) -> None:
    config = continuing(tiny, old())
    config.adapter.r = 16
    with pytest.raises(ConfigError, match=r"adapter\.r"):
        attach_adapter(config, base_of(tiny), "b")


def test_an_embedding_that_continuing_would_lose_is_refused(tiny: Path, old: Made) -> None:
    folder = old()
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors["base_model.model.model.embed_tokens.weight"] = torch.zeros(400, 64)
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError) as caught:
        attach_adapter(continuing(tiny, folder), base_of(tiny), "b")
    assert "embed_tokens.weight" in caught.value.message
    assert "Merge it" in caught.value.hint


def test_another_base_is_refused_in_the_runner_too(tiny: Path, tmp_path: Path, old: Made) -> None:
    folder = old()
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": None}))
    with raises(ModelError, "adapter.base-uncertain"):
        attach_adapter(continuing(tiny, folder), base_of(tiny), "b")


def test_a_resumed_run_takes_its_shape_from_its_own_checkpoint(tiny: Path, tmp_path: Path, old: Made) -> None:
    folder = old(use_rslora=True)
    config = continuing(tiny, folder)
    attach_adapter(config, base_of(tiny), "b").save_pretrained(tmp_path / "checkpoint-3")
    shutil.rmtree(folder)
    model = attach_adapter(config, base_of(tiny), "b", tmp_path / "checkpoint-3")
    assert model.peft_config["default"].use_rslora


def trained_steps(model: Any, optimizer: torch.optim.Optimizer, steps: int = 3) -> None:
    for _ in range(steps):
        model(TOKENS, labels=TOKENS).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def test_the_optimizers_moments_are_taken_over_and_its_rate_is_not(tiny: Path, tmp_path: Path, old: Made) -> None:
    config = continuing(tiny, old())
    model = attach_adapter(config, base_of(tiny), "b")
    parameters = trainable(model)
    # Two groups, as trainers that part the weights by decay write them.
    theirs = torch.optim.AdamW([{"params": parameters[:6]}, {"params": parameters[6:], "weight_decay": 0.0}], lr=1e-3)
    trained_steps(model, theirs)
    torch.save(theirs.state_dict(), tmp_path / "optimizer.pt")
    ours = torch.optim.AdamW(parameters, lr=7e-5)
    assert take_optimizer(ours, tmp_path / "optimizer.pt") is None
    assert ours.param_groups[0]["lr"] == 7e-5
    assert all(torch.equal(ours.state[p]["exp_avg"], theirs.state[p]["exp_avg"]) for p in parameters)
    trained_steps(model, ours, 1)
    assert {int(ours.state[p]["step"]) for p in parameters} == {4}


def test_a_state_that_does_not_fit_is_refused_with_the_reason(tiny: Path, tmp_path: Path, old: Made) -> None:
    model = attach_adapter(continuing(tiny, old()), base_of(tiny), "b")
    ours, file = torch.optim.AdamW(trainable(model)), tmp_path / "optimizer.pt"

    def refused(given: Path | None) -> list[str]:
        """The codes of the refusal, from the outside in."""
        found, codes = take_optimizer(ours, given), []
        while isinstance(found, Message):
            codes.append(found.code)
            found = found.args.get("reason")
        return codes

    assert refused(None) == ["events.optimizer-missing"]
    file.write_bytes(b"not a file of torch")
    assert refused(file) == ["events.optimizer-unreadable"]
    other = torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))])
    other.param_groups[0]["params"][0].grad = torch.ones(2)
    other.step()
    torch.save(other.state_dict(), file)
    assert refused(file) == ["events.optimizer-unfit", "events.optimizer-count"]
    sgd = torch.optim.SGD(trainable(model), momentum=0.9)
    trained_steps(model, sgd, 1)
    torch.save(sgd.state_dict(), file)
    assert refused(file) == ["events.optimizer-unfit", "events.optimizer-other"]
    assert not ours.state


def fresh_with_tokens(model: Path, tokens: list[int | str]) -> RunConfig:
    values = {"model": {"name_or_path": str(model)}, "data": [{"path": "x"}]}
    return resolve([Layer("file", values | {"adapter": {"r": 4, "trainable_token_indices": tokens}})]).config


@pytest.mark.parametrize("tie", [True, False])
def test_named_tokens_are_trained_where_the_model_reads_and_where_it_writes_them(tmp_path: Path, tie: bool) -> None:
    folder = make_tiny_model(tmp_path / "m", tie=tie)
    base = base_of(folder)
    model = attach_adapter(fresh_with_tokens(folder, ["<|im_start|>", "<|im_end|>"]), base, "b")
    ids = sorted(base.tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"]))
    assert list(model.peft_config["default"].trainable_token_indices["embed_tokens"]) == ids
    before = model.get_base_model().get_output_embeddings()(torch.ones(1, 64)).detach()
    optimizer = torch.optim.AdamW(trainable(model), lr=0.1)
    trained_steps(model, optimizer, 2)
    after = model.get_base_model().get_output_embeddings()(torch.ones(1, 64)).detach()
    changed = (before != after).nonzero()[:, 1].tolist()
    assert changed == ids


def test_a_token_the_model_does_not_have_is_refused_by_name(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="no_such_token"):
        attach_adapter(fresh_with_tokens(tiny, ["<|no_such_token|>"]), base_of(tiny), "b")
