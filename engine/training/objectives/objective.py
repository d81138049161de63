"""What a training optimizes: how rows become batches, and how a batch becomes a weighted loss and its weight.

Loop, rehearsal, held-out loss and what is done when memory runs out know an objective by this alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import nn

from engine.config.schema import RunConfig
from engine.modeling.batches import Batch, Layout, StepPlan
from engine.modeling.load import BaseModel
from engine.runs.phases import Phases
from engine.tokens.dataset import Prepared
from engine.tokens.held_out import HeldOut
from engine.tokens.render import Renderer


class Objective(Protocol):
    """Examples are whatever ``rows`` makes of the data; all that others ask of one is its ``length`` in tokens."""

    def rows(self, config: RunConfig, renderer: Renderer, phases: Phases, before: HeldOut | None) -> Prepared:
        """Read, split and tokenise the data of ``config``; ``before`` is what an earlier start held out."""
        ...

    def of_step(self, examples: Sequence[Any], step: int) -> list[Any]:
        """All ``examples`` of optimizer step ``step``, with what is drawn anew for them in each step."""
        ...

    def cut(self, examples: Sequence[Any], budget_tokens: int, layout: Layout) -> Sequence[Batch]:
        """``examples`` in batches of at most ``budget_tokens`` padded tokens, a larger example alone."""
        ...

    def largest(
        self, examples: Sequence[Any], steps: StepPlan, budget_tokens: int, layout: Layout, after_step: int = 0
    ) -> Sequence[Batch]:
        """The batches after ``after_step`` that take most memory, often one; none when no step is left."""
        ...

    def net(self, model: Any, base: BaseModel) -> nn.Module:
        """What is trained: ``model`` is ``base`` with its adapter.

        Given ``Batch.inputs`` its forward returns the weighted sum of the losses of the batch's parts, a scalar with
        gradient, and each part's own loss, (N,) float32 without weight or gradient. A step divides the sum of the
        first by the sum of ``Batch.weight`` over all processes.
        """
        ...
