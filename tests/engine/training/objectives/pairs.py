"""A second objective, as small as one can be: of two answers to a prompt the first is to become the more likely.

Direct preference optimisation (Rafailov et al. 2023): the reference is the model without its adapter. The second answer
is the first one backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.config.schema import RunConfig
from engine.modeling.batches import Layout, StepPlan
from engine.modeling.load import BaseModel
from engine.runs.phases import Phases
from engine.tokens.dataset import Prepared, prepare_rows
from engine.tokens.examples import Example
from engine.tokens.held_out import HeldOut
from engine.tokens.render import Renderer

BETA = 0.1


@dataclass(frozen=True)
class Pair:
    """Both answers behind the prompt (2, tokens), and which of the tokens are answer (tokens,)."""

    ids: np.ndarray
    is_answer: np.ndarray
    source: int
    weight: float

    @property
    def length(self) -> int:
        return int(self.ids.size)


class PairsOf(Sequence[Pair]):
    """The pairs of ``examples`` (Examples), with what a plan asks of rows."""

    def __init__(self, examples: Any) -> None:
        self._examples = examples
        self.lengths, self.supervised = 2 * examples.lengths, examples.supervised
        self.sources = examples.sources

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: Any) -> Any:
        example: Example = self._examples[index]
        is_answer = example.labels >= 0
        rejected = example.ids.copy()
        rejected[is_answer] = rejected[is_answer][::-1]
        return Pair(np.stack([example.ids, rejected]), is_answer, example.source, example.weight)


@dataclass(frozen=True)
class PairBatch:
    pairs: Sequence[Pair]
    pad_id: int

    @property
    def rows(self) -> int:
        return len(self.pairs)

    @property
    def lengths(self) -> Sequence[int]:
        return [len(pair.is_answer) for pair in self.pairs for _ in range(2)]

    @property
    def row_tokens(self) -> int:
        return max(self.lengths)

    @property
    def num_tokens(self) -> int:
        return sum(self.lengths)

    @property
    def padded_tokens(self) -> int:
        return 2 * self.rows * self.row_tokens

    @property
    def packed_tokens(self) -> int:
        return 0

    @property
    def supervised_tokens(self) -> int:
        return 2 * sum(int(pair.is_answer.sum()) for pair in self.pairs)

    @property
    def sources(self) -> np.ndarray:
        return np.array([pair.source for pair in self.pairs])

    @property
    def weight(self) -> float:
        return sum(pair.weight for pair in self.pairs)

    @property
    def places(self) -> Sequence[int]:
        return range(self.rows)

    @property
    def held_parts(self) -> Sequence[int]:
        return [1] * self.rows

    def inputs(self, device: torch.device) -> tuple[Any, ...]:
        ids = np.full((2, self.rows, self.row_tokens), self.pad_id, np.int64)
        answers = np.zeros((self.rows, self.row_tokens), bool)
        for at, pair in enumerate(self.pairs):
            ids[:, at, : len(pair.is_answer)] = pair.ids
            answers[at, : len(pair.is_answer)] = pair.is_answer
        weights = torch.tensor([pair.weight for pair in self.pairs])
        return torch.from_numpy(ids).to(device), torch.from_numpy(answers).to(device), weights.to(device)


class PairLoss(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, answers: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad(), self.model.disable_adapter():
            reference = self._margin(ids, answers)
        losses = -nn.functional.logsigmoid(BETA * (self._margin(ids, answers) - reference))
        return (losses * weights).sum(), losses.detach()

    def _margin(self, ids: Tensor, answers: Tensor) -> Tensor:
        """By how much the first answer's log-likelihood is above the second's, (pairs,)."""
        flat = ids.flatten(0, 1)
        said = self.model(flat).logits[:, :-1].log_softmax(-1).gather(2, flat[:, 1:, None]).squeeze(2)
        first, second = (said * answers[:, 1:].repeat(2, 1)).sum(1).chunk(2)
        return first - second


class Pairs:
    """An ``Objective``."""

    def rows(self, config: RunConfig, renderer: Renderer, phases: Phases, before: HeldOut | None) -> Prepared:
        made = prepare_rows(config, renderer, phases, before)
        parts: dict[str, Any] = {name: PairsOf(getattr(made, name)) for name in ("train", "heldout", "test")}
        return replace(made, **parts)

    def of_step(self, examples: Sequence[Pair], step: int) -> list[Pair]:
        return list(examples)

    def cut(self, examples: Sequence[Pair], budget_tokens: int, layout: Layout) -> list[PairBatch]:
        batches: list[list[Pair]] = []
        for pair in sorted(examples, key=lambda pair: -pair.length):
            if not batches or (len(batches[-1]) + 1) * batches[-1][0].length > budget_tokens:
                batches.append([])
            batches[-1].append(pair)
        return [PairBatch(batch, layout.pad_id) for batch in batches]

    def largest(
        self, examples: Sequence[Pair], steps: StepPlan, budget_tokens: int, layout: Layout, after_step: int = 0
    ) -> list[PairBatch]:
        left = range(after_step + 1, steps.total_steps + 1)
        batches = [
            batch for step in left for batch in self.cut([examples[i] for i in steps.rows(step)], budget_tokens, layout)
        ]
        return [max(batches, key=lambda batch: batch.padded_tokens)] if batches else []

    def net(self, model: Any, base: BaseModel) -> nn.Module:
        return PairLoss(model)
