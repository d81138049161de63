"""The mix while one composes it: shares add up whatever is moved, and its figures are those of the training."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.mixing.source_figures import SourceFigures
from tui.draft.mix_board import Board, Line, Training
from tui.flow import mix_text
from tui.wizard.mix import draw, outlook


def line(name: str, rows: int, each: float = 100.0, share: float | None = None, role: str = "new") -> Line:
    figures = SourceFigures(name, rows=rows, examples=rows, tokens_mean=each, trained_mean=each / 4)
    return Line(f"/{name}", name, role, share, figures=figures)


THREE = Board((line("orders", 700), line("chat", 200), line("old", 1000, share=0.1, role="replay")))


def shares(board: Board) -> list[float | None]:
    return [line.share for line in board.lines]


def effective(board: Board) -> list[float]:
    return [round(board.effective(at), 3) for at in range(len(board.lines))]


def test_what_has_no_share_takes_what_is_left() -> None:
    assert effective(THREE) == [0.7, 0.2, 0.1]
    assert effective(THREE.with_share(0, 0.5)) == [0.5, 0.4, 0.1]


def test_one_percent_more_is_taken_from_those_without_a_share() -> None:
    board = THREE.moved(2, 0.01)
    assert shares(board) == [None, None, 0.11]
    assert shares(board.moved(2, -0.01)) == [None, None, 0.1]


def test_a_free_source_begins_where_it_stands() -> None:
    assert shares(THREE.moved(1, 0.01)) == [None, 0.21, 0.1]


def test_where_all_have_shares_the_others_give_way_in_proportion() -> None:
    board = Board((line("a", 10, share=0.5), line("b", 10, share=0.3), line("c", 10, share=0.2)))
    assert shares(board.with_share(0, 0.75)) == [0.75, 0.15, 0.1]
    assert sum(share or 0 for share in shares(board.moved(1, 0.1))) == pytest.approx(1)


def test_all_of_it_once_leaves_the_others_their_shares() -> None:
    board = Board((line("a", 10, share=0.5), line("b", 10, share=0.5))).with_share(0, None)
    assert shares(board) == [None, 0.5]
    assert effective(board) == [0.5, 0.5]


@given(
    st.lists(st.sampled_from([None, 0.05, 0.3, 0.6]), min_size=2, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.01, -0.01, 0.1, -0.1, None, 1.0, 0.25])), max_size=12),
)  # fmt: skip
def test_whatever_is_moved_there_is_a_mix_and_it_adds_up(
    given_shares: list[float | None], moves: list[tuple[int, float | None]]
) -> None:
    board = Board(tuple(line(str(index), 500 * (index + 1)) for index in range(len(given_shares))))
    for index, share in enumerate(given_shares):
        board = board.with_share(index, share)
    for at, by in moves:
        at = at % len(board.lines)
        board = board.with_share(at, by) if by in (None, 1.0, 0.25) else board.moved(at, by or 0)
        assert board.mix is not None
        given = [share for share in shares(board) if share is not None]
        assert all(0 < share <= 1 for share in given)
        if len(given) < len(board.lines):
            assert sum(given) < 1
        assert sum(effective(board)) == pytest.approx(1, abs=0.01)


def test_steps_and_passes_are_those_of_the_training() -> None:
    board = replace(THREE, training=Training(batch_size=32, epochs=3.0))
    assert board.mix is not None
    assert board.mix.rows == 1000
    assert board.training.steps(1000) == 96
    assert board.training.passes(1000) == 3
    assert Training(batch_size=10, max_steps=50).passes(1000) == 0.5


def test_old_rows_come_in_with_a_tenth_and_the_rest_makes_room() -> None:
    full = Board((line("a", 100, share=0.6), line("b", 100, share=0.4)))
    board = full.added([line("old", 500, share=0.1, role="replay")])
    assert shares(board) == [pytest.approx(0.54, abs=0.01), pytest.approx(0.36, abs=0.01), 0.1]
    assert shares(Board(full.lines[:1]).with_share(0, None).added([line("old", 500, share=0.1)]))[1] == 0.1


def test_every_stretch_of_a_pass_has_the_sources_in_their_parts() -> None:
    board = THREE.with_share(2, 0.2)
    assert board.mix is not None
    order = board.order(board.mix.rows)
    assert [order.count(at) for at in range(3)] == [part.drawn for part in board.mix.parts]
    for end in range(1, len(order)):
        for at, part in enumerate(board.mix.parts):
            assert abs(order[:end].count(at) - end * part.drawn / board.mix.rows) <= 1.5
    assert board.order(16) == order[:16]


def test_the_first_steps_have_a_letter_for_each_row() -> None:
    head, *steps = (line.plain for line in outlook.steps(THREE, 58, 5))
    assert "16 rows per step" in head
    assert len(steps) == 4
    assert all(len(line) <= 58 and sum(line.count(each) for each in "ABC") == 16 for line in steps)
    many = replace(THREE, training=Training(batch_size=128))
    assert all(len(line.plain) <= 58 and line.plain.endswith("...") for line in outlook.steps(many, 58, 5)[1:])
    few = replace(THREE, training=Training(max_steps=2))
    assert len(outlook.steps(few, 58, 20)) == 3


def test_each_preset_is_told_with_the_shares_it_would_give() -> None:
    _, now, _, balanced, *_ = (line.plain.split() for line in outlook.presets(THREE, 78))
    assert now[:4] == ["now", "70%", "20%", "10%"]
    assert balanced[:5] == ["2", "balanced", "33%", "33%", "33%"]
    assert all(len(line.plain) <= 78 for line in outlook.presets(Board(THREE.lines * 9), 78))


def test_presets_follow_the_unit() -> None:
    board = Board((line("a", 100, 400), line("b", 300, 100)))
    assert shares(replace(board, temperature=1.0).preset("temperature")) == [0.571, 0.429]
    assert shares(replace(board, unit="rows", temperature=1.0).preset("temperature")) == [0.25, 0.75]
    assert shares(board.preset("balanced").preset("all")) == [None, None]


def test_a_source_nobody_could_read_is_no_obstacle() -> None:
    board = Board((*THREE.lines, Line("/gone", "gone")))
    assert board.mix is not None
    assert board.guessed
    assert "its rows are not known yet" in mix_text.about(board, 3)
    assert board.warnings == []


def test_the_bar_has_a_letter_for_each_source_and_fills_its_width() -> None:
    board = THREE.with_share(2, 0.001)
    text = draw.bar(board, 60).plain
    assert len(text) == 60
    assert {"A", "B", "C"} <= set(text)
    assert draw.bar(THREE, 102).plain == "[" + "A" * 70 + "B" * 20 + "C" * 10 + "]"


@pytest.mark.parametrize("width", [78, 118])
def test_no_line_is_wider_than_the_window(width: int) -> None:
    wide = line("a-source-with-a-very-long-name-that-goes-on-and-on-and-on", 123_456_789, 12_345.6, 0.125)
    board = Board((replace(wide, weight=2.5), *THREE.lines))
    assert len(draw.header(board, width)) <= width
    for at in range(len(board.lines)):
        assert len(draw.row(board, at, width, True).plain) <= width
    assert len(mix_text.presets(board)) <= 78


def test_the_line_of_the_data_step_names_every_part() -> None:
    assert draw.in_short(THREE) == "mix: orders 70%, chat 20%, old 10% of tokens; F8"
