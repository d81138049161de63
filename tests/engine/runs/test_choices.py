"""Pairs of answers and what was preferred: blind, in a drawn order, resumable, and never half-kept."""

from __future__ import annotations

from pathlib import Path

from engine.runs import choices
from engine.runs.choices import HAND, TIE, Choice, pairs_of
from engine.runs.evaluations import Answer, Turn

PAIR = ("tuned", "base")


def answers(count: int = 40) -> list[Answer]:
    return [
        Answer(candidate=name, row=row, prompt=f"question {row}", reference="right", answer=f"{name} says {row}")
        for row in range(count)
        for name in ("base", "tuned", "few-shot")
    ]


def test_a_pair_is_what_both_answered_to_one_row() -> None:
    found = pairs_of(answers(), PAIR, seed=1).pairs
    assert len(found) == 40
    assert all(pair.answers == (f"tuned says {pair.row}", f"base says {pair.row}") for pair in found)
    assert all(pair.sides[side] == f"{pair.at(side)} says {pair.row}" for pair in found for side in (0, 1))


def test_sides_and_order_are_drawn_and_the_same_for_one_seed() -> None:
    found, again, other = (pairs_of(answers(), PAIR, seed).pairs for seed in (1, 1, 2))
    assert found == again != other
    assert 10 < sum(pair.swapped for pair in found) < 30
    assert [pair.row for pair in found] != sorted(pair.row for pair in found)


def test_a_row_keeps_its_side_when_rows_are_added() -> None:
    few = {pair.row: pair.swapped for pair in pairs_of(answers(10), PAIR, 1).pairs}
    many = {pair.row: pair.swapped for pair in pairs_of(answers(40), PAIR, 1).pairs}
    assert few == {row: many[row] for row in few}


def test_equal_answers_are_no_question_and_rows_that_one_lacks_are_none() -> None:
    said = [each for each in answers(4) if not (each.candidate == "base" and each.row == 3)]
    said.append(Answer(candidate="base", row=2, prompt="", reference="", answer="tuned says 2\n"))
    found = pairs_of(said, PAIR, 0)
    assert sorted(pair.row for pair in found.pairs) == [0, 1]
    assert found.same == (2,)


def test_judging_goes_on_where_it_stood_and_the_last_word_counts(tmp_path: Path) -> None:
    for row, chosen in ((4, "tuned"), (1, "base"), (4, TIE), (2, "tuned"), (2, "")):
        choices.keep(tmp_path, HAND, Choice(row=row, pair=PAIR, chosen=chosen))
    found = choices.read(tmp_path, HAND, PAIR)
    assert {row: each.chosen for row, each in found.items()} == {1: "base", 4: TIE}
    assert [*found] == [1, 4]


def test_choices_of_another_model_of_that_name_and_of_a_person_are_not_a_models(tmp_path: Path) -> None:
    choices.keep(tmp_path, HAND, Choice(row=1, pair=PAIR, chosen="base"))
    for row, folder, by in ((1, "/one/hand", "0a"), (2, "/two/hand", "0b"), (3, "/moved/hand", "0a")):
        made = Choice(row=row, pair=PAIR, chosen="tuned", by_order=("tuned", "tuned"), by=by)
        choices.keep(tmp_path, folder, made)
    assert [*choices.read(tmp_path, HAND, PAIR)] == [1]
    assert [*choices.read(tmp_path, "/one/hand", PAIR, "0a")] == [1, 3]
    assert [*choices.read(tmp_path, "./hand", PAIR, "0b")] == [2]


def test_a_choice_counts_for_the_answers_that_were_read_and_no_others() -> None:
    before = pairs_of(answers(3), PAIR, 0).pairs
    made = {pair.row: Choice(row=pair.row, pair=PAIR, chosen="base", mark=pair.mark) for pair in before}
    anew = [*answers(3), Answer(candidate="tuned", row=1, prompt="", reference="", answer="another answer")]
    assert sorted(choices.of_pairs(made, pairs_of(anew, PAIR, 0).pairs)) == [0, 2]
    swapped = pairs_of(answers(3), (PAIR[1], PAIR[0]), 5).pairs
    assert sorted(choices.of_pairs(made, swapped)) == [0, 1, 2]


def test_the_same_answers_after_another_dialogue_are_another_pair() -> None:
    said = [Turn("user", "In Celsius, please."), Turn("assistant", "Yes.")]
    plain, behind = (
        pairs_of([Answer(candidate=name, row=0, prompt="q", reference="", answer=name, earlier=each) for name in PAIR],
                 PAIR, 0).pairs[0]
        for each in ([], said)
    )  # fmt: skip
    assert behind.earlier == tuple(said)
    assert plain.mark != behind.mark


def test_half_a_line_and_a_stranger_count_for_nothing(tmp_path: Path) -> None:
    choices.keep(tmp_path, HAND, Choice(row=1, pair=PAIR, chosen="base"))
    with choices.file_of(tmp_path, HAND).open("ab") as file:
        file.write(b'{"row":2,"pair":["tuned","base"],"chosen":"somebody"}\n{"row":3,"pair":["tuned"\n\xff\xfe\n')
        file.write(b'{"row":5,"pair":["tuned","base"],"cho')
    choices.keep(tmp_path, HAND, Choice(row=6, pair=PAIR, chosen=TIE))
    assert [*choices.read(tmp_path, HAND, PAIR)] == [1, 6]
    assert [*choices.read(tmp_path, HAND, ("base", "tuned"))] == [1, 6]
    assert choices.read(tmp_path, HAND, ("other", "tuned")) == {}


def test_a_judges_name_makes_a_file_name_whatever_it_is(tmp_path: Path) -> None:
    for judge in ("../../etc/passwd", "org/Model Name", "/models/judge-7b/", "...", "日本"):
        path = choices.file_of(tmp_path, judge)
        assert path.parent == tmp_path
        choices.keep(tmp_path, judge, Choice(row=0, pair=PAIR, chosen=TIE))
        assert path.is_file()


def test_a_model_that_goes_with_the_place_flips() -> None:
    assert Choice(row=0, pair=PAIR, chosen=TIE, by_order=("tuned", "base")).flipped
    assert not Choice(row=0, pair=PAIR, chosen="base", by_order=("base", "base")).flipped
    assert not Choice(row=0, pair=PAIR, chosen=TIE, by_order=("", "base")).flipped
