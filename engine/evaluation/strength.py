"""An adapter measured at several strengths: the task's rows and general text over the scale, from one loaded model."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.common.errors import MachineError, reason_of
from engine.data.general import general_of
from engine.evaluation.afterwards import Afterwards, candidate, conclude_text, generator_of, renderer_of
from engine.evaluation.evaluate import ask, conclude
from engine.evaluation.row_losses import LossRows, RowLoss
from engine.messages.message import Message
from engine.models.adapter import strength
from engine.runs import evaluations, strength_curve
from engine.runs import events as ev
from engine.runs.evaluations import Evaluation
from engine.runs.strength_curve import Point, StrengthCurve


def measure(after: Afterwards) -> Evaluation:
    """Carry out a request with ``scales``. Losses come first: they are quick, and kept as soon as they are known.

    Raises TunedeckError, StopRequested; what was answered by then is kept.
    """
    request, adapter = after.request, after.found.adapter
    assert adapter is not None
    strength.require_scalable(adapter.path)
    for note in strength.not_scaled(adapter):
        after.note(note)
    kept = strength.kept(adapter.path)
    if kept != 1:
        after.note(Message("strength.is-kept-at", scale=kept))
    ready = after.load(after.found)
    asked = after.own_rows(ready)
    questions = after.questions(asked)
    settings = after.config.eval.model_copy(update={"general_text": request.general or after.config.eval.general_text})
    general = general_of(after.config.model_copy(update={"eval": settings}))
    device = ready.base.model.device
    memory = generator_of(ready, after.phases).memory
    task = LossRows.of_rows(asked.rows, renderer_of(ready), ready.base, memory)
    kinds = [rows for rows in (general.texts, general.dialogues) if rows]  # of a dialogue the answer counts alone
    elsewhere = [LossRows.of_rows(rows, renderer_of(ready), ready.base, memory) for rows in kinds]
    points, losses = [], {}
    for at, scale in enumerate(request.scales):
        said = Message("strength.measuring", scale=scale)
        after.phases.sink(ev.Phase(name="strength", message=said, done=at, total=len(request.scales)))
        with ready.scaled(scale / kept):
            on_task = losses[strength_curve.candidate(scale)] = task.measure(ready.model, device, after.phases.check)
            lost = [each.measure(ready.model, device, after.phases.check) for each in elsewhere]
        points.append(Point(scale=scale, task_loss=_mean(on_task), general_loss=_mean(*lost)))
    read = sum(len(each.rows) for each in elsewhere)
    curve = StrengthCurve(points=points, n=len(task.rows), general_rows=read, general=settings.general_text)
    _keep(after, msgspec.structs.replace(curve, suggested=strength_curve.suggested(curve)))
    names = [*losses]
    if asked.is_text or not request.answers:
        return conclude_text(after, questions, losses, names)
    for scale, name in zip(request.scales, names, strict=True):
        ask(questions, candidate(name, ready, after.phases, scale=scale / kept), after.phases)
    evaluation = conclude(questions, names, after.choice(questions), after.phases, after.notes, after.step)
    _keep(after, strength_curve.with_metric(curve, evaluation))
    return evaluation


def _mean(*losses: Mapping[int, RowLoss]) -> float | None:
    """The mean loss a token over all rows of ``losses``."""
    every = [loss for each in losses for loss in each.values()]
    tokens = sum(loss.tokens for loss in every)
    return sum(loss.nats for loss in every) / tokens if tokens else None


def _keep(after: Afterwards, curve: StrengthCurve) -> None:
    where = evaluations.folder(after.run, after.request.name)
    try:
        strength_curve.keep(where, curve)
    except OSError as error:
        raise MachineError("baselines.answers-unwritable", path=where, reason=reason_of(error)) from error
