"""The monitor's lines are made from the state alone and fit the width."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console, RenderableType

from engine.messages.catalogue import text
from engine.runs import events as ev
from engine.runs import story as told
from engine.runs.reducer import reduce
from engine.runs.state import RunState
from tests.engine.runs.making import failure, said
from tests.tui import fake_runs
from tui.monitor import figures, result, spike, story


def state(*events: ev.AnyEvent) -> RunState:
    return reduce([fake_runs.started(900), *events])


def running(step: int = 412) -> RunState:
    return state(ev.State(state="running"), *(fake_runs.step(number, 900) for number in range(1, step + 1)))


@pytest.mark.parametrize("width", [40, 60, 78, 118])
def test_gauges_show_as_many_as_fit_whole(width: int) -> None:
    text = figures.strip(running(), width).plain
    assert len(text) <= width
    assert text.startswith("loss 0.")
    assert ("ETA 5 min 42 s" in text) == (width >= 60)
    assert ("memory 2.6 GiB" in text) == (width >= 78)


@pytest.mark.parametrize("width", [40, 78, 118])
def test_tiles_say_what_each_figure_is_above_it(width: int) -> None:
    names, values = figures.tiles(running(), width).plain.split("\n")
    assert len(names) == len(values) <= width
    assert names.index("loss") == values.index("0.")
    assert ("memory" in names) == ("2.6 GiB" in values)


def test_what_comes_next_is_said_in_steps_and_minutes() -> None:
    started = ev.RunStarted(model="m", total_steps=900, evaluate_every=100, sample_every=100, save_every=180)
    steps = [fake_runs.step(number, 900) for number in range(1, 413)]
    moving = reduce([started, ev.State(state="running"), *steps, ev.Checkpoint(step=360, path="c", seconds=4.0)])
    assert [(each.kind, each.steps) for each in moving.coming] == [("evaluation", 88), ("checkpoint", 128)]
    assert moving.coming[0].seconds == pytest.approx(88 * 0.7)
    line = story.progress(moving, 0.0, 118, True, None).plain
    assert "412 of 900 steps   eval in 88 steps, 62 s   checkpoint in 128 steps, 90 s" in line
    assert reduce([fake_runs.started(900), *steps]).coming == [], "a log without its rhythm tells nothing"


@pytest.mark.parametrize("width", [60, 78, 118])
def test_progress_fits_whatever_the_phase_is_called(width: int) -> None:
    phase = ev.Phase(
        name="before", message=said("measuring what the model can do before training"), done=3, total=9, unit="batches"
    )
    text = story.progress(state(phase), 0.0, width, True, None).plain
    assert "33%" in text
    assert "3 of 9 batches" in text
    assert width < 78 or len(text) <= width


def test_a_phase_that_can_not_be_counted_shows_its_seconds() -> None:
    waiting = state(ev.Phase(name="load", message=said("loading SmolLM2-135M"), t=100.0))
    assert story.progress(waiting, 142.0, 78, True, 100.0).plain == "loading SmolLM2-135M, 42 s"


def test_what_follows_a_finished_count_unannounced_shows_its_seconds_too() -> None:
    counted = state(ev.Phase(name="before", message=said("measuring"), done=9, total=9, unit="batches", t=100.0))
    assert story.progress(counted, 101.0, 78, True, 100.0).plain.endswith("100%  9 of 9 batches")
    assert story.progress(counted, 160.0, 78, True, 100.0).plain == "measuring: done, still working, 60 s"


def test_what_is_not_known_yet_is_not_made_up() -> None:
    assert story.progress(RunState(), 0.0, 78, True, None).plain == text("monitor.never-started")
    assert text("monitor.loading-libraries") in story.progress(RunState(state="starting"), 0.0, 78, True, None).plain
    assert story.progress(state(), 0.0, 78, True, None).plain == text("monitor.getting-ready")
    assert figures.strip(RunState(), 78).plain == "loss -   eval -"
    assert result.headline(RunState()) == ""


def test_paused_and_stopping_say_so_with_the_reason() -> None:
    paused = state(fake_runs.step(10, 900), ev.State(state="stopping", reason=said("signal TERM")))
    assert story.progress(paused, 0.0, 78, True, None).plain.startswith("stopping: signal TERM")


def test_the_ways_a_run_can_end() -> None:
    done = state(fake_runs.step(900, 900), ev.Finished(outcome="finished", step=900, seconds=131))
    assert story.ending(done).startswith("finished after 2 min 11 s")
    stopped = state(fake_runs.step(400, 900), ev.Finished(outcome="stopped", step=400, seconds=60))
    assert story.ending(stopped, "checkpoint-400") == "stopped after 1 min at step 400; r resumes from checkpoint-400"
    assert story.ending(stopped) == "stopped after 1 min at step 400; there is no checkpoint to resume from"


def test_trouble_has_title_message_and_way_on() -> None:
    failed = state(failure("Out of memory", "step 3", "Set dataset.max_length lower.", error="OutOfMemory"))
    assert story.trouble(failed, "checkpoint-2") == (
        "Out of memory", "step 3", "Set dataset.max_length lower. r resumes from checkpoint-2."
    )  # fmt: skip
    found = story.trouble(failed, "")
    assert found is not None
    assert "no checkpoint" in found[2]
    assert story.trouble(running(3), "") is None


def test_names_from_a_log_are_cleaned() -> None:
    evil = reduce(
        [ev.RunStarted(model="a\x1b[31m", total_steps=3), ev.Phase(name="x", message=said("load\x07ing\nnow"))]
    )
    assert "\x1b" not in story.subject("n\x1b]0;t\x07ame", evil).plain
    assert "\n" not in story.progress(evil, 0.0, 78, True, None).plain


def test_answers_and_loss_are_of_as_many_rows_as_they_were_measured_on() -> None:
    metrics = {"exact_match": 0.97}
    some = ev.Eval(step=900, moment="after", loss=0.421, n=100, loss_n=500, metrics=metrics)
    alike = ev.Eval(step=900, moment="after", loss=0.421, n=100, metrics=metrics)
    during = ev.Eval(step=10, loss=0.5, n=500)
    assert text(told.evaluation(some)) == "eval after training: loss 0.421 (n = 500), exact match 97% (n = 100)"
    assert text(told.evaluation(alike)) == "eval after training: loss 0.421, exact match 97% (n = 100)"
    assert text(told.evaluation(during)) == "eval during training: loss 0.500 (n = 500)"
    assert text(told.outcome(None, some)) == "exact match - -> 97% (n = 100), loss - -> 0.421 (n = 500)"
    console = Console(width=78, file=io.StringIO())
    console.print(result.comparison(state(some), lambda name: "", unicode=True))
    shown = console.file.getvalue()
    assert "exact match  n = 100" in shown
    assert "loss  n = 500" in shown
    assert "(n = 100)" in result.headline(state(some))


@pytest.mark.parametrize("width", range(20, 120, 7))
def test_no_figure_of_the_headline_is_cut(width: int) -> None:
    metrics = {"json_values": 0.992, "exact_match": 0.96}
    before = ev.Eval(step=0, moment="before", loss=1.913, n=100, metrics=dict.fromkeys(metrics, 0.0))
    after = ev.Eval(step=900, moment="after", loss=0.012, n=100, metrics=metrics)
    line = result.headline(state(before, after), width)
    assert len(line) <= width
    whole = {"JSON values right 0% -> 99%", "exact match 0% -> 96%", "loss 1.913 -> 0.012"}
    assert {part.removesuffix(" (n = 100)") for part in line.split("   ") if part} <= whole
    assert (not line) == (width < len("loss 1.913 -> 0.012"))


def test_until_the_first_step_it_is_said_what_the_curve_waits_for_how_far_and_how_long() -> None:
    asked = ev.Phase(name="answer base", message=said("answering"), done=4.0, total=16.0, unit="answers", t=110.0)
    begun = ev.Phase(name="answer base", message=said("answering"), t=100.0)
    lines = story.awaited(state(begun, asked), 110.0)
    assert lines[0] == text("monitor.curve-awaited")
    assert lines[1] == "Now: answering: 4 of 16, 10 s. About 30 s left of this."
    assert lines[2] == text("now.baseline")
    assert lines[3] == text("monitor.then-training", steps=900)
    assert story.awaited(running(1), 110.0) == ()
    assert story.awaited(RunState(), 0.0) == (text("monitor.never-started"),)
    assert story.awaited(state(failure()), 0.0) == (text("monitor.no-step-done"),)


def test_who_only_watches_is_told_of_no_key() -> None:
    stopped = state(ev.Finished(outcome="stopped", step=4))
    high = state(*(fake_runs.step(number, 900) for number in range(1, 4)), fake_runs.forgetting(700))
    found = ev.Spike(step=4, loss=9.0, expected=1.0, grad_norm=1.0, learning_rate=1e-4)
    for steers in (True, False):
        whole = result.result(stopped, lambda name: "", steers=steers)
        told = [
            story.ending(stopped, "checkpoint-4", steers), printed(whole),
            printed(spike.panel(found, 78, 2, steers)), figures.strip(high, 118, "", steers).plain,
        ]  # fmt: skip
        assert [bool(re.search(r"\b[rKhz] |\(w, X\)", each)) for each in told] == [steers] * 4
    assert "checkpoint-4" in story.ending(stopped, "checkpoint-4", steers=False)


def printed(shown: RenderableType) -> str:
    console = Console(width=78, file=io.StringIO())
    with console.capture() as caught:
        console.print(shown)
    return caught.get()
