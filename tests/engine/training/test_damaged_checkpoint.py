"""A damaged newest checkpoint costs the steps since the one before, never a wrong training and never its own files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.common.errors import RunError
from engine.messages.catalogue import part
from engine.models.adapter.find import find_adapter
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.checkpoints import damage, newest_whole
from engine.runs.directory import RunDir
from engine.training import checkpoint
from tests.engine.training.making import Trained, stop_after, train, values

OPTIMIZER, WEIGHTS, RANDOM = "optimizer.pt", "adapter_model.safetensors", "rng_state_0.pth"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 0x40
    path.write_bytes(held)


def lie(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"step": 1}))


DAMAGES: list[tuple[str, Callable[[Path], None], str]] = [
    (WEIGHTS, cut, "instead of"),
    (WEIGHTS, flip, "is not what was written"),
    (OPTIMIZER, Path.unlink, "is gone"),
    (OPTIMIZER, flip, "is not what was written"),
    (RANDOM, Path.unlink, "is gone"),
    (RANDOM, flip, "is not what was written"),
    ("trainer_state.json", lie, "trainer_state.json"),
    ("adapter_config.json", flip, "is not what was written"),
]


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was stopped after step 4, with checkpoints of steps 2 and 4."""
    from tests.engine.training.making import write_rows

    place = tmp_path_factory.mktemp("damaged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEDECK_HOME", str(place / "home"))
        settings = values(tiny, write_rows(place / "rows.jsonl"), checkpoint={"every": 2})
        return train(settings, stop_after(4)).run.path


@pytest.fixture
def run(trained: Path, home: Path) -> RunDir:
    return RunDir(shutil.copytree(trained, home / "runs" / trained.name))


def forget_hashes(run: RunDir) -> None:
    """As earlier versions marked what is complete."""
    for folder in run.complete_checkpoints():
        (folder / "COMPLETE").write_text("1795991677\n")


def test_a_resumed_run_goes_on_from_the_one_before_and_says_so(run: RunDir) -> None:
    flip(run.checkpoint(4) / WEIGHTS)
    resumed = Trained(run, resume=True)
    assert resumed.of(ev.RunStarted)[0].resumed_from_step == 2
    assert [step.step for step in resumed.of(ev.Step)] == [3, 4, 5, 6]
    (warned,) = [event for event in resumed.of(ev.Warn) if event.message.code == "events.checkpoint-damaged"]
    args = warned.message.args
    assert (args["checkpoint"], args["used"], args["kept"]) == ("checkpoint-4", "checkpoint-2", "checkpoint-4.damaged")
    assert WEIGHTS in part(warned.message, "message")
    assert (run.path / "checkpoint-4.damaged" / WEIGHTS).is_file()
    assert run.checkpoint(4) in run.complete_checkpoints()  # step 4 was reached again


@pytest.mark.parametrize(("name", "harm", "says"), DAMAGES)
def test_every_damage_is_seen_and_named(run: RunDir, name: str, harm: Callable[[Path], None], says: str) -> None:
    harm(run.checkpoint(4) / name)
    told: list[ev.Event] = []
    assert checkpoint.newest_sound(run, told.append) == run.checkpoint(2)
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-2"]
    (warned,) = told
    assert isinstance(warned, ev.Warn)
    assert says in part(warned.message, "message")


@pytest.mark.parametrize(
    ("name", "harm"), [(name, harm) for name, harm, _ in DAMAGES[:1] + DAMAGES[2:3] + DAMAGES[6:7]]
)
def test_checkpoints_of_earlier_versions_are_tried_by_loading_them(
    run: RunDir, name: str, harm: Callable[[Path], None]
) -> None:
    forget_hashes(run)
    assert checkpoint.newest_sound(run, lambda event: None) == run.checkpoint(4)
    harm(run.checkpoint(4) / name)
    assert checkpoint.newest_sound(run, lambda event: None) == run.checkpoint(2)


def test_where_none_is_whole_nothing_is_renamed_and_the_way_out_is_named(run: RunDir) -> None:
    for folder in run.complete_checkpoints():
        cut(folder / OPTIMIZER)
    with pytest.raises(RunError, match="All checkpoints of this run are damaged") as caught:
        Trained(run, resume=True)
    assert "checkpoint-4: optimizer.pt" in caught.value.message
    assert "checkpoint-2: optimizer.pt" in caught.value.message
    assert str(run.config) in caught.value.hint
    assert len(run.complete_checkpoints()) == 2


def test_two_damaged_ones_of_the_same_step_are_both_kept(run: RunDir) -> None:
    (run.path / "checkpoint-4.damaged").mkdir()
    flip(run.checkpoint(4) / RANDOM)
    checkpoint.newest_sound(run, lambda event: None)
    assert (run.path / "checkpoint-4.damaged-2" / RANDOM).is_file()
    removed = {path.name for path in directory.what_delete_removes(run)}
    assert {"checkpoint-4.damaged", "checkpoint-4.damaged-2"} <= removed


def test_another_run_goes_on_from_an_adapter_that_is_whole(run: RunDir) -> None:
    shutil.rmtree(run.adapter)
    assert find_adapter(str(run.path)).path == run.checkpoint(4)
    flip(run.checkpoint(4) / OPTIMIZER)  # which another run does not need
    assert find_adapter(str(run.path)).path == run.checkpoint(4)
    flip(run.checkpoint(4) / WEIGHTS)
    assert find_adapter(str(run.path)).path == run.checkpoint(2)


def test_a_whole_one_has_no_damage_and_what_people_add_is_none(run: RunDir) -> None:
    (run.checkpoint(4) / "my-notes.txt").write_text("the good one")
    assert damage(run.checkpoint(4)) is None
    assert newest_whole(run) == (run.checkpoint(4), [])
