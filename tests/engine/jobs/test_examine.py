"""One question for everything about the rows: the doctor's report, the tokenizer's sample, and the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError, TunedeckError
from engine.config.schema import RunConfig
from engine.data.quality.findings import Report, from_json
from engine.jobs import data, examine
from engine.messages.catalogue import text
from engine.messages.message import Message
from tests.engine.training.making import values


def ask(settings: dict[str, Any]) -> tuple[dict[str, Any], Report, list[dict[str, Any]]]:
    """The answer, the report in it, and the progress before it."""
    said: list[dict[str, Any]] = []
    config = RunConfig.model_validate(settings)
    answer = examine.answer(config, lambda kind, **more: said.append({"type": kind, **more}))
    assert answer["kind"] == "result"
    return answer, from_json(json.loads(json.dumps(answer["report"]))), said


def test_it_holds_the_report_the_sample_and_the_figures(tiny: Path, rows: Path) -> None:
    answer, report, said = ask(values(tiny, rows))
    assert [source.rows for source in report.sources] == [24]
    assert report.lengths is not None
    assert report.lengths.rows == 24
    figures = data.answer(RunConfig.model_validate(values(tiny, rows)), lambda kind, **more: None)
    assert {name: answer[name] for name in figures if name != "kind"} == {
        name: value for name, value in figures.items() if name != "kind"
    }
    assert (answer["trouble"], answer["not_known"]) == (None, None)
    assert {item["type"] for item in said} == {"progress"}
    assert {"jobs.looking-at-rows", "jobs.tokenizing"} <= {item["message"].code for item in said}


def test_rows_with_faults_are_reported_and_the_reason_why_they_have_no_figures(
    tiny: Path, tmp_path: Path, home: Path
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"prompt": "a", "completion": "b"}\n' * 20 + "{no json\n")
    answer, report, _ = ask(values(tiny, broken))
    assert report.is_fatal
    assert [finding.code for finding in report.findings if finding.severity == "fatal"] == ["unreadable"]
    assert "rows" not in answer
    assert "row 21" in TunedeckError.from_json(answer["trouble"]).message


def test_without_the_model_the_rows_are_still_examined(rows: Path) -> None:
    answer, report, _ = ask(values(Path("nobody/has-this"), rows))
    assert [source.rows for source in report.sources] == [24]
    assert report.lengths is None
    assert any("nobody/has-this" in text(note) for note in report.notes)
    assert answer["not_known"]


def test_a_tokenizer_that_breaks_is_told_and_takes_no_finding_away(
    tiny: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no such vocabulary")

    monkeypatch.setattr("engine.tokens.tokenizer.load_words", broken)
    answer, report, _ = ask(values(tiny, rows))
    assert [source.rows for source in report.sources] == [24]
    assert any("no such vocabulary" in text(note) for note in report.notes)
    assert "no such vocabulary" in TunedeckError.from_json(answer["trouble"]).message


def test_a_source_that_is_not_there_is_an_error(tiny: Path, tmp_path: Path, home: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        ask(values(tiny, tmp_path / "nowhere.jsonl"))


def test_progress_comes_a_few_times_a_second_only(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(examine.time, "monotonic", lambda: now[0])
    said: list[int] = []
    tell = examine._Tell(lambda kind, done, total, message: said.append(done))
    for done in range(1000):
        tell(done, 1000, Message("jobs.looking-at-rows"))
        now[0] += 0.01
    assert len(said) <= 41
    tell(0, 10, Message("jobs.tokenizing"))
    assert said[-1] == 0


def test_it_leaves_no_file_behind(rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    answer, _, _ = ask(values(Path("nobody/has-this"), rows))
    assert answer["report"]
    assert list(scratch.iterdir()) == []
