"""Measures how new rows relate to what an adapter has learnt: losses with and without it, and how alike rows look.

Everything is measured on samples of a few hundred rows, first on the plain base, then with the adapter.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.config.schema import DatasetSection
from engine.data.rows.messages import Row
from engine.data.similarity.compare import compare
from engine.evaluation.heldout import heldout_loss
from engine.messages.message import Message
from engine.modeling.adapters import put_on
from engine.modeling.batches import MicroBatch, cut
from engine.modeling.kernels.head import body_of
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.load import BaseModel
from engine.models.relation import Relation
from engine.tokens.examples import tokenise
from engine.tokens.render import Renderer

SAMPLE_ROWS = 200
BATCH_TOKENS = 2048
Progress = Callable[[Message, int, int], None]
"""What is being measured, batches done, batches in all, counted once from first to last; what it raises ends it."""


@dataclass(frozen=True)
class _Sample:
    rows: list[Row]
    batches: list[MicroBatch]


def relate(
    base: BaseModel,
    adapter: Path,
    old: Sequence[Row],
    new: Sequence[Row],
    dataset: DatasetSection,
    missing: Sequence[Message] = (),
    on_progress: Progress = lambda what, done, total: None,
    seed: int = 0,
) -> Relation:
    """Measure ``new`` rows against those (``old``, may be empty) that the adapter in folder ``adapter`` learnt.

    ``base.model`` carries the adapter afterwards. ``missing`` is passed on. Raises DataError when no new row can be
    rendered with the base's template.
    """
    renderer = Renderer(base.tokenizer, base.stops)
    news = _sample(new, renderer, dataset, base.pad_id, seed)
    olds = _sample(old, renderer, dataset, base.pad_id, seed, may_be_empty=True)
    device = next(base.model.parameters()).device

    both = len(news.batches) + len(olds.batches)
    total, told = (3 if olds.batches else 2) * both, 0

    def loss(net: Any, sample: _Sample, what: Message) -> float | None:
        nonlocal told
        before = told

        def report(done: int, _of: int) -> None:
            on_progress(what, before + done, total)

        told += len(sample.batches)
        return heldout_loss(net, sample.batches, device, lambda: None, report).loss if sample.batches else None

    plain = SupervisedLoss(base.model, base.head)
    base_new = loss(plain, news, Message("evaluation.loss-new-base"))
    base_old = loss(plain, olds, Message("evaluation.loss-old-base"))
    mixing = None
    if olds.batches:
        seen = []
        for sample in (olds, news):
            on_progress(Message("evaluation.similarity"), told, total)
            seen.append(hidden_means(base.model, sample.batches, device))
            told += len(sample.batches)
        mixing = mixed(*seen)
    with_adapter = SupervisedLoss(put_on(base.model, adapter), base.head)
    adapter_new = loss(with_adapter, news, Message("evaluation.loss-new-adapter"))
    adapter_old = loss(with_adapter, olds, Message("evaluation.loss-old-adapter"))
    assert base_new is not None
    assert adapter_new is not None
    return Relation(
        new_rows=len(news.rows), base_new=base_new, adapter_new=adapter_new,
        old_rows=len(olds.rows), base_old=base_old, adapter_old=adapter_old, mixing=mixing,
        likeness=compare(olds.rows, news.rows) if olds.rows else None, missing=tuple(missing),
    )  # fmt: skip


def _sample(
    rows: Sequence[Row], renderer: Renderer, dataset: DatasetSection, pad_id: int, seed: int, may_be_empty: bool = False
) -> _Sample:
    """Up to 200 of ``rows``, and their tokens."""
    chosen = list(rows)
    if len(chosen) > SAMPLE_ROWS:
        chosen = random.Random(seed).sample(chosen, SAMPLE_ROWS)
    names = {row.source: number for number, row in enumerate(chosen)}
    examples, _ = tokenise(chosen, range(len(chosen)), renderer, dataset, names, may_be_empty=may_be_empty)
    used = sorted({example.row for example in examples})
    return _Sample([chosen[i] for i in used], cut(examples, BATCH_TOKENS, pad_id) if examples else [])


@torch.no_grad()
def hidden_means(model: Any, batches: Sequence[MicroBatch], device: torch.device) -> np.ndarray:
    """Mean over each row's supervised positions of the last hidden states, (rows, hidden) float32.

    Those positions have read the whole prompt and lead to the answer: they say what is asked, in which form.
    """
    body = body_of(model)
    means = []
    for batch in batches:
        hidden = body(input_ids=batch.input_ids.to(device), use_cache=False).last_hidden_state.float()
        count, length, width = hidden.shape
        rows = (batch.positions // length).to(device)
        sums = torch.zeros(count, width, device=device).index_add_(
            0, rows, hidden.reshape(-1, width)[batch.positions.to(device)]
        )
        means.append((sums / rows.bincount(minlength=count).clamp(min=1)[:, None]).cpu().numpy())
    return np.concatenate(means)


def mixed(first: np.ndarray, second: np.ndarray) -> float:
    """How far two clouds of vectors, (n, h) and (m, h), lie in each other: 0 apart to 1 like draws from one cloud.

    The share of vectors whose nearest neighbour (cosine, about the common mean) is of the other cloud, over what
    chance would give; Schilling's nearest-neighbour test of two samples, doi:10.1080/01621459.1986.10478337.
    """
    size = min(len(first), len(second))
    if size < 2:
        return 0.0
    cloud = np.concatenate([first[:size], second[:size]]).astype(np.float64)
    cloud -= cloud.mean(axis=0)
    cloud /= np.maximum(np.linalg.norm(cloud, axis=1, keepdims=True), 1e-12)
    alike = cloud @ cloud.T
    np.fill_diagonal(alike, -np.inf)
    nearest = alike.argmax(axis=1)
    crossing = (nearest < size) != (np.arange(2 * size) < size)
    return float(min(1.0, crossing.mean() / (size / (2 * size - 1))))
