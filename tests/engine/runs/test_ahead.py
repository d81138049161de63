"""The time left counts all that a run still has to do, not its steps alone."""

from __future__ import annotations

import pytest

from engine.config.schema import RunConfig
from engine.runs import events as ev
from engine.runs.ahead import Rhythm, rhythm_of
from engine.runs.reducer import reduce
from engine.runs.state import RunState
from tests.engine.runs.making import said

STARTED = ev.RunStarted(t=0.0, total_steps=20, evaluate_every=5, sample_every=10, save_every=4)
BEFORE = [
    ev.Eval(t=60.0, step=0, moment="before", loss=3.0, seconds=60.0, answer_seconds=40.0),
    ev.Eval(t=70.0, step=0, moment="before", part="test", loss=3.0, seconds=10.0),
]


def steps(first: int, last: int, at: float = 70.0) -> list[ev.Step]:
    return [
        ev.Step(t=at + 2.0 * n, step=n, epoch=0.1, loss=2.0, learning_rate=1e-4, grad_norm=1.0, num_tokens=n,
                supervised_tokens=n, tokens_per_second=1.0, step_time=2.0)
        for n in range(first, last + 1)
    ]  # fmt: skip


def seen(*events: ev.Event) -> RunState:
    return reduce([STARTED, *BEFORE, *events])  # type: ignore[list-item]


def test_evaluations_answers_and_the_measuring_at_the_end_are_still_to_come() -> None:
    """After step 2 of 20: 18 steps of 2 s, 3 evaluations of 20 s, one round of answers of 40 s, 70 s at the end."""
    assert seen(*steps(1, 2)).eta_s == pytest.approx(18 * 2 + 3 * 20 + 40 + 70)


def test_what_was_measured_on_the_way_counts_before_what_came_first() -> None:
    took = ev.Eval(t=90.0, step=5, loss=2.0, seconds=4.0)
    saved = ev.Checkpoint(t=80.0, step=4, path="checkpoint-4", size_bytes=1, seconds=3.0)
    state = seen(*steps(1, 4), saved, *steps(5, 5), took)
    assert state.eta_s == pytest.approx(15 * 2 + (2 + 1) * 4 + 40 + 70 + 4 * 3)


def test_after_the_last_step_the_measuring_is_left() -> None:
    done = steps(1, 20)
    assert seen(*done).eta_s == pytest.approx(70)
    later = ev.Heartbeat(t=done[-1].t + 30.0, state="running")
    assert seen(*done, later).eta_s == pytest.approx(40)


def test_a_phase_that_takes_longer_than_before_is_told_by_its_own_pace() -> None:
    done = steps(1, 20)
    began = ev.Phase(t=done[-1].t, name="answer after", message=said("generating answers"))
    half = ev.Phase(t=done[-1].t + 90.0, name="answer after", done=50, total=100, unit="answers")
    assert seen(*done, began, half).eta_s == pytest.approx(90)


def test_an_older_log_counts_its_steps() -> None:
    old = [ev.RunStarted(t=0.0, total_steps=20), *steps(1, 2)]
    assert reduce(old).eta_s == 36


def test_the_rhythm_is_that_of_the_config_or_ten_times_and_five() -> None:
    def of(**fields: object) -> Rhythm:
        config = {"model": {"name_or_path": "m"}, "data": [{"path": "rows"}], **fields}
        return rhythm_of(RunConfig.model_validate(config), 200)

    assert of() == Rhythm(20, 20, 40)
    assert of(eval={"every": 7}) == Rhythm(7, 7, 40)
    assert of(sample={"every": 50}, checkpoint={"every": 9}) == Rhythm(20, 50, 9)
