"""A dataset of the hub is exported once and read from then on as files; what can't be had is an error in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from engine.common.errors import DataError
from engine.data.files import hub
from engine.data.files.sources import source_files
from tests.engine.data.conftest import config, load_rows, source

WANTED = source("someone/rows", subset="small", split="validation")


class Exporter:
    """Answers in place of the child process; ``has`` is what the machine holds without the network."""

    def __init__(self, reachable: bool = True, has: bool = False) -> None:
        self.reachable, self.has = reachable, has
        self.asked: list[bool] = []

    def __call__(self, arguments: list[str], offline: bool) -> dict[str, str]:
        self.asked.append(offline)
        if not (self.has if offline else self.reachable):
            return {"type": "error", "title": "No way", "message": "someone/rows: \x1b[31mred", "hint": "Try later."}
        folder = Path(arguments[arguments.index("--into") + 1])
        pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"]}), folder / "rows-00000.parquet")
        return {"type": "done"}


@pytest.fixture(autouse=True)
def caches(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_DATASETS_CACHE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "hf"


def test_a_dataset_is_fetched_once() -> None:
    export = Exporter()
    first = hub.rows_of(WANTED, export=export)
    assert hub.rows_of(WANTED, export=Exporter(reachable=False)) == first
    assert [path.name for path in first] == ["rows-00000.parquet"]
    assert export.asked == [False]


def test_each_split_and_subset_is_kept_apart() -> None:
    assert len({hub.folder_of(WANTED), hub.folder_of(source("someone/rows")), hub.folder_of(source("some/one"))}) == 3


def test_its_rows_are_loaded_like_those_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_run", Exporter())
    assert [row.text for row in load_rows(config(WANTED))] == ["a", "b"]


def test_the_network_is_asked_only_for_what_is_not_here(caches: Path) -> None:
    (caches / "datasets" / "someone___rows").mkdir(parents=True)
    export = Exporter(has=True)
    hub.rows_of(WANTED, export=export)
    assert export.asked == [True]


def test_what_the_cache_lacks_is_fetched(caches: Path) -> None:
    (caches / "hub" / "datasets--someone--rows").mkdir(parents=True)
    export = Exporter(has=False)
    hub.rows_of(WANTED, export=export)
    assert export.asked == [True, False]


def test_without_network_and_cache_the_error_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    export = Exporter()
    with pytest.raises(DataError, match="not on this machine") as caught:
        hub.rows_of(WANTED, export=export)
    assert export.asked == []
    assert "download" in caught.value.hint


def test_a_failed_export_leaves_nothing_and_its_words_are_clean() -> None:
    with pytest.raises(DataError, match="No way") as caught:
        hub.rows_of(WANTED, export=Exporter(reachable=False))
    assert "\x1b" not in caught.value.message
    assert list(hub.folder_of(WANTED).parent.iterdir()) == []


def test_a_look_may_do_without_fetching() -> None:
    with pytest.raises(DataError, match="not been downloaded yet"):
        source_files(WANTED, fetch=False)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("someone/rows", True), ("someone/rows-v1.5", True), ("rows", False), ("a/b/c", False),
        ("someone/rows.jsonl", False), ("./rows", False), ("/a/b", False), ("someone/rows.jsonl.gz", False),
    ],
)  # fmt: skip
def test_what_may_be_a_dataset_of_the_hub(path: str, is_one: bool) -> None:
    assert hub.is_hub_id(path) == is_one


def test_a_path_into_a_folder_that_is_here_is_no_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="No such file"):
        source_files(source("data/rows"))


def test_the_exporter_writes_parquet_with_the_names_of_classes(tmp_path: Path, caches: Path) -> None:
    """The real child process, on a folder in place of a hub id: the library reads both in the same way."""
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "train.jsonl").write_text('{"text": "a", "label": 1}\n' * 3)
    answer = _export(str(tmp_path / "rows"), tmp_path)
    assert answer == {"type": "done", "rows": 3}
    rows = load_rows(config(source(tmp_path / "out" / "rows-00000.parquet")))
    assert len(rows) == 3


def test_rows_are_drawn_from_a_stream_each_time_the_same_and_no_more_than_asked_for(
    tmp_path: Path, caches: Path
) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "train.jsonl").write_text("".join(f'{{"text": "row {n}"}}\n' for n in range(300)))
    drawn = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        answer = _export(str(tmp_path / "rows"), tmp_path / name, "--draw", "40")
        assert answer == {"type": "done", "rows": 40}
        assert [path.name for path in (tmp_path / name / "out").iterdir()] == ["rows-00000.parquet"]
        rows = load_rows(config(source(tmp_path / name / "out" / "rows-00000.parquet")))
        drawn.append([row.text for row in rows])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 40
    assert drawn[0] != [f"row {n}" for n in range(40)]


def test_what_was_drawn_is_kept_apart_from_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = source("someone/rows", streaming=True, max_rows=40)
    assert len({hub.folder_of(source("someone/rows")), hub.folder_of(stream)}) == 2
    asked: list[list[str]] = []
    hub.rows_of(stream, export=lambda arguments, offline: asked.append(arguments) or Exporter()(arguments, offline))
    assert asked[0][-2:] == ["--draw", "40"]


def test_the_exporter_says_in_one_line_what_can_not_be_had(tmp_path: Path, caches: Path) -> None:
    answer = _export("someone/that-is-nowhere", tmp_path)
    assert (answer["type"], answer["error"]) == ("error", "DataError")
    assert answer["args"]["name"] == "someone/that-is-nowhere"


def _export(name: str, tmp_path: Path, *more: str) -> dict[str, Any]:
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-m", "engine.jobs.hub_export", name, "--into", str(tmp_path / "out"), *more]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    *pulses, line = ended.stdout.splitlines()
    assert all(json.loads(pulse)["type"] == "pulse" for pulse in pulses)
    answer: dict[str, Any] = json.loads(line)
    return answer
