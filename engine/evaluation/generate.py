"""Greedy answers to many prompts at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from engine.evaluation.decode import can_decode, decode, padded
from engine.modeling.out_of_memory import MemoryGuard

_PROMPTS_AT_ONCE = {"cpu": 50, "cuda": 64}
_TOKENS_AT_ONCE = 16_384
_FEW_TOKENS = 2
Watch = Callable[[int], None]
"""Called after each token with how many answers of the group have ended; what it raises ends the work."""


@dataclass
class Generator:
    """A model ready to answer. ``stops`` end an answer; ``check`` is called at every token and may raise to stop.

    ``tokens_at_once`` are those of prompts and answers side by side; running out of memory halves it. The model can
    compute ``most_positions`` (0: any number); an answer ends there.
    """

    model: Any
    tokenizer: Any
    stops: frozenset[int]
    pad_id: int
    check: Callable[[], None]
    memory: MemoryGuard
    tokens_at_once: int = _TOKENS_AT_ONCE
    most_positions: int = 0

    @torch.no_grad()
    def answer(
        self,
        prompts: Sequence[list[int]],
        max_new_tokens: int,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[str]:
        """The greedy answer to each of ``prompts`` (token ids), in their order, without special tokens.

        Raises OutOfMemory when there is no memory for one of them alone.
        """
        was_training = self.model.training
        self.model.eval()
        answers = [self.too_long] * len(prompts)
        left = self._by_length(prompts)
        try:
            while left:
                done = len(prompts) - len(left)
                group = self._next(left, prompts, max_new_tokens)
                on_progress(done, len(prompts))
                watch = _Watch(self.check, done, len(prompts), on_progress)
                texts = self._in_memory([prompts[i] for i in group], max_new_tokens, watch)
                if texts is None:
                    continue
                for index, text in zip(group, texts, strict=True):
                    answers[index] = text
                left = left[len(group) :]
        finally:
            self.model.train(was_training)
        on_progress(len(prompts), len(prompts))
        return answers

    @torch.no_grad()
    def rehearse(self, prompts: Sequence[list[int]], max_new_tokens: int) -> int:
        """Compute a few tokens of the largest group of ``prompts`` with a cache as large as a whole answer's.

        Returns the tokens of prompts and answers that stand side by side in it.
        """
        was_training = self.model.training
        self.model.eval()
        try:
            while True:
                groups = self.groups(prompts, max_new_tokens)
                if not groups:
                    return 0
                group = max(groups, key=lambda g: _padded(g, prompts, max_new_tokens))
                few = min(_FEW_TOKENS, max_new_tokens)
                cache = self._cache_bytes_per_token() * len(group) * (max_new_tokens - few)
                if (
                    self._in_memory([prompts[i] for i in group], few, _Cache(self.check, cache, self.model.device))
                    is not None
                ):
                    return _padded(group, prompts, max_new_tokens)
        finally:
            self.model.train(was_training)

    def _in_memory(self, prompts: list[list[int]], max_new_tokens: int, watch: Watch) -> list[str] | None:
        """The answers of one group; None when memory ran out and groups are smaller from now on."""
        self.memory.phase = "evaluation"
        try:
            return self._batch(prompts, max_new_tokens, watch)
        except Exception as error:
            shortage = self.memory.shortage(error)
            if shortage is None:
                raise
        if len(prompts) == 1:
            raise self.memory.ends(shortage, "runs.out-of-memory-answer")
        longest = max(len(prompt) for prompt in prompts) + max_new_tokens
        self.tokens_at_once = len(prompts) // 2 * longest
        self.memory.repeats(shortage, self.tokens_at_once)
        return None

    @property
    def too_long(self) -> str:
        """Stands for the answer to a prompt that is in no group."""
        return f"[no answer: the model can compute {self.most_positions:,} positions, the prompt has more]"

    def groups(self, prompts: Sequence[list[int]], new_tokens: int) -> list[list[int]]:
        """Indices of the ``prompts`` that are answered side by side, each group in turn; too long ones are in none."""
        left, groups = self._by_length(prompts), []
        while left:
            groups.append(self._next(left, prompts, new_tokens))
            left = left[len(groups[-1]) :]
        return groups

    def _by_length(self, prompts: Sequence[list[int]]) -> list[int]:
        """Indices of the prompts that can be answered, the shortest first."""
        most = self.most_positions or max(map(len, prompts), default=0)
        return sorted((i for i in range(len(prompts)) if len(prompts[i]) <= most), key=lambda i: len(prompts[i]))

    def _next(self, order: list[int], prompts: Sequence[list[int]], new_tokens: int) -> list[int]:
        """The first of ``order``: prompts of like length, few enough that their key-value cache stays small.

        None shortens the answers of the others by ending at the model's last position before them.
        """
        most = _PROMPTS_AT_ONCE.get(self.model.device.type, 16)
        whole = max(len(prompts[order[0]]), self.most_positions - new_tokens + 1)
        count = 1
        while count < min(most, len(order)):
            if self.most_positions and len(prompts[order[count]]) > whole:
                break
            if (count + 1) * (len(prompts[order[count]]) + new_tokens) > self.tokens_at_once:
                break
            count += 1
        return order[:count]

    def _cache_bytes_per_token(self) -> int:
        """Keys and values of all layers for one token, in the model's dtype."""
        text = self.model.config.get_text_config()
        width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        kv_heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
        return 2 * kv_heads * width * text.num_hidden_layers * self.model.dtype.itemsize

    def _batch(self, prompts: list[list[int]], max_new_tokens: int, watch: Watch) -> list[str]:
        longest = max(len(prompt) for prompt in prompts)
        if self.most_positions:  # the last token is never read
            max_new_tokens = min(max_new_tokens, self.most_positions - longest + 1)
        if can_decode(self.model):
            found = decode(self.model, prompts, self.stops, self.pad_id, max_new_tokens, watch)
        else:
            found = self._by_library(prompts, longest, max_new_tokens, watch)
        return [str(self.tokenizer.decode(ids, skip_special_tokens=True)) for ids in found]

    def _by_library(
        self, prompts: list[list[int]], longest: int, max_new_tokens: int, watch: Watch
    ) -> list[list[int]]:  # fmt: skip
        """The same by the library's own loop, for models that need it."""
        ids, mask = padded(prompts, self.pad_id)
        device = self.model.device
        output = self.model.generate(
            input_ids=ids.to(device), attention_mask=mask.to(device), max_new_tokens=max_new_tokens,
            do_sample=False, temperature=None, top_p=None, top_k=None, use_cache=True,
            eos_token_id=sorted(self.stops), pad_token_id=self.pad_id,
            stopping_criteria=StoppingCriteriaList([_Listener(watch, self.stops, len(prompts))]),
        )  # fmt: skip
        return [self._until_stop(row) for row in output[:, longest:].tolist()]

    def _until_stop(self, ids: list[int]) -> list[int]:
        return ids[: next((i for i, token in enumerate(ids) if token in self.stops), len(ids))]


class _Watch:
    """Between two tokens: lets a stop request through and tells how many answers have ended."""

    def __init__(
        self, check: Callable[[], None], done: int, total: int, on_progress: Callable[[int, int], None]
    ) -> None:
        self._check, self._on_progress, self._done, self._total = check, on_progress, done, total

    def __call__(self, ended: int) -> None:
        self._check()
        self._on_progress(self._done + ended, self._total)


class _Cache:
    """From the first token on holds as much memory as the keys and values of the answers' other tokens will."""

    def __init__(self, check: Callable[[], None], size_bytes: int, device: torch.device) -> None:
        self._check, self._bytes, self._device = check, size_bytes, device
        self._held: torch.Tensor | None = None

    def __call__(self, ended: int) -> None:
        self._check()
        if self._held is None:
            # Ones: untouched zeros take no memory on the CPU.
            self._held = torch.ones(self._bytes, dtype=torch.uint8, device=self._device)


class _Listener(StoppingCriteria):  # type: ignore[misc]
    """Tells ``watch`` after each token of the library's loop how many answers have ended."""

    def __init__(self, watch: Watch, stops: frozenset[int], rows: int) -> None:
        self._watch = watch
        self._stops = torch.tensor(sorted(stops))
        self._ended = torch.zeros(rows, dtype=torch.bool)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: Any) -> torch.BoolTensor:
        self._ended |= torch.isin(input_ids[:, -1].cpu(), self._stops)
        self._watch(int(self._ended.sum()))
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)  # type: ignore[return-value]


def _padded(group: list[int], prompts: Sequence[list[int]], new_tokens: int) -> int:
    return len(group) * (max(len(prompts[i]) for i in group) + new_tokens)
