"""A loss out of line is found, and the noise of an ordinary training is not: checked on simulated curves."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from engine.training.spikes import SpikeFinder

STEPS, RUNS = 1000, 50
Noise = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def found(losses: np.ndarray) -> list[int]:
    finder = SpikeFinder()
    return [at for at, loss in enumerate(losses.tolist()) if finder.look(loss, 1.0) is not None]


def falling(random: np.random.Generator) -> np.ndarray:
    """A loss that falls from some height to another, fast or slowly."""
    start, end, pace = random.uniform(1.5, 5), random.uniform(0.1, 1.5), random.uniform(20, 400)
    fallen: np.ndarray = end + (start - end) * np.exp(-np.arange(STEPS) / pace)
    return fallen


def normal(random: np.random.Generator, curve: np.ndarray) -> np.ndarray:
    return np.maximum(curve + random.normal(0, random.uniform(0.02, 0.4) * curve[-1], STEPS), 0.0)


def log_normal(random: np.random.Generator, curve: np.ndarray) -> np.ndarray:
    return curve * np.exp(random.normal(0, random.uniform(0.02, 0.5), STEPS))


def few_rows(random: np.random.Generator, curve: np.ndarray) -> np.ndarray:
    """A batch is the mean of a few rows that are spread widely."""
    rows = random.integers(1, 17)
    return curve * random.gamma(2 * rows, 1 / (2 * rows), STEPS)


def two_kinds(random: np.random.Generator, curve: np.ndarray) -> np.ndarray:
    """Batches of another, harder source now and then."""
    harder = np.where(random.random(STEPS) < random.uniform(0.05, 0.4), random.uniform(1.5, 3), 1.0)
    return curve * harder * np.exp(random.normal(0, 0.2, STEPS))


def in_epochs(random: np.random.Generator, curve: np.ndarray) -> np.ndarray:
    """The loss falls by a third with each new pass over the rows."""
    return (
        curve * 0.67 ** (np.arange(STEPS) // random.integers(150, 400)) * np.exp(random.normal(0, 0.25, STEPS))
    )  # fmt: skip


@pytest.mark.parametrize("noise", [normal, log_normal, few_rows, two_kinds, in_epochs])
def test_ordinary_noise_is_no_spike_and_a_tenfold_jump_always_is(noise: Noise) -> None:
    random = np.random.default_rng(20)
    alarms = 0
    for _ in range(RUNS):
        losses = noise(random, falling(random))
        alarms += bool(found(losses))
        at = int(random.integers(6, STEPS))
        before = losses[max(0, at - 100) : at]
        told = SpikeFinder(before.tolist()).look(10 * float(np.median(before)) + 1e-9, 1.0)
        assert told is not None
    assert alarms <= 1


def test_a_smooth_loss_that_doubles_is_a_spike_and_one_that_drifts_is_not() -> None:
    random = np.random.default_rng(3)
    losses = 1.2 + random.normal(0, 0.03, 400)
    losses[300] = 2.4
    assert found(losses) == [300]
    assert found(np.linspace(1.0, 2.5, 400) + random.normal(0, 0.05, 400)) == []


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_what_is_no_number_is_told_from_the_first_step_on(loss: float, norm: float) -> None:
    told = SpikeFinder().look(loss, norm)
    assert told is not None
    assert told.kind == "not-finite"


def test_a_new_level_is_told_once_and_then_is_in_line() -> None:
    random = np.random.default_rng(4)
    losses = np.concatenate([np.full(100, 0.5), np.full(300, 4.0)]) * np.exp(random.normal(0, 0.05, 400))
    assert found(losses) == [100]
    losses[350] = 41.0
    assert found(losses) == [100, 350]


def test_steps_before_a_resume_count() -> None:
    told = SpikeFinder(past=[0.5, math.nan, *[0.5] * 5]).look(6.0, 1.0)
    assert told is not None
    assert told.expected == 0.5
