"""Flash attention is told where rows begin, and taken by itself only where it has shown that it works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.config.schema import ModelSection
from engine.distributed.device import Placement
from engine.memory.packing import Packing
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.modeling.batches import collate, cut
from engine.modeling.kernels import flash
from engine.modeling.kernels.attention import choices, planned
from engine.modeling.kernels.loss import SupervisedLoss, hidden_states
from engine.modeling.kernels.packing import packing_of, parts_rows, takes_rows_apart
from engine.models.card import read_card
from engine.models.dims import from_folder
from tests.engine.modeling.kernels.test_packing import ROWS, example
from tests.engine.modeling.kernels.tiny_families import config_of, model_of, write_family
from tests.engine.training import making

CPU = torch.device("cpu")
GPU = Placement(torch.device("cuda", 0), torch.bfloat16, "bf16")
FAKE = "fake_flash_attention"


def by_lengths(query: Tensor, key: Tensor, value: Tensor, starts: Tensor, scaling: float | None = None) -> Tensor:
    lengths = starts.diff().tolist()
    rows = zip(*(part.split(lengths, 2) for part in (query, key, value)), strict=True)
    each = [
        torch.nn.functional.scaled_dot_product_attention(*row, is_causal=True, scale=scaling, enable_gqa=True)
        for row in rows
    ]
    return torch.cat(each, 2).transpose(1, 2)


@pytest.fixture
def seen() -> Iterator[list[dict[str, Any]]]:
    """What a stand-in for flash attention is given, layer by layer. Without lengths it takes all for one row."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import flash_attention_mask

    calls: list[dict[str, Any]] = []

    def stand_in(
        module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, scaling: float | None = None, **options: Any
    ) -> tuple[Tensor, None]:
        assert mask is None
        calls.append(options)
        starts = options.get("cu_seq_lens_q")
        starts = torch.tensor([0, query.shape[2]]) if starts is None else starts
        return by_lengths(query, key, value, starts, scaling), None

    AttentionInterface.register(FAKE, stand_in)
    AttentionMaskInterface.register(FAKE, flash_attention_mask)
    yield calls
    AttentionInterface._global_mapping.pop(FAKE)
    AttentionMaskInterface._global_mapping.pop(FAKE)


def faked(family: str) -> Any:
    """transformers lets nobody load a model with a flash attention that is no library."""
    model = model_of(family, "sdpa")
    model.config._attn_implementation_internal = FAKE
    return model


def losses(model: Any, batches: list[Any]) -> Tensor:
    return torch.cat([SupervisedLoss(model)(*batch.inputs(CPU))[1] for batch in batches])


@pytest.mark.parametrize("family", ["llama", "mixtral", "cohere", "granite"])
def test_packed_rows_are_parted_by_lengths_that_every_layer_is_given(family: str, seen: list[dict[str, Any]]) -> None:
    model = faked(family)
    batch = collate(ROWS, 0, packed=True)
    found = losses(model, [batch])
    assert len(seen) == 2
    for options in seen:
        assert options["cu_seq_lens_q"].tolist() == options["cu_seq_lens_k"].tolist() == [0, 23, 40, 57, 66, 68, 72]
        assert options["cu_seq_lens_q"].dtype == torch.int32
        assert options["max_length_q"] == options["max_length_k"] == 24, "no tensor: reading one waits for the device"
    expected = losses(model_of(family, "sdpa"), [collate(ROWS, 0)])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert parts_rows(model)
    assert takes_rows_apart(model)


def test_a_class_that_hands_no_lengths_on_is_found_out(seen: list[dict[str, Any]]) -> None:
    """Its rows are padded then."""
    assert not parts_rows(faked("stablelm"))


def test_a_single_row_is_told_too_and_rows_below_each_other_are_not(seen: list[dict[str, Any]]) -> None:
    model = faked("llama")
    losses(model, cut([example(13)], 64, 0))
    assert [(call["cu_seq_lens_q"].tolist(), call["max_length_q"]) for call in seen] == [([0, 16], 16)] * 2
    seen.clear()
    losses(model, [collate(ROWS, 0)])
    assert not any("cu_seq_lens_q" in call for call in seen)


def test_recomputed_layers_are_told_too(seen: list[dict[str, Any]]) -> None:
    model = faked("llama").train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.get_input_embeddings().weight.requires_grad_(True)
    batch = collate(ROWS, 0, packed=True)
    SupervisedLoss(model)(*batch.inputs(CPU))[0].backward()
    assert len(seen) == 4
    assert all("cu_seq_lens_q" in call for call in seen)


@pytest.mark.parametrize("examples", [ROWS, ROWS[:1]], ids=["packed", "one row"])
def test_told_so_transformers_reads_nothing_back_from_the_device_in_a_layer(
    examples: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own flash attention, over a library of torch's kernel: without lengths it would compare position ids."""
    from transformers import modeling_flash_attention_utils as theirs

    def by_rows(
        query: Tensor, key: Tensor, value: Tensor, cu_seqlens_q: Tensor, softmax_scale: float, **_: Any
    ) -> Tensor:
        parts = (part.transpose(0, 1)[None] for part in (query, key, value))
        return by_lengths(*parts, cu_seqlens_q, softmax_scale)[0]  # type: ignore[arg-type]

    def asks(*positions: Any) -> bool:
        raise AssertionError("a wait for the device")

    library = (asks, by_rows, None, None, None), (dict, dict)
    monkeypatch.setattr(theirs, "lazy_import_flash_attention", lambda name: library)
    monkeypatch.setattr(theirs, "_is_packed_sequence", asks)
    model = model_of("llama", "sdpa")
    model.config._attn_implementation_internal = flash.PACKAGE
    found = losses(model, [collate(examples, 0, packed=True)])
    expected = losses(model_of("llama", "sdpa"), [collate(examples, 0)])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(AssertionError, match="a wait"):
        hidden_states(model, torch.arange(8)[None])


def test_other_attention_is_not_given_what_it_does_not_use() -> None:
    seen: list[set[str]] = []
    model = model_of("llama", "sdpa")
    model.model.register_forward_pre_hook(lambda module, args, options: seen.append(set(options)), with_kwargs=True)
    losses(model, [collate(ROWS, 0, packed=True)])
    assert seen == [{"input_ids", "use_cache", "position_ids"}]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """An A100 with flash-attn installed."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    monkeypatch.setattr(flash, "is_flash_attn_2_available", lambda: True)


def tried(monkeypatch: pytest.MonkeyPatch, trouble: Message | None = None) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def answer(*asked: Any) -> Message | None:
        calls.append(asked)
        return trouble

    monkeypatch.setattr(flash, "trouble", answer)
    return calls


def folder_of(family: str, folder: Path) -> Path:
    config_of(family).save_pretrained(folder)
    return folder


AUTO = ModelSection(name_or_path="x")


def test_auto_takes_installed_flash_attention_that_works_here(
    card: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tried(monkeypatch)
    folder = folder_of("llama", tmp_path)
    assert choices(folder, AUTO, GPU).names == [flash.PACKAGE, "sdpa", "eager"]
    assert calls == [(flash.PACKAGE, GPU.device, torch.bfloat16, 8)]
    assert planned(folder, AUTO, GPU) == flash.PACKAGE
    assert choices(folder_of("gemma2", tmp_path), AUTO, GPU).names == [flash.PACKAGE, "eager"], "it knows the cap"


def test_auto_leaves_flash_attention_that_fails_its_test_and_says_why(
    card: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried(monkeypatch, Message.literal("no kernel image"))
    found = choices(folder_of("llama", tmp_path), AUTO, GPU)
    assert found.names == ["sdpa", "eager"]
    assert "no kernel image" in text(found.told[0].args["reason"])
    assert planned(tmp_path, AUTO, GPU) == "auto"


@pytest.mark.parametrize(
    ("family", "placement"),
    [
        ("llama", Placement(GPU.device, torch.float32, "no")),
        ("llama", Placement(CPU, torch.bfloat16, "bf16")),
        ("bloom", GPU),
        ("gpt_oss", GPU),  # transformers would download another one
    ],
    ids=["float32", "cpu", "class without", "class with another"],
)
def test_flash_attention_is_not_even_tried_where_it_can_not_be_used(
    card: None, family: str, placement: Placement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tried(monkeypatch)
    names = choices(folder_of(family, tmp_path), AUTO, placement).names
    assert not any(flash.is_flash(name) for name in names)
    assert calls == []


def test_nothing_is_tried_where_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    calls = tried(monkeypatch)
    assert choices(folder_of("llama", tmp_path), AUTO, GPU).names == ["sdpa", "eager"]
    assert calls == []


def test_a_hub_kernel_counts_only_where_it_lies_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    monkeypatch.setattr(flash, "is_kernels_available", lambda: True)
    monkeypatch.setattr(flash.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    tried(monkeypatch)
    folder = folder_of("llama", tmp_path / "model")
    assert choices(folder, AUTO, GPU).names == ["sdpa", "eager"]
    (tmp_path / "hub/models--kernels-community--flash-attn2/snapshots/abc").mkdir(parents=True)
    assert choices(folder, AUTO, GPU).names == [flash.HUB_KERNEL, "sdpa", "eager"]
    assert planned(folder, AUTO, GPU) == flash.PACKAGE


class Library:
    """Stand-ins for the installed library."""

    @staticmethod
    def right(module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, **lengths: Any) -> tuple[Tensor, None]:
        assert flash.constants.HF_HUB_OFFLINE, "nothing may be downloaded"
        return by_lengths(query, key, value, lengths["cu_seq_lens_q"]), None

    @staticmethod
    def as_one_row(module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, **lengths: Any) -> Any:
        return by_lengths(query, key, value, torch.tensor([0, query.shape[2]])), None

    @staticmethod
    def without_gradients(module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, **lengths: Any) -> Any:
        return by_lengths(query.detach(), key.detach(), value, lengths["cu_seq_lens_q"]), None

    @staticmethod
    def for_other_cards(*args: Any, **lengths: Any) -> Any:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    @staticmethod
    def infinite(module: Any, query: Tensor, *rest: Any, **lengths: Any) -> Any:
        return Library.right(module, query, *rest, **lengths)[0] / 0, None


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("right", ""),
        ("as_one_row", "% off"),
        ("without_gradients", "RuntimeError"),
        ("for_other_cards", "no kernel image"),
        ("infinite", "off"),
    ],
)
def test_the_test_is_a_real_forward_and_backward(library: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "lazy_import_flash_attention", lambda name: None)
    monkeypatch.setattr(flash, "flash_attention_forward", getattr(Library, library))
    flash.trouble.cache_clear()
    before = torch.get_rng_state()
    found = flash.trouble(flash.PACKAGE, CPU, torch.bfloat16, 16)
    flash.trouble.cache_clear()
    assert (words in text(found)) if found else not words
    assert torch.equal(torch.get_rng_state(), before)
    assert not flash.constants.HF_HUB_OFFLINE


def test_a_plan_counts_on_the_attention_that_will_be_used(
    card: None, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried(monkeypatch)

    def laid(folder: Path, placement: Placement) -> Packing:
        from engine.config.schema import RunConfig

        config = RunConfig.model_validate({"model": {"name_or_path": str(folder)}, "data": [{"path": "x"}]})
        return packing_of(config, read_card(folder), from_folder(folder), placement)

    assert laid(tiny, GPU).packed
    assert laid(tiny, Placement(CPU, torch.float32, "no")).packed
    assert not laid(write_family("gpt_oss", tmp_path / "oss", tiny), Placement(CPU, torch.float32, "no")).packed


def test_auto_pads_where_the_loaded_model_has_another_attention_than_planned(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was to be our own kernel, which fails the proof."""
    faults = iter([Message("modeling.fault-differs")])
    monkeypatch.setattr("engine.modeling.load.attention_fault", lambda model: next(faults, None))
    from engine.runs import events as ev

    trained = making.train(making.values(tiny, rows, train={"max_steps": 2}))
    warned = [warning.message.code for warning in trained.of(ev.Warn)]
    assert "events.attention-passed-over" in warned
    assert "events.padded-mask" in warned
