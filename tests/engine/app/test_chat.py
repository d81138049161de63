"""Room for a chat beside a training, and what is kept of a dialogue: appended, never written over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.app import chat
from engine.app.chat import Room, add_sample_prompt, append_row, ending, room_for
from engine.common.errors import ConfigError, DataError, MachineError
from engine.config import toml
from engine.machine.gpus import GpuReport
from engine.machine.host import Host
from engine.machine.snapshot import Machine
from engine.models.chat_request import Turn
from engine.models.for_use import find_for_use
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from tests.codes import raises
from tests.engine.runs.making import write

GIB = 1 << 30
TURNS = [Turn("user", "两杯茶\n请"), Turn("assistant", '{"qty": 2}')]


def machine(free: int) -> Machine:
    host = Host("here", 16 * GIB, free, 2, None, ())
    return Machine(GpuReport((), None, None, None), (), host)


@pytest.fixture
def model(tiny: Path, home: Path) -> Any:
    return find_for_use(str(tiny))


def training(needed: int, resident: int, device: str = "cpu") -> tuple[RunDir, RunLock]:
    run = directory.create("tiny", "[model]\nname_or_path = 'x'\n[[data]]\npath = 'x'\n", "orders")
    write(run, ev.MemoryPlan(device=device, needed_bytes=needed), ev.Device(rss=resident))
    lock = RunLock(run.lock)
    lock.acquire()
    return run, lock


def test_alone_there_is_room_or_a_warning(model: Any) -> None:
    found = room_for(model, machine=machine(8 * GIB))
    assert found is not None
    assert found.fits
    assert (found.refusal, found.warnings) == (None, [])
    short = room_for(model, machine=machine(1000))
    assert short is not None
    assert short.refusal is None
    assert [each.code for each in short.warnings] == ["chat.tight"]


def test_a_training_keeps_the_memory_that_it_will_still_take(model: Any) -> None:
    _, lock = training(needed=5 * GIB, resident=2 * GIB)
    try:
        found = room_for(model, machine=machine(8 * GIB))
        assert found is not None
        assert found.free_bytes == pytest.approx(5 * GIB, rel=0.2)
        assert [each.code for each in found.warnings] == ["chat.slows"]
        refused = room_for(model, machine=machine(3 * GIB))
        assert refused is not None
        assert refused.refusal is not None
        assert refused.refusal.code == "chat.no-room"
        assert refused.refusal.reason.args["runs"] == ("orders",)
    finally:
        lock.release()
    assert room_for(model, machine=machine(3 * GIB)).fits  # type: ignore[union-attr]


def test_a_training_on_a_gpu_leaves_the_processor_alone(model: Any) -> None:
    _, lock = training(needed=50 * GIB, resident=2 * GIB, device="cuda")
    try:
        found = room_for(model, machine=machine(8 * GIB))
        assert found is not None
        assert (found.runs, found.slows) == ((), False)
    finally:
        lock.release()


def test_rows_are_appended_as_messages(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    assert append_row(path, TURNS) == 1
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    before = path.read_bytes()
    assert append_row(path, TURNS[:1] * 2) == 2
    assert path.read_bytes().startswith(before + b"\n")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert rows[0] == {
        "messages": [{"role": "user", "content": "两杯茶\n请"}, {"role": "assistant", "content": '{"qty": 2}'}]
    }
    assert len(rows) == 2


@pytest.mark.parametrize("content", [b'{"prompt": "a"}\n', b"no json\n", b"[1]\n", b"\xff\xfe\n"])
def test_rows_of_another_kind_stay_as_they_are(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with raises(DataError, "chat.other-rows"):
        append_row(path, TURNS)
    assert path.read_bytes() == content


def test_only_jsonl_is_appended_to(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    for name in ("rows.json", "rows", "rows.csv", "folder.jsonl"):
        with raises(DataError, "chat.not-jsonl"):
            append_row(tmp_path / name, TURNS)
    (tmp_path / "file").touch()
    with raises(MachineError, "chat.unwritable"):
        append_row(tmp_path / "file" / "rows.jsonl", TURNS)


def test_a_sample_prompt_joins_a_config_whose_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("# mine\n[model]\nname_or_path = 'x'  # small\n[[data]]\npath = 'rows.jsonl'\n")
    assert add_sample_prompt(path, 'Say "hi".') == 1
    assert add_sample_prompt(path, "Two\nlines") == 2
    assert add_sample_prompt(path, "Two\nlines") == 2
    assert toml.load(path).config.sample.prompts == ['Say "hi".', "Two\nlines"]
    assert "# mine" in path.read_text()
    assert "# small" in path.read_text()


def test_a_runs_own_config_and_other_files_are_not_changed(tmp_path: Path, home: Path) -> None:
    run, lock = training(1, 1)
    lock.release()
    with raises(ConfigError, "chat.run-config"):
        add_sample_prompt(run.config, "x")
    for name in ("none.toml", "rows.jsonl"):
        with raises(ConfigError, "chat.not-config"):
            add_sample_prompt(tmp_path / name, "x")
    broken = tmp_path / "broken.toml"
    broken.write_text("[model\n")
    with pytest.raises(ConfigError):
        add_sample_prompt(broken, "x")
    assert broken.read_text() == "[model\n"


def test_how_an_answer_ended_is_said_unless_the_model_ended_it() -> None:
    assert ending({"ended": "stop", "tokens": 3}) is None
    for ended, code in chat._ENDS.items():
        found = ending({"ended": ended, "tokens": 3})
        assert (found.code if found else "") == code
    assert Room(2.0, 1.0).refusal is None
