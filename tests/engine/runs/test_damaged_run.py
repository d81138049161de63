"""Whatever lies in the place of a run's file, nobody waits for it, and no other run is hidden by it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.common import files
from engine.common.errors import MachineError, TunedeckError
from engine.common.regular_files import open_regular, read_regular
from engine.messages.message import Message
from engine.models.lineage import read_lineage
from engine.runs import control, directory
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.follow import Tail, load_state
from engine.runs.launch import launch
from engine.runs.summary import summarise
from engine.runs.writer import EventWriter
from tests.engine.runs.making import mark_launched, step, write


def pipe(path: Path) -> None:
    os.mkfifo(path)


def plug(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's name may be no longer than about a hundred letters
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


KINDS: dict[str, Callable[[Path], object]] = {
    "system.is-pipe": pipe, "system.is-a-folder": Path.mkdir, "system.is-socket": plug,
    "system.is-device": lambda path: path.symlink_to("/dev/zero"),
}  # fmt: skip


@pytest.fixture
def good(home: Path) -> RunDir:
    made = directory.create("models/tiny", "[model]\nname_or_path='org/m'\n[[data]]\npath='rows'\n", name="good")
    mark_launched(made)
    write(made, ev.RunStarted(total_steps=2), step(1), step(2), ev.Finished(outcome="finished", step=2))
    return made


@pytest.mark.parametrize("name", ["config.toml", "run.json", "events.jsonl", "runner.log", "exit.json", "control.json"])
@pytest.mark.parametrize("kind", KINDS)
def test_nobody_hangs_and_the_run_is_listed_as_damaged(good: RunDir, run: RunDir, name: str, kind: str) -> None:
    mark_launched(run)
    write(run, ev.RunStarted(total_steps=9), step(1))
    (run.path / name).unlink(missing_ok=True)
    KINDS[kind](run.path / name)
    began = time.monotonic()
    found = {each.id: summarise(each) for each in directory.list_runs()}
    assert found[good.id].state == "finished"
    bad = found[run.id]
    state = load_state(run)
    if name == "control.json":
        assert bad.state == "crashed"
        assert control.read(run) is None
    else:
        assert (bad.state, bad.reason) == ("damaged", Message("runs.damaged-file", file=name, why=Message(kind)))
        assert (state.state, state.reason) == (bad.state, bad.reason)
    assert f"run:{good.id}" in read_lineage().nodes
    assert directory.find(run.id) == run
    directory.delete(run)
    assert not run.path.exists()
    assert time.monotonic() - began < 5
    assert good.path.exists()


@pytest.mark.parametrize("name", ["events.jsonl", "runner.log"])
@pytest.mark.parametrize("kind", ["system.is-pipe", "system.is-a-folder", "system.is-device"])
def test_what_is_no_file_is_not_written_to_either(run: RunDir, name: str, kind: str) -> None:
    KINDS[kind](run.path / name)
    with pytest.raises(MachineError):
        EventWriter(run.events) if name == "events.jsonl" else launch(run)


@pytest.mark.parametrize("name", ["events.jsonl", "runner.log", "lock"])
def test_a_planted_link_is_not_written_through(run: RunDir, tmp_path: Path, name: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (run.path / name).symlink_to(precious)
    with pytest.raises(TunedeckError):
        {"events.jsonl": lambda: EventWriter(run.events), "runner.log": lambda: launch(run),
         "lock": lambda: RunLock(run.lock).acquire()}[name]()  # fmt: skip
    assert precious.read_text() == "mine"


def test_a_link_in_the_place_of_a_file_half_written_is_not_followed(
    run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.get_ident", lambda: 7)
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (run.path / f".run.json.{os.getpid()}-7.tmp").symlink_to(precious)
    files.write_atomic(run.run_json, "{}")
    assert precious.read_text() == "mine"
    assert not run.run_json.is_symlink()


def test_sizes_that_no_run_writes_are_damage(run: RunDir) -> None:
    with run.run_json.open("r+b") as file:
        file.truncate(files.MOST_JSON_BYTES + 1)  # sparse: it takes no space
    assert summarise(run).reason.args["why"].code == "system.too-large"
    assert files.read_json(run.run_json) == {}


def test_a_log_as_deep_or_as_long_as_can_be_is_a_damaged_line(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runs.follow._LONGEST_LINE", 1 << 20)
    write(run, ev.RunStarted(total_steps=9), step(1))
    with run.events.open("ab") as file:
        file.write(b'{"type":"sample","seq":3,"t":1,"step":1,"answer":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n")
        file.write(b'{"type":"warning","seq":4,"title":"' + b"x" * (4 << 20) + b'"}\n')
    write(run, step(2))
    tail = Tail(run.events)
    assert next(event.seq for event in tail.read(max_seconds=60) if isinstance(event, ev.Step)) == 2
    assert tail.broken_lines >= 1
    assert load_state(run).done_steps == 2


def test_an_object_as_deep_as_can_be_is_none(run: RunDir) -> None:
    run.run_json.write_text('{"name":' + "[" * 200_000 + "]" * 200_000 + "}")
    assert run.read_run_json() == {}
    assert summarise(run).name == run.id


def test_a_folder_that_may_not_be_entered_is_listed(good: RunDir, run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = os.stat

    def stat(path: object, *args: object, **kwargs: object) -> os.stat_result:
        if run.id in str(path) and not str(path).endswith(run.id):
            raise PermissionError(13, "Permission denied", str(path))
        return refused(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "lstat", stat)
    found = {each.id: summarise(each).state for each in directory.list_runs()}
    assert found == {good.id: "finished", run.id: "damaged"}


def test_only_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"12345")
    assert read_regular(tmp_path / "there", 5) == b"12345"
    with pytest.raises(OSError, match="more than"):
        read_regular(tmp_path / "there", 4)
    with pytest.raises(OSError, match="device"), open_regular(Path("/dev/zero")):
        pass
    with pytest.raises(OSError, match="more than 100 bytes"):
        read_regular(Path("/proc/self/maps"), 100)  # whose size the system gives as 0
