"""Supervised fine-tuning: the cross-entropy of each row's trained tokens, with noise on its embeddings if asked, and
held to the base model if asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from engine.config.schema import RunConfig
from engine.modeling.batch_sizes import longest_groups
from engine.modeling.batches import Layout, MicroBatch, StepPlan, collate, cut
from engine.modeling.kernels.base_loss import BaseRegularisedLoss
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.load import BaseModel
from engine.modeling.randomness import row_seed
from engine.runs.phases import Phases
from engine.tokens.dataset import Prepared, prepare_rows
from engine.tokens.examples import Example
from engine.tokens.held_out import HeldOut
from engine.tokens.render import Renderer


class Sft:
    """An ``Objective`` whose parts are supervised tokens. ``noise_alpha`` is NEFTune's, None for no noise.

    ``kl_to_base`` is the weight of KL(base || tuned) over the same tokens, None for none.
    """

    def __init__(self, seed: int = 0, noise_alpha: float | None = None, kl_to_base: float | None = None) -> None:
        self._seed, self._noise_alpha, self._kl_to_base = seed, noise_alpha, kl_to_base

    @classmethod
    def of(cls, config: RunConfig) -> Sft:
        return cls(config.run.seed, config.train.neftune_noise_alpha, config.train.kl_to_base)

    def rows(self, config: RunConfig, renderer: Renderer, phases: Phases, before: HeldOut | None) -> Prepared:
        return prepare_rows(config, renderer, phases, before)

    def of_step(self, examples: Sequence[Example], step: int) -> list[Example]:
        if self._noise_alpha is None:
            return list(examples)
        return [replace(each, seed=row_seed(self._seed, step, place)) for place, each in enumerate(examples)]

    def cut(self, examples: Sequence[Example], budget_tokens: int, layout: Layout) -> list[MicroBatch]:
        return cut(examples, budget_tokens, *layout)

    def largest(
        self, examples: Sequence[Example], steps: StepPlan, budget_tokens: int, layout: Layout, after_step: int = 0
    ) -> list[MicroBatch]:
        groups = longest_groups(examples, steps, budget_tokens, after_step, layout.packed, layout.coarsest)
        return [collate(self.of_step(group, 0), *layout) for group in groups]

    def net(self, model: Any, base: BaseModel) -> nn.Module:
        if self._kl_to_base is None:
            return SupervisedLoss(model, base.head, self._noise_alpha)
        return BaseRegularisedLoss(model, base.head, self._noise_alpha, self._kl_to_base)
