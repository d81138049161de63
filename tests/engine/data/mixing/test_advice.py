"""Ready-made mixes, and what is said of a mix before it is trained on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.mixing.parts import parts_of
from engine.data.mixing.presets import shares_of
from engine.data.mixing.warnings import MixSource, mix_warnings
from engine.messages.catalogue import text

NEW, OLD, GENERAL = "new", "replay", "general"


def said(
    sources: list[MixSource],
    tokens: list[float],
    rows: list[int] | None = None,
    passes: float = 1.0,
    cap: float | None = None,
) -> list[str]:
    rows = rows or [max(1, round(size / 10)) if size else 0 for size in tokens]
    parts = parts_of(rows, tokens, [source.share for source in sources], passes=passes, epochs_cap=cap)
    return [text(warning.what) for warning in mix_warnings(sources, parts, passes, cap)]


def test_as_they_are_takes_everything_once() -> None:
    assert shares_of("all", [10, 20, 30], [NEW, NEW, OLD]) == (None, None, None)


def test_balanced_gives_each_the_same() -> None:
    assert shares_of("balanced", [10, 2000], [NEW, NEW]) == (0.5, 0.5)
    assert shares_of("balanced", [10, 2000, 5], [NEW, NEW, OLD]) == pytest.approx((1 / 3, 1 / 3, 1 / 3), abs=0.001)


def test_mostly_new_leaves_the_new_whole_and_shares_a_tenth_among_the_old() -> None:
    assert shares_of("replay", [900, 300, 100, 50], [NEW, OLD, OLD, GENERAL]) == (None, 0.075, 0.025, None)


def test_without_old_rows_mostly_new_is_all_as_they_are() -> None:
    assert shares_of("replay", [900, 300], [NEW, GENERAL]) == (None, None)
    assert shares_of("replay", [900, 300], [OLD, OLD]) == (None, None)


def test_temperature_lies_between_the_sizes_and_balance() -> None:
    sizes, roles = [900.0, 100.0], [NEW, NEW]
    assert shares_of("temperature", sizes, roles, 1.0) == (0.9, 0.1)
    assert shares_of("temperature", sizes, roles) == (0.75, 0.25)
    assert shares_of("temperature", sizes, roles, 100.0) == pytest.approx((0.5, 0.5), abs=0.01)


@given(
    st.lists(st.floats(0, 1e9).filter(lambda size: size == 0 or size > 1), min_size=2, max_size=8),
    st.sampled_from(["balanced", "temperature"]),
)  # fmt: skip
def test_shares_of_a_preset_add_up_and_none_is_zero(sizes: list[float], preset: str) -> None:
    shares = shares_of(preset, sizes, [NEW] * len(sizes))  # type: ignore[arg-type]
    given = [share for share in shares if share is not None]
    assert all(share > 0 for share in given)
    assert not given or sum(given) == pytest.approx(1)
    assert [share is None for share in shares] == [size == 0 or not any(sizes) for size in sizes]


def test_nothing_is_said_of_a_sound_mix_or_of_one_source() -> None:
    assert said([MixSource("a"), MixSource("b", OLD, 0.1)], [9000, 5000]) == []
    assert said([MixSource("a", dropped=1.0)], [9000]) == []


def test_a_small_source_that_comes_too_often_is_named_with_how_often() -> None:
    sources = [MixSource("a"), MixSource("b", share=0.5)]
    assert said(sources, [1000, 100]) == ["b is repeated 10.0 times in the run. Its 10 rows may be memorized."]
    assert said(sources, [1000, 300]) == []
    assert said(sources, [1000, 300], passes=2.0) == [
        "b is repeated 6.7 times in the run. Its 30 rows may be memorized."
    ]


def test_passes_that_were_asked_for_are_no_repeats() -> None:
    assert said([MixSource("a"), MixSource("b")], [1000, 800], passes=5.0) == []


def test_a_cap_takes_the_place_of_four() -> None:
    sources = [MixSource("a"), MixSource("b", share=0.5)]
    assert said(sources, [1000, 100], cap=20) == []
    assert said(sources, [1000, 100], cap=2)[0].startswith("b gets 16.7% of the mix instead of 50%. More would")


@pytest.mark.parametrize(
    ("share", "effect"), [(0.005, "hardly limits forgetting"), (0.01, ""), (0.5, ""), (0.55, "slows down learning")]
)
def test_replay_has_bounds(share: float, effect: str) -> None:
    found = said([MixSource("a"), MixSource("b", OLD, share)], [100_000, 100_000])
    assert (effect in found[0]) if effect else not found


def test_a_source_that_dominates_several_new_ones_is_named() -> None:
    assert "a has 95% of all tokens" in said([MixSource("a"), MixSource("b")], [950, 50])[0]
    assert said([MixSource("a"), MixSource("b", OLD)], [950, 50]) == []


def test_a_share_below_one_row_says_what_it_comes_to() -> None:
    found = said([MixSource("a"), MixSource("b", GENERAL, 0.01)], [1000, 9000], rows=[100, 90])
    assert found == ["b gets 9.1% of the mix instead of 1%. One of its rows is already more."]


def test_rows_that_are_lost_are_said() -> None:
    found = said([MixSource("a"), MixSource("b", dropped=0.97), MixSource("c")], [900, 300, 0])
    assert [each.partition(". ")[0] for each in found] == [
        "b: 97% of its rows are dropped", "c: none of its rows can be used.",
    ]  # fmt: skip
