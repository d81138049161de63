"""A run on a device: what ``auto`` becomes, the estimate, the verdict, and what earlier runs here say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.config.schema import RunConfig
from engine.memory.auto import Resolution, resolve
from engine.memory.budget import Budget
from engine.memory.estimate import Estimate, Verdict, judge
from engine.memory.from_config import Setup, setup_on
from engine.memory.history import Calibration, Observation, calibrate
from engine.memory.make_fit import Plan, make_fit
from engine.models.dims import ModelShape


@dataclass(frozen=True)
class Fit:
    """``asked`` is the config as it was given, ``setup`` the same with every ``auto`` resolved."""

    asked: Setup
    setup: Setup
    resolution: Resolution
    budget: Budget
    verdict: Verdict
    calibration: Calibration | None

    @property
    def estimate(self) -> Estimate:
        return self.resolution.estimate

    def plan(self) -> Plan:
        """What would make it fit, each change measured with every ``auto`` settled anew."""
        return self._plan

    @cached_property
    def _plan(self) -> Plan:
        return make_fit(self.asked, self.budget.available_bytes)


def fit(
    config: RunConfig,
    shape: ModelShape,
    budget: Budget,
    *,
    longest_row: int | None = None,
    supervised_share: float = 1.0,
    answer_tokens: float = 0.0,
    history: Sequence[Observation] = (),
) -> Fit:
    """Resolve and judge ``config`` on ``budget``; some milliseconds at most, most of it for fields that are auto.

    ``longest_row`` (tokens), ``supervised_share`` and ``answer_tokens`` are those of the data, where it was read.
    """
    asked = setup_on(budget, config, shape, longest_row, supervised_share, answer_tokens)
    resolution = resolve(asked, budget.available_bytes)
    setup = asked.with_settings(resolution.settings)
    verdict = judge(resolution.estimate, budget.available_bytes)
    method = resolution.estimate.job.quantization
    return Fit(
        asked, setup, resolution, budget, verdict, calibrate(history, budget.name, shape.name, method)
    )  # fmt: skip
