"""One reducer: whatever part of whatever log it has seen, it gives a state that can be shown."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.curves import MOST_POINTS
from engine.runs.reducer import RunReducer, reduce
from engine.runs.state import RunState
from tests.engine.runs.making import failure, said, step

WORDS = st.text(max_size=12)
MESSAGES = st.builds(Message.literal, WORDS)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
STEPS = st.integers(min_value=0, max_value=40)
STATES = st.sampled_from(["starting", "running", "paused", "stopping", "nonsense", ""])
OPTIONAL_COUNT = st.none() | st.integers(min_value=0, max_value=60)
TIMES = st.floats(allow_nan=True, allow_infinity=True) | st.floats(min_value=1e9, max_value=1.1e9)
SIZES = st.dictionaries(WORDS, st.integers(min_value=0, max_value=2**40), max_size=2)
OTHERS = st.lists(st.builds(ev.ProcessUse, user=st.none() | WORDS, program=st.none() | WORDS, memory=OPTIONAL_COUNT))
GPUS = st.lists(
    st.builds(
        ev.GpuUse, index=st.integers(0, 2), total=OPTIONAL_COUNT, used=OPTIONAL_COUNT, reserved=OPTIONAL_COUNT,
        others=OTHERS,
    ),
    max_size=3,
)  # fmt: skip

EVENTS = st.one_of(
    st.builds(ev.RunStarted, total_steps=OPTIONAL_COUNT, resumed_from_step=st.none() | STEPS),
    st.builds(ev.Phase, name=WORDS, done=st.none() | NUMBERS, total=st.none() | NUMBERS, message=MESSAGES),
    st.builds(
        step, STEPS, NUMBERS, grad_norm=NUMBERS, step_time=NUMBERS, memory_allocated=OPTIONAL_COUNT,
        loss_by_source=st.dictionaries(WORDS, NUMBERS, max_size=2),
    ),
    st.builds(
        ev.Eval, step=STEPS, moment=st.sampled_from(["before", "during", "after"]),
        part=st.sampled_from(["validation", "test"]), loss=st.none() | NUMBERS,
        metrics=st.dictionaries(WORDS, NUMBERS, max_size=2),
    ),
    st.builds(ev.Sample, step=STEPS, index=STEPS, answer=WORDS),
    st.builds(ev.Device, t=TIMES, rss=OPTIONAL_COUNT, peak_rss=OPTIONAL_COUNT, gpus=GPUS),
    st.builds(
        ev.MemoryPlan, t=TIMES, needed_bytes=STEPS, available_bytes=OPTIONAL_COUNT, phases=SIZES, terms=SIZES,
        micro_batch_tokens=OPTIONAL_COUNT, verdict=st.none() | MESSAGES, others=OTHERS,
    ),
    st.builds(ev.MemoryMeasured, moment=WORDS, predicted=SIZES, measured=SIZES),
    st.builds(
        ev.OutOfMemory, t=TIMES, step=OPTIONAL_COUNT, phase=WORDS, retry_tokens=OPTIONAL_COUNT, others=OTHERS
    ),
    st.builds(ev.Checkpoint, step=STEPS, path=WORDS),
    st.builds(ev.Warn, message=MESSAGES),
    st.builds(ev.ControlAck, control_seq=STEPS, command=WORDS, ok=st.booleans()),
    st.builds(ev.State, state=STATES, reason=st.none() | MESSAGES),
    st.builds(ev.Heartbeat, state=STATES),
    st.builds(ev.Finished, outcome=st.sampled_from(["finished", "stopped"]), step=STEPS),
    st.builds(ev.Failed, reason=MESSAGES),
)  # fmt: skip


def check(state: RunState) -> None:
    """What every screen relies on."""
    assert state.progress is None or 0 <= state.progress <= 1
    assert state.ended == (state.state in ("finished", "stopped", "failed", "crashed"))
    assert (state.failure is not None) == (state.state == "failed")
    assert (state.finished is not None) == (state.state in ("finished", "stopped"))
    for name, series in state.series.items():
        x = series.x[: series.length]
        assert len(x) == len(series.y[: series.length]) == series.length, name
        assert all(a < b for a, b in itertools.pairwise(x)), name
    if not state.ended:
        assert state.eta_s is None or math.isnan(state.eta_s) or state.total_steps is not None


@given(st.lists(EVENTS, max_size=30))
def test_any_prefix_of_any_log_gives_a_valid_state(events: list[ev.AnyEvent]) -> None:
    reducer = RunReducer()
    check(reducer.snapshot())
    for event in events:
        reducer.apply(event)
        check(reducer.snapshot())


@given(st.lists(EVENTS, max_size=20), st.lists(EVENTS, max_size=20))
def test_a_snapshot_never_changes_afterwards(first: list[ev.AnyEvent], then: list[ev.AnyEvent]) -> None:
    def content(state: RunState) -> str:
        curves = {name: (list(s.x[: s.length]), list(s.y[: s.length])) for name, s in state.series.items()}
        return repr((state.state, state.evals, state.samples, state.log, state.step, curves))

    reducer = RunReducer().apply_all(first)
    snapshot = reducer.snapshot()
    before = content(snapshot)
    reducer.apply_all(then)
    assert content(snapshot) == before


def test_resuming_from_an_earlier_step_rewinds_the_curves_but_not_what_was_shown_before() -> None:
    reducer = RunReducer().apply_all([ev.RunStarted(total_steps=9), *(step(n, loss=n) for n in range(1, 7))])
    before = reducer.snapshot()
    reducer.apply_all([ev.RunStarted(total_steps=9, resumed_from_step=3), step(4, loss=40), step(5, loss=50)])
    after = reducer.snapshot().series["loss"]
    assert list(after.x[: after.length]) == [1, 2, 3, 4, 5]
    assert list(after.y[: after.length]) == [1, 2, 3, 40, 50]
    loss = before.series["loss"]
    assert list(loss.y[: loss.length]) == [1, 2, 3, 4, 5, 6]


def test_a_resumed_run_has_the_curves_of_a_straight_one() -> None:
    losses = [2.0, 1.5, 1.4, 1.0, 0.9, 0.7]
    straight = reduce([ev.RunStarted(), *(step(n, loss) for n, loss in enumerate(losses))])
    resumed = reduce(
        [
            ev.RunStarted(),
            *(step(n, loss) for n, loss in enumerate(losses[:5])),
            ev.RunStarted(resumed_from_step=2),
            *(step(n, losses[n]) for n in (3, 4, 5)),
        ]
    )
    for name in ("loss", "loss_average", "learning_rate"):
        assert resumed.series[name].y[: resumed.series[name].length] == straight.series[name].y
    assert resumed.done_steps == 5


def test_a_resumed_run_counts_from_its_checkpoint_and_forgets_its_end() -> None:
    events: list[ev.AnyEvent] = [ev.RunStarted(total_steps=10), *(step(n) for n in range(1, 8))]
    for end in (ev.Finished(outcome="stopped", step=7), failure("out of memory"), ev.State(state="paused")):
        state = reduce([*events, end, ev.RunStarted(total_steps=10, resumed_from_step=5)])
        assert state.state == "starting"
        assert state.done_steps == 5
        assert state.failure is None
        assert state.finished is None
        assert not state.ended


def test_a_new_process_undoes_an_end_with_its_first_word_and_nothing_else_does() -> None:
    ended = [ev.RunStarted(), step(1), failure("out of memory")]
    assert reduce([*ended, ev.State(state="running")]).state == "failed"
    assert reduce([*ended, ev.State(state="starting")]).state == "starting"


def test_the_states_of_a_straight_run() -> None:
    reducer = RunReducer()
    seen = []
    for event in (
        ev.RunStarted(total_steps=2), step(1), ev.State(state="paused"), ev.State(state="running"), step(2),
        ev.State(state="stopping", reason=said("asked to")), ev.Finished(outcome="stopped", step=2),
    ):  # fmt: skip
        reducer.apply(event)
        seen.append(reducer.snapshot().state)
    assert seen == ["starting", "running", "paused", "running", "running", "stopping", "stopped"]


def test_non_finite_losses_are_kept_and_do_not_spoil_the_average() -> None:
    state = reduce([step(1, 1.0), step(2, math.nan), step(3, math.inf), step(4, 1.0)])
    assert state.series["loss"].length == 4
    average = state.series["loss_average"]
    assert list(average.y[: average.length]) == [1.0, 1.0]


def device(t: float, rss: int = 5, **gpu: Any) -> ev.Device:
    return ev.Device(t=t, rss=rss, gpus=[ev.GpuUse(**gpu)] if gpu else [])


def points(state: RunState, name: str) -> list[tuple[float, float]]:
    series = state.series[name]
    return list(zip(series.x[: series.length], series.y[: series.length], strict=True))


def test_memory_goes_over_the_seconds_since_the_first_event_for_each_gpu() -> None:
    state = reduce([ev.RunStarted(t=100.0), device(105.0, index=1, used=9, reserved=7), device(110.0, index=1, used=8)])
    assert points(state, "gpu/1") == [(5.0, 9.0), (10.0, 8.0)]
    assert points(state, "reserved/1") == [(5.0, 7.0)]
    assert points(state, "rss") == [(5.0, 5.0), (10.0, 5.0)]
    assert state.first_t == 100.0


def test_a_pause_and_a_clock_that_is_put_back_keep_memory_in_its_order() -> None:
    state = reduce([device(100.0, 1), device(105.0, 2), device(50_105.0, 3), device(40_000.0, 4), device(40_005.0, 5)])
    assert points(state, "rss") == [(0.0, 1.0), (5.0, 2.0), (50_005.0, 4.0), (50_010.0, 5.0)]


def test_memory_of_a_week_stays_small_and_keeps_its_peak_and_its_newest_hours() -> None:
    every_s, week = 5, 7 * 86_400
    peak_at = 1000 * every_s
    reducer = RunReducer()
    for t in range(0, week, every_s):
        reducer.apply(device(t + 1e9, 900 if t == peak_at else t % 7))
    series = reducer.snapshot().series["rss"]
    assert series.length <= MOST_POINTS
    assert max(series.y) == 900
    newest = list(series.x[series.length - 5000 : series.length])
    assert newest == [float(week - every_s * n) for n in range(5000, 0, -1)]


def test_the_micro_batch_in_force_is_the_planned_one_until_memory_ran_out() -> None:
    plan, out = ev.MemoryPlan(micro_batch_tokens=8192), ev.OutOfMemory(retry_tokens=4096)
    assert reduce([plan]).micro_batch_tokens == 8192
    assert reduce([plan, out, ev.OutOfMemory()]).micro_batch_tokens == 4096
    assert reduce([plan, out, plan]).micro_batch_tokens == 8192


def test_a_run_started_again_from_the_beginning_has_no_step_yet() -> None:
    state = reduce([ev.RunStarted(total_steps=9), step(7), failure("x"), ev.RunStarted(total_steps=9)])
    assert state.done_steps == 0


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (ev.OutOfMemory(phase="step", step=1200, retry_tokens=4096),
         "out of memory in the optimizer step, step 1,200: repeated in pieces of 4,096 tokens, with the same result"),
        (ev.OutOfMemory(phase="backward_end"), "out of memory in the end of the backward pass"),
        (ev.OutOfMemory(), "out of memory"),
    ],
)  # fmt: skip
def test_running_out_of_memory_is_a_line_of_the_story(event: ev.OutOfMemory, told: str) -> None:
    line = reduce([event]).log[-1]
    assert (line.level, text(line.message)) == ("warning", told)


def test_progress_and_time_left_come_from_the_recent_pace() -> None:
    state = reduce([ev.RunStarted(total_steps=40), *(step(n, step_time=2.0) for n in range(1, 11))])
    assert state.progress == 0.25
    assert state.eta_s == 60


def test_an_evaluation_done_again_replaces_the_first() -> None:
    state = reduce([ev.Eval(step=5, loss=2.0), ev.Eval(step=5, loss=1.0), ev.Eval(step=5, moment="after", loss=0.5)])
    assert [(e.moment, e.loss) for e in state.evals] == [("during", 1.0), ("after", 0.5)]
    found = state.evals_at("after")
    assert found is not None
    assert found.loss == 0.5


def test_the_test_is_kept_apart_from_the_validation() -> None:
    state = reduce([
        ev.Eval(step=0, moment="before", loss=2.0, n=5), ev.Eval(step=0, moment="before", part="test", loss=2.5, n=4),
        ev.Eval(step=9, moment="after", loss=1.0, n=5), ev.Eval(step=9, moment="after", part="test", loss=1.5, n=4),
    ])  # fmt: skip
    assert [event.loss for event in state.evals] == [2.0, 1.0]
    assert [event.loss for event in state.tests] == [2.5, 1.5]
    assert state.series["eval_loss"].y[: state.series["eval_loss"].length].tolist() == [2.0, 1.0]
    after = state.evals_at("after", "test")
    assert after is not None
    assert after.loss == 1.5
    assert text(state.log[-1].message) == "test after training: loss 1.500 (n = 4)"


def test_a_verdict_is_no_good_news_by_itself() -> None:
    worse = Message("metrics.first-worse", against=Message("metrics.base"), change="3 points", rows=9)
    state = reduce([ev.Evaluated(name="training", n=9, sentence=worse)])
    assert state.log[-1].level == "info"


@pytest.mark.parametrize("name", ["starting", "running", "paused", "stopping"])
def test_a_log_read_from_its_middle_takes_the_state_from_the_heartbeat(name: str) -> None:
    assert reduce([ev.Heartbeat(state=name)]).state == name


def test_a_log_of_100_000_steps_is_reduced_from_steps_alone_too() -> None:
    state = reduce(step(n) for n in range(1, 100_001))
    assert state.state == "running"
    assert state.series["loss"].length == 100_000
