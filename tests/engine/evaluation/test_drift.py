"""Drift is told by what can be measured of an answer, and an earlier task is kept or lost by its interval."""

from __future__ import annotations

import pytest

from engine.evaluation.drift import drift_scores, loops
from engine.evaluation.elsewhere import said_of_rise
from engine.metrics.forgetting import not_inferior
from engine.metrics.result import Comparison

ENGLISH = "The committee will publish the full report about the harbour at the end of the month."
CHINESE = "今天的会议讨论了新的城市规划方案，下个月会公布详细的报告和时间表。"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am sorry. I am sorry. I am sorry. ", True),
        ("好的好的好的好的好的好的好的", True), ("no loop here", False),
        ("ha ha ha", False), ("one two one two", False), ("line\nline\nline\nline\n", True), ("", False),
    ],
)  # fmt: skip
def test_the_same_words_three_times_in_a_row_are_a_loop(text: str, expected: bool) -> None:
    assert loops(text) is expected


def test_answers_are_scored_by_what_can_be_told_of_them() -> None:
    answers = [ENGLISH, CHINESE, "", "No.", "No."]
    found = drift_scores([ENGLISH] * 5, answers, [True, True, False, True, True], [20, 30, 48, 2, 2])
    assert found[0] == {
        "answered": 1, "ended": 1, "no_loops": 1, "distinct": 1, "language_kept": 1, "answer_tokens": 20
    }  # fmt: skip
    assert found[1]["language_kept"] == 0
    assert found[2] == {"answered": 0, "ended": 0, "answer_tokens": 48}
    assert "language_kept" not in found[3]
    assert [each["distinct"] for each in found[3:]] == [0, 0]


@pytest.mark.parametrize(
    ("metric", "low", "high", "verdict"),
    [
        ("exact_match", -0.01, 0.05, "kept"), ("exact_match", -0.02, 0.0, "kept"),
        ("exact_match", -0.5, 0.02, "unclear"),
        ("exact_match", -0.3, -0.1, "lost"), ("exact_match", None, None, "unclear"), ("loss", -0.1, 0.01, "kept"),
        ("loss", 0.1, 0.3, "lost"), ("loss", -0.1, 0.3, "unclear"),
    ],
)  # fmt: skip
def test_kept_means_worse_by_the_margin_at_most(
    metric: str, low: float | None, high: float | None, verdict: str
) -> None:  # fmt: skip
    comparison = Comparison(
        candidate="tuned", against="old-adapter", metric=metric, difference=0.0, low=low, high=high, p=None,
        adjusted_p=None, test="none", n=9, verdict="unclear",
    )  # fmt: skip
    assert not_inferior(comparison, 0.02) == verdict


@pytest.mark.parametrize(
    ("difference", "low", "code"),
    [
        (0.01, 0.005, "forgetting.general-fine"),
        (0.1, 0.04, "forgetting.general-look"),
        (0.4, 0.2, "forgetting.general-stop"),
        (0.4, -0.1, "forgetting.general-unclear"),
        (0.1, None, "forgetting.general-unclear"),
        (-0.3, -0.5, "forgetting.general-fine"),
    ],
)
def test_a_large_rise_that_few_texts_leave_open_is_not_called_fine(
    difference: float, low: float | None, code: str
) -> None:
    found = Comparison(
        candidate="tuned", against="base", metric="loss", difference=difference, low=low, high=0.9, p=None,
        adjusted_p=None, test="bootstrap", n=4, verdict="unclear",
    )  # fmt: skip
    assert said_of_rise(found) == code
