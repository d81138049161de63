"""``run:NAME`` as a source: what an earlier run learnt from, without what it was tested on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common.errors import DataError
from engine.config import toml
from engine.config.presets import Layer, resolve
from engine.config.schema import DataSource, RunConfig
from engine.data import run_source
from engine.data.files.preview import preview
from engine.data.files.sources import source_names
from engine.data.reader import load
from engine.data.rows.messages import Row
from engine.data.splitting.split import content_hash, replayed
from engine.runs import directory, interventions
from engine.runs.directory import RunDir
from engine.runs.interventions import Interventions, Skip
from tests.engine.data.conftest import Write, config, source
from tests.engine.data.splitting.making import split

pytestmark = pytest.mark.usefixtures("home")


def rows_file(write: Write, name: str, count: int = 20) -> Path:
    return write(name, "".join(json.dumps({"prompt": f"{name} {i}", "completion": "yes"}) + "\n" for i in range(count)))


def make_run(name: str, *data: dict[str, object], held_out: int = 5) -> RunDir:
    values = {
        "run": {"name": name}, "model": {"name_or_path": "tiny"}, "data": list(data), "dataset": {"eval_rows": held_out}
    }  # fmt: skip
    return directory.create("tiny", toml.dumps(resolve([Layer("test", values)])), name)


def prompts(rows: list[Row]) -> set[str]:
    return {row.first("user") for row in rows}


def test_the_rows_of_an_earlier_run_are_those_it_trained_on(write: Write) -> None:
    old = rows_file(write, "old.jsonl")
    make_run("first", {"path": str(old)})
    then = config(source(old), eval_rows=5)
    kept = split(load(then).rows, then.dataset, then.run.seed)
    rows = load(config(source("run:first"))).rows
    assert prompts(rows) == prompts([load(then).rows[i] for i in kept.train])
    assert {row.source for row in rows} == {"run-first"}
    assert {row.file for row in rows} == {str(old)}


@pytest.mark.parametrize("has_files", [True, False])
def test_rows_that_the_run_skipped_are_left_out_and_counted(write: Write, has_files: bool) -> None:
    old = rows_file(write, "old.jsonl")
    run = make_run("first", {"path": str(old)})
    make_run("second", {"path": "run:first"}, held_out=0)
    before = load(config(source("run:first"))).rows
    run_source.save_sample(run, before)
    spoiled = before[3:5]
    keys = tuple(content_hash(row, toml.load(run.config).config.run.drawn_by).hex() for row in spoiled)
    interventions.keep(run, Interventions(skips=(Skip(step=10, of_step=12, rows=2, keys=keys),)))
    if not has_files:
        old.unlink()
    for name in ("run:first", "run:second") if has_files else ("run:first",):
        rows = load(config(source(name))).rows
        assert prompts(rows) == prompts(before) - prompts(spoiled)
        assert len(rows) == len(before) - 2
        assert run_source.skipped_rows(DataSource(path=name)) == 2


def test_a_run_of_before_labels_counted_is_split_as_it_was_then(write: Write) -> None:
    """Else rows that it has learnt would pass for rows it never saw, and the other way round."""
    lines = [json.dumps({"text": f"text {i}", "label": "rare" if i % 9 == 0 else "usual"}) for i in range(200)]
    labelled = write("old.jsonl", "\n".join(lines))
    run = make_run("first", {"path": str(labelled)}, held_out=20)
    stratified = prompts(load(config(source("run:first"))).rows)
    written = run.config.read_text()
    run.config.write_text("".join(line for line in written.splitlines(True) if not line.startswith("stratify")))
    then = config(source(labelled), eval_rows=20, stratify=False)
    rows = load(then).rows
    kept = prompts([rows[index] for index in split(rows, then.dataset, then.run.seed).train])
    assert prompts(load(config(source("run:first"))).rows) == kept
    assert stratified != kept


def test_a_run_gives_neither_its_validation_nor_its_test(write: Write) -> None:
    old = rows_file(write, "old.jsonl", 50)
    values = {
        "run": {"name": "first"}, "model": {"name_or_path": "tiny"}, "data": [{"path": str(old)}],
        "dataset": {"eval_rows": 5, "test_rows": 7},
    }  # fmt: skip
    directory.create("tiny", toml.dumps(resolve([Layer("test", values)])), "first")
    then = config(source(old), eval_rows=5, test_rows=7)
    rows = load(then).rows
    parts = split(rows, then.dataset, then.run.seed)
    found = prompts(load(config(source("run:first"))).rows)
    assert len(found) == 38
    assert not found & prompts([rows[index] for index in parts.heldout + parts.test])


def test_replayed_rows_are_never_held_out_again(write: Write) -> None:
    make_run("first", {"path": str(rows_file(write, "old.jsonl"))})
    now = config(source(rows_file(write, "new.jsonl")), source("run:first", role="replay"), eval_rows=15)
    loaded = load(now)
    parts = split(loaded.rows, now.dataset, now.run.seed, replayed(now))
    assert {loaded.rows[i].source for i in parts.heldout} == {"new"}
    assert len(parts.heldout) == 15


def test_a_run_that_built_on_another_brings_both_datas(write: Write) -> None:
    make_run("first", {"path": str(rows_file(write, "a.jsonl"))}, held_out=2)
    second = rows_file(write, "b.jsonl")
    make_run("second", {"path": str(second)}, {"path": "run:first", "role": "replay", "share": 0.1}, held_out=2)
    rows = load(config(source("run:second"))).rows
    assert len(rows) == 18 + 18
    assert run_source.files(source("run:second")) == [second, second.with_name("a.jsonl")]


def test_runs_that_are_each_others_data_are_refused(write: Write) -> None:
    first = make_run("first", {"path": str(rows_file(write, "a.jsonl"))})
    second = make_run("second", {"path": "run:first"})
    first.config.write_text(first.config.read_text().replace(str(rows_file(write, "a.jsonl")), "run:second"))
    for ask in (lambda: load(config(source("run:second"))), lambda: run_source.files(source("run:first"))):
        with pytest.raises(DataError) as caught:
            ask()
        assert caught.value.code == "data.runs-in-a-circle"
        assert first.id in caught.value.message
        assert second.id in caught.value.message


def test_a_run_can_not_be_its_own_data(write: Write) -> None:
    run = make_run("first", {"path": str(rows_file(write, "a.jsonl"))})
    run.config.write_text(run.config.read_text().replace(str(rows_file(write, "a.jsonl")), f"run:{run.id}"))
    with pytest.raises(DataError, match="each other's data"):
        load(config(source("run:first")))


def test_a_run_that_is_not_there_is_named(write: Write) -> None:
    with pytest.raises(DataError) as caught:
        load(config(source("run:nobody")))
    assert "run:nobody" in caught.value.message


def test_the_recorded_sample_stands_for_files_that_are_gone(write: Write) -> None:
    old = rows_file(write, "old.jsonl", 500)
    run = make_run("first", {"path": str(old)})
    rows_then = load(config(source(old))).rows
    run_source.save_sample(run, rows_then[: run_source.SAMPLE_ROWS])
    old.unlink()
    rows = load(config(source("run:first"))).rows
    assert len(rows) == run_source.SAMPLE_ROWS
    assert rows[0].source == "run-first"
    assert rows[0].messages[1].content == "yes"
    assert (run.path / run_source.SAMPLE_NAME).stat().st_mode & 0o077 == 0


def test_without_files_and_sample_the_missing_file_is_named(write: Write) -> None:
    old = rows_file(write, "old.jsonl")
    make_run("first", {"path": str(old)})
    old.unlink()
    with pytest.raises(DataError) as caught:
        load(config(source("run:first")))
    assert str(old) in caught.value.message


def test_plain_text_survives_the_sample(write: Write) -> None:
    run = make_run("first", {"path": str(write("a.txt", "hello"))})
    run_source.save_sample(run, [Row((), "line one\nline \ud800two", "a", "a.txt", 3)])
    (row,) = run_source.read_sample(run)
    assert (row.text, row.number, row.kind) == ("line one\nline \ud800two", 3, "text")


def test_a_look_at_an_earlier_run_shows_its_first_rows(write: Write) -> None:
    make_run("first", {"path": str(rows_file(write, "old.jsonl"))})
    seen = preview("run:first")
    assert seen.count_estimate == 20
    assert seen.rows[0].first("user") == "old.jsonl 0"


def test_earlier_runs_have_names_of_their_own_among_sources() -> None:
    sources = [DataSource(path="a/first.jsonl"), DataSource(path="run:first"), DataSource(path="run:first")]
    assert source_names(sources) == ["first", "run-first", "run-first-2"]


def test_what_is_replayed_is_told_by_its_role() -> None:
    made = RunConfig.model_validate(
        {"model": {"name_or_path": "m"}, "data": [{"path": "a.jsonl"}, {"path": "run:x", "role": "replay"}]}
    )
    assert replayed(made) == {"run-x"}
