"""Rows stream through tokenising: in one process or several, from files or the cache, the examples are the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.config.schema import RunConfig
from engine.data.files import lenient
from engine.data.reader import load
from engine.data.rows.messages import Message as Turn
from engine.data.rows.messages import Row, ToolCall
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.phases import Phases
from engine.runs.steering import StopRequested
from engine.tokens.dataset import Prepared, prepare_rows
from engine.tokens.examples import Example, tokenise
from engine.tokens.store import TokenStore, packed_rows, unpacked_rows
from engine.tokens.tokenising import write_tokens
from tests.engine.training.families import renderer
from tests.engine.training.making import values, write_rows

MODEL = Path("models/tiny")


def config_of(*paths: Path, source: dict[str, Any] | None = None, **sections: Any) -> RunConfig:
    data = [{"path": str(path)} | (source or {}) for path in paths]
    return RunConfig.model_validate(values(MODEL, paths[0], **sections) | {"data": data})


def prepared(config: RunConfig, events: list[ev.Event] | None = None) -> Prepared:
    sink = events.append if events is not None else lambda event: None
    return prepare_rows(config, renderer("chatml"), Phases(sink))


def plain(examples: Sequence[Example]) -> list[Any]:
    return [(e.ids.tolist(), e.labels.tolist(), e.source, e.row, e.weight) for e in examples]


def stored(config: RunConfig, folder: Path, helpers: int) -> TokenStore:
    folder.mkdir()
    write_tokens(config, renderer("chatml"), folder, lambda done, total: None, helpers)
    return TokenStore(folder)


def add(path: Path, *rows: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_the_examples_are_those_of_tokenising_row_by_row(rows: Path, tmp_path: Path) -> None:
    other = write_rows(tmp_path / "other.jsonl", 10, start=50)
    config = config_of(rows, other, dataset={"eval_rows": 0})
    loaded = load(config).rows
    examples, report = tokenise(loaded, range(len(loaded)), renderer("chatml"), config.dataset, {"rows": 0, "other": 1})
    found = prepared(config)
    assert plain(found.train) == plain(examples)
    assert (found.tokens.tokens, found.tokens.supervised) == (report.tokens, report.supervised)
    assert found.train.lengths.tolist() == [len(example.ids) for example in examples]
    assert found.train.supervised.tolist() == [example.supervised for example in examples]
    assert plain(found.train[2:4]) == plain(examples[2:4])
    assert plain([found.train[-1]]) == plain(examples[-1:])


def test_from_the_cache_everything_is_as_it_was(rows: Path) -> None:
    add(rows, {"prompt": "word " * 300, "completion": "yes"}, {"prompt": "What?", "completion": ""})
    config = config_of(rows, dataset={"test_rows": 3})
    fresh, again = prepared(config, first := []), prepared(config, second := [])
    assert (fresh.cached, again.cached) == (False, True)
    for part in ("train", "heldout", "test"):
        assert plain(getattr(fresh, part)) == plain(getattr(again, part))
    assert (list(fresh.heldout_rows), list(fresh.test_rows)) == (list(again.heldout_rows), list(again.test_rows))
    assert (fresh.sample, fresh.tokens, fresh.dropped) == (again.sample, again.tokens, again.dropped)
    assert [e for e in first if isinstance(e, ev.Warn)] == [e for e in second if isinstance(e, ev.Warn)]


def test_the_rows_that_are_answered_are_those_that_were_held_out(rows: Path) -> None:
    found = prepared(config_of(rows))
    every = load(config_of(rows)).rows
    assert list(found.heldout_rows) == [every[example.row] for example in found.heldout]
    assert found.sample == [every[example.row] for example in found.train]


def test_another_split_needs_no_tokenising(rows: Path) -> None:
    prepared(config_of(rows, dataset={"eval_rows": 4}))
    found = prepared(config_of(rows, source={"weight": 2.0}, dataset={"eval_rows": 2, "test_rows": 5}))
    assert found.cached
    assert (len(found.train), len(found.heldout), len(found.test)) == (17, 2, 5)
    assert set(found.train.weights.tolist()) == {2.0}
    assert [row.number for row in found.test_rows] == [e.row + 1 for e in found.test]


def test_files_are_called_as_they_are_called_now(rows: Path, tmp_path: Path) -> None:
    add(rows, {"prompt": "What?", "completion": ""})
    prepared(config_of(rows))
    moved = rows.rename(tmp_path / "moved.jsonl")
    found = prepared(config_of(moved), events := [])
    assert found.cached
    assert {row.file for row in (*found.sample, *found.heldout_rows)} == {str(moved)}
    [warning] = [event for event in events if isinstance(event, ev.Warn)]
    assert warning.message.args["file"] == str(moved)


def test_helpers_make_the_same_store(rows: Path, tmp_path: Path) -> None:
    add(rows, {"prompt": "What?", "completion": ""}, {"prompt": "word " * 300, "completion": "yes"})
    config = config_of(rows, write_rows(tmp_path / "more.jsonl", 700), dataset={"eval_rows": 0})
    alone, shared = stored(config, tmp_path / "alone", 0), stored(config, tmp_path / "shared", 2)
    assert (alone.folder / "store.json").read_text() == (shared.folder / "store.json").read_text()
    for name in ("rows.bin", "pieces.bin", "tokens.bin"):
        assert (alone.folder / name).read_bytes() == (shared.folder / name).read_bytes()
    assert sorted(path.name for path in shared.folder.iterdir()) == sorted(path.name for path in alone.folder.iterdir())


def test_rows_that_others_repeat_are_left_out(rows: Path) -> None:
    first = json.loads(rows.read_text().splitlines()[0])
    add(rows, first, {**first, "completion": "another answer"})
    for fixes in (["drop_exact_duplicates"], ["one_answer_per_prompt"], ["drop_near_duplicates"]):
        config = config_of(rows, dataset={"eval_rows": 0, "fixes": fixes})
        expected = load(config)
        found = prepared(config)
        assert len(found.train) == len(expected.rows) < 26
        assert found.sample == expected.rows
        assert (found.dropped["unreadable"], found.dropped["repeated"]) == (0, expected.report.skipped_count)


def test_rows_behind_max_rows_are_neither_read_nor_missed(rows: Path) -> None:
    write_rows(rows, 300)
    with rows.open("a") as file:
        file.write("{broken\n")
    config = config_of(rows, rows, source={"max_rows": 10}, dataset={"eval_rows": 0})
    found = prepared(config)
    assert plain(found.train[:10]) == [(*first[:2], 0, first[3] - 10, first[4]) for first in plain(found.train[10:])]
    with pytest.raises(DataError, match="not valid JSON"):
        prepared(config_of(rows))


def test_texts_split_with_an_overlap_are_the_same_from_the_cache(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": f"{i} tea to Oslo " * 30}) + "\n" for i in range(3)))
    config = config_of(path, dataset={"max_length": 40, "too_long": "split", "split_overlap": 8, "eval_rows": 0})
    fresh, again = prepared(config), prepared(config)
    assert again.cached
    assert plain(fresh.train) == plain(again.train)
    assert (fresh.train.rows == 1).sum() > 2
    assert fresh.tokens.supervised == again.tokens.supervised < fresh.tokens.tokens


def test_a_row_of_weight_zero_is_left_out_with_a_warning(rows: Path) -> None:
    add(rows, {"prompt": "Why?", "completion": "So.", "w": 0}, {"prompt": "When?", "completion": "Now.", "w": 3})
    columns = {"prompt": "prompt", "completion": "completion", "weight": "w"}
    config = config_of(rows, source={"columns": columns, "weight": 0.5}, dataset={"eval_rows": 0})
    found = prepared(config, events := [])
    assert sorted(set(found.train.weights.tolist())) == [0.5, 1.5]
    assert found.dropped["weightless"] == 1
    assert [e.message for e in events if isinstance(e, ev.Warn)] == [Message("events.rows-weightless", rows=1)]


def test_stopping_in_the_middle_leaves_no_cache(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lenient, "BLOCK_BYTES", 1 << 14)
    write_rows(rows, 2000)
    config, asked = config_of(rows), 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 5:
            raise StopRequested

    with pytest.raises(StopRequested):
        prepare_rows(config, renderer("chatml"), Phases(lambda event: None, check))
    assert not prepared(config).cached


def test_a_renderer_that_helpers_can_not_have_is_used_here(rows: Path, tmp_path: Path) -> None:
    class Local(type(renderer("chatml"))):  # type: ignore[misc]
        """Of no module: it can't be sent anywhere."""

    made = renderer("chatml")
    local = Local(made.tokenizer, made.stops)
    (tmp_path / "store").mkdir()
    write_tokens(config_of(rows), local, tmp_path / "store", lambda done, total: None, helpers=2)
    assert TokenStore(tmp_path / "store").facts.rows == 24


_MEASURED = """
import sys, types
from pathlib import Path
from engine.config.schema import RunConfig
from engine.data.files import lenient
from engine.tokens import dataset
from engine.tokens import cache_key as token_key
from engine.runs.phases import Phases

def resident(field):
    return 1024 * int(Path("/proc/self/status").read_text().partition(field)[2].split()[0])

class Words:
    def render(self, row, train_on):
        ids = [1, *(len(word) for word in row.text.split()), 2]
        return ids, list(ids)

token_key.tokenizer_digest = lambda renderer: "words"
config = RunConfig.model_validate({"model": {"name_or_path": "-"}, "data": [{"path": sys.argv[1]}]})
before = resident("VmRSS:")
for _ in range(2):
    found = None
    found = dataset.prepare_rows(config, Words(), Phases(lambda e: None))
print(len(found.train) + len(found.heldout), found.cached, resident("VmHWM:") - before)
"""


def test_a_large_file_is_never_held_in_memory(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    with path.open("w") as file:
        for index in range(200_000):
            file.write(f'{{"text": "Order {index} of tea to Oslo, {"thank you, " * 12}and {index % 977} more."}}\n')
    code = ["-c", "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" + _MEASURED, str(path)]
    root = Path(__file__).resolve().parents[3]
    said = subprocess.run([sys.executable, *code], cwd=root, capture_output=True, text=True, check=True).stdout
    rows, cached, grown_bytes = said.split()
    assert (rows, cached) == ("200000", "True")
    assert int(grown_bytes) < 90e6


def test_rows_are_kept_with_their_tokens_as_they_were() -> None:
    call = ToolCall("pay", '{"sum": 1.10}', "c1")
    turns = (Turn("user", "half a letter: \ud83d"), Turn("assistant", "", "why", (call,)))
    rows = [Row(turns, "", "", "", 7, ('{"name": "pay"}',), 0.5, "g"), Row((), "text", "", "", 8)]
    assert unpacked_rows(packed_rows(rows)) == rows
    assert unpacked_rows(packed_rows(rows[1:])) == rows[1:]
