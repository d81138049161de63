"""A run goes on only from what it was made from, unless a person says otherwise; what it held out stays held out."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from engine.common.errors import RunError
from engine.common.files import sha256
from engine.config import toml
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from engine.models import origins
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.steering import Steering
from engine.tokens import held_out
from engine.training.session import Session
from tests.engine.training.making import Trained, create_run, stop_after, train, values, write_rows

SPLIT = {"eval_rows": 4, "test_rows": 3}


@pytest.fixture
def model(tiny: Path, tmp_path: Path, home: Path) -> Path:
    """A copy of the tiny model that may be changed."""
    return Path(shutil.copytree(tiny, tmp_path / "base"))


@pytest.fixture
def run(model: Path, rows: Path) -> RunDir:
    """Stopped after two steps, so that it can be resumed."""
    return train(values(model, rows, dataset=SPLIT), stop_after(2)).run


def resumed(run: RunDir) -> list[ev.Event]:
    """What a resumed run says when its person accepts all changes."""
    told: list[ev.Event] = []
    Session(run, toml.load(run.config).config, told.append, Steering()).execute(True, accept_changes=True)
    return told


def other_weights(model: Path) -> None:
    file = model / "model.safetensors"
    save_file({name: tensor * 1.5 for name, tensor in load_file(file).items()}, file, metadata={"format": "pt"})


CHANGES: list[tuple[Callable[[Path, Path], Any], str]] = [
    (lambda rows, model: write_rows(rows, 15), "24 rows at the start, 15 now"),
    (lambda rows, model: rows.write_text(rows.read_text().replace("tea", "tee")), "other rows than at the start"),
    (lambda rows, model: rows.unlink(), "No such file"),
    (lambda rows, model: other_weights(model), "Model"),
    (lambda rows, model: (model / "chat_template.jinja").write_text("{{ messages }}"), "chat_template.jinja"),
    (lambda rows, model: (model / "tokenizer.json").write_text("{}"), "tokenizer.json"),
    (lambda rows, model: (model / "merges.txt").write_text("a b"), "merges.txt: it is new"),
]


@pytest.mark.parametrize(("change", "says"), CHANGES)
def test_a_run_whose_origins_changed_is_refused_and_names_them(
    run: RunDir, rows: Path, model: Path, change: Callable[[Path, Path], Any], says: str
) -> None:
    assert origins.changes(run) == []
    change(rows, model)
    (said,) = origins.changes(run)
    assert says in text(said)
    with pytest.raises(RunError, match="has changed") as caught:
        Trained(run, resume=True)
    assert says in caught.value.message
    assert f"tunedeck resume {run.id} --accept-changes" in caught.value.hint


@pytest.mark.parametrize(
    ("field", "value"), [("run.seed", 7), ("dataset.eval_rows", 6), ("dataset.test_share", 0.2), ("data.0.max_rows", 9)]
)
def test_a_config_edited_so_that_other_rows_are_held_out_is_a_change(run: RunDir, field: str, value: object) -> None:
    before = run.config.read_text()
    if field == "data.0.max_rows":
        run.config.write_text(before.replace("[[data]]", f"[[data]]\nmax_rows = {value}"))
    else:
        run.config.write_text(toml.with_values(before, {field: value}, "by hand"))
    (said,) = origins.changes(run)
    assert said.args["how"] == Message("origins.settings-otherwise")
    with pytest.raises(RunError, match="has changed"):
        Session(run, toml.load(run.config).config, lambda event: None, Steering()).execute(True)


def test_other_edits_of_the_config_are_none(run: RunDir) -> None:
    run.config.write_text(toml.with_values(run.config.read_text(), {"train.learning_rate": 1e-5}, "by hand"))
    assert origins.changes(run) == []


def test_a_change_that_leaves_size_and_time_alone_is_seen_by_the_runner(run: RunDir, rows: Path) -> None:
    before = rows.stat()
    rows.write_text(rows.read_text().replace("soup", "sOup"))
    os.utime(rows, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(RunError, match="has changed"):
        Trained(run, resume=True)


def test_the_same_files_again_or_in_another_place_are_no_change(run: RunDir, rows: Path, model: Path) -> None:
    os.utime(rows)
    for name in ("model.safetensors", "tokenizer.json"):
        (model / name).write_bytes((model / name).read_bytes())
    assert origins.changes(run) == []
    moved = rows.rename(rows.with_name("moved.jsonl"))
    run.config.write_text(run.config.read_text().replace(str(rows), str(moved)))
    assert origins.changes(run) == []
    assert Trained(run, resume=True).of(ev.Finished)[0].outcome == "finished"


def test_what_was_held_out_stays_so_when_the_data_has_grown(run: RunDir, rows: Path) -> None:
    held = held_out.read(run)
    assert held is not None
    before = set(map(tuple, held.words.tolist()))
    rows.write_text(rows.read_text() + write_rows(rows.with_name("more.jsonl"), 40, start=24).read_text())
    told = resumed(run)
    (kept,) = [e.message for e in told if isinstance(e, ev.Warn) and e.message.code == "events.held-out-kept"]
    assert [(each.args["left"], each.args["rows"]) for each in kept.args["counts"]] == [(4, 4), (3, 3)]
    (started,) = [event for event in told if isinstance(event, ev.RunStarted)]
    assert (started.eval_rows, started.test_rows) == (4, 3)
    assert started.train_rows == 64 - 7
    after = held_out.read(run)
    assert after is not None
    assert set(map(tuple, after.words.tolist())) == before


def test_where_none_is_left_others_are_drawn_and_that_is_said(run: RunDir, rows: Path) -> None:
    write_rows(rows, 30, start=100)
    told = resumed(run)
    assert any(e.message.code == "events.held-out-gone" for e in told if isinstance(e, ev.Warn))
    assert next(e.eval_rows for e in told if isinstance(e, ev.RunStarted)) == 4


def test_what_was_accepted_is_no_change_any_more_and_is_told_with_the_adapter(run: RunDir, rows: Path) -> None:
    write_rows(rows, 15)
    told = resumed(run)
    assert any("24 rows at the start, 15 now" in part(e.message, "message") for e in told if isinstance(e, ev.Warn))
    assert origins.changes(run) == []
    (accepted,) = json.loads((run.adapter / "tunedeck.json").read_text())["accepted_changes"]
    assert Message.from_json(accepted["said"]).args["how"] == Message("origins.other-count", before=24, now=15)


def test_the_record_of_the_adapter_tells_the_files_it_saw_not_those_there_now(model: Path, rows: Path) -> None:
    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Step) and event.step == 2:
            write_rows(rows, 15)

    digest = sha256(rows)
    run = train(values(model, rows), react).run
    (recorded,) = json.loads((run.adapter / "tunedeck.json").read_text())["data_files"]
    assert recorded["sha256"] == digest


def test_an_old_adapter_that_was_trained_on_meanwhile_is_a_change(run: RunDir, model: Path, rows: Path) -> None:
    old = run.path.parent.parent / "old-adapter"
    shutil.copytree(run.adapter, old)
    settings = values(model, rows, strategy={"kind": "continue", "adapter": str(old)})
    child = train(settings, stop_after(2)).run
    assert origins.changes(child) == []
    file = old / "adapter_model.safetensors"
    save_file({name: tensor + 1 for name, tensor in load_file(file).items()}, file, metadata={"format": "pt"})
    assert [said.args["part"] for said in origins.changes(child)] == [Message("origins.part-adapter")]
    shutil.rmtree(old)  # what is gone is in the checkpoint
    assert origins.changes(child) == []


def test_a_folder_a_run_and_a_template_file_are_watched_too(
    model: Path, rows: Path, run: RunDir, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_rows(folder / "a.jsonl", 6, start=200)
    template = tmp_path / "mine.jinja"
    template.write_text((model / "chat_template.jinja").read_text())
    settings = values(model, rows, model={"chat_template": str(template)})
    settings["data"] = [{"path": str(folder)}, {"path": f"run:{run.id}"}]
    made = create_run(settings)
    origins.note(made, toml.load(made.config).config, model)
    assert origins.changes(made) == []
    write_rows(folder / "b.jsonl", 6, start=300)
    template.write_text(template.read_text() + " ")
    run.config.write_text(run.config.read_text().replace("eval_rows = 4", "eval_rows = 5"))
    said = "\n".join(map(text, origins.changes(made)))
    assert f"{folder / 'b.jsonl'}: it is new" in said
    assert f"Chat template {template}" in said
    assert "splits or reads its data in another way" in said


def test_weights_are_compared_by_their_hash_once_it_is_known(run: RunDir, model: Path) -> None:
    (weights,) = [each for each in origins.read(run) if each.path.endswith("model.safetensors")]
    assert weights.sha256


def test_a_run_of_an_earlier_version_goes_on_as_before(run: RunDir, rows: Path) -> None:
    run.origins.unlink()
    write_rows(rows, 20)
    assert origins.changes(run) == []
    assert Trained(run, resume=True).of(ev.Finished)[0].outcome == "finished"


def test_a_deleted_run_leaves_none_of_its_notes(run: RunDir) -> None:
    directory.delete(run)
    assert not run.path.exists()
