"""More replay while a run trains: exact from the next step on, kept with the run, repeated by a resume."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.common.errors import ConfigError
from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs import mix_changes
from engine.runs.mix_changes import MixChange
from engine.runs.steering import Steering
from engine.training.mixing import plan_steps, replay_now, share_wanted
from tests.engine.training.making import Trained, create_run, stop_after, train, values, write_rows


def config(*shares: tuple[str, float | None], **train_section: Any) -> RunConfig:
    return RunConfig.model_validate(
        {
            "model": {"name_or_path": "m"},
            "data": [{"path": f"{i}.jsonl", "role": role, "share": share} for i, (role, share) in enumerate(shares)],
            "train": {"batch_size": 10, "num_train_epochs": 3.0, **train_section},
        }
    )


def prepared(*counts: int) -> Any:
    sources = np.repeat(np.arange(len(counts)), counts)
    return SimpleNamespace(train=SimpleNamespace(lengths=np.full(len(sources), 10), sources=sources))


def share_of(plan: Any, rows: Any, source: int, first: int, last: int) -> float:
    drawn = np.concatenate([plan.rows(step) for step in range(first, last + 1)])
    return float((rows.train.sources[drawn] == source).mean())


def test_the_share_changes_after_the_step_and_nothing_before_it() -> None:
    settings, rows = config(("new", None), ("replay", 0.1)), prepared(180, 100)
    plain, changed = plan_steps(settings, rows), plan_steps(settings, rows, [MixChange(8, 0.4)])
    assert changed.total_steps == plain.total_steps
    assert all(np.array_equal(plain.rows(step), changed.rows(step)) for step in range(1, 9))
    assert share_of(changed, rows, 1, 1, 8) == pytest.approx(0.1, abs=0.03)
    assert share_of(changed, rows, 1, 9, changed.total_steps) == pytest.approx(0.4, abs=0.03)
    assert changed.epoch_after(8) == plain.epoch_after(8)
    assert changed.epoch_after(9) > changed.epoch_after(8)


def test_the_new_rows_go_on_where_they_stood() -> None:
    """What a pass has seen is not seen again in it, but for about one batch."""
    settings, rows = config(("new", None), ("replay", 0.1)), prepared(180, 100)
    changed = plan_steps(settings, rows, [MixChange(8, 0.4)])
    new = [[row for row in changed.rows(step) if row < 180] for step in range(1, 30)]
    seen: list[int] = []
    for of_step in new:
        if len(seen) + len(of_step) > 180:
            break
        seen += of_step
    assert len(seen) - len(set(seen)) <= 10


def test_several_changes_hold_one_after_another() -> None:
    settings, rows = config(("new", 0.7), ("replay", 0.2), ("replay", 0.1)), prepared(100, 100, 100)
    plan = plan_steps(settings, rows, [MixChange(20, 0.6), MixChange(50, 0.15)])
    assert share_of(plan, rows, 0, 1, 20) == pytest.approx(0.7, abs=0.03)
    assert share_of(plan, rows, 0, 21, 50) == pytest.approx(0.4, abs=0.03)
    assert share_of(plan, rows, 1, 21, 50) == pytest.approx(0.4, abs=0.03)  # two thirds of the replay
    assert share_of(plan, rows, 0, 51, plan.total_steps) == pytest.approx(0.85, abs=0.04)
    assert replay_now(settings, plan) == pytest.approx(0.15, abs=0.02)


def test_without_replay_general_rows_count_and_without_both_it_is_refused() -> None:
    rows = prepared(100, 100)
    plan = plan_steps(config(("new", None), ("general", 0.1)), rows, [MixChange(5, 0.3)])
    assert share_of(plan, rows, 1, 6, 20) == pytest.approx(0.3, abs=0.05)
    with pytest.raises(ConfigError) as error:
        plan_steps(config(("new", None), ("new", 0.1)), rows, [MixChange(5, 0.3)])
    assert error.value.code == "forgetting.no-replay"


@pytest.mark.parametrize(
    ("value", "now", "expected"), [(0.25, 0.1, 0.25), ("more", 0.1, 0.2), ("more", 0.02, 0.1), ("more", 0.4, 0.5)]
)
def test_more_is_twice_as_much_and_at_most_half(value: object, now: float, expected: float) -> None:
    assert share_wanted(value, now) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0, 1, -0.2, True, "lots", None, float("nan"), [0.2]])
def test_what_is_no_share_is_refused(value: object) -> None:
    with pytest.raises(ConfigError) as error:
        share_wanted(value, 0.1)
    assert error.value.code == "forgetting.no-share"
    with pytest.raises(ConfigError):
        share_wanted("more", 0.5)


def replaying(tiny: Path, rows: Path, tmp_path: Path) -> dict[str, Any]:
    settings = values(tiny, rows)
    settings["data"].append({"path": str(write_rows(tmp_path / "old.jsonl", 20, 100)), "role": "replay", "share": 0.1})
    return settings


def asks(step: int, **given: Any) -> tuple[Any, list[tuple[bool, str]]]:
    answers: list[tuple[bool, str]] = []

    def react(event: ev.Event, steering: Steering) -> None:
        def answer(ok: bool, message: Message) -> None:
            answers.append((ok, message.code))

        if isinstance(event, ev.Step) and event.step == step:
            steering.put("set", answer, given)

    return react, answers


def test_a_run_changes_its_share_and_a_resume_repeats_it(tiny: Path, rows: Path, tmp_path: Path) -> None:
    react, answers = asks(2, replay=0.5)
    whole = train(replaying(tiny, rows, tmp_path), react)
    assert answers == [(True, "forgetting.replay-set")]
    assert mix_changes.read(whole.run) == [MixChange(2, 0.5)]
    run = create_run(replaying(tiny, rows, tmp_path))
    mix_changes.add(run, MixChange(2, 0.5))
    first = Trained(run, stop_after(4))
    rest = Trained(run, resume=True)
    assert first.losses() + rest.losses() == whole.losses()
    assert whole.losses()[:2] == train(replaying(tiny, rows, tmp_path)).losses()[:2]


def test_a_run_without_replay_refuses_and_goes_on_as_it_was(tiny: Path, rows: Path) -> None:
    react, answers = asks(2, replay="more")
    asked = train(values(tiny, rows), react)
    assert answers == [(False, "forgetting.no-replay")]
    assert asked.losses() == train(values(tiny, rows)).losses()
    assert mix_changes.read(asked.run) == []


def test_a_file_that_makes_no_sense_changes_nothing(tiny: Path, rows: Path) -> None:
    run = create_run(values(tiny, rows))
    (run.path / "mix_changes.json").write_text('{"changes": [{"step": -1, "replay": 0.2}, {"replay": 2}, 7]}')
    assert mix_changes.read(run) == []


def test_a_run_stopped_at_its_best_keeps_that_step_whatever_the_config_says(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, eval={"every": 1, "keep": "last"}, checkpoint={"every": 1})
    settings["train"]["learning_rate"] = 0.9  # after the first steps it only gets worse

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Step) and event.step == 5:
            steering.at_best = True
            steering.stop(Message("events.asked-to-stop"))

    stopped = train(settings, react)
    (finished,) = stopped.of(ev.Finished)
    losses = {each.step: each.loss for each in stopped.of(ev.Eval) if each.moment == "during"}
    assert finished.result_step == min(losses, key=lambda step: losses[step]) < 5


@pytest.mark.e2e
def test_two_processes_train_as_one_with_more_replay_and_held_to_the_base(
    tiny: Path, rows: Path, tmp_path: Path
) -> None:
    found = []
    for gpus in ("cpu", "cpu,cpu"):
        settings = replaying(tiny, rows, tmp_path) | {"launch": {"gpus": gpus}}
        settings["train"]["kl_to_base"] = 0.5
        settings["eval"] |= {"forgetting": True, "every": 3}
        react, answers = asks(2, replay=0.5)
        found.append(train(settings, react))
        assert answers == [(True, "forgetting.replay-set")]
    one, two = found
    assert two.losses() == pytest.approx(one.losses(), abs=1e-4)
    gauged = [[each.kl_task for each in trained.of(ev.Forgetting)] for trained in found]
    assert gauged[1] == pytest.approx(gauged[0], abs=1e-4)
