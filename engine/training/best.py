"""Which step of a run is its result: the best by what was measured on the validation set, or the last one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.metrics import words
from engine.runs import interventions
from engine.runs.baselines import by_metric
from engine.runs.checkpoints import damage
from engine.runs.directory import RunDir
from engine.training.checkpoint import TrainerState, restore_adapter

if TYPE_CHECKING:
    from engine.evaluation.assess import Assessor
    from engine.training.prepare import Training


@dataclass(frozen=True)
class Result:
    """``step`` is kept as the run's result; ``reason`` says why, None where there is nothing to choose from.

    ``warning`` is what a person should know of it.
    """

    step: int
    reason: Message | None = None
    warning: Message | None = None


def keeps_best(config: RunConfig) -> bool:
    return config.eval.keep == "best"


def measure_of(config: RunConfig, loss: float | None, metrics: dict[str, float]) -> float | None:
    """What an evaluation of the validation set is judged by, the lower the better; None where it is not measured."""
    if not by_metric(config):
        return loss
    value = metrics.get(config.eval.best_by)
    return None if value is None else -value


def judged(state: TrainerState, measured: float | None) -> TrainerState:
    """``state`` after an evaluation that ``measured`` so much. Of equal ones the first is the best, and no NaN is."""
    if measured is None:
        return state
    best = state.best_measure
    if math.isfinite(measured) and (best is None or measured < best):
        return replace(state, best_measure=measured, best_step=state.step, worse_evals=0, last_measure=measured)
    return replace(state, worse_evals=state.worse_evals + 1, last_measure=measured)


def with_best(run: RunDir, state: TrainerState) -> TrainerState:
    """``state`` of a checkpoint that a run was rolled back to: its best step may be one whose checkpoint is gone since.

    Then the step itself is the best there is, where it was measured; else the next evaluation decides.
    """
    back = interventions.read(run).rollbacks[-1:]
    lost = state.best_step and not run.checkpoint(state.best_step).is_dir()
    if not lost or not back or back[0].step != state.step:
        return state
    measured = state.last_measure if state.evaluated_step == state.step else None
    is_number = measured is not None and math.isfinite(measured)
    return replace(
        state, best_measure=measured if is_number else None, best_step=state.step if is_number else 0
    )  # fmt: skip


def result_of(run: RunDir, config: RunConfig, state: TrainerState) -> Result:
    """What a run that has come to ``state`` keeps. ``state.step`` has a checkpoint, or an earlier one is the newest."""
    newest = [int(folder.name.removeprefix("checkpoint-")) for folder in run.complete_checkpoints()]
    last = newest[-1] if newest else state.step
    if not state.best_step:
        broken = state.last_measure is not None and not math.isfinite(state.last_measure)
        unmeasured = state.last_measure is None and state.evaluated_step and by_metric(config)
        code = "training.best-unknown" if broken else "training.best-unmeasured" if unmeasured else ""
        return Result(last, warning=_said(config, code) if code else None)
    if not keeps_best(config):
        if state.best_step == last:
            return Result(last)
        return Result(last, _said(config, "training.kept-last", state, step=last, best_step=state.best_step))
    if state.best_step == last:
        return Result(last, _said(config, "training.kept-last-best", state), _worse(config, state))
    folder = run.checkpoint(state.best_step)
    wrong = damage(folder) if folder in run.complete_checkpoints() else Message("runs.file-gone", file=folder.name)
    if wrong is not None:
        return Result(last, warning=Message("training.best-gone", step=state.best_step, reason=wrong, last=last))
    code = "training.kept-best" if state.evaluated_step == state.step else "training.kept-best-so-far"
    return Result(state.best_step, _said(config, code, state, last=last), _worse(config, state))


def _worse(config: RunConfig, state: TrainerState) -> Message | None:
    """What to say of a run whose best step is worse than where it began."""
    start, best = state.start_measure, state.best_measure
    if start is None or best is None or not math.isfinite(start) or best <= start:
        return None
    old = config.strategy.kind != "fresh"
    code = "training.worse-than-adapter" if old else "training.worse-than-base"
    return _said(config, code, state, before=_figure(config, start))


def _said(config: RunConfig, code: str, state: TrainerState | None = None, **args: Any) -> Message:
    by = words.metric(config.eval.best_by) if by_metric(config) else Message("training.by-loss")
    if state is not None:
        args = {"step": state.best_step, "best": _figure(config, state.best_measure),
                "last_value": _figure(config, state.last_measure), **args}  # fmt: skip
    return Message(code, by=by, **args)


def _figure(config: RunConfig, measured: float | None) -> str:
    if measured is None or not by_metric(config):
        return words.value("loss", measured)
    return words.value(config.eval.best_by, -measured)


def measure_result(
    run: RunDir, training: Training, measure: Assessor, state: TrainerState
) -> tuple[Result, TrainerState]:  # fmt: skip
    """Measure what a training that came to its end keeps: the result, and the state with what the last step measured.

    The last step is measured first where there is an earlier one to compare it with; then the best one's weights are
    put back. Each of several ranks does the same. Raises as ``Assessor.evaluate`` does.
    """
    config, ranks = training.config, training.ranks
    if keeps_best(config) and state.best_step and state.evaluated_step != state.step:
        loss = measure.evaluate(state.step, "during")
        measured = ranks.from_first(measure_of(config, loss, measure.metrics))
        state = judged(replace(state, evaluated_step=state.step), measured)
    kept = ranks.from_first(result_of(run, config, state))
    if kept.step != state.step:
        if ranks.is_first:
            restore_adapter(run.checkpoint(kept.step), training.built.model)
        ranks.same_weights(training.built.trained)
    measure.evaluate(kept.step, "after")
    return kept, state


def folder_of(run: RunDir, result: Result) -> Path | None:
    """The checkpoint that holds the result; None where there is none at all."""
    folders = {folder.name: folder for folder in run.complete_checkpoints()}
    return folders.get(f"checkpoint-{result.step}")
