"""A list of runs reads the end of each log only, and no state of a folder breaks it."""

from __future__ import annotations

import pytest

from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.summary import summarise
from tests.engine.runs.making import failure, make_checkpoint, mark_exited, mark_launched, set_facts, step, write


def test_a_new_run_has_its_name_and_model(run: RunDir) -> None:
    found = summarise(run)
    assert (found.name, found.model, found.state, found.step, found.loss) == ("my run", "tiny", "created", 0, None)
    assert found.last_t > 0
    assert not found.resumable


def test_a_running_run_shows_pace_and_loss(run: RunDir) -> None:
    write(run, ev.RunStarted(total_steps=100), *(step(n, loss=2.0, step_time=0.5) for n in range(1, 21)))
    lock = RunLock(run.lock)
    lock.acquire()
    found = summarise(run)
    lock.release()
    assert (found.state, found.step, found.total_steps, found.loss) == ("running", 20, 100, 2.0)
    assert found.eta_s == 40
    assert not found.resumable


def test_a_long_log_is_told_from_its_end(run: RunDir) -> None:
    mark_launched(run)
    set_facts(run, total_steps=5000)
    write(run, ev.RunStarted(total_steps=5000), *(step(n, loss=1.0) for n in range(1, 3001)))
    lock = RunLock(run.lock)
    lock.acquire()
    found = summarise(run)
    assert (found.state, found.step, found.total_steps) == ("running", 3000, 5000)
    assert 100 < len(found.losses) <= 240
    lock.release()
    mark_exited(run, -9)
    assert summarise(run).state == "crashed"


@pytest.mark.parametrize("end", [ev.Finished(outcome="stopped", step=2), failure("NaN"), None])
def test_an_ended_run_can_be_resumed_if_it_has_a_checkpoint(run: RunDir, end: ev.Event | None) -> None:
    mark_launched(run)
    write(run, ev.RunStarted(), step(1), step(2), *([end] if end else []))
    was_stopped = isinstance(end, ev.Finished)  # it begins anew
    assert summarise(run).resumable == was_stopped
    make_checkpoint(run, 1, complete=False)
    assert summarise(run).resumable == was_stopped
    make_checkpoint(run, 2)
    assert summarise(run).resumable


def test_the_losses_of_validation_and_test_are_in_the_list(run: RunDir) -> None:
    evals = [ev.Eval(step=9, moment=moment, part=part, loss=loss) for moment, part, loss in (
        ("before", "test", 3.0), ("during", "validation", 2.0), ("after", "validation", 1.0), ("after", "test", 1.5),
    )]  # fmt: skip
    write(run, *evals[:2])
    assert (summarise(run).eval_loss, summarise(run).test_loss) == (2.0, None)
    write(run, *evals[2:])
    assert (summarise(run).eval_loss, summarise(run).test_loss) == (1.0, 1.5)


def test_a_finished_run_is_not_resumed(run: RunDir) -> None:
    write(run, step(1), ev.Finished(outcome="finished", step=1))
    make_checkpoint(run, 1)
    assert not summarise(run).resumable


@pytest.mark.parametrize("facts", [{"total_steps": "many"}, {"created_t": "now"}, {"name": 7, "model": None}])
@pytest.mark.parametrize("log", [b"", b"\xff\xff", b"{}\n[]\nnull\n", b'{"type":"step"}\n', b"x" * 200_000])
def test_no_damage_to_its_files_breaks_the_list(run: RunDir, facts: dict[str, object], log: bytes) -> None:
    set_facts(run, **facts)
    run.events.write_bytes(log)
    found = summarise(run)
    assert found.step == 0
    assert found.loss is None
