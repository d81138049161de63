"""Interrupted or not, a run has the same losses: stopped, paused, ended early or asked for something."""

from __future__ import annotations

import json
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.messages.message import Message
from engine.modeling.out_of_memory import give_back
from engine.runs import events as ev
from engine.runs.checkpoints import STATE
from engine.runs.steering import Steering
from engine.training import prepare, session
from tests.engine.runs.making import said
from tests.engine.training.making import Trained, stop_after, train, values

RESUMED = {"train": {"max_steps": 8}, "eval": {"every": 3}}


@pytest.mark.parametrize(
    "adapter", [{}, {"lora_dropout": 0.3}, {"use_dora": True, "lora_dropout": 0.1}], ids=["plain", "dropout", "dora"]
)
def test_stop_then_resume_gives_the_same_losses(tiny: Path, rows: Path, adapter: dict[str, Any]) -> None:
    settings = values(tiny, rows, adapter=adapter, **RESUMED)
    straight = train(settings)
    stopped = train(settings, stop_after(3))
    assert stopped.of(ev.Finished)[0].outcome == "stopped"
    assert stopped.of(ev.Checkpoint)[-1].reason == "stop"
    torch.rand(11)  # another process would stand elsewhere
    resumed = Trained(stopped.run, resume=True)
    assert resumed.of(ev.RunStarted)[0].resumed_from_step == 3
    assert [step.step for step in resumed.of(ev.Step)] == [4, 5, 6, 7, 8]
    assert stopped.losses() + resumed.losses() == straight.losses()
    assert resumed.of(ev.Step)[-1].num_tokens == straight.of(ev.Step)[-1].num_tokens
    assert [e.loss for e in resumed.of(ev.Eval)] == [e.loss for e in straight.of(ev.Eval)][1:]
    name = "adapter_model.safetensors"
    assert (resumed.run.adapter / name).read_bytes() == (straight.run.adapter / name).read_bytes()


def test_a_resumed_run_does_not_measure_before_again(tiny: Path, rows: Path) -> None:
    stopped = train(values(tiny, rows, **RESUMED), stop_after(3))
    resumed = Trained(stopped.run, resume=True)
    assert [(event.moment, event.step) for event in stopped.of(ev.Eval)] == [("before", 0)]
    # The one after step 3 was cut short by the stop, so it is made up for.
    assert [(event.moment, event.step) for event in resumed.of(ev.Eval)] == [
        ("during", 3), ("during", 6), ("during", 8), ("after", 8),
    ]  # fmt: skip


def test_what_was_stopped_has_an_adapter_too(tiny: Path, rows: Path) -> None:
    stopped = train(values(tiny, rows), stop_after(2))
    (finished,) = stopped.of(ev.Finished)
    assert (finished.outcome, finished.step, finished.adapter, finished.reason) == (
        "stopped", 2, "adapter", said("asked to stop"),
    )  # fmt: skip
    assert json.loads((stopped.run.adapter / "tunedeck.json").read_text())["step"] == 2


def test_stopping_before_the_first_step_leaves_nothing_to_keep_and_can_be_resumed(tiny: Path, rows: Path) -> None:
    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.RunStarted):
            steering.stop(said("asked to stop"))

    stopped = train(values(tiny, rows), react)
    (finished,) = stopped.of(ev.Finished)
    assert (finished.outcome, finished.step, finished.adapter) == ("stopped", 0, None)
    resumed = Trained(stopped.run, resume=True)
    assert resumed.losses() == train(values(tiny, rows)).losses()


def test_a_finished_run_that_is_resumed_is_still_finished(tiny: Path, rows: Path) -> None:
    finished = train(values(tiny, rows))
    again = Trained(finished.run, resume=True)
    assert again.losses() == []
    assert again.of(ev.Finished)[0].outcome == "finished"


def test_early_stopping_ends_after_evaluations_without_improvement(tiny: Path, rows: Path) -> None:
    held_out = {"every": 1, "early_stopping_patience": 2}
    trained = train(values(tiny, rows, eval=held_out, train={"max_steps": 50, "learning_rate": 0.9}))
    (finished,) = trained.of(ev.Finished)
    assert finished.outcome == "finished"
    assert finished.reason == Message("events.early-stop", evaluations=2)
    losses = [event.loss for event in trained.of(ev.Eval) if event.moment == "during"]
    assert len(losses) < 49
    assert min(losses) <= min(losses[-2:])
    assert losses[-3] == min(losses)


def test_patience_survives_a_resume(tiny: Path, rows: Path) -> None:
    held_out = {"every": 1, "early_stopping_patience": 3}
    settings = values(tiny, rows, eval=held_out, train={"max_steps": 20, "learning_rate": 0.3})
    straight = train(settings)
    last = straight.of(ev.Finished)[0].step
    assert 3 < last < 20
    stopped = train(settings, stop_after(last - 1))
    resumed = Trained(stopped.run, resume=True)
    assert resumed.of(ev.Finished)[0].step == last


def test_a_quantized_run_stops_and_resumes_with_the_same_losses(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, model={"quantization": "nf4"}, **RESUMED)
    stopped = train(settings, stop_after(3))
    assert stopped.losses() + Trained(stopped.run, resume=True).losses() == train(settings).losses()


Answers = list[tuple[bool, str]]


def order_at(step: int, *commands: str) -> tuple[Any, Answers]:
    """Give ``commands`` once ``step`` has been taken; the answers are collected."""
    answers: Answers = []

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Step) and event.step == step:
            for command in commands:
                steering.put(command, lambda ok, message: answers.append((ok, message.code)))  # type: ignore[arg-type]

    return react, answers


def test_a_pause_frees_the_memory_and_goes_on_with_the_same_losses(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = values(tiny, rows, adapter={"lora_dropout": 0.3}, **RESUMED)
    straight = train(settings)
    models: list[weakref.ref[Any]] = []
    alive_in_pause: list[int] = []
    load = prepare.load_base

    def watched(*args: Any, **kwargs: Any) -> Any:
        base = load(*args, **kwargs)
        models.append(weakref.ref(base.model))
        return base

    monkeypatch.setattr(prepare, "load_base", watched)
    given_back: list[str] = []
    monkeypatch.setattr(session, "give_back", lambda device: given_back.append(device.type) or give_back(device))
    pause, answers = order_at(3, "pause")

    def react(event: ev.Event, steering: Steering) -> None:
        pause(event, steering)
        if isinstance(event, ev.State) and event.state == "paused":
            alive_in_pause.append(sum(model() is not None for model in models))
            torch.rand(11)  # others use the time
            steering.put("resume", lambda ok, message: answers.append((ok, message.code)))

    paused = train(settings, react)
    assert alive_in_pause == [0]
    assert given_back == ["cpu"], "what was freed goes back to the system, not only to this process's heap"
    assert len(models) == 2
    assert answers == [(True, "events.paused"), (True, "events.resuming")]
    assert paused.losses() == straight.losses()
    assert [event.state for event in paused.of(ev.State)] == ["running", "paused", "starting", "running"]
    assert [event.resumed_from_step for event in paused.of(ev.RunStarted)] == [None, 3]
    assert [event.moment for event in paused.of(ev.Eval)] == ["before", "during", "during", "during", "after"]


def test_a_paused_run_that_is_stopped_has_its_adapter(tiny: Path, rows: Path) -> None:
    pause, _ = order_at(2, "pause")

    def react(event: ev.Event, steering: Steering) -> None:
        pause(event, steering)
        if isinstance(event, ev.State) and event.state == "paused":
            steering.stop(said("asked to stop"))

    stopped = train(values(tiny, rows), react)
    (finished,) = stopped.of(ev.Finished)
    assert (finished.outcome, finished.step, finished.adapter) == ("stopped", 2, "adapter")


def test_saving_and_sampling_are_done_at_once_and_answered(tiny: Path, rows: Path) -> None:
    react, answers = order_at(2, "sample", "save", "save")
    trained = train(values(tiny, rows, sample={"rows": 2, "prompts": ["Who are you?"]}), react)
    assert answers == [
        (True, "events.sampled"),
        (True, "events.saved"),
        (True, "events.saved"),
    ]
    assert [(event.step, event.reason) for event in trained.of(ev.Checkpoint)] == [
        (2, "asked"),
        (6, "last-step"),
    ]
    assert (trained.run.checkpoint(2) / "COMPLETE").exists()
    during = [event for event in trained.of(ev.Sample) if event.moment == "during"]
    assert [(event.step, event.index) for event in during] == [(2, 0), (2, 1), (2, 2)]
    assert during[2].prompt == "Who are you?"
    assert during[2].reference is None
    assert "city" in during[0].reference


def test_nothing_that_is_asked_for_changes_the_losses(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, adapter={"lora_dropout": 0.3}, sample={"rows": 2})
    react, _ = order_at(3, "sample", "save")
    assert train(settings, react).losses() == train(settings).losses()


def test_what_can_not_be_changed_while_training_is_refused(tiny: Path, rows: Path) -> None:
    react, answers = order_at(2, "set")
    train(values(tiny, rows), react)
    assert answers == [(False, "events.cannot-set")]


def test_a_run_begun_with_other_padding_keeps_it(tiny: Path, rows: Path) -> None:
    """The cut of its steps, and with it the last bits of their losses, stay as they were."""
    settings = values(tiny, rows, dataset={"packing": False, "max_length": 128}, **RESUMED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "coarsest_on", lambda device, positions: 8)
        straight, stopped = train(settings), train(settings, stop_after(3))
    state = stopped.run.complete_checkpoints()[-1] / STATE
    assert json.loads(state.read_text())["coarsest"] == 8
    resumed = Trained(stopped.run, resume=True)
    assert stopped.losses() + resumed.losses() == straight.losses()
    assert json.loads((resumed.run.complete_checkpoints()[-1] / STATE).read_text())["coarsest"] == 8
