"""Plain text stands in columns, in every script."""

from __future__ import annotations

from engine.common.columns import aligned


def test_columns_stand_below_each_other_in_chinese_too() -> None:
    assert aligned([["名称", "n"], ["ab", "10"]]) == ["名称  n", "ab    10"]
    assert aligned([["名称", "n"], ["a", "10"]], right=True) == ["名称   n", "a     10"]
