"""A model as a judge: blind, in both orders, and kept pair by pair; its child process says what it could not judge."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.app.judge import let_model_judge, open_bench
from engine.distributed.device import Placement
from engine.evaluation.judge import Judge, Judged, question
from engine.modeling.load_for_use import Ready, load_for_use
from engine.modeling.out_of_memory import MemoryGuard
from engine.models.for_use import find_for_use
from engine.models.identity import identity_of
from engine.runs import directory, evaluations
from engine.runs.choices import TIE, Pair
from engine.runs.evaluations import Answer, Evaluation, Turn
from tests.tiny import make_tiny_model

NAMES = ("tuned", "base")


@pytest.fixture(scope="module")
def ready(tiny: Path) -> Ready:
    return load_for_use(find_for_use(str(tiny)), Placement(torch.device("cpu"), torch.float32, "no"))


def pair(row: int = 0, ours: str = "yes", theirs: str = "no", reference: str = "") -> Pair:
    return Pair(row, "Is tea hot?", reference, NAMES, (ours, theirs))


def judge_of(ready: Ready) -> Judge:
    return Judge(ready, MemoryGuard(torch.device("cpu"), lambda event: None))


def judged(judge: Judge, *pairs: Pair) -> list[Judged]:
    found: list[Judged] = []
    judge.judge(pairs, lambda: None, found.append)
    return found


def test_the_question_says_nothing_of_who_answered_and_both_orders_are_asked() -> None:
    first, second = question(pair(ours="OURS", theirs="THEIRS"), 0), question(pair(ours="OURS", theirs="THEIRS"), 1)
    assert first.index("OURS") < first.index("THEIRS")
    assert second.index("THEIRS") < second.index("OURS")
    for name in NAMES:
        assert name not in first
    assert "A correct answer" not in first
    assert "A correct answer:\nhot" in question(pair(reference="hot"), 0)


def test_a_judge_of_answers_is_no_tie_and_one_of_places_is(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judge_of(ready)
    seen: list[str] = []

    def margin(prompt: list[int]) -> tuple[float, bool]:
        text = judge._renderer.tokenizer.decode(prompt)
        seen.append(text)
        return (1.0 if text.index("yes") < text.index("no\n") else -1.0), True

    monkeypatch.setattr(judge, "_margin", margin)
    (found,) = judged(judge, pair(ours="yes", theirs="no"))
    assert found.choice is not None
    assert found.choice.chosen == "tuned"
    assert len(set(seen)) == 2
    (found,) = judged(judge, pair(ours="no", theirs="yes"))
    assert found.choice is not None
    assert found.choice.chosen == "base"
    monkeypatch.setattr(judge, "_margin", lambda prompt: (1.0, True))
    (found,) = judged(judge, pair())
    assert found.choice is not None
    assert (found.choice.chosen, found.choice.flipped) == (TIE, True)
    monkeypatch.setattr(judge, "_margin", lambda prompt: (0.0, False))
    (found,) = judged(judge, pair())
    assert found.choice is not None
    assert (found.choice.chosen, found.choice.flipped, found.choice.spoke) == (TIE, False, False)


def test_the_logits_are_those_of_the_model(ready: Ready) -> None:
    judge = judge_of(ready)
    prompt = judge._renderer.tokenizer("Is tea hot?")["input_ids"]
    with torch.no_grad():
        logits = ready.model(input_ids=torch.tensor([prompt])).logits[0, -1].float()
    a, b = (max(float(logits[token]) for token in letter) for letter in judge._letters)
    assert judge._margin(prompt)[0] == pytest.approx(a - b, abs=1e-4)


def test_a_pair_that_is_too_long_is_left_out(ready: Ready) -> None:
    long, short = judged(judge_of(ready), pair(0, ours="tea " * 600), pair(1))
    assert long.choice is None
    assert short.choice is not None


def in_dialogue(words: int) -> Pair:
    turns = (Turn("system", "Answer in Celsius."), Turn("user", "tea " * words), Turn("assistant", "Yes."))
    return Pair(0, "And now?", "", NAMES, ("yes", "no"), earlier=turns)


def test_the_judge_reads_the_whole_dialogue() -> None:
    said = question(in_dialogue(2), 0)
    order = ("System: Answer in Celsius.", "User: tea tea", "Assistant: Yes.", "Request:\nAnd now?", "Answer A:")
    assert sorted(order, key=said.index) == [*order]
    assert "left out" not in said


def test_the_judge_reads_the_functions_that_could_be_called_and_what_one_returned() -> None:
    schema = '{"type": "function", "function": {"name": "temperature"}}'
    asked = replace(in_dialogue(2), tools=(schema,))
    said = question(asked, 0)
    order = ("Functions that the assistants could call:", schema, "System: Answer in Celsius.", "Request:\nAnd now?")
    assert sorted(order, key=said.index) == [*order]
    assert "What the function returned:\nAnd now?" in question(replace(asked, role="tool"), 0)
    assert asked.mark != in_dialogue(2).mark, "without them it was judged blindfold"


def test_of_a_dialogue_that_is_too_long_it_reads_the_end_and_says_what_it_did_not(ready: Ready) -> None:
    whole, cut = judged(judge_of(ready), in_dialogue(2), in_dialogue(600))
    assert whole.choice is not None
    assert cut.choice is not None
    assert (whole.choice.unread, cut.choice.unread) == (0, 2)
    said = question(in_dialogue(600), 0, unread=2)
    assert "[2 earlier turns are left out]" in said
    assert "tea" not in said
    assert "Assistant: Yes." in said


@pytest.mark.usefixtures("warm")
def test_two_judges_in_folders_of_one_name_are_two(tiny: Path, home: Path, tmp_path: Path) -> None:
    other = make_tiny_model(tmp_path / "elsewhere" / tiny.name, seed=1)
    copy = shutil.copytree(tiny, tmp_path / "copy" / tiny.name)
    run = directory.create("tiny", "")
    where = evaluations.folder(run, "mine")
    evaluations.keep_answers(
        where, [Answer(candidate=name, row=0, prompt="q", reference="", answer=f"{name} says so") for name in NAMES]
    )
    evaluations.keep(where, Evaluation(name="mine", part="test", n=1, candidates=["base", "tuned"], metrics=[]))
    one = let_model_judge(open_bench(run, judge=str(tiny)))
    assert open_bench(run, judge=str(other)).left
    two = let_model_judge(open_bench(run, judge=str(other)))
    assert one.name != two.name
    assert one.reason is not None
    assert one.reason.args["identity"] in one.name
    assert {each.name for each in evaluations.all_of(run)} == {"mine", one.name, two.name}
    assert not open_bench(run, judge=str(copy)).left  # the same model, wherever it lies


@pytest.mark.usefixtures("warm")
def test_the_child_keeps_every_choice_and_goes_on_with_what_is_left(tiny: Path, home: Path, tmp_path: Path) -> None:
    """A real process, twice: the second has nothing left to ask but one new pair."""
    run = directory.create("tiny", "")
    where = evaluations.folder(run, "mine")

    def answer(row: int) -> list[Any]:
        return [Answer(candidate=name, row=row, prompt="q", reference="", answer=f"{name} {row}") for name in NAMES]

    evaluations.keep_answers(where, [each for row in range(3) for each in answer(row)])
    evaluations.keep(where, Evaluation(name="mine", part="test", n=3, candidates=["base", "tuned"], metrics=[]))
    found = let_model_judge(open_bench(run, judge=str(tiny)))
    assert found.n == 3
    assert found.reason is not None
    evaluations.keep_answers(where, answer(3))
    said: list[str] = []
    bench = open_bench(run, judge=str(tiny))
    again = let_model_judge(bench, on_progress=lambda done, total, what: said.append(what.code))
    assert again.n == 4
    name = f"mine.judged-by-{tiny.name}-{identity_of(find_for_use(str(tiny)))}"
    assert evaluations.read(evaluations.folder(run, name)) == again
