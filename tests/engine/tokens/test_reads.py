"""How often the files of a run are read: their rows once before it starts, and once when they are made tokens.

Looks at the head of a file are not counted (previews, the first rows by which its format is found); the token view
reads for itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.app import preflight
from engine.common import file_hash
from engine.config.presets import Layer, resolve
from engine.config.schema import RunConfig
from engine.jobs import examine
from engine.models import origins
from engine.runs.phases import Phases
from engine.tokens import cache_key
from engine.tokens.dataset import Prepared, prepare_rows
from tests.engine.training.families import renderer
from tests.engine.training.making import create_run, values

ROWS = 20_000


class Lengths:
    """A renderer that costs nothing."""

    tokenizer = renderer("chatml").tokenizer

    def render(self, row: Any, train_on: str) -> tuple[list[int], list[int]]:
        ids = [1, len(row.messages[0].content), 2]
        return ids, list(ids)

    def prompt_text(self, messages: Any, tools: Any) -> str:
        return "".join(message.content for message in messages)


@pytest.fixture
def large(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some MB: more than any look takes. Helpers of their own would not be counted."""
    monkeypatch.setattr("engine.tokens.tokenising.spare_processors", lambda: 0)
    monkeypatch.setattr("engine.data.quality.check.spare_processors", lambda: 0)
    monkeypatch.setattr(cache_key, "tokenizer_digest", lambda renderer: "lengths")
    monkeypatch.setattr("engine.tokens.dataset.check_stop_tokens", lambda renderer, row: None)
    path = tmp_path / "large.jsonl"
    row = {"prompt": "How many boxes of tea are there in the harbour of Oslo? " * 3, "completion": "Nobody knows."}
    path.write_text("".join(json.dumps(row | {"prompt": f"{n} {row['prompt']}"}) + "\n" for n in range(ROWS)))
    time.sleep(0.05)  # of a file that was written this very moment no hash is trusted
    return path


def reads(file: Path, do: Callable[[], Any]) -> float:
    """Bytes that ``do`` reads, as a multiple of ``file``."""
    before = _read_bytes()
    do()
    return (_read_bytes() - before) / file.stat().st_size


def _read_bytes() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


def config_of(file: Path, **dataset: Any) -> RunConfig:
    return RunConfig.model_validate(values(Path("models/tiny"), file, dataset=dataset))


def run(config: RunConfig) -> Prepared:
    """As a runner does it: note what the run is made from, make its rows tokens, and keep some of them."""
    made = create_run(config.model_dump(mode="json", exclude_none=True))
    origins.note(made, config, Path("models/tiny"))
    found = prepare_rows(config, Lengths(), Phases(lambda event: None))  # type: ignore[arg-type]
    origins.note_rows(made, found.read)
    (noted,) = [each for each in origins.read(made) if each.part == "data"]
    assert (noted.rows, len(noted.sha256)) == (ROWS, 64)
    return found


def test_a_start_reads_the_rows_once_before_and_once_for_their_tokens(large: Path) -> None:
    config = config_of(large)
    assert large.stat().st_size < preflight.READ_WHOLE_BYTES
    resolved = resolve([Layer("test", config.model_dump(mode="json", exclude_none=True))])
    preflight.of_files(resolved)  # libraries load their own files once
    file_hash._fresh.clear()
    assert 0.9 < reads(large, lambda: preflight.of_files(resolved)) < 1.3
    file_hash._fresh.clear()  # the runner is another process
    assert 0.9 < reads(large, lambda: run(config)) < 1.3


def test_a_start_from_the_cache_reads_nothing_whatever_is_held_out(large: Path) -> None:
    first = run(config_of(large))
    assert reads(large, lambda: run(config_of(large, eval_rows=300, test_rows=200))) < 0.3
    again = run(config_of(large))
    assert again.cached
    assert list(again.heldout_rows)[:200] == list(first.heldout_rows)[:200]


def test_what_nobody_read_before_is_read_once_for_its_hash(large: Path) -> None:
    assert 1.9 < reads(large, lambda: run(config_of(large))) < 2.3


def test_all_that_is_asked_of_rows_before_a_start_comes_from_one_pass(large: Path) -> None:
    config = config_of(large)
    examine.answer(config_of(large), lambda kind, **more: None)  # libraries load their own files once
    assert 0.9 < reads(large, lambda: examine.answer(config, lambda kind, **more: None)) < 1.5
