"""Chat and judging as lines, and commands of the command line from within the list of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.app import chat as app
from engine.cli import console
from engine.common import paths
from engine.config import toml
from engine.models.chat_request import ChatRequest, Turn
from engine.runs import choices, evaluations
from engine.runs.choices import HAND
from engine.runs.directory import RunDir
from tests.engine.cli.test_chat import Stood
from tests.tui.judge.test_judge import PAIR, run_with_answers
from tests.tui.plain.conftest import Talk
from tui.draft import draft as drafts


class Interrupted(Stood):
    """Whose answer to a long question is stopped by Ctrl+C."""

    def ask(self, turns: Any, voices: Any, **how: Any) -> Iterator[dict[str, Any]]:
        for record in super().ask(turns, voices, **how):
            if turns[-1].content == "long":
                raise KeyboardInterrupt
            yield record

    def stop(self) -> Iterator[dict[str, Any]]:
        yield {"type": "said", "text": "cut", "tokens": 1, "seconds": 0.1, "dropped": 0, "ended": "stopped"}
        yield {"type": "done"}


@pytest.fixture
def stood(monkeypatch: pytest.MonkeyPatch, home: Path) -> type[Stood]:
    kind: Any = type("Here", (Interrupted,), {"asked": [], "requests": []})
    monkeypatch.setattr(app, "Talk", kind)
    monkeypatch.setattr(app, "command", kind.note)
    monkeypatch.setattr(app, "room_for", lambda *args, **named: None)
    monkeypatch.setattr(app, "found_by", lambda request: None)
    return kind  # type: ignore[no-any-return]


@pytest.fixture
def run(home: Path) -> RunDir:
    return run_with_answers(paths.runs_dir())


def test_a_dialogue_has_a_memory_and_the_base_beside_it(talk: Talk, stood: type[Stood], run: RunDir) -> None:
    said = talk(
        "t 1", "Hello", "/clear", "/base", "Two teas", "/system Be brief.", "/temperature 9", "/again", "/tokens 20",
        "More", "q", "q",
    )  # fmt: skip
    assert [voices for _, voices, _ in stood.asked[:2]] == [["tuned"], ["base"]]
    del stood.asked[:2]
    assert [voices for _, voices, _ in stood.asked] == [["tuned"]] * 3
    assert "Give a number from 0 to 5." in said
    turns, _, how = stood.asked[2]
    assert turns[0] == Turn("system", "Be brief.")
    assert [turn.content for turn in turns if turn.role == "user"] == ["Two teas", "More"]
    assert how["max_new_tokens"] == 20
    assert "\x1b" not in said


def test_stop_strings_are_set_for_all_voices_told_and_taken_away(talk: Talk, stood: type[Stood], run: RunDir) -> None:
    said = talk("t 1", r"/stop \nUser:, x\, y", "Two teas", "/stop", "More", "q", "q")
    assert [how["stop"] for _, _, how in stood.asked] == [("\nUser:", "x, y")] * 2 + [()] * 2
    assert said.count(r"\nUser:, x\, y") == 2  # once typed, once told


def test_ctrl_c_stops_an_answer_and_keeps_the_dialogue(talk: Talk, stood: type[Stood], run: RunDir) -> None:
    said = talk("t 1", "/base", "one", "long", "three", "q", "q")
    assert "cut" in said
    assert "(Stopped by you after 1 token.)" in said
    assert "tuned says three" in said


def test_a_dialogue_is_kept_as_a_row(talk: Talk, stood: type[Stood], run: RunDir, tmp_path: Path) -> None:
    talk("t 1", "/keep", "Two teas", "/keep rows.jsonl", "q", "q")
    assert '"content": "Two teas"' in (tmp_path / "rows.jsonl").read_text()


def test_chat_of_the_command_line_is_lines_too(talk: Talk, stood: type[Stood], home: Path) -> None:
    said = talk(
        "Hello", "q", route="chat", talk=(ChatRequest(target="x"), "Be brief.", {"temperature": 0.5, "stop": ("END",)})
    )
    assert "tuned says Hello" in said
    assert (stood.asked[0][2]["temperature"], stood.asked[0][2]["stop"]) == (0.5, ("END",))


def test_pairs_are_judged_by_number_and_taken_back(talk: Talk, run: RunDir) -> None:
    said = talk("j 1", "1", "2", "b", "3", "v", "1", "1", "1", "1", "q")
    kept = choices.read(evaluations.folder(run, "training"), HAND, PAIR)
    assert len(kept) == 6
    assert [each.chosen for each in kept.values()].count(choices.TIE) == 1
    assert "Answer 1:" in said
    assert "answer 1" in said
    assert "\x1b" not in said
    assert "Judged by hand" in said


def test_a_command_takes_runs_by_number(talk: Talk, run: RunDir, capsys: pytest.CaptureFixture[str]) -> None:
    said = talk("status 1", "o 1", "frobnicate 1", "mix 'a", "compare 1 --no-such", "q")
    assert run.id in said
    assert (run.path / "report.html").is_file()
    assert "A quotation mark is not closed." in said
    assert "--no-such" in said
    assert said.count("What do you want to do?") == 6


def test_every_action_of_the_screen_has_a_word(talk: Talk, run: RunDir) -> None:
    said = talk("?", "q")
    words = ("delete N", "t N", "e N", "j N", "c N N", "u N", "m N", "mix N N", "o N", "a N", "f N", "g N", "copy N")
    assert all(f"  {word}  " in said for word in words)
    assert "hyphen" not in said


def test_a_copy_of_a_run_begins_with_its_answers(talk: Talk, run: RunDir, model: Path, rows: Path) -> None:
    values = {"model.name_or_path": str(model), "data.0.path": str(rows), "train.batch_size": 3}
    run.config.write_text(toml.dumps(drafts.Draft(values).resolve()))
    assert "Step 1 of 6" in talk("copy 1", "q", "q")
    kept = drafts.load()
    assert kept is not None
    assert kept.get("train.batch_size") == 3


def test_what_a_command_asks_is_asked_as_all_else_and_may_be_left(
    talk: Talk, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed: list[bool] = []
    monkeypatch.setattr("engine.cli.main.call", lambda command, screen: agreed.append(console.agrees("Push now?")))
    said = talk("export 1 --to hub", "yes", "export 1 --to hub", "", "export 1 --to hub", "q", "q")
    assert agreed == [True, False]
    assert (said.count("Push now?"), said.count("What do you want to do?")) == (3, 4)
    talk("export 1 --to hub")  # the input ends at the question
    assert agreed == [True, False]


def test_exporting_asks_what_for(talk: Talk, run: RunDir) -> None:
    said = talk("u 1", "merged", "q")
    assert "What is it for?" in said
    assert f"tunedeck export {run.path} --to merged" in said


def test_exporting_to_gguf_asks_which_type_and_takes_it_by_name_or_number(talk: Talk, run: RunDir) -> None:
    said = talk("u 1", "gguf", "q4_k_m", "u 1", "ollama", "", "u 1", "gguf", "b", "q")
    assert f"tunedeck export {run.path} --to gguf --type q4_k_m" in said
    assert f"tunedeck export {run.path} --to ollama --type q8_0" in said
    assert said.count("--type") == 2
