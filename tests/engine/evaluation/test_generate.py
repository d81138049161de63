"""Answers are greedy, come back in the order of their prompts, and end at the stop token."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from engine.evaluation import generate
from engine.evaluation.generate import Generator
from engine.modeling.memory_peaks import Peaks
from engine.modeling.out_of_memory import MemoryGuard, OutOfMemory
from engine.runs.evaluations import Said
from tests.engine.evaluation.conftest import Loaded


def generator(loaded: Loaded, stops: frozenset[int] | None = None, check: Any = lambda: None) -> Generator:
    base = loaded.base
    memory = MemoryGuard(torch.device("cpu"), lambda event: None)
    return Generator(base.model, base.tokenizer, base.stops if stops is None else stops, base.pad_id, check, memory)


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
        text = loaded.base.tokenizer.decode(ids[:end], skip_special_tokens=True)
        assert answer == Said(text, end, end < 6)


def test_an_answer_ends_at_the_stop_token_and_without_it(loaded: Loaded) -> None:
    (prompt,) = prompts(loaded, TEXTS[0])
    ids = greedy(loaded, prompt, 6)
    stop = ids[3]
    found = generator(loaded, frozenset({stop})).answer([prompt], 6)
    first = ids.index(stop)
    assert found == [Said(loaded.base.tokenizer.decode(ids[:first], skip_special_tokens=True), first, True)]


def test_an_answer_that_was_cut_off_says_so_however_short_its_text_is(loaded: Loaded) -> None:
    """Tokens that leave no text behind count all the same: parted anew, the text would have fewer."""
    made = generator(loaded, frozenset({-1}))
    made.tokenizer = copy.copy(loaded.base.tokenizer)
    made.tokenizer.decode = lambda ids, **kept: "short"
    assert made.answer(prompts(loaded, TEXTS[0]), 6) == [Said("short", 6, False)]


def test_many_prompts_are_answered_in_groups(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = prompts(loaded, *TEXTS)
    together = generator(loaded).answer(asked, 4)
    monkeypatch.setitem(generate._PROMPTS_AT_ONCE, "cpu", 2)
    monkeypatch.setattr(generate, "_ROWS_TOGETHER", 2)
    seen: list[tuple[int, int]] = []
    assert generator(loaded).answer(asked, 4, lambda done, total: seen.append((done, total))) == together
    assert seen == sorted(seen)
    assert {(0, 5), (2, 5), (4, 5)} <= set(seen)
    assert seen[-1] == (5, 5)


def test_long_prompts_are_answered_few_at_a_time(loaded: Loaded) -> None:
    asked = prompts(loaded, *TEXTS)
    together = generator(loaded).answer(asked, 4)
    alone = generator(loaded)
    alone.tokens_at_once = 1
    seen: list[int] = []
    assert alone.answer(asked, 4, lambda done, total: seen.append(done)) == together
    assert sorted(set(seen)) == [0, 1, 2, 3, 4, 5]


def test_answers_are_given_out_once_as_their_group_is_whole(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = prompts(loaded, *TEXTS)
    monkeypatch.setitem(generate._PROMPTS_AT_ONCE, "cpu", 2)
    stop = greedy(loaded, asked[4], 2)[1]
    given: list[dict[int, Said]] = []
    answers = generator(loaded, frozenset({stop})).answer(asked, 9, on_answers=given.append)
    assert sorted(map(len, given)) == [1, 2, 2]
    assert {place: text for found in given for place, text in found.items()} == dict(enumerate(answers))


def test_a_stop_comes_after_what_was_whole_before(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Exception):
        pass

    asked = prompts(loaded, *TEXTS)
    monkeypatch.setitem(generate._PROMPTS_AT_ONCE, "cpu", 2)
    monkeypatch.setattr(generate, "_ROWS_TOGETHER", 4)
    expected = generator(loaded).answer(asked, 6)
    given: dict[int, Said] = {}

    def check() -> None:
        if given:
            raise Stopped

    with pytest.raises(Stopped):
        generator(loaded, check=check).answer(asked, 6, on_answers=given.update)
    assert 2 <= len(given) < 5
    assert given.items() <= dict(enumerate(expected)).items()


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


class Narrow:
    """A model with memory for the prompts of ``rows`` rows at once."""

    def __init__(self, model: Any, rows: int) -> None:
        self.model, self.rows, self.asked = model, rows, [0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, input_ids: torch.Tensor, **settings: Any) -> Any:
        if input_ids.shape[1] > 1:  # a group begins
            self.asked.append(len(input_ids))
        if len(input_ids) > self.rows:
            raise MemoryError
        return self.model(input_ids=input_ids, **settings)


def test_running_out_of_memory_halves_the_group_and_gives_the_same_answers(loaded: Loaded) -> None:
    asked = prompts(loaded, *TEXTS)
    events: list[Any] = []
    narrow = generator(loaded)
    narrow.model, narrow.memory = Narrow(loaded.model, 2), MemoryGuard(torch.device("cpu"), events.append)
    assert narrow.answer(asked, 4) == generator(loaded).answer(asked, 4)
    assert {event.phase for event in events} == {"evaluation"}
    assert narrow.model.asked[1] == 5
    tries = len(narrow.model.asked)
    narrow.answer(asked, 4)
    assert max(narrow.model.asked[tries:]) <= 2  # it is not tried again


def test_no_memory_for_one_answer_is_an_error(loaded: Loaded) -> None:
    events: list[Any] = []
    narrow = generator(loaded)
    narrow.model, narrow.memory = Narrow(loaded.model, 0), MemoryGuard(torch.device("cpu"), events.append)
    with pytest.raises(OutOfMemory, match="one answer"):
        narrow.answer(prompts(loaded, TEXTS[0]), 4)
    assert [event.retry_tokens for event in events] == [None]


def test_a_rehearsal_takes_the_largest_group_and_few_tokens(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = prompts(loaded, *TEXTS)
    monkeypatch.setitem(generate._PROMPTS_AT_ONCE, "cpu", 2)
    made = generator(loaded)
    made.model = Narrow(loaded.model, 2)
    steps: list[int] = []
    made.check = lambda: steps.append(1)
    longest, second, _, fourth, _ = sorted((len(prompt) for prompt in asked), reverse=True)
    # In order of length they stand by twos, the longest alone.
    made.tokens_at_once = 2 * (second + 100)
    assert made.rehearse(asked, 100) == max(longest + 100, 2 * (second + 100))
    assert made.model.asked[1:] == [2]
    assert len(steps) <= 2
    made.tokens_at_once = 10**6  # room for the tails of all beside each other
    assert made.rehearse(asked, 100) == longest + 100 + 2 * (second + 100) + 2 * (fourth + 100)
    assert made.model.asked[2:] == [2]


def test_a_rehearsal_holds_the_cache_of_whole_answers(loaded: Loaded) -> None:
    peaks = Peaks(torch.device("cpu"))
    asked = prompts(loaded, *TEXTS)

    def peak_of(new_tokens: int) -> int:
        made = generator(loaded)
        made.tokens_at_once = 10**9
        peaks.restart()
        made.rehearse(asked, new_tokens)
        return peaks.restart()

    config = loaded.model.config
    each = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 4
    few = peak_of(100)
    assert peak_of(40_000) - few == pytest.approx(len(asked) * 40_000 * each, rel=0.1)
