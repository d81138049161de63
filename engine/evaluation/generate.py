"""Greedy answers to many prompts at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

_PROMPTS_AT_ONCE = {"cpu": 50, "cuda": 64}
_TOKENS_AT_ONCE = 16_384


@dataclass(frozen=True)
class Generator:
    """A model ready to answer. ``stops`` end an answer; ``check`` is called at every token and may raise to stop."""

    model: Any
    tokenizer: Any
    stops: frozenset[int]
    pad_id: int
    check: Callable[[], None]

    @torch.no_grad()
    def answer(
        self,
        prompts: Sequence[list[int]],
        max_new_tokens: int,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[str]:
        """The greedy answer to each of ``prompts`` (token ids), in their order, without special tokens."""
        was_training = self.model.training
        self.model.eval()
        answers = [""] * len(prompts)
        by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        done = 0
        try:
            for group in self._groups(by_length, prompts, max_new_tokens):
                on_progress(done, len(prompts))
                watch = _Watch(self.check, self.stops, len(group), done, len(prompts), on_progress)
                texts = self._batch([prompts[i] for i in group], max_new_tokens, watch)
                for index, text in zip(group, texts, strict=True):
                    answers[index] = text
                done += len(group)
        finally:
            self.model.train(was_training)
        on_progress(done, len(prompts))
        return answers

    def _groups(self, order: list[int], prompts: Sequence[list[int]], new_tokens: int) -> list[list[int]]:
        """Prompts of like length together, few enough that their key-value cache stays small."""
        most = _PROMPTS_AT_ONCE.get(self.model.device.type, 16)
        groups: list[list[int]] = []
        for index in order:
            size = len(prompts[index]) + new_tokens
            if groups and len(groups[-1]) < most and (len(groups[-1]) + 1) * size <= _TOKENS_AT_ONCE:
                groups[-1].append(index)
            else:
                groups.append([index])
        return groups

    def _batch(self, prompts: list[list[int]], max_new_tokens: int, watch: _Watch) -> list[str]:
        longest = max(len(prompt) for prompt in prompts)
        ids = torch.full((len(prompts), longest), self.pad_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):  # on the left, so that all answers begin in one column
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        device = self.model.device
        output = self.model.generate(
            input_ids=ids.to(device), attention_mask=mask.to(device), max_new_tokens=max_new_tokens,
            do_sample=False, temperature=None, top_p=None, top_k=None, use_cache=True,
            eos_token_id=sorted(self.stops), pad_token_id=self.pad_id,
            stopping_criteria=StoppingCriteriaList([watch]),
        )  # fmt: skip
        return [self._text(row) for row in output[:, longest:].tolist()]

    def _text(self, ids: list[int]) -> str:
        end = next((i for i, token in enumerate(ids) if token in self.stops), len(ids))
        return str(self.tokenizer.decode(ids[:end], skip_special_tokens=True))


class _Watch(StoppingCriteria):  # type: ignore[misc]
    """Between two tokens: lets a stop request through and tells how many answers have ended."""

    def __init__(
        self, check: Callable[[], None], stops: frozenset[int], rows: int, done: int, total: int,
        on_progress: Callable[[int, int], None],
    ) -> None:  # fmt: skip
        self._check, self._on_progress, self._done, self._total = check, on_progress, done, total
        self._stops = torch.tensor(sorted(stops))
        self._ended = torch.zeros(rows, dtype=torch.bool)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: Any) -> torch.BoolTensor:
        self._check()
        self._ended |= torch.isin(input_ids[:, -1].cpu(), self._stops)
        self._on_progress(self._done + int(self._ended.sum()), self._total)
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)  # type: ignore[return-value]
