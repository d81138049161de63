"""A result of one seed says how much runs like it vary, from the groups of seeds that were trained here."""

from __future__ import annotations

from pathlib import Path

from engine.messages.catalogue import text
from engine.runs import directory
from engine.runs.one_seed import of_one_seed
from tests.engine.runs.making import make_group, measure


def test_a_figure_of_one_seed_says_how_much_such_runs_vary_or_that_nobody_knows(tmp_path: Path) -> None:
    alone = directory.create("tiny", "", "alone", tmp_path)
    assert [each.code for each in of_one_seed(alone, "exact_match")] == ["metrics.one-seed"]
    _, runs = make_group(tmp_path)
    for run, right in zip(runs, (20, 24, 22), strict=True):
        measure(run, [1.0] * right + [0.0] * (40 - right))
    [told] = of_one_seed(alone, "exact_match")
    assert "vary by ± 5.0 points" in text(told)
    assert [each.code for each in of_one_seed(alone, "bleu")] == ["metrics.one-seed"]
    assert of_one_seed(runs[0], "exact_match") == []  # its group has a verdict over its seeds
    assert of_one_seed(alone, "") == []
