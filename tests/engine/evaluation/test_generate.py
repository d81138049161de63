"""Answers are greedy, come back in the order of their prompts, and end at the stop token."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.evaluation import generate
from engine.evaluation.generate import Generator
from tests.engine.evaluation.conftest import Loaded


def generator(loaded: Loaded, stops: frozenset[int] | None = None, check: Any = lambda: None) -> Generator:
    base = loaded.base
    return Generator(base.model, base.tokenizer, base.stops if stops is None else stops, base.pad_id, check)


def prompts(loaded: Loaded, *texts: str) -> list[list[int]]:
    return [loaded.base.tokenizer(text)["input_ids"] for text in texts]


TEXTS = ("2 tea to Oslo", "The quick brown fox jumps over the lazy dog.", "a", "Give me the order as JSON.", "Paris")


def greedy(loaded: Loaded, prompt: list[int], tokens: int) -> list[int]:
    """Token by token, without a cache or padding."""
    ids = list(prompt)
    for _ in range(tokens):
        ids.append(int(loaded.model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


def test_each_answer_is_the_greedy_one_whatever_stands_beside_it(loaded: Loaded) -> None:
    asked = prompts(loaded, *TEXTS)
    answers = generator(loaded).answer(asked, 6)
    for prompt, answer in zip(asked, answers, strict=True):
        ids = greedy(loaded, prompt, 6)
        end = next((i for i, token in enumerate(ids) if token in loaded.base.stops), len(ids))
        assert answer == loaded.base.tokenizer.decode(ids[:end], skip_special_tokens=True)


def test_an_answer_ends_at_the_stop_token_and_without_it(loaded: Loaded) -> None:
    (prompt,) = prompts(loaded, TEXTS[0])
    ids = greedy(loaded, prompt, 6)
    stop = ids[3]
    found = generator(loaded, frozenset({stop})).answer([prompt], 6)
    first = ids.index(stop)
    assert found == [loaded.base.tokenizer.decode(ids[:first], skip_special_tokens=True)]


def test_many_prompts_are_answered_in_groups(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = prompts(loaded, *TEXTS)
    together = generator(loaded).answer(asked, 4)
    monkeypatch.setitem(generate._PROMPTS_AT_ONCE, "cpu", 2)
    seen: list[tuple[int, int]] = []
    assert generator(loaded).answer(asked, 4, lambda done, total: seen.append((done, total))) == together
    assert seen == sorted(seen)
    assert {(0, 5), (2, 5), (4, 5)} <= set(seen)
    assert seen[-1] == (5, 5)


def test_long_prompts_are_answered_few_at_a_time(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = prompts(loaded, *TEXTS)
    together = generator(loaded).answer(asked, 4)
    monkeypatch.setattr(generate, "_TOKENS_AT_ONCE", 1)
    seen: list[int] = []
    assert generator(loaded).answer(asked, 4, lambda done, total: seen.append(done)) == together
    assert sorted(set(seen)) == [0, 1, 2, 3, 4, 5]


def test_progress_counts_answers_as_they_end(loaded: Loaded) -> None:
    (prompt,) = prompts(loaded, TEXTS[0])
    stop = greedy(loaded, prompt, 6)[1]
    seen: list[int] = []
    generator(loaded, frozenset({stop})).answer([prompt], 6, lambda done, total: seen.append(done))
    assert seen[0] == 0
    assert seen[-2:] == [1, 1]  # told when the stop token came, before the batch was over


def test_a_stop_request_is_heard_between_two_tokens(loaded: Loaded) -> None:
    class Stopped(Exception):
        pass

    asked: list[int] = []

    def check() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise Stopped

    loaded.model.train()
    with pytest.raises(Stopped):
        generator(loaded, frozenset({-1}), check).answer(prompts(loaded, TEXTS[0]), 50)
    assert len(asked) == 3
    assert loaded.model.training
    loaded.model.eval()


def test_answering_uses_no_random_numbers(loaded: Loaded) -> None:
    before = torch.get_rng_state()
    generator(loaded).answer(prompts(loaded, *TEXTS), 4)
    assert torch.equal(torch.get_rng_state(), before)


def test_no_prompt_is_no_answer(loaded: Loaded) -> None:
    assert generator(loaded).answer([], 4) == []
