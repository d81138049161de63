"""The loop over examples and a net that are simply there, without a model's files or a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch

from engine.config.schema import RunConfig
from engine.distributed.ranks import ALONE
from engine.modeling.batches import Layout, StepPlan
from engine.modeling.out_of_memory import MemoryGuard
from engine.runs import events as ev
from engine.runs.interventions import Interventions
from engine.runs.phases import Phases
from engine.runs.steering import Steering
from engine.training.loop import Hooks, Loop
from engine.training.objectives.objective import Objective
from engine.training.objectives.sft import Sft

QUIET = Hooks(save=lambda state, reason: "", evaluate=lambda state: None, sample=lambda state: None)


def bare_loop(
    config: RunConfig, steps: StepPlan, examples: Sequence[Any], built: Any, budget_tokens: int,
    sink: Callable[[ev.Event], None], sources: Sequence[str] = ("rows",), objective: Objective | None = None,
    ranks: Any = ALONE,
) -> Loop:  # fmt: skip
    """``built`` has net, optimizer and accelerator; memory runs out as on a CPU."""
    training: Any = SimpleNamespace(
        config=config, objective=objective or Sft.of(config), layout=Layout(0, config.dataset.packing is True),
        steps=steps, rows=SimpleNamespace(train=examples, sources=list(sources)), built=built,
        memory=MemoryGuard(torch.device("cpu"), sink), steering=Steering(), phases=Phases(sink), ranks=ranks,
        done=Interventions(),
    )  # fmt: skip
    return Loop(training, budget_tokens, QUIET)
