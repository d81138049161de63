"""Greedy answers to many prompts at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from engine.evaluation.decode import can_decode, can_join, decode, padded
from engine.messages.catalogue import text
from engine.modeling.out_of_memory import MemoryGuard, free_cached
from engine.runs.evaluations import Said

_PROMPTS_AT_ONCE = {"cpu": 50, "cuda": 64}
_ROWS_TOGETHER = 100
"""Rows of several groups that are computed at once, where that is faster: more of them gain little."""
_GROUPS_TOGETHER = 4
_TOKENS_AT_ONCE = 16_384
_FEW_TOKENS = 2
Watch = Callable[[int], None]
"""Called after each token with how many answers of begun groups have ended; what it raises ends the work."""

Keep = Callable[[dict[int, Said]], None]
"""Called with the answers of a group, by the index of the prompt, as soon as it is whole."""


@dataclass
class Generator:
    """A model ready to answer. ``stops`` end an answer; ``check`` is called at every token and may raise to stop.

    ``tokens_at_once`` are those of prompts and answers side by side; running out of memory halves it. The model can
    compute ``most_positions`` (0: any number); an answer ends there. Of prompts ``read_tokens`` are computed at once,
    as many as the training computes (0: all that are answered side by side).
    """

    model: Any
    tokenizer: Any
    stops: frozenset[int]
    pad_id: int
    check: Callable[[], None]
    memory: MemoryGuard
    tokens_at_once: int = _TOKENS_AT_ONCE
    most_positions: int = 0
    read_tokens: int = 0

    @torch.no_grad()
    def answer(
        self,
        prompts: Sequence[list[int]],
        max_new_tokens: int,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        on_answers: Keep = lambda found: None,
    ) -> list[Said]:
        """The greedy answer to each of ``prompts`` (token ids), in their order.

        ``on_answers`` gets those of a group, by index, as soon as it is whole. Raises OutOfMemory when there is no
        memory for one of them alone.
        """
        was_training = self.model.training
        self.model.eval()
        free_cached()
        answers: dict[int, Said] = {}
        watch = _Watch(self.check, answers, len(prompts), on_progress)

        def keep(found: dict[int, Said]) -> None:
            answers.update(found)
            on_answers(found)

        try:
            while left := [index for index in self._by_length(prompts) if index not in answers]:
                on_progress(len(answers), len(prompts))
                self._in_memory(left, prompts, max_new_tokens, watch, keep)
        finally:
            self.model.train(was_training)
        on_progress(len(prompts), len(prompts))
        return [answers.get(index, Said(self.too_long, 0, True)) for index in range(len(prompts))]

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
                few, most = min(_FEW_TOKENS, max_new_tokens), self._most_tokens(groups, prompts, max_new_tokens)
                cache = self._cache_bytes_per_token() * (most - _padded(group, prompts, few))
                holding = _Cache(self.check, cache, self.model.device)
                if self._in_memory(group, prompts, few, holding, lambda found: None):
                    return most
        finally:
            self.model.train(was_training)

    def _in_memory(
        self, order: list[int], prompts: Sequence[list[int]], new_tokens: int, watch: Watch, keep: Keep
    ) -> bool:
        """Answer the prompts of ``order``.

        False when memory ran out and groups are smaller from now on.
        """
        self.memory.phase = "evaluation"
        beside: list[list[int]] = []
        try:
            self._answer(self._grouped(order, prompts, new_tokens), prompts, new_tokens, watch, keep, beside)
            return True
        except Exception as error:
            shortage = self.memory.shortage(error)
            if shortage is None:
                raise
        rows = [row for group in beside for row in group]
        if len(rows) <= 1:
            raise self.memory.ends(shortage, "runs.out-of-memory-answer")
        longest = max(len(prompts[row]) for row in rows) + new_tokens
        self.tokens_at_once = len(rows) // 2 * longest
        self.memory.repeats(shortage, self.tokens_at_once)
        return False

    @property
    def too_long(self) -> str:
        """Stands for the answer to a prompt that is in no group."""
        return text("evaluation.no-answer", positions=self.most_positions)

    def groups(self, prompts: Sequence[list[int]], new_tokens: int) -> list[list[int]]:
        """Indices of the ``prompts`` that are answered side by side, each group in turn; too long ones are in none."""
        return self._grouped(self._by_length(prompts), prompts, new_tokens)

    @property
    def side_by_side(self) -> int:
        """How many groups are worth being asked at once: where they go on together, tails are computed together."""
        return _GROUPS_TOGETHER if can_join(self.model) else 1

    def _grouped(self, left: list[int], prompts: Sequence[list[int]], new_tokens: int) -> list[list[int]]:
        groups: list[list[int]] = []
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

    def _most_tokens(self, groups: Sequence[list[int]], prompts: Sequence[list[int]], new_tokens: int) -> int:
        """Tokens of prompts and answers that stand side by side at most."""
        each = [_padded(group, prompts, new_tokens) for group in groups]
        return max(*each, min(sum(each), self.tokens_at_once)) if can_join(self.model) else max(each)

    def _answer(
        self, groups: Sequence[list[int]], prompts: Sequence[list[int]], new_tokens: int, watch: Watch,
        keep: Keep, beside: list[list[int]],
    ) -> None:  # fmt: skip
        """Answer each of ``groups``; ``beside`` become those that are being computed."""
        asked = [[prompts[index] for index in group] for group in groups]
        longest = [max(map(len, group)) for group in asked]
        most = [new_tokens] * len(groups)
        if self.most_positions:  # the last token is never read
            most = [min(new_tokens, self.most_positions - length + 1) for length in longest]

        def joins(begun: Sequence[int], rows: int, index: int) -> bool:
            tokens = sum(_padded(groups[i], prompts, new_tokens) for i in (*begun, index))
            fits = rows + len(groups[index]) <= _ROWS_TOGETHER and tokens <= self.tokens_at_once
            begins = not begun or (fits and can_join(self.model))
            if begins:
                beside[:] = [groups[i] for i in (*begun, index)]
            return begins

        if can_decode(self.model):
            found = decode(self.model, asked, self.stops, self.pad_id, most, watch, joins, self.read_tokens)
        else:
            found = (
                (i, self._by_library(group, longest[i], most[i], watch))
                for i, group in enumerate(asked) if joins((), 0, i)
            )  # fmt: skip
        for index, ids in found:
            texts = (str(self.tokenizer.decode(each, skip_special_tokens=True)) for each in ids)
            said = (Said(text, len(each), len(each) < most[index]) for text, each in zip(texts, ids, strict=True))
            keep(dict(zip(groups[index], said, strict=True)))
            beside.remove(groups[index])

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
        self, check: Callable[[], None], whole: dict[int, Said], total: int, on_progress: Callable[[int, int], None]
    ) -> None:
        self._check, self._on_progress, self._whole, self._total = check, on_progress, whole, total

    def __call__(self, ended: int) -> None:
        self._check()
        self._on_progress(len(self._whole) + ended, self._total)


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
