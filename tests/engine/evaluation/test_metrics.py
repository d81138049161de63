"""Metrics are plain functions of answers and references."""

from __future__ import annotations

import pytest

from engine.evaluation.metrics import METRICS, exact_match


@pytest.mark.parametrize(
    ("answers", "references", "share"),
    [
        (["a", "b"], ["a", "b"], 1.0),
        (["a", "b", "c", "d"], ["a", "x", "y", "z"], 0.25),
        ([" a\n"], ["a"], 1.0),
        (["A"], ["a"], 0.0),
        (["a b"], ["a  b"], 0.0),
        ([], [], 0.0),
    ],
)
def test_an_exact_match_forgives_white_space_at_the_ends_only(
    answers: list[str], references: list[str], share: float
) -> None:
    assert exact_match(answers, references) == share


def test_answers_without_a_reference_are_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError):
        exact_match(["a", "b"], ["a"])


def test_every_metric_of_the_config_is_there() -> None:
    from engine.config.schema import EvalSection

    (choices,) = (info.annotation for name, info in EvalSection.model_fields.items() if name == "metrics")
    assert set(METRICS) == set(choices.__args__[0].__args__)  # type: ignore[union-attr]
