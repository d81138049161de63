"""``tunedeck data check``: what it prints, and what its exit code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.data.quality.findings import from_json
from tests.engine.cli.cli_calls import Shell
from tests.engine.data.quality.making import asked, jsonl
from tests.tiny import make_tiny_model

ROOT = Path(__file__).resolve().parents[3]


def write(path: Path, *answers: str) -> Path:
    path.write_text(jsonl(*[asked(f"Question {i}?", answer) for i, answer in enumerate(answers)]))
    return path


def test_clean_rows_end_with_nothing_wrong(shell: Shell) -> None:
    answer = shell("data", "check", ROOT / "presets/demo/orders.jsonl")
    assert answer.code == 0
    assert "560 rows of prompt_completion" in answer.out
    assert answer.out.splitlines()[-1] == "No problems found in the text. No tokenizer has read it."


def test_warnings_do_not_end_it_otherwise_than_well(shell: Shell, tmp_path: Path) -> None:
    answer = shell("data", "check", write(tmp_path / "a.jsonl", "I am {{name}}.", "Yes, I am."))
    assert answer.code == 0
    assert "Warning: unfilled placeholders: 1 of 2 rows (50%)" in answer.out
    assert "a.jsonl, row 1: {{name}}" in answer.out


def test_a_row_that_ends_a_training_ends_it_with_1(shell: Shell, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "Yes.", "No, not at all.")
    path.write_text(path.read_text() + "{broken\n")
    answer = shell("data", "check", path)
    assert answer.code == 1
    assert "FATAL:" in answer.out
    assert "a.jsonl, row 3" in answer.out
    assert 'fixes = ["drop_unreadable"]' in answer.out
    assert shell("data", "check", path, "--set", 'dataset.fixes=["drop_unreadable"]').code == 0


@pytest.mark.parametrize("content", [None, "", "{broken", '{"id": 1}'])
def test_what_can_not_be_examined_ends_it_with_2(shell: Shell, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "a.jsonl"
    if content is not None:
        path.write_text(content)
    answer = shell("data", "check", path)
    assert (answer.code, answer.out) == (2, "")
    assert str(path) in answer.err


@pytest.mark.usefixtures("warm")
def test_a_config_is_examined_with_its_model_and_settings(shell: Shell, tmp_path: Path) -> None:
    make_tiny_model(tmp_path / "tiny")
    write(tmp_path / "a.jsonl", *["Yes, and here is why." * (i + 1) for i in range(20)])
    config = tmp_path / "run.toml"
    config.write_text('[model]\nname_or_path = "tiny"\n[[data]]\npath = "a.jsonl"\n[dataset]\nmax_length = 64\n')
    answer = shell("data", "check", config, "--json")
    assert answer.code == 0
    report = from_json({key: value for key, value in answer.json.items() if key != "fatal"})
    assert report.lengths is not None
    assert report.lengths.max_length == 64
    (finding,) = report.of("too_long")
    assert finding.remedies[0].settings["dataset.max_length"] > 64
    assert "tokenizing" in answer.err
    assert shell("data", "check", config, tmp_path / "a.jsonl").code == 2
    config.write_text("[model\n")
    assert shell("data", "check", config).code == 2


def test_json_says_all_and_what_is_fatal(shell: Shell, tmp_path: Path) -> None:
    answer = shell("data", "check", write(tmp_path / "a.jsonl", "I am {{name}}.", "Yes, I am."), "--json")
    assert answer.json["fatal"] is False
    (finding,) = answer.json["findings"]
    assert (finding["code"], finding["severity"], finding["count"]) == ("placeholders", "warning", 1)
    assert finding["places"] == [{"file": str(tmp_path / "a.jsonl"), "row": 1, "seen": "{{name}}", "hint": None}]
    assert finding["remedies"][0]["fix"] == "drop_placeholders"


def test_rows_can_not_steer_the_terminal(shell: Shell, tmp_path: Path) -> None:
    answer = shell("data", "check", write(tmp_path / "a.jsonl", "\x1b]0;owned\x07{{na\x1b[2Jme}}", "[Your \u202eName]"))
    assert all(line.isprintable() for line in answer.out.splitlines())
    assert "control or invisible characters" in answer.out


def test_a_folder_is_examined_file_by_file(shell: Shell, tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", "Yes, it is so.")
    write(tmp_path / "b.jsonl", "I am {{name}}.")
    assert "b.jsonl, row 1" in shell("data", "check", tmp_path).out
