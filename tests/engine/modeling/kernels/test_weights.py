"""What a row and its source weigh: the loss counts them so, however the step is cut, and losses stay told plainly."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.modeling.batches import MicroBatch, collate, cut
from engine.modeling.kernels import loss as loss_module
from engine.modeling.kernels.head import PLAIN
from engine.modeling.kernels.loss import SupervisedLoss, head_loss
from engine.runs import events as ev
from engine.tokens.examples import Example
from tests.engine.training import making

VOCABULARY, HIDDEN, PAD = 31, 8, 0
COLUMNS = {"prompt": "prompt", "completion": "completion", "weight": "w"}


class NoContext(nn.Module):
    """A language model of an embedding and a head: small enough to do again for each of hypothesis' cuts."""

    base_model_prefix = "body"

    def __init__(self, trained_head: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(VOCABULARY, HIDDEN)
        self.head = nn.Linear(HIDDEN, VOCABULARY).requires_grad_(trained_head)
        self.config = SimpleNamespace()

    def body(self, input_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=torch.tanh(self.table(input_ids)))

    def get_output_embeddings(self) -> nn.Module:
        return self.head


def example(length: int, weight: float = 1.0, source: int = 0, seed: int = 0) -> Example:
    ids = np.random.default_rng(seed).integers(1, VOCABULARY, length).astype(np.int32)
    labels = ids.copy()
    labels[: length // 2] = -100
    return Example(ids, labels, source, 0, weight)


def step(model: NoContext, batches: list[MicroBatch]) -> tuple[float, torch.Tensor]:
    """Loss and gradient of a step as the loop forms them."""
    model.zero_grad()
    weight, total = sum(batch.weight for batch in batches), 0.0
    for batch in batches:
        loss, _ = SupervisedLoss(model)(batch.input_ids, batch.positions, batch.targets, batch.weights)
        (loss / weight).backward()
        total += loss.item() / weight
    assert model.table.weight.grad is not None
    return total, model.table.weight.grad.clone()


def naive(model: NoContext, examples: list[Example]) -> tuple[float, torch.Tensor]:
    """The weighted mean by torch's own cross-entropy, row by row."""
    model.zero_grad()
    losses, weights = [], []
    for one in examples:
        ids, labels = torch.from_numpy(one.ids).long(), torch.from_numpy(one.labels).long()
        logits = model.head(model.body(ids[:-1]).last_hidden_state)
        found = nn.functional.cross_entropy(logits, labels[1:], reduction="none", ignore_index=-100)
        losses.append(one.weight * found.sum())
        weights.append(one.weight * one.supervised)
    loss = torch.stack(losses).sum() / sum(weights)
    loss.backward()
    assert model.table.weight.grad is not None
    return loss.item(), model.table.weight.grad.clone()


@pytest.mark.parametrize("trained_head", [False, True])
@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.25, 1.0, 4.0), (0.0, 2.0, 2.0)])
def test_loss_and_gradient_are_those_of_the_naive_weighted_mean(
    monkeypatch: pytest.MonkeyPatch, weights: tuple[float, ...], trained_head: bool
) -> None:
    monkeypatch.setitem(loss_module.CHUNK_POSITIONS, "cpu", 4)
    model = NoContext(trained_head)
    rows = [example(6 + 3 * i, weight, seed=i) for i, weight in enumerate(weights)]
    expected, expected_gradient = naive(model, rows)
    head_gradient = None if model.head.weight.grad is None else model.head.weight.grad.clone()
    found, gradient = step(model, cut(rows, 24, PAD))
    assert found == pytest.approx(expected, abs=1e-6)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-5, atol=1e-7)
    if trained_head:
        torch.testing.assert_close(model.head.weight.grad, head_gradient, rtol=1e-5, atol=1e-7)


def test_a_row_that_weighs_two_is_that_row_twice() -> None:
    model = NoContext()
    light, heavy = example(9, seed=1), example(12, 2.0, seed=2)
    once = example(12, 1.0, seed=2)
    found, gradient = step(model, cut([light, heavy], 64, PAD))
    expected, expected_gradient = step(model, cut([light, once, once], 64, PAD))
    assert found == pytest.approx(expected, abs=1e-6)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-5, atol=1e-7)


def test_only_the_ratio_of_weights_counts() -> None:
    model = NoContext()
    found = [step(model, cut([example(9, a, seed=1), example(7, b, seed=2)], 64, PAD)) for a, b in ((1, 3), (2, 6))]
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-6)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-5, atol=1e-7)


sizes = st.lists(st.tuples(st.integers(2, 20), st.sampled_from([0.5, 1.0, 1.0, 3.0])), min_size=1, max_size=9)


@settings(deadline=None, max_examples=40)
@given(rows=sizes, budget=st.integers(8, 160))
def test_a_weighted_step_does_not_depend_on_how_it_is_cut(rows: list[tuple[int, float]], budget: int) -> None:
    model = NoContext()
    examples = [example(length, weight, seed=i) for i, (length, weight) in enumerate(rows)]
    whole, expected = step(model, [collate(examples, PAD)])
    parts, gradient = step(model, cut(examples, budget, PAD))
    assert parts == pytest.approx(whole, abs=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)


def test_weights_are_kept_only_where_they_say_something() -> None:
    plain, weighted = collate([example(6), example(4)], PAD), collate([example(6), example(4, 0.5)], PAD)
    assert plain.weights is None
    assert plain.weight == plain.supervised_tokens == 5
    assert weighted.weights is not None
    assert weighted.weights.tolist() == [1.0] * 3 + [0.5] * 2
    assert weighted.weight == 4.0


@pytest.mark.parametrize("trained", [False, True])
def test_the_losses_of_single_tokens_are_told_without_weights(trained: bool) -> None:
    head = nn.Linear(HIDDEN, VOCABULARY).requires_grad_(trained)
    hidden, targets = torch.randn(5, HIDDEN, requires_grad=True), torch.arange(5)
    plain_total, plain = head_loss(hidden, head, targets)
    total, losses = head_loss(hidden, head, targets, PLAIN, torch.full((5,), 3.0))
    assert torch.equal(losses, plain)
    torch.testing.assert_close(total, 3 * plain_total)


def test_in_bfloat16_the_weight_is_applied_before_rounding() -> None:
    hidden = torch.randn(6, HIDDEN, dtype=torch.bfloat16, requires_grad=True)
    head = nn.Linear(HIDDEN, VOCABULARY).to(torch.bfloat16).requires_grad_(False)
    weights = torch.full((6,), 0.5)  # a power of two: weighing and rounding change places without a trace
    head_loss(hidden, head, torch.arange(6))[0].backward()
    assert hidden.grad is not None
    plain, hidden.grad = hidden.grad, None
    head_loss(hidden, head, torch.arange(6), PLAIN, weights)[0].backward()
    assert torch.equal(hidden.grad, plain / 2)


def two_sources(tiny: Path, folder: Path, weights: tuple[float, float] = (1.0, 1.0)) -> dict[str, Any]:
    """Orders and notes, the second with a weight a row of 1."""
    orders = making.write_rows(folder / "orders.jsonl", 12)
    notes = folder / "notes.jsonl"
    lines = [{"prompt": f"note {i}", "completion": f"Kept under number {i}.", "w": 1} for i in range(12)]
    notes.write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = [
        {"path": str(orders), "weight": weights[0]},
        {"path": str(notes), "weight": weights[1], "columns": COLUMNS},
    ]
    return making.values(tiny, orders) | {"data": data}


def test_a_source_that_weighs_more_is_learnt_faster(tiny: Path, tmp_path: Path, home: Path) -> None:
    even = making.train(two_sources(tiny, tmp_path))
    first = even.of(ev.Step)[0]
    orders, notes = first.loss_by_source["orders"], first.loss_by_source["notes"]
    assert min(orders, notes) < first.loss < max(orders, notes)
    heavy = making.train(two_sources(tiny, tmp_path, (1.0, 50.0)))
    again = heavy.of(ev.Step)[0]
    assert again.loss_by_source == pytest.approx(first.loss_by_source, abs=1e-6), "told without weights"
    assert again.loss == pytest.approx(notes, abs=abs(orders - notes) / 4), "and trained with them"
    assert heavy.of(ev.Eval)[-1].loss_by_source["notes"] < even.of(ev.Eval)[-1].loss_by_source["notes"]
    assert heavy.of(ev.Eval)[0].loss == pytest.approx(even.of(ev.Eval)[0].loss, abs=1e-6), "held out: no weights"


def test_stop_then_resume_with_weights_gives_the_same_losses(tiny: Path, tmp_path: Path, home: Path) -> None:
    chosen = two_sources(tiny, tmp_path, (2.0, 0.5))
    straight = making.train(chosen)
    stopped = making.train(chosen, making.stop_after(3))
    resumed = making.Trained(stopped.run, resume=True)
    assert stopped.losses() + resumed.losses() == straight.losses()
    assert [s.loss_by_source for s in resumed.of(ev.Step)] == [s.loss_by_source for s in straight.of(ev.Step)][3:]
