"""What the chart draws, character by character."""

from __future__ import annotations

import math
import random
from array import array

import pytest

from tui.widgets.chart_parts import Curve, Look
from tui.widgets.chart_plot import draw
from tui.widgets.chart_scale import View


def curve(name: str, values: list[float], kind: str = "line", first: int = 1, label: str = "") -> Curve:
    x = array("d", range(first, first + len(values)))
    return Curve(name, x, array("d", values), len(values), kind, label)


def lines(curves: list[Curve], look: Look, marks: dict[str, list[float]] | None = None) -> list[str]:
    plot = draw({c.name: c for c in curves}, marks or {}, look)
    assert {len(text) for text, _ in plot.rows} == {look.width}
    assert all(len(styles) == look.width for _, styles in plot.rows)
    return [text.rstrip() for text, _ in plot.rows]


def test_a_falling_line_in_braille() -> None:
    assert lines([curve("loss", [10, 8, 6, 4, 2, 0], first=0)], Look(16, 8, "loss", limit=5)) == [
        "  loss  ⠤⠤ loss",
        "10┤⠑⠤⡀",
        "  │  ⠈⠢⢄",
        " 5┤     ⠑⠢⢄",
        "  │        ⠑⠢⡀",
        " 0┤          ⠈⠒⢄",
        "  └┬───────────┬",
        "   0           5",
    ]


def test_the_same_line_in_ascii() -> None:
    found = lines([curve("loss", [10, 8, 6, 4, 2, 0], first=0)], Look(16, 8, "loss", limit=5, unicode=False))
    assert found == [
        "  loss  * loss",
        "10+**",
        "  |  ***",
        " 5+     ***",
        "  |        ***",
        " 0+           **",
        "  ++-----------+",
        "   0           5",
    ]
    assert all(line.isascii() for line in found)


def test_every_spike_of_a_long_run_is_seen() -> None:
    calm = [1.0] * 50_000
    calm[31_234] = 9.0
    found = lines([curve("loss", calm, "raw")], Look(60, 12, "loss"))
    top = found[1]
    assert sum("\u2800" < c <= "\u28ff" for c in found[2]) == 1, "one column reaches up to the spike"
    assert top.startswith("10") or "\u2800" not in top


def test_nan_and_infinity_are_gaps_and_marked() -> None:
    values = [1.0] * 20
    values[9:12] = [math.nan, math.inf, math.nan]
    found = lines([curve("loss", values)], Look(48, 7, "loss", limit=20))
    assert "x not a number" in found[0]
    assert found[3] == "1.0┤  ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉        ⠈⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉"
    assert found[4].count("x") == 3


def test_evaluations_checkpoints_and_events_have_marks() -> None:
    found = lines(
        [curve("loss", [3, 2, 1, 1, 1, 1, 1, 1, 1, 1], "raw"), curve("eval", [2.0], "points", first=5)],
        Look(60, 9, "loss", limit=10),
        {"checkpoint": [5.0], "event": [8.0]},
    )
    assert "o eval" in found[0]
    assert "^ checkpoint" in found[0]
    assert sum("o" in line for line in found[1:-2]) == 1
    assert found[-2].count("^") == 1
    assert found[-2].count("!") == 1


def test_a_logarithmic_axis_spreads_the_small_values() -> None:
    values = [10 * math.exp(-step / 20) for step in range(100)]
    found = lines([curve("loss", values)], Look(40, 12, "loss", log=True, limit=100))
    assert "log y" in found[0]
    assert [line.split("┤")[0].strip() for line in found if "┤" in line] == ["5", "1", "0.2", "0.05"]
    first_half = max(row for row, line in enumerate(found[1:-2]) if any(c > "\u2800" for c in line[6:23]))
    assert 3 <= first_half <= 6, "an exponential is a straight line on a logarithmic axis"


def test_values_that_a_logarithm_can_not_show_are_gaps_not_errors() -> None:
    lines([curve("rate", [0.0, 1.0, 2.0, 0.0, -1.0])], Look(40, 9, "rate", log=True))
    lines([curve("rate", [0.0, 0.0])], Look(40, 9, "rate", log=True))


def test_the_crosshair_reads_out_step_and_values() -> None:
    curves = [
        curve("loss", [3, 2, 1, 0.5], "raw", label="train"),
        curve("eval", [2.5], "points", first=2, label="eval"),
    ]
    found = lines(curves, Look(60, 9, "loss", cursor=3, limit=4))
    assert "step 3" in found[0]
    assert "train 1.000" in found[0]
    assert "eval 2.500" in found[0]
    assert any("│" in line[8:] for line in found[1:-2])


def test_several_lines_have_signs_of_their_own_in_ascii() -> None:
    found = lines([curve("a", [1, 1, 1]), curve("b", [2, 2, 2])], Look(40, 9, "by source", unicode=False))
    assert "* a" in found[0]
    assert "+ b" in found[0]
    plot = draw({"a": curve("a", [1, 1]), "b": curve("b", [2, 2])}, {}, Look(40, 9))
    assert {"line-0", "line-1"} <= {style for _, styles in plot.rows for style in styles}


def test_an_empty_chart_says_so() -> None:
    assert "no steps yet" in lines([], Look(40, 8, "loss", empty="no steps yet"))[0]


def test_only_what_is_in_view_sets_the_axis() -> None:
    values = [100.0] * 10 + [1.0] * 90
    found = lines([curve("loss", values)], Look(40, 9, "loss", view=View(50.0, 90.0, follow=False)))
    assert not any("100┤" in line for line in found)
    assert "zoomed" in found[0]


@pytest.mark.parametrize(("width", "height"), [(20, 4), (30, 5), (200, 60), (12, 3)])
def test_every_size_is_filled_exactly(width: int, height: int) -> None:
    noise = random.Random(1)
    for unicode in (True, False):
        plot = draw(
            {"l": curve("l", [noise.random() for _ in range(500)], "raw")}, {}, Look(width, height, unicode=unicode)
        )
        assert {len(text) for text, _ in plot.rows} == {width}


def test_columns_grown_step_by_step_equal_columns_made_at_once() -> None:
    noise = random.Random(2)
    values = [noise.gauss(1, 0.2) if noise.random() > 0.02 else math.nan for _ in range(3000)]
    grown = curve("loss", values, "raw")
    look = Look(70, 14, "loss", limit=3000, view=View(0.0, 3000.0, follow=False))
    for length in range(1, 3001, 37):
        grown.length = length
        plot = draw({"loss": grown}, {}, look)
        fresh = curve("loss", values[:length], "raw")
        assert plot.rows == draw({"loss": fresh}, {}, look).rows
