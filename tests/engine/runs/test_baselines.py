"""Which baselines a run is compared with follows from its config and its rows, and the reason is said."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config.schema import RunConfig
from engine.runs.baselines import asked


def config(**eval_: Any) -> RunConfig:
    return RunConfig.model_validate({"model": {"name_or_path": "m"}, "data": [{"path": "d"}], "eval": eval_})


def test_short_answers_are_asked_of_the_base_with_and_without_examples() -> None:
    found = asked(config(), 500, 12.0, 30.0, "cpu")
    assert (found.rows, found.base, found.examples, found.reason.code) == (100, True, 4, "baselines.short")
    assert found.new_tokens == 60, "twice the longest reference is not what was wanted any more"
    assert asked(config(max_new_tokens=16), 500, 12.0, 30.0, "cpu").new_tokens == 16
    assert asked(config(), 500, 2.0, 3.0, "cpu").new_tokens == 32


def test_long_answers_are_not_asked_and_the_reason_says_what_would() -> None:
    found = asked(config(), 500, 120.0, 300.0, "cpu")
    assert (found.rows, found.examples, found.reason.code) == (0, 0, "baselines.long")
    assert asked(config(), 500, 120.0, 300.0, "cuda").rows == 100
    named = asked(config(metrics=["chrf"]), 500, 120.0, 300.0, "cpu")
    assert (named.rows, named.base, named.examples) == (100, False, 0)


@pytest.mark.parametrize(
    ("section", "rows", "code"),
    [
        ({}, 0, "baselines.no-rows"),
        ({"metrics": []}, 50, "baselines.only-loss"),
        ({"baseline": "none"}, 50, "baselines.asked-none"),
    ],
)
def test_where_nothing_is_asked_the_reason_is_told(section: dict[str, Any], rows: int, code: str) -> None:
    found = asked(config(**section), rows, 12.0, 30.0, "cpu")
    assert (found.rows, found.reason.code) == (0, code)


def test_what_is_asked_for_by_name_is_asked_in_full() -> None:
    few = asked(config(baseline="few_shot", few_shot=8, generate_rows=20), 50, 900.0, 2000.0, "cpu")
    assert (few.rows, few.new_tokens, few.examples, few.base) == (20, 256, 8, True)
    zero = asked(config(baseline="zero_shot"), 50, 900.0, 2000.0, "cpu")
    assert (zero.rows, zero.examples, zero.base) == (50, 0, True)
