"""One reducer: whatever part of whatever log it has seen, it gives a state that can be shown."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs import events as ev
from engine.runs.state import RunReducer, RunState, reduce
from tests.engine.runs.making import step

WORDS = st.text(max_size=12)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
STEPS = st.integers(min_value=0, max_value=40)
STATES = st.sampled_from(["starting", "running", "paused", "stopping", "nonsense", ""])
OPTIONAL_COUNT = st.none() | st.integers(min_value=0, max_value=60)

EVENTS = st.one_of(
    st.builds(ev.RunStarted, total_steps=OPTIONAL_COUNT, resumed_from_step=st.none() | STEPS),
    st.builds(ev.Phase, name=WORDS, done=st.none() | NUMBERS, total=st.none() | NUMBERS, message=WORDS),
    st.builds(
        step, STEPS, NUMBERS, grad_norm=NUMBERS, step_time=NUMBERS, memory_allocated=OPTIONAL_COUNT,
        loss_by_source=st.dictionaries(WORDS, NUMBERS, max_size=2),
    ),
    st.builds(
        ev.Eval, step=STEPS, moment=st.sampled_from(["before", "during", "after"]), loss=st.none() | NUMBERS,
        metrics=st.dictionaries(WORDS, NUMBERS, max_size=2),
    ),
    st.builds(ev.Sample, step=STEPS, index=STEPS, answer=WORDS),
    st.builds(ev.Device, peak_rss=OPTIONAL_COUNT),
    st.builds(ev.Checkpoint, step=STEPS, path=WORDS),
    st.builds(ev.Warn, title=WORDS),
    st.builds(ev.ControlAck, control_seq=STEPS, command=WORDS, ok=st.booleans()),
    st.builds(ev.State, state=STATES, reason=WORDS),
    st.builds(ev.Heartbeat, state=STATES),
    st.builds(ev.Finished, outcome=st.sampled_from(["finished", "stopped"]), step=STEPS),
    st.builds(ev.Failed, title=WORDS),
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
    for end in (ev.Finished(outcome="stopped", step=7), ev.Failed(title="out of memory"), ev.State(state="paused")):
        state = reduce([*events, end, ev.RunStarted(total_steps=10, resumed_from_step=5)])
        assert state.state == "starting"
        assert state.done_steps == 5
        assert state.failure is None
        assert state.finished is None
        assert not state.ended


def test_a_new_process_undoes_an_end_with_its_first_word_and_nothing_else_does() -> None:
    ended = [ev.RunStarted(), step(1), ev.Failed(title="out of memory")]
    assert reduce([*ended, ev.State(state="running")]).state == "failed"
    assert reduce([*ended, ev.State(state="starting")]).state == "starting"


def test_the_states_of_a_straight_run() -> None:
    reducer = RunReducer()
    seen = []
    for event in (
        ev.RunStarted(total_steps=2), step(1), ev.State(state="paused"), ev.State(state="running"), step(2),
        ev.State(state="stopping", reason="asked to"), ev.Finished(outcome="stopped", step=2),
    ):  # fmt: skip
        reducer.apply(event)
        seen.append(reducer.snapshot().state)
    assert seen == ["starting", "running", "paused", "running", "running", "stopping", "stopped"]


def test_non_finite_losses_are_kept_and_do_not_spoil_the_average() -> None:
    state = reduce([step(1, 1.0), step(2, math.nan), step(3, math.inf), step(4, 1.0)])
    assert state.series["loss"].length == 4
    average = state.series["loss_average"]
    assert list(average.y[: average.length]) == [1.0, 1.0]


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


@pytest.mark.parametrize("name", ["starting", "running", "paused", "stopping"])
def test_a_log_read_from_its_middle_takes_the_state_from_the_heartbeat(name: str) -> None:
    assert reduce([ev.Heartbeat(state=name)]).state == name


def test_a_log_of_100_000_steps_is_reduced_from_steps_alone_too() -> None:
    state = reduce(step(n) for n in range(1, 100_001))
    assert state.state == "running"
    assert state.series["loss"].length == 100_000
