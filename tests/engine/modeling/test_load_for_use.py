"""A name becomes a model that answers: with its adapter, without, weaker, or with another one beside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.common.errors import ModelError, RunError
from engine.distributed.device import Placement
from engine.messages.message import Message
from engine.modeling.load_for_use import BESIDE, TUNED, Ready, config_for, load_for_use
from engine.models.for_use import Trust, find_for_use
from engine.runs import checkpoints, directory
from engine.runs.directory import COMPLETE, RunDir
from tests.codes import raises
from tests.tiny import make_tiny_model

TOKENS = torch.tensor([[5, 17, 42, 99, 7, 61]])
CPU = Placement(torch.device("cpu"), torch.float32, "no")
Made = Callable[..., Path]


def write_adapter(folder: Path, model: Path, seed: int = 1, tokenizer: bool = False, **settings: Any) -> Path:
    config = LoraConfig(**{"task_type": "CAUSAL_LM", "r": 4, "target_modules": "all-linear", **settings})
    torch.manual_seed(seed)  # PEFT draws A
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model), config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    if tokenizer:
        AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


@pytest.fixture
def adapter(tiny: Path, tmp_path: Path, home: Path) -> Path:
    return write_adapter(tmp_path / "adapter", tiny)


def make_run(model: Path, name: str = "orders", extra: str = "", **section: Any) -> RunDir:
    """A run whose training is over: a checkpoint of step 4 and its result."""
    values = {"name_or_path": str(model), **section}
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    run = directory.create("tiny", f"[model]\n{lines}\n{extra}\n[[data]]\npath = 'x.jsonl'\n", name)
    folder = write_adapter(run.checkpoint(4), model, tokenizer=True)
    (folder / checkpoints.STATE).write_text(json.dumps({"step": 4, "settings": {"model.quantization": "none"}}))
    (folder / COMPLETE).write_text(checkpoints.mark_of(folder))
    shutil.copytree(folder, run.adapter, ignore=shutil.ignore_patterns(COMPLETE, checkpoints.STATE))
    return run


def load(name: str | Path, **more: Any) -> Ready:
    return load_for_use(find_for_use(str(name), **more), CPU)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(TOKENS).logits.float()
    return found


def plain(model: Path, folder: Path | None = None) -> torch.Tensor:
    """What PEFT alone computes."""
    base = AutoModelForCausalLM.from_pretrained(model).eval()
    return logits(PeftModel.from_pretrained(base, folder).eval() if folder else base)


def test_an_adapters_folder_answers_as_peft_does_and_without_it_as_its_base(tiny: Path, adapter: Path) -> None:
    ready = load(adapter)
    assert torch.allclose(logits(ready.model), plain(tiny, adapter), atol=1e-4)
    with ready.without_adapter():
        assert torch.allclose(logits(ready.model), plain(tiny), atol=1e-4)
    assert torch.allclose(logits(ready.model), plain(tiny, adapter), atol=1e-4)


def test_the_update_is_weakened_and_comes_back(tiny: Path, adapter: Path) -> None:
    ready, half = load(adapter), adapter.with_name("half")
    shutil.copytree(adapter, half)
    settings = json.loads((half / "adapter_config.json").read_text())
    (half / "adapter_config.json").write_text(json.dumps(settings | {"lora_alpha": settings["lora_alpha"] / 2}))
    with ready.scaled(0.5):
        assert torch.allclose(logits(ready.model), plain(tiny, half), atol=1e-4)
    with ready.scaled(0):
        assert torch.allclose(logits(ready.model), plain(tiny), atol=1e-4)
    with ready.scaled(1):
        assert torch.allclose(logits(ready.model), plain(tiny, adapter), atol=1e-4)
    with pytest.raises(KeyError), ready.scaled(2):
        raise KeyError
    assert torch.allclose(logits(ready.model), plain(tiny, adapter), atol=1e-4)


def test_what_has_no_scale_is_named(tiny: Path, tmp_path: Path, home: Path) -> None:
    ready = load(write_adapter(tmp_path / "whole", tiny, modules_to_save=["embed_tokens"], bias="all"))
    assert ready.not_scaled == ["embed_tokens", "bias"]
    with ready.without_adapter():
        assert torch.allclose(logits(ready.model), plain(tiny), atol=1e-4)


def test_trained_biases_are_left_out_with_the_adapter(tmp_path: Path, home: Path) -> None:
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(make_tiny_model(tmp_path / "tiny"))
    config = Qwen2Config(
        vocab_size=len(tokenizer) + 8, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(tmp_path / "qwen")
    tokenizer.save_pretrained(tmp_path / "qwen")
    folder = write_adapter(tmp_path / "biased", tmp_path / "qwen", bias="all")
    ready = load(folder)
    with ready.without_adapter():
        assert torch.allclose(logits(ready.model), plain(tmp_path / "qwen"), atol=1e-4)
    assert torch.allclose(logits(ready.model), plain(tmp_path / "qwen", folder), atol=1e-4)
    with raises(ModelError, "use.biases"):
        ready.put_beside(find_for_use(str(write_adapter(tmp_path / "plain", tmp_path / "qwen"))))


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj"]])
def test_a_second_adapter_lies_beside_the_first(tiny: Path, adapter: Path, targets: Any) -> None:
    other = write_adapter(adapter.with_name("other"), tiny, seed=2, target_modules=targets, r=2)
    ready = load(adapter)
    ready.put_beside(find_for_use(str(other)))
    assert torch.allclose(logits(ready.model), plain(tiny, adapter), atol=1e-4)
    ready.switch(BESIDE)
    assert torch.allclose(logits(ready.model), plain(tiny, other), atol=1e-4)
    with ready.scaled(0):
        assert torch.allclose(logits(ready.model), plain(tiny), atol=1e-4)
    ready.switch(TUNED)
    assert torch.allclose(logits(ready.model), plain(tiny, adapter), atol=1e-4)


def test_an_adapter_lies_beside_a_model_alone_but_not_beside_another(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    ready = load(tiny)
    assert ready.has_template
    ready.put_beside(find_for_use(str(adapter)))
    assert torch.allclose(logits(ready.model), plain(tiny, adapter), atol=1e-4)
    with ready.without_adapter():
        assert torch.allclose(logits(ready.model), plain(tiny), atol=1e-4)
    with raises(ModelError, "use.other-base"):
        load(make_tiny_model(tmp_path / "another", seed=5)).put_beside(find_for_use(str(adapter)))


def test_a_run_answers_with_its_result_or_a_checkpoint(tiny: Path, home: Path) -> None:
    run = make_run(tiny, chat_template="chatml")
    write_adapter(run.adapter, tiny, seed=7)
    found = find_for_use("orders")
    assert (found.title, found.run, found.model.quantization) == ("orders", run, "none")
    assert torch.allclose(logits(load("orders").model), plain(tiny, run.adapter), atol=1e-4)
    ready = load("orders", checkpoint=4)
    assert torch.allclose(logits(ready.model), plain(tiny, run.checkpoint(4)), atol=1e-4)
    assert config_for(ready.found).model.chat_template == "chatml"
    with raises(RunError, "use.no-checkpoint") as error:
        find_for_use("orders", checkpoint=5)
    assert error.value.reason.args["steps"] == (4,)
    (run.checkpoint(4) / "adapter_model.safetensors").write_bytes(b"")
    with raises(RunError, "use.checkpoint-damaged"):
        find_for_use("orders", checkpoint=4)


def test_template_and_stop_tokens_are_those_that_were_saved_with_the_adapter(
    tiny_base: Path, tmp_path: Path, home: Path
) -> None:
    jinja = tmp_path / "own.jinja"
    jinja.write_text("{{ messages[0]['content'] }}")
    run = make_run(tiny_base, chat_template=str(jinja))
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    tokenizer.chat_template = "saved{{ messages[0]['content'] }}"
    tokenizer.save_pretrained(run.adapter)
    jinja.unlink()
    ready = load(run.id)
    assert ready.words[TUNED].tokenizer.chat_template.startswith("saved")
    assert ready.words[TUNED].stops == {tokenizer.eos_token_id}
    assert ready.has_template
    assert not load(tiny_base).has_template


def test_a_base_that_changed_since_is_refused_until_it_is_trusted(tiny: Path, tmp_path: Path, home: Path) -> None:
    from engine.config import toml
    from engine.models import origins

    base = shutil.copytree(tiny, tmp_path / "base")
    run = make_run(base)
    (tmp_path / "x.jsonl").write_text('{"text": "a"}\n')
    config = toml.load(run.config).config
    config.data[0].path = str(tmp_path / "x.jsonl")
    origins.note(run, config, base)
    assert load(run.id).speaking == TUNED
    moved = shutil.copytree(base, tmp_path / "moved")
    assert load_for_use(find_for_use(run.id, base=str(moved)), CPU).found.card.path == moved
    make_tiny_model(base, seed=9)
    with raises(ModelError, "use.base-uncertain"):
        load(run.id)
    trust = Trust(base=True)
    assert load_for_use(find_for_use(run.id, trust), CPU, trust).speaking == TUNED
    # The hint's other way: the model that it was trained on.
    assert load_for_use(find_for_use(run.id, base=str(moved)), CPU).speaking == TUNED


def test_a_base_that_is_gone_is_named_and_can_be_pointed_to(tiny: Path, tmp_path: Path, home: Path) -> None:
    base = shutil.copytree(tiny, tmp_path / "base")
    adapter = write_adapter(tmp_path / "adapter", base)
    moved = base.rename(tmp_path / "moved")
    with raises(ModelError, "use.base-unusable"):
        find_for_use(str(adapter))
    assert find_for_use(str(adapter), base=str(moved)).card.path == moved
    settings = json.loads((adapter / "adapter_config.json").read_text())
    for name, code in (("some/model", "use.base-not-here"), ("", "use.base-unnamed")):
        (adapter / "adapter_config.json").write_text(json.dumps(settings | {"base_model_name_or_path": name}))
        with raises(ModelError, code):
            find_for_use(str(adapter))


def test_pickles_are_loaded_at_a_word_alone(tiny: Path, adapter: Path) -> None:
    weights = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), adapter)
    weights.save_pretrained(adapter.with_name("pickled"), safe_serialization=False)
    folder = adapter.with_name("pickled")
    (folder / "adapter_model.safetensors").unlink(missing_ok=True)
    if not (folder / "adapter_model.bin").is_file():
        from safetensors.torch import load_file

        torch.save(load_file(adapter / "adapter_model.safetensors"), folder / "adapter_model.bin")
    with raises(ModelError, "use.pickled"):
        find_for_use(str(folder))
    ready = load_for_use(find_for_use(str(folder), Trust(pickle=True)), CPU)
    assert torch.allclose(logits(ready.model), plain(tiny, adapter), atol=1e-4)


def test_a_run_from_elsewhere_is_not_believed_what_it_was_allowed(tiny: Path, tmp_path: Path, home: Path) -> None:
    run = make_run(tiny, allow_pickle=True, trust_remote_code=True)
    assert find_for_use(run.id).model.trust_remote_code
    strange = shutil.copytree(run.path, tmp_path / "elsewhere")
    found = find_for_use(str(strange))
    assert not found.model.trust_remote_code
    assert not found.model.allow_pickle


def test_code_beside_the_weights_is_run_at_a_word_alone(tiny: Path, tmp_path: Path, home: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "own")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "homemade", "auto_map": {"AutoModelForCausalLM": "homemade.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "homemade.py").write_text("raise SystemExit(3)\n")
    with raises(ModelError, "use.own-code"):
        load(folder)


@pytest.mark.parametrize("name", ["nothing", "", "  ", "\x00", "last"])
def test_a_name_that_means_nothing_is_said(home: Path, name: str) -> None:
    with pytest.raises(ModelError):
        find_for_use(name)


def test_a_hub_model_that_is_not_here_is_to_be_fetched(home: Path) -> None:
    with raises(ModelError, "models.not-here"):
        find_for_use("some/model")


def test_broken_numbers_are_refused(tiny: Path, adapter: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = adapter / "adapter_model.safetensors"
    weights = load_file(path)
    next(iter(weights.values()))[0, 0] = float("nan")
    save_file(weights, path)
    with raises(ModelError, "adapter.not-finite"):
        load(adapter)


def test_the_newest_of_several_checkpoints_is_said(tiny: Path, tmp_path: Path, home: Path) -> None:
    for step in (2, 10):
        write_adapter(tmp_path / "trained" / f"checkpoint-{step}", tiny, seed=step)
    found = find_for_use(str(tmp_path / "trained"))
    assert [type(each) for each in found.told] == [Message]
    assert found.adapter is not None
    assert found.adapter.path.name == "checkpoint-10"
