"""What packed rows take is told before they are computed, and never too little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.config.schema import RunConfig
from engine.data.mixing.mix import Shuffle
from engine.distributed.device import place
from engine.memory.estimate import estimate
from engine.memory.from_config import Setup, job_of, profile_of
from engine.modeling import batch_sizes
from engine.modeling.adapters import attach_adapter, trainable
from engine.modeling.batch_sizes import longest_groups, padding_share
from engine.modeling.batches import StepPlan, collate, cut
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.load import load_base
from engine.models.card import read_card
from engine.models.dims import from_folder
from engine.tokens.examples import Example
from tests.benchmarks.tensor_tracker import TensorTracker
from tests.engine.training import making

CPU = torch.device("cpu")


def example(length: int, seed: int = 0) -> Example:
    ids = np.random.default_rng(seed).integers(3, 61, length).astype(np.int32)
    labels = ids.copy()
    labels[: length // 3] = -100
    return Example(ids, labels, 0, 0)


@pytest.mark.parametrize("attention", ["auto", "sdpa", "eager"])
@pytest.mark.parametrize("recomputed", [False, True])
def test_what_packed_rows_take_is_within_the_estimate(tiny: Path, attention: str, recomputed: bool, home: Path) -> None:
    """Live tensors of a forward and backward pass over a row of 300 tokens and five of 40."""
    config = RunConfig.model_validate(
        making.values(
            tiny, tiny, model={"name_or_path": str(tiny), "dtype": "float32", "attn_implementation": attention},
            dataset={"packing": True, "max_length": 512},
            train={"gradient_checkpointing": recomputed, "optim": "adamw"},
        )
    )  # fmt: skip
    base = load_base(read_card(tiny), config.model, place(config), recomputed)
    model = attach_adapter(config, base, "tiny")
    batch = collate([example(length, seed) for seed, length in enumerate((300, 40, 40, 40, 40, 40))], 0, packed=True)
    states = [torch.zeros_like(parameter) for parameter in trainable(model) for _ in range(2)]
    tracker = TensorTracker()
    tracker.add_model(net := SupervisedLoss(model).train())
    for parameter in trainable(model):
        parameter.grad = torch.zeros_like(parameter)
        tracker.add(parameter.grad)
    for state in states:
        tracker.add(state)
    with tracker:
        tracker.restart()
        net(*batch.inputs(CPU))[0].backward()
    setup = Setup(config, from_folder(tiny), "cpu")
    job = replace(
        job_of(setup), rows=batch.rows, row_tokens=batch.row_tokens, packed_tokens=batch.packed_tokens,
        supervised_share=batch.supervised_tokens / batch.padded_tokens,
    )  # fmt: skip
    found = estimate(job, profile_of(setup))
    expected = max(found.phase(name).bytes for name in ("loss", "backward", "backward_end"))
    assert tracker.peak <= expected <= 1.6 * tracker.peak


def config_of(**sections: dict[str, object]) -> RunConfig:
    made: dict[str, object] = {"model": {"name_or_path": "m"}, "data": [{"path": "rows.jsonl"}]}
    return RunConfig.model_validate(made | sections)


def test_a_packed_micro_batch_counts_real_tokens(tiny: Path) -> None:
    """Of a budget of 1,000 padded rows of 300 leave a part unused; packed ones fill it, and never more."""
    for packing, tokens in ((False, 960), (True, 1000)):
        config = config_of(dataset={"packing": packing, "max_length": 300}, train={"micro_batch_tokens": 1000})
        assert job_of(Setup(config, from_folder(tiny), "cpu")).tokens == tokens
    small = config_of(
        dataset={"packing": True, "max_length": 300}, train={"micro_batch_tokens": 1000, "batch_size": 2}
    )  # fmt: skip
    assert job_of(Setup(small, from_folder(tiny), "cpu")).tokens == 640, "a step has no more"


lengths = st.lists(st.integers(2, 60), min_size=1, max_size=40)


@given(lengths, st.integers(1, 9), st.integers(8, 200), st.integers(1, 12))
def test_no_packed_micro_batch_of_the_run_is_larger(sizes: list[int], batch: int, budget: int, steps: int) -> None:
    examples = [example(size) for size in sizes]
    plan = StepPlan(Shuffle(len(examples), 7), batch, 1.0, steps)
    real = [b for step in range(1, steps + 1) for b in cut([examples[i] for i in plan.rows(step)], budget, 0, True)]
    groups = longest_groups(examples, plan, budget, packed=True)
    assert max(sum(len(row.ids) for row in rows) for rows in groups) == max(b.num_tokens for b in real)


@given(lengths, st.integers(1, 9), st.integers(8, 200))
def test_where_cutting_takes_too_long_the_packs_that_could_come_are_full(
    sizes: list[int], batch: int, budget: int
) -> None:
    examples = [example(size) for size in sizes]
    plan = StepPlan(Shuffle(len(examples), 7), batch, 1.0, 5)
    exact = longest_groups(examples, plan, budget, packed=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_sizes, "MOST_ROWS", 0)
        bound = longest_groups(examples, plan, budget, packed=True)
    most, found = (max(sum(len(row.ids) for row in rows) for rows in groups) for groups in (exact, bound))
    assert found >= most - min(sizes)
    assert all(len(rows) == 1 or sum(len(row.ids) for row in rows) <= budget for rows in bound)
    assert all(len(rows) <= batch for rows in bound)


def test_packing_leaves_next_to_no_padding() -> None:
    sizes = np.random.default_rng(0).integers(20, 500, 400)
    plan = StepPlan(Shuffle(len(sizes), 7), 8, 1.0)
    assert padding_share(sizes, plan, 1024, packed=True) < 0.02 < 0.05 < padding_share(sizes, plan, 1024)
