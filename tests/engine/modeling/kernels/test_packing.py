"""Rows packed end to end are the rows apart: same losses, same gradients, and a model that mixes them is found out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from engine.common.errors import ConfigError, ModelError
from engine.memory.job import padded_length
from engine.memory.packing import decide, mixer_of
from engine.modeling.batches import MicroBatch, collate, cut
from engine.modeling.kernels import cpu_attention
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.kernels.packing import parts_rows
from engine.runs import events as ev
from engine.tokens.examples import Example
from tests.engine.training import making

VOCABULARY, CPU = 61, torch.device("cpu")
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
IN_TURNS = {"sliding_window": 7, "layer_types": ["sliding_attention", "full_attention"]}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"num_key_value_heads": 2},
    "qwen2": {"num_key_value_heads": 2},
    "qwen3": GROUPED,
    "gemma3_text": GROUPED | IN_TURNS,
    "mistral": {"num_key_value_heads": 2, "sliding_window": 7},  # shorter than some rows
    "gpt_neox": {},
    "phi": {},
}
OURS, MASKED = cpu_attention.register(), "sdpa"


def model_of(family: str, attention: str, **settings: Any) -> Any:
    config = CONFIG_MAPPING[family](**(SIZES | settings))
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    for parameter in model.parameters():
        if parameter.ndim > 1:  # larger than they begin with: what leaks shall be seen
            torch.nn.init.normal_(parameter, std=0.1)
    model.get_output_embeddings().requires_grad_(False)
    return model.eval()


def example(length: int, seed: int = 0, weight: float = 1.0) -> Example:
    ids = np.random.default_rng(seed).integers(3, VOCABULARY, length).astype(np.int32)
    labels = ids.copy()
    labels[: length // 3] = -100
    return Example(ids, labels, 0, 0, weight)


ROWS = [example(length, seed) for seed, length in enumerate((23, 17, 17, 9, 2))]


def computed(model: Any, batches: list[MicroBatch]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Loss, losses of the tokens and gradient of all weights."""
    model.zero_grad()
    losses, total = [], torch.zeros(())
    for batch in batches:
        loss, per_token = SupervisedLoss(model)(*batch.inputs(CPU))
        loss.backward()
        losses.append(per_token)
        total = total + loss.detach()
    grads = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    return total, torch.cat(losses), grads


@pytest.mark.parametrize("attention", [OURS, MASKED])
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_rows_are_computed_as_if_they_were_apart(family: str, attention: str) -> None:
    model = model_of(family, attention, **FAMILIES[family])
    packed = computed(model, [collate(ROWS, 0, packed=True)])
    for found, expected in zip(packed, computed(model, [collate(ROWS, 0)]), strict=True):
        scale = max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(found / scale, expected / scale, rtol=0, atol=1e-5)
    assert parts_rows(model)


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_without_parting_them_neither_losses_nor_gradients_would_be_right(family: str) -> None:
    """The test above can fail: positions that run on are one row, which every kernel takes for what it is."""
    model = model_of(family, OURS, **FAMILIES[family])
    batch = collate(ROWS, 0, packed=True)
    assert batch.position_ids is not None
    object.__setattr__(batch, "position_ids", torch.arange(batch.padded_tokens).view(1, -1))
    _, losses, grads = computed(model, [batch])
    _, expected, expected_grads = computed(model, [collate(ROWS, 0)])
    assert float((losses - expected).abs().max()) > 0.01
    assert float((grads - expected_grads).abs().max() / expected_grads.abs().max()) > 0.01


def test_recomputed_layers_keep_rows_apart_too() -> None:
    model = model_of("llama", OURS, **FAMILIES["llama"])
    expected = computed(model, [collate(ROWS, 0)])
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()
    for found, wanted in zip(computed(model, [collate(ROWS, 0, packed=True)]), expected, strict=True):
        scale = max(1.0, float(wanted.abs().max()))
        torch.testing.assert_close(found / scale, wanted / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("longest", [cpu_attention.LONGEST, 8])
def test_our_kernel_takes_rows_one_by_one_and_makes_no_mask(longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where single rows are too long for it and go on to the library's kernel."""
    monkeypatch.setattr(cpu_attention, "LONGEST", longest)
    masks: list[Any] = []
    real = cpu_attention.attention

    def watched(module: Any, query: Any, key: Any, value: Any, mask: Any, *rest: Any, **others: Any) -> Any:
        masks.append(None if mask is None else mask.flatten().tolist())
        return real(module, query, key, value, mask, *rest, **others)

    monkeypatch.setattr(cpu_attention, "attention", watched)
    cpu_attention.register()
    model = model_of("llama", OURS, **FAMILIES["llama"])
    found = computed(model, [collate(ROWS, 0, packed=True)])
    rows = [len(row.ids) for row in ROWS]
    assert [*rows, padded_length(sum(rows)) - sum(rows)] in masks
    monkeypatch.undo()
    cpu_attention.register()
    torch.testing.assert_close(found[1], computed(model, [collate(ROWS, 0)])[1], rtol=0, atol=1e-5)


def test_a_window_shorter_than_a_row_is_kept_by_a_mask() -> None:
    batch = collate(ROWS, 0, packed=True)
    assert batch.position_ids is not None
    wide, narrow = (model_of("mistral", OURS, num_key_value_heads=2, sliding_window=window).model for window in (64, 7))
    seen: list[torch.dtype] = []
    for model in (wide, narrow):
        attend = model.layers[0].self_attn
        attend.register_forward_pre_hook(
            lambda module, args, kwargs: seen.append(kwargs["attention_mask"].dtype), with_kwargs=True
        )
        model(input_ids=batch.input_ids, position_ids=batch.position_ids, use_cache=False)
    assert seen == [torch.int32, torch.bool]


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("mamba", {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2}),
        ("lfm2", {"num_key_value_heads": 2, "layer_types": ["conv", "full_attention"]}),
        ("opt", {"ffn_dim": 40, "word_embed_proj_dim": 32}),  # plain attention, but its mask knows of no rows
    ],
)
def test_a_model_that_mixes_rows_is_found_out_when_it_is_loaded(family: str, settings: dict[str, Any]) -> None:
    sizes = {} if family == "mamba" else SIZES
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[family](**(sizes | settings)), attn_implementation="eager")
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.1)
    assert not parts_rows(model)


@pytest.mark.parametrize(
    ("config", "mixer"),
    [
        ({"model_type": "llama"}, ""),
        ({"model_type": "gemma3_text", "layer_types": ["sliding_attention", "full_attention"]}, ""),
        ({"model_type": "mamba2"}, "memory.mixer-state-space"),
        ({"model_type": "granitemoehybrid", "layer_types": ["mamba", "attention"], "mamba_d_state": 4},
         "memory.mixer-state-space"),
        ({"model_type": "granitemoehybrid", "layer_types": ["attention"], "mamba_d_state": 4}, ""),
        ({"model_type": "new", "ssm_state_size": 16}, "memory.mixer-state-space"),
        ({"model_type": "qwen3_next", "layer_types": ["linear_attention", "full_attention"]},
         "memory.mixer-linear-attention"),
        ({"model_type": "lfm2", "layer_types": ["conv", "full_attention"]}, "memory.mixer-convolutions"),
        ({"model_type": "recurrent_gemma"}, "memory.mixer-recurrent"),
        ({"model_type": "seeing", "text_config": {"model_type": "falcon_h1"}}, "memory.mixer-state-space"),
    ],
)  # fmt: skip
def test_what_mixes_along_the_sequence_is_told_by_the_config(config: dict[str, Any], mixer: str) -> None:
    found = mixer_of(config)
    assert (found.code if found else "") == mixer


@pytest.mark.parametrize(
    ("asked", "attention", "mixer", "known", "packed"),
    [
        ("auto", "cpu", "", True, True),
        ("auto", "flash", "", True, True),
        ("auto", "sdpa", "", True, False),
        ("auto", "eager", "", True, False),
        ("auto", "cpu", "", False, False),
        ("auto", "cpu", "convolutions", True, False),
        (False, "cpu", "", True, False),
        (True, "sdpa", "", True, True),
        (True, "cpu", "", False, True),
    ],
)
def test_auto_packs_where_that_is_safe_and_cheap(
    asked: Any, attention: Any, mixer: str, known: bool, packed: bool
) -> None:
    found = decide(asked, attention, mixer, known)
    assert (found.packed, bool(found.reason)) == (packed, True)


def test_packing_that_can_not_be_had_is_refused_with_the_reason() -> None:
    with pytest.raises(ConfigError) as caught:
        decide(True, "flash", "state-space layers", True)
    assert "state-space layers" in caught.value.message
    assert "dataset.packing" in caught.value.hint


sizes = st.lists(st.integers(2, 60), min_size=1, max_size=14)


@given(sizes, st.integers(8, 200))
def test_a_packed_cut_keeps_every_token_within_the_budget(lengths: list[int], budget: int) -> None:
    examples = [example(length, seed) for seed, length in enumerate(lengths)]
    batches = cut(examples, budget, 0, packed=True)
    assert all(batch.rows == 1 or batch.padded_tokens <= budget for batch in batches)
    assert sum(batch.rows for batch in batches) == len(examples)
    assert sum(batch.num_tokens for batch in batches) == sum(lengths)
    assert all(batch.padded_tokens - batch.num_tokens < 8 for batch in batches), "nothing else is padding"
    apart, together = (sorted(predictions(found)) for found in (cut(examples, budget, 0), batches))
    assert together == apart


def predictions(batches: list[MicroBatch]) -> list[tuple[int, int]]:
    """(token before, token to predict) of every supervised token."""
    return [
        pair
        for batch in batches
        for pair in zip(batch.input_ids.flatten()[batch.positions].tolist(), batch.targets.tolist(), strict=True)
    ]


def test_a_single_row_is_never_packed() -> None:
    batch = collate([example(9)], 0, packed=True)
    assert (batch.position_ids, batch.packed_tokens, batch.rows) == (None, 0, 1)


def settings(tiny: Path, rows: Path, packing: Any, **sections: Any) -> dict[str, Any]:
    return making.values(tiny, rows, dataset={"packing": packing, "eval_rows": 4}, **sections)


def test_a_packed_run_has_the_losses_of_a_padded_one(tiny: Path, rows: Path) -> None:
    runs = {
        packing: making.train(settings(tiny, rows, packing, train={"micro_batch_tokens": 300}))
        for packing in (True, False, "auto")
    }
    assert runs[True].losses() == pytest.approx(runs[False].losses(), abs=1e-5)
    assert runs["auto"].losses() == runs[True].losses(), "on the CPU auto packs"
    evals = {packing: [e.loss for e in run.of(ev.Eval)] for packing, run in runs.items()}
    assert evals[True] == pytest.approx(evals[False], abs=1e-5)
    waste = {packing: run.of(ev.Rows)[0].padding_share for packing, run in runs.items()}
    assert waste[True] < 0.06 < waste[False]
    plan = runs["auto"].of(ev.MemoryPlan)[0]
    assert plan.settings["dataset.packing"] is True
    assert plan.reasons["dataset.packing"].code == "memory.packs"


def test_stop_then_resume_of_a_packed_run_gives_the_same_losses(tiny: Path, rows: Path) -> None:
    chosen = settings(tiny, rows, "auto")
    straight = making.train(chosen)
    stopped = making.train(chosen, making.stop_after(3))
    resumed = making.Trained(stopped.run, resume=True)
    assert stopped.losses() + resumed.losses() == straight.losses()
    assert resumed.of(ev.MemoryPlan)[0].settings["dataset.packing"] is True


def mixes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.modeling.kernels.packing.parts_rows", lambda model: False)


def test_auto_pads_where_the_loaded_model_mixes_rows_and_says_so(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixes(monkeypatch)
    trained = making.train(settings(tiny, rows, "auto"))
    assert any(warning.message.code == "events.padded-mixes" for warning in trained.of(ev.Warn))
    assert trained.losses() == making.train(settings(tiny, rows, False)).losses()


def test_packing_that_was_asked_for_is_refused_where_the_loaded_model_mixes_rows(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixes(monkeypatch)
    with pytest.raises(ModelError, match="see each other"):
        making.train(settings(tiny, rows, True))
