"""A base model is loaded frozen, differentiable, and only from files that fit together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from transformers import FalconConfig, FalconForCausalLM

from engine.common.errors import ConfigError, ModelError
from engine.config.schema import AdapterSection, ModelSection, RunConfig
from engine.distributed.device import Placement, place
from engine.memory.from_config import Setup, job_of
from engine.modeling.adapters import attach_adapter, needs_autocast, trainable
from engine.modeling.kernels import cpu_attention
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.load import BaseModel, load_base
from engine.modeling.out_of_memory import MemoryGuard
from engine.models.card import read_card
from engine.models.dims import from_folder
from engine.runs.steering import Steering
from engine.tokens.render import MODELS_OWN
from engine.tokens.tokenizer import load_words
from engine.training.prepare import build

IDS = torch.tensor([[5, 9, 14, 30, 7, 21, 40, 11]])


def on_cpu(dtype: torch.dtype = torch.float32) -> Placement:
    return Placement(torch.device("cpu"), dtype, "no")


def loaded(folder: Path, checkpointing: bool = False, dtype: torch.dtype = torch.float32, **model: object) -> BaseModel:
    section = ModelSection.model_validate({"name_or_path": str(folder)} | model)
    return load_base(read_card(folder, allow_pickle=section.allow_pickle), section, on_cpu(dtype), checkpointing)


def with_adapter(base: BaseModel, **adapter: object) -> torch.nn.Module:
    config = RunConfig.model_validate(
        {"model": {"name_or_path": "base"}, "data": [{"path": "rows"}], "adapter": {"lora_dropout": 0.0} | adapter}
    )
    return attach_adapter(config, base, "base")


def config_of(folder: Path) -> RunConfig:
    return RunConfig.model_validate({"model": {"name_or_path": str(folder)}, "data": [{"path": "rows"}]})


def gradients(model: torch.nn.Module) -> list[torch.Tensor]:
    """Gradients of the adapter for one fixed row."""
    model.train()
    model.zero_grad()
    positions = torch.arange(IDS.shape[1] - 1)
    loss, _ = SupervisedLoss(model)(IDS, positions, IDS[0, 1:])
    loss.backward()
    return [p.grad.clone() for p in trainable(model) if p.grad is not None]


def test_a_family_with_kernels_of_its_own_is_trained_by_one_of_those(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "falcon")
    for left in (folder / "config.json", folder / "model.safetensors"):
        left.unlink()
    vocabulary = loaded(tiny).model.config.vocab_size
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": vocabulary}
    FalconForCausalLM(FalconConfig(**sizes, bos_token_id=None, eos_token_id=2)).save_pretrained(folder)
    base = loaded(folder)
    assert base.model.config._attn_implementation == "sdpa"
    assert any(gradient.abs().sum() > 0 for gradient in gradients(with_adapter(base)))


def test_the_base_is_frozen_and_knows_where_answers_end(tiny: Path) -> None:
    base = loaded(tiny)
    assert not any(p.requires_grad for p in base.model.parameters())
    assert base.stops == {base.tokenizer.eos_token_id}
    assert base.pad_id == base.tokenizer.pad_token_id
    assert base.template == MODELS_OWN
    assert base.model.config._attn_implementation == cpu_attention.NAME


@pytest.fixture
def capped(tiny: Path, tmp_path: Path) -> Path:
    """A Gemma 2 whose attention scores go through a soft cap, with the tiny model's tokenizer."""
    from transformers import AutoTokenizer, Gemma2Config, Gemma2ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    config = Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, attn_logit_softcapping=2.0, query_pre_attn_scalar=1, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, initializer_range=1.0,
    )  # fmt: skip
    folder = tmp_path / "capped"
    torch.manual_seed(0)
    Gemma2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_capped_attention_scores_take_the_kernel_that_caps_them(capped: Path) -> None:
    """Fused kernels know no cap; without it the model computes something else."""
    base = loaded(capped)
    assert base.model.config._attn_implementation == "eager"
    uncapped = loaded(capped)
    for layer in uncapped.model.model.layers:
        layer.self_attn.attn_logit_softcapping = None
    assert not torch.allclose(base.model(IDS).logits, uncapped.model(IDS).logits, atol=1e-3)
    setup = Setup(config_of(capped), from_folder(capped))
    assert job_of(setup).attention == "eager"  # as the memory estimate counts it


def test_a_named_attention_kernel_is_used(tiny: Path) -> None:
    assert loaded(tiny, attn_implementation="eager").model.config._attn_implementation == "eager"


def test_the_adapters_start_is_fixed_by_the_seed_and_changes_nothing_yet(tiny: Path) -> None:
    base = loaded(tiny)
    plain = base.model(IDS).logits
    model = with_adapter(base)
    first = trainable(model)
    torch.testing.assert_close(model(IDS).logits, plain)
    torch.rand(7)  # whatever happened before does not count
    second = trainable(with_adapter(loaded(tiny)))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_evaluating_a_quantized_model_leaves_its_gradients_as_they_were(tiny: Path, quantization: str) -> None:
    model = with_adapter(loaded(tiny, quantization=quantization, double_quant=True), init_lora_weights=False)
    before = gradients(model)
    model.eval()
    with torch.no_grad():
        model(IDS)
    after = gradients(model)
    assert len(before) == len(after) == 2 * 7 * 2  # A and B of seven layers in two blocks
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize("quantization", ["none", "nf4", "int8"])
def test_recomputing_activations_gives_the_same_gradients(tiny: Path, quantization: str) -> None:
    kept = gradients(with_adapter(loaded(tiny, quantization=quantization), init_lora_weights=False))
    again = gradients(with_adapter(loaded(tiny, True, quantization=quantization), init_lora_weights=False))
    for a, b in zip(again, kept, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_four_bits_store_the_linear_layers_only(tiny: Path) -> None:
    base = loaded(tiny, quantization="nf4", double_quant=True)
    layer = base.model.model.layers[0].self_attn.q_proj
    assert layer.weight.dtype == torch.uint8
    assert layer.weight.quant_state.quant_type == "nf4"
    assert layer.weight.quant_state.nested
    assert base.model.get_input_embeddings().weight.dtype == torch.float32
    plain = loaded(tiny, quantization="nf4", double_quant=False).model.model.layers[0].self_attn.q_proj
    assert not plain.weight.quant_state.nested


@pytest.mark.parametrize(
    ("adapter", "needed"),
    [({}, False), ({"lora_dropout": 0.1}, False), ({"use_dora": True}, True), ({"modules_to_save": ["lm_head"]}, True)],
)
def test_only_layers_with_their_own_arithmetic_need_autocast(
    tiny: Path, adapter: dict[str, object], needed: bool
) -> None:
    assert needs_autocast(with_adapter(loaded(tiny), **adapter)) is needed


def test_rank_alpha_and_targets_are_pefts_own_names(tiny: Path) -> None:
    section = AdapterSection(r=3, lora_alpha=5, target_modules=["q_proj", "v_proj"], use_rslora=True)
    model = with_adapter(loaded(tiny), **section.model_dump(exclude={"lora_dropout"}))
    lora = model.peft_config["default"]  # type: ignore[union-attr, index]
    assert (lora.r, lora.lora_alpha, lora.use_rslora) == (3, 5, True)
    assert set(lora.target_modules) == {"q_proj", "v_proj"}
    assert len(trainable(model)) == 2 * 2 * 2


def test_target_modules_that_the_model_lacks_are_named(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="query_key_value") as caught:
        with_adapter(loaded(tiny), target_modules=["query_key_value"])
    assert "all-linear" in caught.value.hint


def test_a_tokenizer_with_more_tokens_than_embeddings_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<extra-one>", "<extra-two>"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match="Tokenizer and model do not fit"):
        loaded(folder)


def spoil_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def spoil_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{broken")


@pytest.mark.parametrize(
    ("spoil", "title"), [(spoil_weights, "weights are truncated"), (spoil_tokenizer, "tokenizer can't be loaded")]
)
def test_damaged_files_are_an_error_in_words(
    tiny: Path, tmp_path: Path, spoil: Callable[[Path], None], title: str
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    spoil(folder)
    with pytest.raises(ModelError, match=title) as caught:
        loaded(folder)
    assert str(folder) in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "precision", "expected"),
    [("float32", "bf16", "bf16"), ("bfloat16", "bf16", "no"), ("bfloat16", "auto", "no"), ("float32", "auto", "no")],
)
def test_mixed_precision_is_on_where_it_changes_something(
    tiny: Path, dtype: str, precision: str, expected: str
) -> None:
    """Over 16-bit weights the lean layers need none; over float32 weights it is what was asked for."""
    config = RunConfig.model_validate(
        {
            "model": {"name_or_path": str(tiny), "dtype": dtype}, "data": [{"path": "rows"}],
            "launch": {"precision": precision, "gpus": "cpu"},
        }
    )  # fmt: skip
    placement, card = place(config), read_card(tiny)
    guard = MemoryGuard(placement.device, lambda event: None)
    built = build(config, card, load_words(card, config.model), placement, guard, Steering())
    assert built.accelerator.mixed_precision == expected
    loss, _ = built.net(torch.arange(8).view(1, -1), torch.arange(7), torch.arange(1, 8))
    loss.backward()
    assert {weight.grad.dtype for weight in built.trained} == {torch.float32}  # type: ignore[union-attr]


def test_a_process_may_build_for_the_cpu_after_a_gpu(tiny: Path) -> None:
    config = RunConfig.model_validate(
        {"model": {"name_or_path": str(tiny)}, "data": [{"path": "rows"}], "launch": {"gpus": "cpu"}}
    )
    card, placement = read_card(tiny), Placement(torch.device("cpu"), torch.float32, "no")
    guard = MemoryGuard(placement.device, lambda event: None)
    before = Accelerator(cpu=True).state
    before.device, before._mixed_precision = torch.device("cuda"), "fp16"
    built = build(config, card, load_words(card, config.model), placement, guard, Steering())
    assert (built.accelerator.device, built.accelerator.mixed_precision) == (placement.device, "no")


def test_a_base_with_numbers_that_are_none_is_said_to_be_damaged(tiny: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "damaged"
    shutil.copytree(tiny, folder)
    weights = load_file(folder / "model.safetensors")
    name = next(each for each in weights if "down_proj" in each)
    weights[name][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError) as caught:
        loaded(folder)
    assert (caught.value.code, caught.value.reason.args["tensor"]) == ("modeling.weights-not-finite", name)
