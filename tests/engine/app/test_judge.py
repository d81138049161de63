"""What choices between pairs come to: the sign test, a judge's agreement with a person, and its corrected rate."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from engine.app.judge import Bench, conclude, dialogue, open_bench
from engine.common.errors import RunError
from engine.messages.catalogue import text
from engine.runs import directory, evaluations
from engine.runs.choices import HAND, TIE, Choice, Pair
from engine.runs.directory import RunDir
from engine.runs.evaluations import Answer, Evaluation, Turn


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run with 60 pairs of answers, of rows in 60 groups or none."""
    made = directory.create("tiny", "", root=tmp_path)
    where = evaluations.folder(made, "mine")
    evaluations.keep_answers(
        where,
        [
            Answer(candidate=name, row=row, prompt=f"q{row}", reference="r", answer=f"{name} {row}")
            for row in range(60)
            for name in ("base", "tuned")
        ],
    )
    evaluations.keep(where, Evaluation(name="mine", part="test", n=60, candidates=["base", "tuned"], metrics=[]))
    return made


def judged(run: RunDir, judge: str, choices: list[str], flips: int = 0) -> Bench:
    """``choices`` in the order of the pairs: of tuned, base, or TIE."""
    bench = open_bench(run, judge=judge)
    for at, (pair, chosen) in enumerate(zip(bench.pairs.pairs, choices, strict=False)):
        orders = ("tuned", "base") if at < flips else (chosen, chosen)
        by_order = None if judge == HAND else orders
        bench.keep(Choice(row=pair.row, pair=bench.names, chosen=TIE if at < flips else chosen, by_order=by_order))
    return bench


def codes(found: Evaluation) -> list[str]:
    return [note.code for note in found.notes]


def test_many_wins_are_a_verdict_and_few_are_none(run: RunDir) -> None:
    found = conclude(judged(run, HAND, ["tuned"] * 20 + ["base"] * 4 + [TIE] * 6))
    assert found.comparisons[0].verdict == "better"
    assert found.mean("tuned", "preferred").value == pytest.approx(23 / 30)  # type: ignore[union-attr]
    assert found.comparisons[0].difference == pytest.approx(16 / 30)
    assert codes(found) == ["judge.pairs-left"]
    assert "20 wins, 4 losses, 6 ties" in text(found.sentence)  # type: ignore[arg-type]


def test_half_and_half_can_not_be_told_and_losses_are_a_verdict_too(run: RunDir) -> None:
    assert conclude(judged(run, HAND, ["tuned", "base"] * 15)).comparisons[0].verdict == "unclear"
    found = conclude(judged(run, "m", ["base"] * 30))
    assert found.comparisons[0].verdict == "worse"
    assert "is preferred to" in text(found.sentence)  # type: ignore[arg-type]


def test_ties_alone_are_no_verdict(run: RunDir) -> None:
    found = conclude(judged(run, HAND, [TIE] * 10))
    assert found.comparisons[0].verdict == "unclear"
    assert found.comparisons[0].difference == 0


def test_a_judge_that_goes_by_the_place_is_not_to_be_relied_on(run: RunDir) -> None:
    assert "judge.flips" in codes(conclude(judged(run, "m", ["tuned"] * 30, flips=5)))
    assert "judge.flips-often" in codes(conclude(judged(run, "n", ["tuned"] * 30, flips=20)))


def test_a_judge_that_never_said_a_letter_is_told_of_whenever_it_is_concluded(run: RunDir) -> None:
    bench = open_bench(run, judge="m")
    for at, pair in enumerate(bench.pairs.pairs[:20]):
        bench.keep(Choice(row=pair.row, pair=bench.names, chosen=TIE, by_order=("", ""), spoke=at % 4 > 0))
    (note,) = [each for each in conclude(open_bench(run, judge="m")).notes if each.code == "judge.not-spoken"]
    assert (note.args["rows"], note.args["n"]) == (5, 20)


def test_what_the_judge_did_not_read_of_a_dialogue_is_told(run: RunDir) -> None:
    bench = open_bench(run, judge="m")
    for at, pair in enumerate(bench.pairs.pairs[:10]):
        bench.keep(Choice(row=pair.row, pair=bench.names, chosen=TIE, by_order=("", ""), unread=3 if at < 2 else 0))
    (note,) = [each for each in conclude(bench).notes if each.code == "judge.unread"]
    assert (note.args["rows"], note.args["n"], note.args["turns"]) == (2, 10, 6)


def test_a_person_reads_the_turns_before_the_request_too() -> None:
    turns = (Turn("system", "In Celsius."), Turn("user", "Hot?"), Turn("assistant", "Yes."), Turn("tool", "90"))
    pair = Pair(0, "How hot?", "", ("tuned", "base"), ("90", "80"))
    assert [text(each) for each in dialogue(pair)] == ["How hot?"]
    said = [text(each) for each in dialogue(replace(pair, earlier=turns))]
    assert said == ["System: In Celsius.", "User: Hot?", "Assistant: Yes.", "Tool: 90", "User: How hot?"]


def test_a_person_reads_the_functions_that_could_be_called_and_who_said_the_last_turn() -> None:
    schema = '{"type": "function", "function": {"name": "temperature"}}'
    pair = Pair(0, "How hot?", "", ("tuned", "base"), ("90", "80"), tools=(schema,))
    assert [text(each) for each in dialogue(pair)] == [f"Functions: {schema}", "How hot?"]
    said = [text(each) for each in dialogue(replace(pair, earlier=(Turn("user", "Hot?"),), role="tool", prompt="90"))]
    assert said == [f"Functions: {schema}", "User: Hot?", "Tool: 90"]


def test_rows_that_are_answered_anew_are_judged_anew(run: RunDir) -> None:
    bench = open_bench(run)
    for _ in range(60):
        bench.choose(0)
    assert bench.left == []
    evaluations.keep_answers(
        bench.where, [Answer(candidate="tuned", row=7, prompt="q7", reference="r", answer="now another")]
    )
    assert [pair.row for pair in open_bench(run).left] == [7]


def test_below_thirty_choices_by_hand_nothing_is_said_of_the_judge_but_that(run: RunDir) -> None:
    judged(run, HAND, ["tuned"] * 29)
    found = conclude(judged(run, "m", ["tuned"] * 60))
    (note,) = [each for each in found.notes if each.code == "judge.unchecked"]
    assert text(note).endswith(f"tunedeck judge {run.id} --evaluation mine --against base")
    bench = open_bench(run, note.args["name"], note.args["against"])  # the pairs that the hint leads to
    bench.choose(0)
    assert "judge.agrees" in codes(conclude(open_bench(run, judge="m")))
    assert "judge.agrees" not in codes(found)


def test_a_biased_judge_is_corrected_by_the_choices_made_by_hand(run: RunDir) -> None:
    """The judge takes a third of the pairs that base won for wins of tuned; the truth is one half."""
    truth = ["tuned", "base"] * 30
    random.Random(3).shuffle(truth)
    lost = [at for at, each in enumerate(truth) if each == "base"]
    said = ["tuned" if at in lost[::3] else each for at, each in enumerate(truth)]
    judged(run, HAND, truth[:45])
    found = conclude(judged(run, "m", said))
    (note,) = [each for each in found.notes if each.code == "judge.corrected"]
    assert note.args["rate"] == pytest.approx(40 / 60)
    assert note.args["value"] == pytest.approx(0.5, abs=0.06)
    assert note.args["low"] < 0.5 < note.args["high"]
    (agrees,) = [each for each in found.notes if each.code == "judge.agrees"]
    assert agrees.args["n"] == 45


def test_where_nothing_can_be_corrected_that_is_said(run: RunDir) -> None:
    judged(run, HAND, ["tuned"] * 40)
    assert "judge.not-corrected" in codes(conclude(judged(run, "m", ["tuned", "base"] * 30)))


def test_a_name_that_is_none_is_refused_with_those_there_are(run: RunDir) -> None:
    with pytest.raises(RunError) as error:
        open_bench(run, "other")
    assert error.value.code == "judge.no-such-evaluation"
    assert error.value.reason.args["names"] == ("mine",)
    with pytest.raises(RunError) as error:
        open_bench(run, against="few-shot")
    assert error.value.code == "judge.no-candidate"
    with pytest.raises(RunError) as error:
        conclude(open_bench(run))
    assert error.value.code == "judge.nothing-judged"
