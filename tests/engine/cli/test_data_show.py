"""``tunedeck data show``: a row token by token without colour, and what its exit code says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli.commands import data_show
from engine.data.token_view.form import from_json
from engine.data.token_view.report import WIDTH, cells
from engine.messages.catalogue import text
from tests.engine.cli.cli_calls import Answer, Shell
from tests.engine.data.quality.making import asked, jsonl


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_text(jsonl(asked("One?", "First."), asked("Two?", "Second <|im_end|> one."), asked("Three?", "Third.")))
    return path


Serve = Callable[[str], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serve:
    """Puts a process in the place of the child, without its seconds of loading: ``body`` answers ``asked``."""

    def put(body: str) -> None:
        script = tmp_path / "child.py"
        script.write_text(
            "import json, sys\n"
            "def say(**values): print(json.dumps(values), flush=True)\n"
            "print('noise', flush=True)\n"
            f"for line in sys.stdin:\n    asked = json.loads(line)\n    {body}\n"
        )
        monkeypatch.setattr(data_show, "COMMAND", (sys.executable, "-S", str(script)))

    return put


def show(shell: Shell, *arguments: object) -> Answer:
    return shell("data", "show", *arguments)


@pytest.mark.usefixtures("warm")
def test_a_row_is_shown_with_marks_and_verdicts(shell: Shell, rows: Path, tiny: Path) -> None:
    answer = show(shell, rows, "--row", 3, "--model", tiny)
    assert answer.code == 0
    assert "»Third.{<|im_end|>}«" in answer.out
    assert "ok The answer is trained whole (train_on = assistant)." in answer.out
    assert all(cells(line) <= WIDTH for line in answer.out.splitlines() if str(rows) not in line)


@pytest.mark.usefixtures("warm")
def test_the_next_bad_row_of_a_config_is_given_as_json(shell: Shell, rows: Path, tiny: Path) -> None:
    config = rows.with_name("run.toml")
    config.write_text(f"[model]\nname_or_path = {json.dumps(str(tiny))}\n[[data]]\npath = {json.dumps(str(rows))}\n")
    answer = show(shell, config, "--bad", "--json", "--set", "dataset.train_on=last")
    ray = from_json({name: value for name, value in answer.json.items() if name not in ("at", "bad")})
    assert (answer.code, ray.row, answer.json["bad"]) == (1, 2, True)
    assert any("(train_on = last)" in text(verdict.what) for verdict in ray.verdicts)


def test_a_row_that_is_not_there_ends_it_with_2(shell: Shell, rows: Path, serve: Serve) -> None:
    serve("say(type='trouble', title='There is no such row', message=f'row {asked[\"row\"]}: 1 to 3', hint='')")
    answer = show(shell, rows, "--row", 9, "--model", "any")
    assert (answer.code, answer.out) == (2, "")
    assert "There is no such row\n  row 9: 1 to 3" in answer.err


def test_without_a_bad_row_it_says_so(shell: Shell, rows: Path, serve: Serve) -> None:
    serve("say(type='none', message='3 rows searched.') if asked['ask'] == 'seek' else say(type='row', at=0)")
    answer = show(shell, rows, "--bad", "--model", "any")
    assert (answer.code, answer.out) == (0, "No bad row from there on. 3 rows searched.\n")
    answer = show(shell, rows, "--bad", "--model", "any", "--json")
    assert (answer.code, answer.json["at"], answer.json["bad"]) == (0, None, False)


def test_a_child_that_dies_is_told_with_its_last_words(shell: Shell, rows: Path, serve: Serve) -> None:
    serve("sys.exit('no tokenizer here')")
    answer = show(shell, rows, "--model", "any")
    assert answer.code == 2
    assert "no tokenizer here" in answer.err


def test_without_a_model_it_asks_for_one(shell: Shell, rows: Path) -> None:
    answer = show(shell, rows, "--row", 1)
    assert answer.code == 2
    assert "Name a model with --model." in answer.err


def test_a_model_that_is_not_here_is_said_with_what_to_do(shell: Shell, rows: Path) -> None:
    answer = show(shell, rows, "--model", "org/not-here")
    assert answer.code == 2
    assert "tunedeck model get org/not-here" in answer.err
