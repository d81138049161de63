"""Greedy answers to groups of prompts, token by token: rows leave as they end, common beginnings are read once.

The library's loop computes ended rows on to the last one's end, copies keys and values of all positions for each token
and reads the same system prompt once a row. On the CPU the next group joins where ended rows make room. Models that
need more of that loop than keys and values, a mask, positions and a penalty on repeats are left to it.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, GenerationMixin, RepetitionPenaltyLogitsProcessor
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from engine.evaluation.together import Step, compute, may_fit
from engine.memory.job import room_for

_FIRST_ROOM = 64
"""Positions that a cache has room for beyond its first ones; what it needs more it gets by halves of its length."""
_BLOCK = 32
"""Positions whose queries torch's attention on the CPU takes together: parted elsewhere, last bits would differ."""
_CHANGES_SCORES = (
    "bad_words_ids", "begin_suppress_tokens", "encoder_no_repeat_ngram_size", "encoder_repetition_penalty",
    "exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id", "guidance_scale", "min_length",
    "min_new_tokens", "no_repeat_ngram_size", "num_beams", "remove_invalid_values", "sequence_bias", "suppress_tokens",
    "watermarking_config", "stop_strings", "max_time", "prompt_lookup_num_tokens", "cache_implementation",
)  # fmt: skip
"""Fields of a model's generation_config.json that make its answers other than the likeliest tokens, by the library."""
_WORTH_SHARING = 128
"""Tokens of common beginnings, over all rows, that are worth a pass of their own."""


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, (rows, heads, positions, width), in memory that has room for the next ones.

    ``most``: positions there will be at most, of so many ``rows``.
    """

    def __init__(self, most: int, rows: int) -> None:
        super().__init__()
        self._most, self._rows = most, rows
        self._rooms: list[Tensor] = []
        self._first = self._length = 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        rows, length = slice(self._first, self._first + key_states.shape[0]), self._length + key_states.shape[2]
        if not self._rooms or self._rooms[0].shape[2] < length:
            self._grow(key_states, value_states, length)
        for room, new in zip(self._rooms, (key_states, value_states), strict=True):
            room[rows, :, self._length : length] = new
        self._length = length
        self.keys, self.values = (room[rows, :, :length] for room in self._rooms)
        return self.keys, self.values

    def go_to(self, first: int, rows: int, length: int) -> None:
        """Go on with ``rows`` from the ``first`` on, of which ``length`` positions are known."""
        self._first, self._length = first, length
        self.keys, self.values = (room[first : first + rows, :, :length] for room in self._rooms)

    def _grow(self, keys: Tensor, values: Tensor, length: int) -> None:
        """Make room for ``length`` positions and some more of rows such as those of ``keys`` and ``values``."""
        size = max(length, min(self._most, length + max(_FIRST_ROOM, length // 2)))
        rows = max(len(keys), self._rows)
        rooms = [like.new_empty(rows, like.shape[1], size, like.shape[3]) for like in (keys, values)]
        for new, old in zip(rooms, self._rooms, strict=False):
            new[:, :, : self._length] = old[: len(new), :, : self._length]
        self._rooms, self.is_initialized = rooms, True

    def take(self, source: DynamicLayer, rows: Sequence[int], columns: int) -> None:
        """To begin with: for each of ``rows`` what that row of ``source`` holds; ``columns`` positions of it count."""
        self._grow(source.keys[rows], source.values[rows], source.keys.shape[2])
        for room, states in zip(self._rooms, (source.keys, source.values), strict=True):
            room[:, :, : states.shape[2]] = states[rows]
        self._length = columns
        self.keys, self.values = (room[:, :, :columns] for room in self._rooms)

    def cut(self, length: int) -> None:
        """Forget what comes after the first ``length`` positions."""
        self._length = length
        self.keys, self.values = (states[:, :, :length] for states in (self.keys, self.values))

    def keep(self, moves: Sequence[tuple[int, int]], rows: int) -> None:
        """Put row ``a`` in the place of row ``b`` for each (a, b) of ``moves``, and go on with the first ``rows``."""
        self._rows = 0
        for room in self._rooms:
            for source, target in moves:
                room[target, :, : self._length] = room[source, :, : self._length]
        self.keys, self.values = (room[:rows, :, : self._length] for room in self._rooms)


def can_decode(model: Any) -> bool:
    """Whether ``model``, with or without an adapter, needs no more than ``decode`` gives it."""
    base = _base(model)
    prepares = getattr(base.prepare_inputs_for_generation, "__func__", None)
    if prepares is not GenerationMixin.prepare_inputs_for_generation or not base._supports_default_dynamic_cache():
        return False
    if base.config.is_encoder_decoder or base.is_remote_code() or "position_ids" not in _parameters(base):
        return False
    plain = GenerationConfig()
    if any(
        getattr(base.generation_config, name, None) not in (None, getattr(plain, name, None))
        for name in _CHANGES_SCORES
    ):
        return False
    layers = DynamicCache(config=base.config.get_text_config(decoder=True)).layers
    return {type(layer) for layer in layers} <= {DynamicLayer, DynamicSlidingWindowLayer}


@torch.no_grad()
def decode(
    model: Any, groups: Sequence[Sequence[list[int]]], stops: frozenset[int], pad_id: int, most: Sequence[int],
    watch: Callable[[int], None] = lambda ended: None,
    joins: Callable[[Sequence[int], int, int], bool] = lambda beside, rows, group: not beside,
    read_tokens: int = 0,
) -> Iterator[tuple[int, list[list[int]]]]:  # fmt: skip
    """The index of each of ``groups``, as it is whole, and up to ``most`` new tokens for each of its prompts.

    An answer lacks the one of ``stops`` that ended it. ``joins`` says whether a group may begin while those ``beside``
    it, with so many rows left, are not whole; beside none it must. All that have begun go on together. ``watch`` is
    called after each token with how many of their answers have ended, and may raise. ``pad_id`` fills shorter prompts
    on the left, where nothing sees it. Of prompts ``read_tokens`` are read at once (0: all of a group), one at least.
    """
    base = _base(model)
    penalty = getattr(base.generation_config, "repetition_penalty", None)
    penalize = RepetitionPenaltyLogitsProcessor(penalty) if penalty not in (None, 1.0) else None
    waiting, begun = deque(range(len(groups))), list[_Group]()
    while waiting or begun:
        steps = [group.step for group in begun]
        logits = compute(base, steps, partial(_next, base)) if steps else []
        while waiting and joins([group.index for group in begun], sum(len(group.rows) for group in begun), waiting[0]):
            index = waiting.popleft()
            begun.append(_Group(index, base, groups[index], pad_id, most[index], read_tokens))
            logits.append(begun[-1].first)
        for group, found in zip(begun, logits, strict=True):
            group.take(_likeliest(penalize(group.seen, found.float()) if penalize else found), stops)
        watch(sum(len(group.ended) for group in begun))
        for group in begun:
            if group.is_whole:
                yield group.index, group.answers
        begun = [group for group in begun if not group.is_whole]
        for group in begun:
            group.go_on()


class _Group:
    """Prompts that are answered side by side, as far as their answers go.

    ``rows`` are those that are computed, by place in ``answers``; ``first`` the logits that follow the prompts.
    """

    def __init__(
        self, index: int, base: Any, prompts: Sequence[list[int]], pad_id: int, most: int, read_tokens: int
    ) -> None:  # fmt: skip
        self.index, self._most, self._device = index, most, base.device
        self.first, self._cache, self.rows = _read(base, prompts, pad_id, most, read_tokens)
        self.seen, self._mask = (part.to(base.device) for part in padded([prompts[row] for row in self.rows], pad_id))
        self._at = self._mask.sum(-1, keepdim=True) - 1
        self.answers: list[list[int]] = [[] for _ in prompts]
        self.ended: set[int] = set()
        self._tokens: list[int] = []
        self._count = 0

    def take(self, tokens: list[int], stops: frozenset[int]) -> None:
        """Note what follows each row."""
        self._tokens, self._count = tokens, self._count + 1
        for row, token in zip(self.rows, tokens, strict=True):
            if row not in self.ended:
                self.ended.add(row) if token in stops else self.answers[row].append(token)

    @property
    def is_whole(self) -> bool:
        return self._count == self._most or len(self.ended) == len(self.answers)

    def go_on(self) -> None:
        """Leave ended rows behind and put the tokens noted last after the others."""
        self._at = self._at + 1
        left = room_for(len(self.rows) - sum(row in self.ended for row in self.rows))
        if left < len(self.rows):
            chosen, moves = _compact(self.rows, self.ended, left)
            _keep(self._cache, moves, chosen)
            picked = torch.tensor(chosen, device=self._device)
            self.seen, self._mask, self._at = self.seen[picked], self._mask[picked], self._at[picked]
            self.rows, self._tokens = [self.rows[i] for i in chosen], [self._tokens[i] for i in chosen]
        new = torch.tensor(self._tokens, device=self._device)[:, None]
        self.seen, self._mask = torch.cat([self.seen, new], -1), torch.cat([self._mask, torch.ones_like(new)], -1)

    @property
    def step(self) -> Step:
        """What is to be computed for the next tokens."""
        return Step(self.seen[:, -1:], self._at, self._mask, self._cache)


def can_join(model: Any) -> bool:
    """Whether groups of ``model`` may go on together, as far as is known: all its layers keep the whole past."""
    base = _base(model)
    layers = DynamicCache(config=base.config.get_text_config(decoder=True)).layers
    return can_decode(model) and may_fit(base) and all(type(layer) is DynamicLayer for layer in layers)


def _base(model: Any) -> Any:
    """The library's model, in which an adapter's layers take part."""
    return model.get_base_model() if hasattr(model, "peft_config") else model


def _parameters(base: Any) -> Any:
    return inspect.signature(base.forward).parameters


def padded(prompts: Sequence[list[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Ids and mask (rows, longest), padded on the left, so that all answers begin in one column."""
    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), pad_id, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    return ids, mask


def _read(
    base: Any, prompts: Sequence[list[int]], pad_id: int, most: int, read_tokens: int
) -> tuple[Tensor, DynamicCache, list[int]]:  # fmt: skip
    """Logits of each prompt's next token, a cache with room for ``most`` more, and the prompts' order in both.

    Of prompts that begin alike the first of each length is read whole. The others take their common beginning from
    that one and read the rest: with the same padding before it, it is the same to the last bit.
    """
    ids, mask = padded(prompts, pad_id)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    layers = DynamicCache(config=base.config.get_text_config(decoder=True)).layers
    plain, longest = all(type(layer) is DynamicLayer for layer in layers), ids.shape[1]

    def fresh(rows: int) -> DynamicCache:
        cache = DynamicCache()
        room = longest + most if rows == len(prompts) else 0
        cache.layers = [RoomyLayer(room, rows) if type(layer) is DynamicLayer else layer for layer in layers]
        cache.layer_class_to_replicate = None
        return cache

    def read(rows: Sequence[int], begin: int, cache: DynamicCache) -> Tensor:
        size = max(1, read_tokens // (longest - begin)) if read_tokens and plain else len(rows)
        logits = []
        for first in range(0, len(rows), size):
            some = rows[first : first + size]
            if first:
                _go_to(cache, first, len(some), begin)
            given = [part[some].to(base.device) for part in (ids[:, begin:], mask, positions[:, begin:])]
            logits.append(_next(base, given[0], given[1], given[2], cache))
        if len(logits) > 1:
            _go_to(cache, 0, len(rows), longest)
        return torch.cat(logits)

    firsts = {len(prompt): row for row, prompt in reversed([*enumerate(prompts)])}
    others = [row for row, prompt in enumerate(prompts) if firsts[len(prompt)] != row]
    shared = _common(prompts) // _BLOCK * _BLOCK
    # Rows of one length have no padding, for which there may be another kernel.
    if not plain or len(firsts) == 1 or shared * len(others) < _WORTH_SHARING:
        cache, rows = fresh(len(prompts)), [*range(len(prompts))]
        return read(rows, 0, cache), cache, rows
    whole, cache = fresh(len(firsts)), fresh(len(prompts))
    of_firsts = read([*firsts.values()], 0, whole)
    rows = [*others, *firsts.values()]
    source = {length: place for place, length in enumerate(firsts)}
    taken = [source[len(prompts[row])] for row in rows]
    for layer, found in zip(cache.layers, whole.layers, strict=True):
        if found.is_initialized:
            layer.take(found, taken, shared)
    return torch.cat([read(others, shared, cache), of_firsts]), cache, rows


def _go_to(cache: DynamicCache, first: int, rows: int, length: int) -> None:
    for layer in cache.layers:
        if layer.is_initialized:  # layers that share the keys of others have none
            layer.go_to(first, rows, length)


def _common(prompts: Sequence[list[int]]) -> int:
    """How many tokens all ``prompts`` begin with, at least one of each left over."""
    most = min(map(len, prompts)) - 1
    return next((i for i in range(most) if len({prompt[i] for prompt in prompts}) > 1), most)


def _next(base: Any, ids: Tensor, mask: Tensor | None, positions: Tensor, cache: DynamicCache) -> Tensor:
    """Logits (rows, vocabulary) of what follows each row."""
    last = {"logits_to_keep": 1} if "logits_to_keep" in _parameters(base) else {}
    found = base(
        input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True,
        return_dict=True, **last,
    )  # fmt: skip
    logits: Tensor = found.logits[:, -1]
    return logits


def _likeliest(logits: Tensor) -> list[int]:
    if logits.device.type == "cpu":  # torch's own takes seven times as long
        return [int(token) for token in logits.float().numpy().argmax(-1)]
    return [int(token) for token in logits.float().argmax(-1).tolist()]


def _compact(rows: Sequence[int], ended: set[int], left: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Which of the present places are kept, in their new order, and the moves (from, to) that bring it about.

    The last ones that go on take the places of the first ones that don't.
    """
    chosen = [*range(left)]
    free = [place for place in chosen if rows[place] in ended]
    behind = [place for place in range(left, len(rows)) if rows[place] not in ended]
    moves = list(zip(behind, free, strict=False))
    for source, target in moves:
        chosen[target] = source
    return chosen, moves


def _keep(cache: DynamicCache, moves: Sequence[tuple[int, int]], chosen: Sequence[int]) -> None:
    for layer in cache.layers:
        if isinstance(layer, RoomyLayer):
            layer.keep(moves, len(chosen))
        elif layer.is_initialized:
            layer.batch_select_indices(torch.tensor(chosen, device=layer.keys.device))
