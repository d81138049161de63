"""Logs of version 1 are read as they always were: list, status, story, end, and what two runs differ in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.app.compare.differences import differences
from engine.messages.message import Message
from engine.models import origins
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.event_lines import decode
from engine.runs.follow import Tail, load_state
from engine.runs.summary import summarise
from tests.engine.cli.cli_calls import Shell
from tests.engine.runs.v1_runs import CONTINUED, FAILED, FINISHED, STOPPED, put_back


@pytest.fixture
def old(home: Path) -> dict[str, RunDir]:
    return put_back(home)


def test_every_line_is_an_event(old: dict[str, RunDir]) -> None:
    for run in old.values():
        tail = Tail(run.events)
        assert len(tail.read()) == len(run.events.read_text().splitlines())
        assert tail.broken_lines == 0


def test_the_list_shows_them(old: dict[str, RunDir], shell: Shell) -> None:
    listed = {each["run"]: each for each in shell("runs", "--json").json}
    assert {run: each["state"] for run, each in listed.items()} == {
        FINISHED: "finished", CONTINUED: "finished", STOPPED: "stopped", FAILED: "failed",
    }  # fmt: skip
    assert [run for run, each in listed.items() if each["resumable"]] == [STOPPED]
    assert (listed[STOPPED]["step"], listed[STOPPED]["total_steps"]) == (38, 160)
    assert "The model's attention fails its test" in shell("runs").out


def test_status_tells_how_each_stands(old: dict[str, RunDir], shell: Shell) -> None:
    told = shell("status", FINISHED, "--json").json
    assert (told["state"], told["step"], told["eval"]["moment"]) == ("finished", 8, "after")
    assert told["memory"]["predicted"] == 594210762
    assert "asked to stop" in shell("status", STOPPED).out
    assert "The model's attention fails its test" in shell("status", FAILED).out


def test_logs_and_the_story_are_told(old: dict[str, RunDir], shell: Shell) -> None:
    assert "attention fails its test" in shell("logs", FAILED).out
    finished = shell("attach", FINISHED, "--plain")
    assert finished.code == 0
    assert "loading tiny" in finished.err
    assert "loss 6.303 -> 6.085" in finished.err
    stopped = shell("attach", STOPPED, "--plain").err
    assert "the training is paused; resume it first" in stopped
    failed = shell("attach", FAILED, "--plain")
    assert failed.code == 1
    assert "Only causal language models can be trained: choose one." in failed.err


def test_what_a_run_was_built_on_is_known(old: dict[str, RunDir], shell: Shell) -> None:
    assert FINISHED in shell("lineage", CONTINUED).out


def test_two_of_them_can_be_compared(old: dict[str, RunDir]) -> None:
    found = {each.field for each in differences(old[FINISHED], old[CONTINUED])}
    assert "strategy.kind" in found
    assert "model.name_or_path" not in found


def test_what_they_were_made_from_is_compared(old: dict[str, RunDir], home: Path) -> None:
    rows = home / "rows.jsonl"
    rows.write_text(rows.read_text() + rows.read_text())
    assert len(origins.changes(old[STOPPED])) == 2  # the rows, and the model that is not here


GIB = 2**30


@pytest.mark.parametrize(
    ("said", "asked"),
    [("1.75 GiB more could not be had", 1.75 * GIB), ("2,048 MiB more could not be had", 2 * GIB),
     ("DefaultCPUAllocator: can't allocate memory", None), (". GiB", None), ("", None)],
)  # fmt: skip
def test_what_memory_could_not_be_had_stood_in_words(said: str, asked: float | None) -> None:
    event = decode(json.dumps({"type": "out_of_memory", "v": 1, "seq": 1, "t": 1.0, "message": said}).encode())
    assert isinstance(event, ev.OutOfMemory)
    assert (event.asked_bytes, event.cause) == (asked, Message.literal(said) if said else None)


def test_an_end_by_lack_of_memory_and_a_warning_keep_their_three_parts() -> None:
    told = {"v": 1, "seq": 1, "t": 1.0, "title": "Out of memory", "message": "in step 3", "hint": "Use nf4."}
    failed, warned = (decode(json.dumps(told | {"type": kind}).encode()) for kind in ("failed", "warning"))
    assert isinstance(failed, ev.Failed)
    assert isinstance(warned, ev.Warn)
    assert (failed.error, failed.reason) == ("OutOfMemory", warned.message)
    error = failed.as_error
    assert (error.title, error.message, error.hint) == ("Out of memory", "in step 3", "Use nf4.")


def test_a_runner_of_today_appends_to_an_old_log(old: dict[str, RunDir]) -> None:
    from engine.runs.writer import EventWriter

    before = load_state(old[STOPPED])
    writer = EventWriter(old[STOPPED].events)
    writer.emit(ev.State(state="starting"))
    writer.emit(ev.RunStarted(total_steps=160, resumed_from_step=38))
    writer.close()
    after = load_state(old[STOPPED])
    assert after.last_seq == before.last_seq + 2
    assert (after.done_steps, len(after.log)) == (38, len(before.log) + 2)
    assert summarise(old[STOPPED]).step == 38
