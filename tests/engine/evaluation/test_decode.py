"""Our own loop gives what the library's gives, whatever the model keeps of the past and whoever leaves early."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.evaluation.decode import RoomyLayer, can_decode, decode
from tests.engine.evaluation.conftest import Loaded
from tests.engine.modeling.kernels.tiny_families import model_of

LENGTHS = (12, 15, 12, 14, 15, 13, 12, 9, 12)
SHARED = [7, 8, 9, 10, 11, 12, 13]
DECODED = ("llama", "gpt_neox", "gemma3_text", "cohere2", "gpt2", "gemma2", "phi", "mixtral", "deepseek_v3")
LEFT = ("mamba", "falcon_mamba", "bloom", "mpt")


def asked(shared: Sequence[int] = (), lengths: Sequence[int] = LENGTHS, most: int = 40) -> list[list[int]]:
    """Prompts of tokens below ``most``, beginning with ``shared``."""
    random = torch.Generator().manual_seed(1)
    return [[*shared, *torch.randint(5, most, (length,), generator=random).tolist()] for length in lengths]


def librarys(model: Any, prompts: Sequence[list[int]], stops: frozenset[int], most: int) -> list[list[int]]:
    """Each alone, by ``generate``."""
    answers = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        found = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False,
            temperature=None, top_p=None, top_k=None, eos_token_id=sorted(stops), pad_token_id=0, use_cache=True,
        )[0, len(prompt) :].tolist()  # fmt: skip
        answers.append(found[: next((i for i, token in enumerate(found) if token in stops), len(found))])
    return answers


def alone(model: Any, prompts: Sequence[list[int]], stops: frozenset[int], most: int) -> list[list[int]]:
    """Of one group, by our loop."""
    ((_, answers),) = decode(model, [prompts], stops, 0, [most])
    return answers


def some_stops(answers: Sequence[list[int]]) -> frozenset[int]:
    """Tokens at which some answers end early, some late and some never."""
    return frozenset({answers[0][2], answers[1][-2], answers[2][5]})


@pytest.mark.parametrize("shared", [(), SHARED * 5], ids=["apart", "alike"])
@pytest.mark.parametrize("family", DECODED)
def test_a_batch_is_answered_as_each_prompt_alone(family: str, shared: Sequence[int]) -> None:
    model = model_of(family).eval()
    assert can_decode(model)
    prompts = asked(shared, most=min(40, model.config.get_text_config().vocab_size))
    free = librarys(model, prompts, frozenset({-1}), 12)
    stops = some_stops(free)
    expected = librarys(model, prompts, stops, 12)
    assert len({len(answer) for answer in expected}) > 1
    assert alone(model, prompts, stops, 12) == expected


def test_common_beginnings_are_read_once_for_each_length(loaded: Loaded) -> None:
    read: list[tuple[int, int]] = []
    hook = loaded.model.get_input_embeddings().register_forward_pre_hook(
        lambda module, args: read.append(tuple(args[0].shape))
    )
    try:
        alone(loaded.model, asked(SHARED * 5), frozenset(), 2)
    finally:
        hook.remove()
    lengths = len(set(LENGTHS))
    assert read[:2] == [(lengths, 35 + max(LENGTHS)), (len(LENGTHS) - lengths, 3 + max(LENGTHS))]


@pytest.mark.parametrize("shared", [(), SHARED * 5], ids=["apart", "alike"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3_text", "cohere2"])
def test_prompts_read_in_pieces_are_answered_as_those_read_at_once(family: str, shared: Sequence[int]) -> None:
    model = model_of(family).eval()
    prompts = asked(shared, most=min(40, model.config.get_text_config().vocab_size))
    stops = some_stops(alone(model, prompts, frozenset(), 12))
    ((_, found),) = decode(model, [prompts], stops, 0, [12], read_tokens=31)
    assert found == alone(model, prompts, stops, 12)


@pytest.mark.parametrize(("most", "size"), [(31, 2), (5, 1), (1000, 9)])
def test_no_more_than_so_many_tokens_of_prompts_are_read_at_once(loaded: Loaded, most: int, size: int) -> None:
    read: list[tuple[int, int]] = []
    hook = loaded.model.get_input_embeddings().register_forward_pre_hook(
        lambda module, args: read.append(tuple(args[0].shape))
    )
    try:
        list(decode(loaded.model, [asked()], frozenset(), 0, [1], read_tokens=most))
    finally:
        hook.remove()
    assert [rows for rows, _ in read] == [min(size, 9 - first) for first in range(0, 9, size)]


def test_ended_rows_are_computed_no_more(loaded: Loaded) -> None:
    prompts = asked(lengths=[6] * 12)
    stops = frozenset({token for answer in alone(loaded.model, prompts, frozenset(), 20)[:9] for token in answer[3:5]})
    rows: list[int] = []
    hook = loaded.model.get_input_embeddings().register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    try:
        answers = alone(loaded.model, prompts, stops, 20)
    finally:
        hook.remove()
    assert rows == sorted(rows, reverse=True)
    assert rows[0] == 12
    assert rows[-1] <= 4
    assert answers == librarys(loaded.model, prompts, stops, 20)


def test_a_models_own_penalty_on_repeats_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("llama").eval()
    plain = alone(model, asked(), frozenset(), 12)
    monkeypatch.setattr(model.generation_config, "repetition_penalty", 1.8)
    assert can_decode(model)
    found = alone(model, asked(), frozenset(), 12)
    assert found == librarys(model, asked(), frozenset({-1}), 12)
    assert found != plain
    monkeypatch.setattr(model.generation_config, "no_repeat_ngram_size", 2)
    assert not can_decode(model)


@pytest.mark.parametrize("family", LEFT)
def test_models_that_keep_something_else_are_left_to_the_library(family: str) -> None:
    assert not can_decode(model_of(family))


def test_a_cache_grows_by_what_it_needs_and_never_beyond_the_most(tmp_path: Path) -> None:
    layer, states = RoomyLayer(100, 2), torch.arange(2 * 3 * 100 * 4.0).reshape(2, 3, 100, 4)
    for begin, end in ((0, 10), (10, 11), (11, 80), (80, 100)):
        keys, values = layer.update(states[:, :, begin:end], -states[:, :, begin:end])
        assert torch.equal(keys, states[:, :, :end])
        assert torch.equal(values, -states[:, :, :end])
        assert layer.get_seq_length() == end
        assert end <= layer._rooms[0].shape[2] <= 100
    layer.keep([(1, 0)], 1)
    assert torch.equal(layer.keys, states[1:])
