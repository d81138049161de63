"""Evaluations are kept answer by answer, and count only when their summary is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.messages.message import Message
from engine.metrics.result import Comparison, Mean
from engine.runs import evaluations, events
from engine.runs.directory import RunDir
from engine.runs.evaluations import BASE, TUNED, Answer, Evaluation
from engine.runs.reducer import reduce


def _answer(row: int, answer: str = "yes") -> Answer:
    return Answer(candidate=TUNED, row=row, prompt="p", reference="yes", answer=answer, scores={"exact_match": 1.0})


def _evaluation(name: str) -> Evaluation:
    return Evaluation(
        name=name, part="test", n=2, candidates=[BASE, TUNED], metrics=["exact_match"],
        reason=Message("events.exact-match"),
        means=[Mean(candidate=TUNED, metric="exact_match", value=1.0, low=0.3, high=1.0, n=2)],
        comparisons=[
            Comparison(
                candidate=TUNED, against=BASE, metric="exact_match", difference=0.5, low=-0.1, high=1.0, p=None,
                adjusted_p=None, test="none", n=2, verdict="unclear",
            )
        ],
    )  # fmt: skip


def test_an_interrupted_evaluation_keeps_its_answers_and_is_not_whole(tmp_path: Path) -> None:
    where = evaluations.folder(RunDir(tmp_path), "tickets")
    evaluations.keep_answers(where, [_answer(0)])
    evaluations.keep_answers(where, [_answer(1)])
    with (where / evaluations.ANSWERS).open("ab") as file:
        file.write(b'{"candidate":"tuned","ro')
    assert list(evaluations.answers(where)) == [_answer(0), _answer(1)]
    assert evaluations.read(where) is None
    assert evaluations.all_of(RunDir(tmp_path)) == []


def test_a_summary_comes_back_as_it_was_and_that_of_the_training_comes_first(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    for name in ("again", evaluations.TRAINING):
        evaluations.keep(evaluations.folder(run, name), _evaluation(name))
    found = evaluations.all_of(run)
    assert found == [_evaluation(evaluations.TRAINING), _evaluation("again")]
    assert found[0].mean(TUNED, "exact_match") == found[0].means[0]
    assert found[0].comparison(TUNED, BASE, "exact_match") == found[0].comparisons[0]
    assert found[0].comparison(BASE, TUNED, "exact_match") is None


@pytest.mark.parametrize("name", ["", "../out", "a/b", ".hidden", "a" * 81])
def test_a_name_never_leads_out_of_the_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(name)}$"):
        evaluations.folder(RunDir(tmp_path), name)


def test_the_log_says_that_an_evaluation_is_kept() -> None:
    event = events.Evaluated(seq=1, t=1.0, name=evaluations.TRAINING, n=40)
    state = reduce([event])
    assert state.evaluations == (event,)
    assert state.log[-1].message == Message("events.evaluated", name=evaluations.TRAINING, rows=40)


def test_an_empty_answer_beside_a_loss_was_given_and_a_loss_alone_was_not() -> None:
    cost = {"nats": 4.0, "tokens": 2.0}
    empty = Answer(candidate=TUNED, row=0, prompt="p", reference="yes", answer="", scores=cost | {"exact_match": 0.0})
    alone = Answer(candidate=TUNED, row=0, prompt="", reference="yes", answer="", scores=cost)
    text = Answer(candidate=TUNED, row=0, prompt="some text", reference="", answer="", scores=cost)
    assert (empty.was_asked, alone.was_asked, text.was_asked) == (True, False, False)
