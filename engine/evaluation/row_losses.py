"""The loss of each row by itself: what plain text is measured by, and what is drawn over an adapter's strength."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from engine.config.schema import DatasetSection
from engine.data.rows.messages import Row
from engine.evaluation.heldout import batch_losses
from engine.modeling.batches import cut
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.load import BaseModel
from engine.modeling.out_of_memory import MemoryGuard
from engine.tokens.examples import Example, tokenise
from engine.tokens.render import Renderer

BATCH_TOKENS = 2048


@dataclass(frozen=True)
class RowLoss:
    """``nats`` are summed over the ``tokens`` that count; ``n_bytes`` are those of their text in UTF-8."""

    nats: float
    tokens: int
    n_bytes: int


class LossRows:
    """Rows as tokens, to be measured again and again: with the adapter, without it, at any strength.

    ``examples`` have the row's place as their source, ``sizes`` its bytes by that; ``left_out`` rows are in none.
    """

    def __init__(
        self, examples: Sequence[Example], sizes: Mapping[int, int], base: BaseModel, memory: MemoryGuard,
        left_out: int = 0,
    ) -> None:  # fmt: skip
        self._examples, self._pad, self._memory, self._head = examples, base.pad_id, memory, base.head
        self._tokens, self._bytes, self.left_out = BATCH_TOKENS, sizes, left_out
        self.rows = sorted({example.source for example in examples})

    @classmethod
    def of_rows(
        cls, rows: Sequence[Row], renderer: Renderer, base: BaseModel, memory: MemoryGuard, most_tokens: int = 4096
    ) -> LossRows:
        """Answers count alone in dialogues, all tokens in text.

        Rows longer than the model's positions are read in pieces where they are text; dialogues too long are left out.
        Raises DataError where no row is left.
        """
        limit = min(base.card.position_limit or most_tokens, most_tokens)
        settings = DatasetSection(max_length=limit, too_long="split" if rows[0].kind == "text" else "drop")
        numbered = [replace(row, source=str(at)) for at, row in enumerate(rows)]
        examples, _ = tokenise(
            numbered, range(len(rows)), renderer, settings, {str(at): at for at in range(len(rows))}
        )  # fmt: skip
        sizes = {at: len(_counted(row).encode("utf-8", "replace")) for at, row in enumerate(rows)}
        return cls(examples, sizes, base, memory, len(rows) - len({example.source for example in examples}))

    @classmethod
    def of_answers(
        cls, answers: Sequence[tuple[int, list[int], list[int], int]], base: BaseModel, memory: MemoryGuard
    ) -> LossRows:
        """Answers behind their prompts: (row, token ids, labels, bytes of the answer's text) of each."""
        examples = [
            Example(np.array(ids, np.int32), np.array(labels, np.int32), row, row) for row, ids, labels, _ in answers
        ]
        return cls(examples, {row: size for row, _, _, size in answers}, base, memory)

    def measure(
        self, model: Any, device: torch.device, check: Callable[[], None],
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> dict[int, RowLoss]:  # fmt: skip
        """The loss of each row by its place. Batches are halved while memory runs out. Raises OutOfMemory."""
        net = SupervisedLoss(model, self._head)
        while True:
            batches = cut(self._examples, self._tokens, self._pad)
            self._memory.phase = "evaluation"
            try:
                parts = batch_losses(net, batches, device, check, on_progress)
                break
            except Exception as error:
                shortage = self._memory.shortage(error)
                if shortage is None:
                    raise
            if all(batch.rows == 1 for batch in batches):
                raise self._memory.ends(shortage, "runs.out-of-memory-held-out")
            self._tokens = max(batch.padded_tokens for batch in batches) // 2
            self._memory.repeats(shortage, self._tokens)
        nats: dict[int, float] = {}
        tokens: dict[int, int] = {}
        for each in parts:
            for row, total in each.sums.items():
                nats[row] = nats.get(row, 0.0) + total
                tokens[row] = tokens.get(row, 0) + each.counts[row]
        return {row: RowLoss(nats[row], tokens[row], self._bytes[row]) for row in sorted(nats)}


def _counted(row: Row) -> str:
    """What of a row is predicted: its answers, or all of a text."""
    return "\n".join(turn.text for turn in row.messages if turn.role == "assistant") if row.messages else row.text
