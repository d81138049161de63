"""Metrics, candidates and verdicts have names in both languages, and figures are written in their unit."""

from __future__ import annotations

from typing import get_args

import pytest

from engine.config.metric_names import USER_METRIC, MetricName
from engine.messages import language
from engine.messages.catalogue import text
from engine.metrics import sentence, verdict, words
from engine.runs import evaluations, strength_curve


def test_a_share_is_written_as_per_cent_and_a_loss_as_a_loss() -> None:
    assert words.value("accuracy", 0.975) == "97.5%"
    assert words.value("recall/refund", 1.0) == "100%"
    assert words.value("loss", 0.42149) == "0.421"
    assert words.value("chrf", 0.384) == "38.4"
    assert words.value("accuracy", None) == "-"


def test_a_difference_has_its_sign_and_nothing_is_minus_nothing() -> None:
    assert words.difference("accuracy", 0.125) == "+12.5"
    assert words.difference("loss", -0.31) == "-0.310"
    assert words.difference("accuracy", -0.0001) == "0.0"
    assert text(words.difference_interval("accuracy", -0.012, 0.31)) == "-1.2 to +31.0"


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_all_usual_candidates_have_a_name(spoken: str) -> None:
    language.use(spoken)
    usual = (evaluations.BASE, evaluations.FEW_SHOT, evaluations.OLD_ADAPTER, evaluations.TUNED)
    assert len({text(words.candidate(each)) for each in usual} - set(usual[:-1])) == 4


def test_the_run_at_another_strength_is_called_by_the_strength() -> None:
    name = strength_curve.candidate(0.5)
    assert (text(words.candidate(name)), text(sentence.candidate(name))) == ("strength 0.5", "strength 0.5")


def test_no_row_right_is_nought_at_the_least() -> None:
    for rows in (1, 3, 6, 7, 100):
        none, all_rows = verdict.share_bounds(0.0, rows), verdict.share_bounds(1.0, rows)
        assert words.value("accuracy", none.low) == "0%"
        assert words.value("accuracy", all_rows.high) == "100%"


def test_every_metric_that_a_config_may_name_has_a_name_and_a_unit() -> None:
    for name in get_args(MetricName):
        assert words.metric(name).code.startswith("metric-words.")
        units = [words.is_share(name), name in words.SCORES, name in words.LOWER_IS_BETTER, name == USER_METRIC]
        assert sum(units) == 1


def test_a_metric_of_the_users_keeps_its_name_and_a_class_is_named() -> None:
    assert text(words.metric("my_score")) == "my score"
    assert text(words.metric("recall/refund")) == "recall of refund"
