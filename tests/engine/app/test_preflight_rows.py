"""A check tries the first rows as the model reads them, so that what it lets pass can be run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.app.preflight_rows import check_rows
from engine.common.errors import DataError
from engine.config.schema import RunConfig
from tests.tiny import make_tiny_model


def config(model: Path, rows: Path, max_length: int) -> RunConfig:
    return RunConfig.model_validate(
        {
            "model": {"name_or_path": str(model)},
            "data": [{"path": str(rows)}],
            "dataset": {"max_length": max_length, "eval_rows": 3},
        }
    )


def test_a_run_that_would_end_with_its_first_rows_is_refused_with_what_helps(home: Path, tmp_path: Path) -> None:
    model, rows = make_tiny_model(tmp_path / "model"), tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"prompt": f"Say {n}.", "completion": "yes " * 90}) + "\n" for n in range(6)))
    with pytest.raises(DataError, match="Every row is longer") as caught:
        list(check_rows(config(model, rows, 64), lambda *progress: None))
    length = int(caught.value.hint.split(" = ")[1].split()[0])
    assert list(check_rows(config(model, rows, length), lambda *progress: None)) == []


def test_without_the_model_nothing_is_claimed(home: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"prompt": "Say it.", "completion": "Yes."}) + "\n")
    (issue,) = check_rows(config(Path("nobody/nothing"), rows, 64), lambda *progress: None)
    assert (issue.level, "not known" in issue.message) == ("note", True)
