"""What a run's evaluation will be able to show: which rows are answered, by whom, and what differences they tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.app.findings import Finding, Remedy
from engine.config.rules import Issue
from engine.memory.duration import DataSize, asked_of, held_out_rows
from engine.messages.message import Message
from engine.metrics.power import FEWEST_ROWS, rows_needed, smallest_difference
from engine.runs.baselines import Asked

if TYPE_CHECKING:
    from engine.config.schema import RunConfig
    from engine.memory.fit import Fit

WANTED = 0.05
"""The difference that people ask for: 5 points."""
ENORMOUS = 0.25
"""A smallest difference above which an evaluation shows hardly anything."""
ENOUGH_ROWS = 100
"""Show differences from 12.5 points."""
_MOST_SHARE = 0.2
"""Of all rows, that a remedy holds out."""


@dataclass(frozen=True)
class EvaluationPlan:
    """``asked`` of ``held`` held-out rows of ``part``; ``all_rows`` is how many there are with those to train on."""

    part: Literal["test", "validation"]
    held: int
    all_rows: int
    asked: Asked
    strategy: str

    @property
    def message(self) -> Message:
        """ "100 test rows, answered by base model, few-shot, tuned, can show a difference of 12.5 points; ..."."""
        rows = self.asked.rows
        if not rows:
            return Message("evaluation-plan.nothing", reason=self.asked.reason)
        fresh, merged = self.strategy == "fresh", self.strategy == "merge"
        asked = {
            "evaluation-plan.base": fresh or (self.asked.base and not merged),
            "evaluation-plan.few-shot": bool(self.asked.examples),
            "evaluation-plan.old-adapter": not fresh, "evaluation-plan.tuned": True,
        }  # fmt: skip
        who = [Message(code) for code, is_asked in asked.items() if is_asked]
        part, needed = Message(_PARTS[self.part]), rows_needed(WANTED)
        if rows < FEWEST_ROWS:
            return Message("evaluation-plan.too-few", rows=rows, part=part, who=who, wanted=100 * WANTED, needed=needed)
        return Message(
            "evaluation-plan.rows", rows=rows, part=part, who=who,
            points=100 * smallest_difference(rows), wanted=100 * WANTED, needed=needed,
        )  # fmt: skip

    @property
    def short(self) -> Message:
        """The same for a narrow window: what the rows show, or that only the loss is compared."""
        rows, needed = self.asked.rows, {"wanted": 100 * WANTED, "needed": rows_needed(WANTED)}
        if not rows:
            return Message("evaluation-plan.short-nothing")
        if rows < FEWEST_ROWS:
            return Message("evaluation-plan.short-too-few", rows=rows, part=Message(_PARTS[self.part]), **needed)
        points = 100 * smallest_difference(rows)
        return Message("evaluation-plan.short", rows=rows, part=Message(_PARTS[self.part]), points=points, **needed)

    def remedy(self, config: RunConfig) -> Remedy | None:
        """What makes more rows answered, None where there are too few for that."""
        more = min(ENOUGH_ROWS, int(_MOST_SHARE * self.all_rows))
        settings: dict[str, Any] = {}
        what = Message("evaluation-plan.answer-more", rows=ENOUGH_ROWS)
        if smallest_difference(self.held) > ENORMOUS:
            if smallest_difference(more) > ENORMOUS:
                return None
            settings["dataset.test_rows" if self.part == "test" else "dataset.eval_rows"] = more
            what = Message("evaluation-plan.hold-out", rows=more)
        if smallest_difference(config.eval.generate_rows) > ENORMOUS:
            settings["eval.generate_rows"] = ENOUGH_ROWS
        return Remedy(what, settings)

    def finding(self, config: RunConfig) -> Finding | None:
        """A warning of rows so few that only enormous differences show."""
        rows = self.asked.rows
        if not rows or smallest_difference(rows) <= ENORMOUS:
            return None
        field = "dataset.test_rows" if self.part == "test" else "dataset.eval_rows"
        points, needed = 100 * smallest_difference(rows), rows_needed(WANTED)
        if rows < FEWEST_ROWS:
            what = Message("check.too-few-rows", rows=rows, needed=needed)
        else:
            what = Message("check.few-rows", rows=rows, points=points, needed=needed)
        return Finding(Issue("warning", field, what), self.remedy(config))


_PARTS = {"test": "evaluation-plan.test-rows", "validation": "evaluation-plan.validation-rows"}


def evaluation_plan(config: RunConfig, size: DataSize, device: Literal["cpu", "cuda"]) -> EvaluationPlan | None:
    """What the evaluation of a run over rows of ``size`` can show; None where nothing is held out."""
    held, test = held_out_rows(config, size)
    if not held and not test:
        return None
    part: Literal["test", "validation"] = "test" if test else "validation"
    return EvaluationPlan(
        part, test or held, size.rows + held + test, asked_of(config, size, test or held, device), config.strategy.kind
    )


def device_of(found: Fit | None) -> Literal["cpu", "cuda"]:
    """Where the run will compute, as far as that is known."""
    return found.budget.device if found is not None else "cpu"
