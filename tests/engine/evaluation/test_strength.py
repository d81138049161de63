"""The strength dial: losses and answers over the scale, and what is suggested."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from engine.app import strength as dial
from engine.common.errors import ModelError
from engine.evaluation.afterwards import Afterwards
from engine.evaluation.strength import measure
from engine.messages.message import Message
from engine.models.adapter import strength
from engine.runs import evaluations, strength_curve
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import EvaluationRequest
from engine.runs.phases import Phases
from engine.runs.strength_curve import Point, StrengthCurve, candidate, suggested
from tests.engine.evaluation.test_afterwards import run, trained  # noqa: F401 - fixtures

SCALES = (0.0, 0.5, 1.0)


def dialled(target: RunDir, **more: object) -> StrengthCurve:
    given = {"run": str(target.path), "name": "strength", "scales": SCALES, "answers": False, "new_tokens": 2} | more
    notes: list[Message] = []
    measure(Afterwards(EvaluationRequest(**given), Phases(lambda event: None), notes.append))  # type: ignore[arg-type]
    found = strength_curve.read(evaluations.folder(target, "strength"))
    assert found is not None
    return found


def test_the_losses_move_with_the_scale_from_the_base_to_the_adapter(run: RunDir) -> None:  # noqa: F811
    curve = dialled(run)
    assert [point.scale for point in curve.points] == [0, 0.5, 1]
    base, half, full = curve.points
    assert base.task_loss > half.task_loss > full.task_loss  # type: ignore[operator]
    assert len({point.general_loss for point in curve.points}) == 3
    found = evaluations.read(evaluations.folder(run, "strength"))
    assert found is not None
    assert found.candidates == ["base", "strength-0.5", "tuned"]
    assert found.metrics == ["bits_per_byte", "perplexity"]
    assert curve.general_rows > 50


def test_a_kept_strength_changes_nothing_about_the_curve(run: RunDir) -> None:  # noqa: F811
    before = dialled(run)
    strength.keep(run.adapter, 0.5)
    after = dialled(run)
    for one, two in zip(before.points, after.points, strict=True):
        assert one.task_loss == pytest.approx(two.task_loss, abs=1e-4)
        assert one.general_loss == pytest.approx(two.general_loss, abs=1e-4)


def test_the_rows_are_answered_at_every_strength(run: RunDir) -> None:  # noqa: F811
    dialled(run, answers=True, rows=2)
    given = list(evaluations.answers(evaluations.folder(run, "strength")))
    assert sorted({each.candidate for each in given}) == ["base", "strength-0.5", "tuned"]
    assert len(given) == 6


def test_an_own_text_file_takes_the_place_of_the_built_in_set(run: RunDir, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "general.txt"
    path.write_text("\n\n".join(f"Passage {n} tells of the sea, the wind and a long road home. " * 3 for n in range(8)))
    curve = dialled(run, general=str(path))
    assert curve.general == str(path)
    assert curve.points[0].general_loss != dialled(run).points[0].general_loss


def test_an_adapter_without_a_scale_is_refused(run: RunDir) -> None:  # noqa: F811
    config = json.loads((run.adapter / "adapter_config.json").read_text())
    (run.adapter / "adapter_config.json").write_text(json.dumps(config | {"init_lora_weights": "pissa"}))
    with pytest.raises(ModelError) as error:
        dialled(run)
    assert error.value.code == "strength.not-scalable"


def curve_of(*points: tuple[float, float, float], metric: str = "", n: int = 100) -> StrengthCurve:
    """Points of scale, task (loss, or value of ``metric`` over ``n`` rows) and loss on general text."""
    made = [
        Point(scale=scale, general_loss=general, **({"task": task} if metric else {"task_loss": task}))  # type: ignore[arg-type]
        for scale, task, general in points
    ]
    return StrengthCurve(points=made, metric=metric, n=n, general_rows=90)


def test_the_weakest_that_does_as_well_is_suggested() -> None:
    curve = curve_of((0, 0.1, 3.0), (0.5, 0.90, 3.02), (0.75, 0.96, 3.05), (1, 0.97, 3.10), metric="accuracy")
    assert suggested(curve) == 0.75
    assert suggested(curve_of((0, 2.0, 3.0), (0.5, 1.9, 3.02), (0.75, 0.41, 3.05), (1, 0.40, 3.10))) == 0.75


def test_nothing_is_suggested_where_nothing_was_lost_or_nothing_does_as_well() -> None:
    assert suggested(curve_of((0, 2.0, 3.0), (0.5, 0.4, 3.0), (1, 0.4, 3.001))) is None
    assert suggested(curve_of((0, 2.0, 3.0), (0.5, 1.0, 3.02), (1, 0.4, 3.10))) is None
    assert suggested(curve_of((0, 2.0, 3.0))) is None


def test_a_handful_of_rows_advises_nothing_and_is_said() -> None:
    points = ((0, 0.0, 3.0), (0.5, 1.0, 3.02), (1, 1.0, 3.10))
    few, enough = (curve_of(*points, metric="accuracy", n=n) for n in (3, strength_curve.LEAST_ROWS))
    assert (suggested(few), suggested(enough)) == (None, 0.5)
    said = dial.verdict(few)
    assert (said.code, said.args["rows"], said.args["least"]) == ("strength.too-few-rows", 3, strength_curve.LEAST_ROWS)
    kept = msgspec.structs.replace(few, suggested=0.5)  # by an earlier version
    assert dial.verdict(kept).code == "strength.too-few-rows"
    assert "suggested" not in str(dial.table(kept, 1.0))


def test_the_base_is_never_suggested_however_well_it_does() -> None:
    assert suggested(curve_of((0, 0.4, 3.0), (1, 0.4, 3.10))) is None


def test_a_curve_is_read_back_as_it_was_and_damage_is_none(tmp_path: Path) -> None:
    curve = msgspec.structs.replace(curve_of((0, 1.0, 2.0), (1, 0.5, 2.5)), n=9, suggested=0.5)
    strength_curve.keep(tmp_path, curve)
    assert strength_curve.read(tmp_path) == curve
    (tmp_path / strength_curve.FILE).write_text('{"points": [{"scale": "x"}]}')
    assert strength_curve.read(tmp_path) is None
    assert strength_curve.read(tmp_path / "nowhere") is None


def test_candidates_are_named_so_that_base_and_full_strength_are_the_usual_ones() -> None:
    assert [candidate(scale) for scale in (0, 0.25, 1, 1.25)] == ["base", "strength-0.25", "tuned", "strength-1.25"]
