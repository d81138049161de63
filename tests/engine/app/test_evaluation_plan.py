"""Before the start it is said what the held-out rows can show, and what would show more."""

from __future__ import annotations

from typing import Any

import pytest

from engine.app.evaluation_plan import evaluation_plan
from engine.config.schema import RunConfig
from engine.memory.duration import DataSize

SHORT = DataSize(460, 46_000, True, 20.0)


def config(**sections: Any) -> RunConfig:
    return RunConfig.model_validate({"model": {"name_or_path": "m"}, "data": [{"path": "d"}], **sections})


def test_the_rows_and_what_they_show_are_told() -> None:
    found = evaluation_plan(config(dataset={"eval_rows": 100}), SHORT, "cpu")
    assert found is not None
    said = found.message
    assert (said.code, said.args["rows"], round(said.args["points"], 1), said.args["needed"]) == (
        "evaluation-plan.rows", 100, 12.5, 630,
    )  # fmt: skip
    assert [each.code for each in said.args["who"]] == [
        "evaluation-plan.base",
        "evaluation-plan.few-shot",
        "evaluation-plan.tuned",
    ]
    assert found.finding(config(dataset={"eval_rows": 100})) is None


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        (5, ("evaluation-plan.too-few", "evaluation-plan.short-too-few", "check.too-few-rows")),
        (6, ("evaluation-plan.rows", "evaluation-plan.short", "check.few-rows")),
    ],
)
def test_no_difference_is_promised_of_rows_too_few_for_any(rows: int, codes: tuple[str, ...]) -> None:
    asked = config(dataset={"eval_rows": rows})
    found = evaluation_plan(asked, SHORT, "cpu")
    assert found is not None
    finding = found.finding(asked)
    assert finding is not None
    assert (found.message.code, found.short.code, finding.issue.what.code) == codes


def test_a_test_set_is_what_counts_where_there_is_one() -> None:
    found = evaluation_plan(config(dataset={"eval_rows": 100, "test_rows": 30}), SHORT, "cpu")
    assert found is not None
    assert (found.part, found.message.args["rows"]) == ("test", 30)


@pytest.mark.parametrize(
    ("sections", "field"),
    [
        ({"dataset": {"eval_rows": 8}}, "dataset.eval_rows"),
        ({"dataset": {"test_rows": 1}}, "dataset.test_rows"),
        ({"dataset": {"eval_share": 0.02}}, "dataset.eval_rows"),
        ({"dataset": {"eval_rows": 100}, "eval": {"generate_rows": 5}}, "eval.generate_rows"),
        ({"dataset": {"eval_rows": 5}, "eval": {"generate_rows": 5}}, "dataset.eval_rows"),
    ],
)
def test_rows_that_show_hardly_anything_are_warned_of_and_the_remedy_helps(
    sections: dict[str, Any], field: str
) -> None:
    asked = config(**sections)
    found = evaluation_plan(asked, SHORT, "cpu")
    assert found is not None
    finding = found.finding(asked)
    assert finding is not None
    assert finding.remedy is not None
    assert field in finding.remedy.settings
    better = asked.with_settings(finding.remedy.settings)
    after = evaluation_plan(better, SHORT, "cpu")
    assert after is not None
    assert after.finding(better) is None


def test_where_there_are_too_few_rows_at_all_nothing_is_promised() -> None:
    asked = config(dataset={"eval_rows": 4})
    found = evaluation_plan(asked, DataSize(40, 4_000, True, 20.0), "cpu")
    assert found is not None
    finding = found.finding(asked)
    assert finding is not None
    assert finding.remedy is None


@pytest.mark.parametrize(
    ("size", "sections", "code"),
    [
        (DataSize(500, 250_000, True, 400.0), {}, "baselines.long"),
        (DataSize(500, 15_000, True, 30.0), {}, "baselines.unknown-length"),  # all is trained: plain text
        (SHORT, {"eval": {"metrics": []}}, "baselines.only-loss"),
    ],
)
def test_a_run_that_is_judged_by_its_loss_alone_says_why(size: DataSize, sections: dict[str, Any], code: str) -> None:
    found = evaluation_plan(config(dataset={"eval_rows": 8}, **sections), size, "cpu")
    assert found is not None
    assert (found.message.code, found.message.args["reason"].code) == ("evaluation-plan.nothing", code)
    assert found.finding(config()) is None


def test_with_nothing_held_out_there_is_nothing_to_say() -> None:
    assert evaluation_plan(config(dataset={"eval_rows": 0}), SHORT, "cpu") is None
