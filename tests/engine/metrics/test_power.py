"""What n rows can show, as it stands in the wizard before the start."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from engine.metrics.power import FEWEST_ROWS, rows_needed, smallest_difference
from engine.metrics.totals import mean_of
from engine.metrics.verdict import compare


def test_a_hundred_rows_show_twelve_and_a_half_points() -> None:
    assert smallest_difference(100, 0.2) == pytest.approx(0.125, abs=5e-4)
    assert smallest_difference(1) == 1.0
    assert smallest_difference(0) == 1.0


def test_five_points_need_630_rows() -> None:
    assert rows_needed(0.05, 0.2) == 630
    assert smallest_difference(rows_needed(0.03, 0.4), 0.4) <= 0.03


@pytest.mark.parametrize(("difference", "discordant"), [(0.0, 0.2), (-0.1, 0.2), (2.0, 0.2), (0.1, 0.0), (0.1, 1.5)])
def test_what_is_no_difference_is_refused(difference: float, discordant: float) -> None:
    with pytest.raises(ValueError):
        rows_needed(difference, discordant)


def test_the_promise_of_80_per_cent_holds_for_the_exact_test() -> None:
    random, n = np.random.default_rng(1), 400
    gain = smallest_difference(n, 0.2)
    seen = 0
    for _ in range(500):
        drawn = random.random(n)
        ours, theirs = drawn < (0.2 + gain) / 2, drawn > 1 - (0.2 - gain) / 2
        found = compare(mean_of(ours.astype(float).tolist()), mean_of(theirs.astype(float).tolist()))
        seen += found.p is not None and found.p < 0.05
    assert 0.75 <= seen / 500 <= 0.85


def test_what_is_promised_of_few_rows_is_what_the_exact_test_can_show() -> None:
    for rows in range(1, 30):
        differing = round(smallest_difference(rows) * rows)
        same = rows - differing
        found = compare(mean_of([1.0] * rows), mean_of([0.0] * differing + [1.0] * same))
        assert found.p is not None or rows == 1
        assert (found.p is not None and found.p < 0.05) == (rows >= FEWEST_ROWS), rows


def test_it_is_known_without_any_library() -> None:
    code = "import sys, engine.metrics.power; print(any(name in sys.modules for name in ('numpy', 'scipy')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
