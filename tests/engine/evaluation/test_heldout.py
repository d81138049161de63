"""The held-out loss is the mean over all supervised tokens, and measuring it leaves no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.evaluation.heldout import add_by_source, heldout_loss
from engine.modeling.batches import MicroBatch, cut
from engine.modeling.kernels.loss import SupervisedLoss
from engine.tokens.examples import Example
from tests.engine.evaluation.conftest import Loaded

CPU = torch.device("cpu")


def examples(sources: tuple[int, ...] = (0, 1, 0, 1, 1)) -> list[Example]:
    random = np.random.default_rng(0)
    made = []
    for row, source in enumerate(sources):
        ids = random.integers(3, 300, 6 + 3 * row).astype(np.int32)
        labels = ids.copy()
        labels[: 2 + row] = -100
        made.append(Example(ids, labels, source, row))
    return made


def measured(loaded: Loaded, budget: int, rows: list[Example]) -> Any:
    return heldout_loss(SupervisedLoss(loaded.model), cut(rows, budget, loaded.base.pad_id), CPU, lambda: None)


def test_it_is_the_mean_over_tokens_however_they_are_cut(loaded: Loaded) -> None:
    rows = examples()
    total, count = 0.0, 0
    for row in rows:
        logits = loaded.model(torch.tensor(row.ids)[None].long()).logits[0, :-1]
        targets = torch.tensor(row.labels[1:]).long()
        total += float(nn.functional.cross_entropy(logits, targets, ignore_index=-100, reduction="sum"))
        count += row.supervised
    for budget in (8, 40, 10_000):
        assert measured(loaded, budget, rows).loss == pytest.approx(total / count, abs=1e-5)


def test_each_source_has_its_own_mean(loaded: Loaded) -> None:
    rows = examples()
    found = measured(loaded, 40, rows)
    for source in (0, 1):
        alone = measured(loaded, 40, [row for row in rows if row.source == source])
        assert found.by_source[source] == pytest.approx(alone.loss, abs=1e-6)


def test_without_rows_there_is_no_loss(loaded: Loaded) -> None:
    found = measured(loaded, 40, [])
    assert (found.loss, found.by_source) == (None, {})


def test_dropout_is_off_while_measuring_and_on_again_behind_it(loaded: Loaded) -> None:
    class Watched(SupervisedLoss):
        modes: list[bool] = []  # noqa: RUF012

        def forward(self, *args: Any) -> Any:
            self.modes.append(self.training)
            assert not torch.is_grad_enabled()
            return super().forward(*args)

    net = Watched(loaded.model).train()
    heldout_loss(net, cut(examples(), 40, 0), CPU, lambda: None)
    assert set(net.modes) == {False}
    assert net.training


def test_a_stop_request_is_heard_between_two_batches_and_dropout_is_on_again(loaded: Loaded) -> None:
    class Stopped(Exception):
        pass

    seen: list[MicroBatch] = []

    def check() -> None:
        if len(seen) == 2:
            raise Stopped
        seen.append(batches[0])

    net = SupervisedLoss(loaded.model).train()
    batches = cut(examples(), 8, 0)
    with pytest.raises(Stopped):
        heldout_loss(net, batches, CPU, check)
    assert len(batches) > 2
    assert net.training


def test_progress_ends_at_the_total(loaded: Loaded) -> None:
    seen: list[tuple[int, int]] = []
    batches = cut(examples(), 8, 0)
    heldout_loss(
        SupervisedLoss(loaded.model), batches, CPU, lambda: None, lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, len(batches)) for done in range(len(batches) + 1)]


def test_losses_are_added_by_source() -> None:
    sums: dict[int, float] = {}
    counts: dict[int, int] = {}
    add_by_source(sums, counts, np.array([0, 2, 0]), np.array([1.0, 5.0, 2.0]))
    add_by_source(sums, counts, np.array([2]), np.array([1.0]))
    assert sums == {0: 3.0, 2: 6.0}
    assert counts == {0: 2, 2: 2}
