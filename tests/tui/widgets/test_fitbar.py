"""The fit bar as text: how terms, others and what has no place share its cells, and which words have room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.memory.budget import Budget, budget_of
from engine.memory.history import Calibration
from tests.tui.machines import gpu, process, used_by, with_gpus
from tui import fit_words
from tui.widgets.fitbar import fitting, lay_out

GIB = 2**30


def test_others_stand_first_then_the_terms_then_what_is_free() -> None:
    bar = lay_out({"W": 10, "A": 5}, used_bytes=10, total_bytes=40, width=40)
    assert bar.inside == "p" * 10 + "W" * 10 + "A" * 5 + "." * 15
    assert bar.beyond == ""


def test_what_does_not_fit_stands_beyond_the_gpus_end() -> None:
    bar = lay_out({"W": 30, "G": 20}, used_bytes=10, total_bytes=40, width=60)
    assert bar.inside == "p" * 10 + "W" * 30
    assert bar.beyond == "G" * 20


def test_a_tiny_need_is_seen_and_one_that_is_a_little_too_large_too() -> None:
    assert lay_out({"W": 1}, 0, 1000, 40).inside[0] == "W"
    assert lay_out({"W": 1001}, 0, 1000, 40).beyond == "W"


def test_others_can_hold_the_whole_gpu() -> None:
    bar = lay_out({"W": 8}, used_bytes=16, total_bytes=16, width=30)
    assert set(bar.inside) == {"p"}
    assert set(bar.beyond) == {"W"}


sizes = st.integers(0, 200)


@given(
    st.fixed_dictionaries(dict.fromkeys("WLOAGTC", sizes)),
    sizes,
    st.integers(1, 200),
    st.integers(20, 120),
)
def test_the_bar_is_always_as_wide_as_asked_and_overflows_only_when_memory_lacks(
    groups: dict[str, int], used: int, total: int, width: int
) -> None:
    used = min(used, total)
    bar = lay_out(groups, used, total, width)
    needed = sum(groups.values())
    assert len(bar.inside) + len(bar.beyond) == width
    assert bool(bar.beyond) == (needed + used > total)


def test_the_most_important_pieces_get_the_room() -> None:
    pieces = ("needs 14.2 of 23.6 GiB", "fits, 9.4 spare", "about 38 min", "disk 1.1 GiB", "a very long name" * 3, "x")
    kept = fitting(pieces, 78)
    assert kept == [*pieces[:4], "x"]


def on_h100(*processes: object) -> Budget:
    return budget_of(with_gpus(used_by(gpu(), *processes)))  # type: ignore[arg-type]


def test_others_are_named_with_their_user_and_memory() -> None:
    assert fit_words.others(on_h100(process(11.2))) == "python, user u17, 11.2 GiB"
    assert fit_words.others(on_h100(process(11.2)), short=True) == "python u17 11.2"


def test_several_others_are_summed_up_behind_the_largest() -> None:
    budget = on_h100(process(2.0, 1, "eve", "ollama"), process(11.2, 2), process(3.0, 3))
    assert fit_words.others(budget) == "python, user u17, 11.2 GiB, and 2 more, 5.0 GiB"
    assert fit_words.others(budget, short=True) == "python u17 11.2 +2"


def test_a_process_of_another_container_is_its_number() -> None:
    assert fit_words.others(on_h100(process(5.0, 4194000, None, None))) == "process 4194000, 5.0 GiB"


def test_next_to_nothing_is_nobody() -> None:
    assert fit_words.others(on_h100(process(0.5))) == ""


@pytest.mark.parametrize(("unicode", "text"), [(True, "± 2% from 3 runs"), (False, "+- 2% from 3 runs")])
def test_a_calibration_is_told_in_ascii_too(unicode: bool, text: str) -> None:
    assert fit_words.calibration(Calibration(0.98, 0.02, 3), unicode) == text
