"""What a path on the command line means, and what is said where it means nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.app.opening import opened
from engine.common.errors import TunedeckError
from tests.tui.wizard.making import make_model, make_rows
from tests.tui.wizard.old_adapters import make_adapter, make_run, make_whole_model
from tui.draft.opened import draft_of


def test_a_file_of_rows_opens_as_data(tmp_path: Path) -> None:
    rows = make_rows(tmp_path / "orders.jsonl")
    found = opened([str(rows)])
    assert (found.kind, found.sources, found.is_text) == ("rows", (str(rows),), False)
    draft = draft_of(found)
    assert (draft.task, draft.preset, draft.get("data.0.path")) == ("instructions", "first-steps", str(rows))


def test_documents_begin_with_the_task_of_plain_text(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("A long text about nothing in particular.\n" * 20)
    assert draft_of(opened([str(tmp_path / "book.txt")])).task == "text"


def test_of_a_folder_what_is_readable_is_taken_and_the_rest_is_named(tmp_path: Path) -> None:
    first, second = make_rows(tmp_path / "a.jsonl"), make_rows(tmp_path / "b.jsonl")
    (tmp_path / "broken.jsonl").write_text("no JSON at all\n")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\x00")
    (tmp_path / "notes.txt").write_text("by the way\n")
    found = opened([str(tmp_path)])
    assert found.sources == (str(first), str(second))
    assert {note.args["file"] for note in found.left_out} == {"broken.jsonl", "photo.png", "notes.txt"}
    assert draft_of(found).notes[1:] == found.left_out


def test_rows_named_as_a_test_are_not_trained_on(tmp_path: Path) -> None:
    train = make_rows(tmp_path / "train.jsonl")
    make_rows(tmp_path / "test.jsonl")
    found = opened([str(tmp_path)])
    assert found.sources == (str(train),)
    assert [note.args["reason"].code for note in found.left_out] == ["opening.other-split"]


def test_very_many_files_are_one_source(tmp_path: Path) -> None:
    for number in range(20):
        make_rows(tmp_path / f"part-{number}.jsonl", 3)
    assert opened([str(tmp_path)]).sources == (str(tmp_path),)


def test_columns_that_nobody_knows_are_mapped_in_the_wizard(tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text(json.dumps({"left": "a", "right": "b", "n": 3}) + "\n")
    assert opened([str(tmp_path / "odd.jsonl")]).sources == (str(tmp_path / "odd.jsonl"),)
    assert opened([str(tmp_path)]).sources == (str(tmp_path / "odd.jsonl"),)


def test_a_model_a_run_and_a_config_are_known(tmp_path: Path, home: Path) -> None:
    model = make_model(tmp_path / "tiny")
    assert opened([str(model)]).kind == opened([str(model / "model.safetensors")]).kind == "model"
    assert draft_of(opened([str(model)])).get("model.name_or_path") == str(model)
    assert opened(["smollm2-135m"]).kind == "model"
    run = home / "runs" / "20260101-120000-orders"
    run.mkdir(parents=True)
    (run / "config.toml").write_text("")
    assert (opened([str(run)]).kind, opened([run.name]).kind) == ("run", "run")


def test_an_adapter_is_trained_further_whoever_made_it(tmp_path: Path, home: Path) -> None:
    base = make_whole_model(home / "models" / "tiny-chat")
    run = make_run(home / "runs", base, make_rows(tmp_path / "old.jsonl"))
    foreign = make_adapter(tmp_path / "foreign", base)
    for folder, named in ((run.adapter, run.id), (foreign, str(foreign))):
        found = opened([str(folder)])
        draft = draft_of(found)
        assert (found.kind, draft.step, draft.get("strategy.kind")) == ("adapter", "strategy", "continue")
        assert (draft.get("strategy.adapter"), draft.get("model.name_or_path")) == (named, str(base))


def test_an_adapter_whose_base_is_elsewhere_begins_with_the_model(tmp_path: Path, home: Path) -> None:
    draft = draft_of(opened([str(make_adapter(tmp_path / "foreign", "someone/else"))]))
    assert (draft.step, [note.code for note in draft.notes]) == ("model", ["opening.base-elsewhere"])


def test_a_config_opens_the_review_of_what_it_holds(tmp_path: Path) -> None:
    rows = make_rows(tmp_path / "orders.jsonl")
    config = tmp_path / "orders.toml"
    config.write_text(f'[model]\nname_or_path = "smollm2-135m"\n[[data]]\npath = "{rows}"\n')
    draft = draft_of(opened([str(config)]))
    assert (draft.step, draft.get("data.0.path")) == ("review", str(rows))
    assert [note.code for note in draft.notes] == ["opening.from-config"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.jsonl", b"", "data.empty"), ("rows.jsonl", b"\x00\xff\xfe\x81" * 400, "opening.binary"),
        ("photo.png", b"\x89PNG", "data.unknown-kind"), ("model.gguf", b"GGUF", "opening.gguf"),
        ("gone.jsonl", None, "opening.no-place"), ("org/model", None, "opening.hub"),
    ],
    ids=["empty", "binary", "photo", "gguf", "gone", "hub"],
)  # fmt: skip
def test_what_is_of_no_use_says_why(
    name: str, content: bytes | None, code: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_bytes(content)
    with pytest.raises(TunedeckError) as refused:
        opened([name])
    assert refused.value.code == code
    assert refused.value.hint


def test_an_empty_folder_and_one_without_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.jsonl").write_text("no JSON\n")
    for name, code in (("empty", "opening.empty-folder"), ("broken", "opening.none-readable")):
        with pytest.raises(TunedeckError) as refused:
            opened([str(tmp_path / name)])
        assert refused.value.code == code


def test_only_rows_can_be_several(tmp_path: Path, home: Path) -> None:
    rows, more = make_rows(tmp_path / "a.jsonl"), make_rows(tmp_path / "b.jsonl")
    assert opened([str(rows), str(more), str(rows)]).sources == (str(rows), str(more))
    with pytest.raises(TunedeckError) as refused:
        opened([str(rows), "smollm2-135m"])
    assert refused.value.code == "opening.one-only"
