"""The learning rate follows progress alone and is transformers' where they mean the same."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import get_scheduler

from engine.modeling.optimizers import learning_rate

PEAK = 3e-4


def rates(total: int, kind: str, warmup_ratio: float = 0.0) -> list[float]:
    return [learning_rate(step, total, PEAK, kind, warmup_ratio) for step in range(1, total + 1)]


@pytest.mark.parametrize("kind", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("total", [1, 2, 7, 40])
def test_without_warm_up_it_is_transformers_schedule(kind: str, total: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = get_scheduler(kind, optimizer, num_warmup_steps=0, num_training_steps=total)
    theirs = []
    for _ in range(total):
        theirs.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert rates(total, kind) == pytest.approx(theirs, abs=1e-12)


def test_warm_up_rises_in_equal_steps_and_ends_at_the_peak() -> None:
    found = rates(20, "cosine", 0.25)
    assert found[:5] == pytest.approx([PEAK / 5, 2 * PEAK / 5, 3 * PEAK / 5, 4 * PEAK / 5, PEAK])
    assert found[5] == pytest.approx(PEAK)
    assert max(found) == pytest.approx(PEAK)


def test_a_part_of_a_step_of_warm_up_is_a_whole_one() -> None:
    assert rates(10, "constant", 0.01) == [pytest.approx(PEAK)] * 10
    assert rates(10, "constant", 0.11)[:2] == pytest.approx([PEAK / 2, PEAK])


@given(
    total=st.integers(1, 300), kind=st.sampled_from(["cosine", "linear", "constant"]), warmup=st.floats(0, 0.99)
)  # fmt: skip
def test_no_step_has_a_rate_of_zero_or_beyond_the_peak(total: int, kind: str, warmup: float) -> None:
    found = rates(total, kind, warmup)
    assert all(0 < rate <= PEAK * (1 + 1e-12) for rate in found)
    top = found.index(max(found))
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)
