"""What measures a run's model: built alike in the first process and in those that train along."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from engine.config.schema import RunConfig
from engine.data.rows.messages import Row
from engine.distributed.ranks import Ranks
from engine.evaluation.assess import Assessor, Unseen
from engine.evaluation.generate import Generator
from engine.modeling.batches import MicroBatch, cut
from engine.modeling.out_of_memory import MemoryGuard
from engine.runs.phases import Phases, Sink
from engine.tokens.dataset import Prepared
from engine.tokens.examples import Example
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import Words
from engine.training.building import Built


def make_assessor(
    config: RunConfig, built: Built, words: Words, prepared: Prepared, device: torch.device, budget_tokens: int,
    memory: MemoryGuard, sink: Sink, phases: Phases, check: Callable[[], None], ranks: Ranks, coarsest: int,
) -> Assessor:  # fmt: skip
    """For the unseen rows of ``prepared``, in micro-batches of ``budget_tokens``; ``config`` has no ``auto`` left.

    ``coarsest`` is that of ``padded_length``.
    """

    def unseen(examples: Sequence[Example], rows: Sequence[Row]) -> Unseen:
        def recut(tokens: int) -> list[MicroBatch]:
            return cut(examples, tokens, words.pad_id, config.dataset.packing is True, coarsest) if examples else []

        return Unseen(rows, recut(budget_tokens), recut)

    generator = Generator(
        built.model, words.tokenizer, words.stops, words.pad_id, check, memory,
        most_positions=built.base.card.position_limit,
    )  # fmt: skip
    return Assessor(
        config, built.net, generator, Renderer(words.tokenizer, words.stops),
        unseen(prepared.heldout, prepared.heldout_rows), unseen(prepared.test, prepared.test_rows),
        prepared.sources, device, sink, phases, check, memory, ranks,
    )  # fmt: skip
