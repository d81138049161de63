"""A mix as it waits to be kept: made and measured, but for the adapter itself."""

from __future__ import annotations

import json
from pathlib import Path

from engine.messages.message import Message
from engine.metrics.choose import Choice
from engine.metrics.summary import summarize
from engine.models.adapter.config import CONFIG_FILE
from engine.runs import directory, evaluations, mixes
from engine.runs.directory import RunDir
from engine.runs.evaluations import Answer, Evaluation
from engine.runs.mixes import MIX, Ingredient, Made, Mix, OnTask, Recipe

RIGHT = {
    "orders": {"base": 2, "orders": 38, "tickets": 4, MIX: 37},
    "tickets": {"base": 5, "orders": 6, "tickets": 36, MIX: 30},
}
"""How many of 40 rows of each task everyone gets right."""
ROWS = 40
_CONFIG = '[model]\nname_or_path = "smollm2-135m"\n[[data]]\npath = "orders.jsonl"\n'


def mix_of(parents: Path = Path("/runs")) -> Mix:
    """One that keeps orders and loses on tickets."""
    ingredients = [
        Ingredient(path=str(parents / name / "adapter"), title=name, run=name, sha256="0" * 64, weight=0.5)
        for name in RIGHT
    ]
    tasks = [
        OnTask(title="orders", evaluation="1-orders", metric="exact_match", n=ROWS, against="orders", difference=-0.025,
               low=-0.06, high=0.01, margin=0.1, kept="kept"),
        OnTask(title="tickets", evaluation="2-tickets", metric="exact_match", n=ROWS, against="tickets",
               difference=-0.15, low=-0.25, high=-0.1, margin=0.02, kept="lost"),
    ]  # fmt: skip
    return Mix(
        name="orders+tickets linear", tasks=tasks, notes=[Message("mixes.form-sum")],
        recipe=Recipe(base="/models/smollm2-135m", parents=ingredients, method="linear"),
        made=Made(combination="cat", least_rank=32, rank=32, layers=210,
                  alone=0, kept_share=1.0, size_bytes=39_100_000),
    )  # fmt: skip


def waiting_mix(root: Path) -> RunDir:
    """In the folder of candidates ``root``."""
    run = directory.create("smollm2-135m", _CONFIG, "orders+tickets linear", root)
    mix = mix_of()
    mixes.write(run, mix)
    run.adapter.mkdir()
    (run.adapter / CONFIG_FILE).write_text(json.dumps({"peft_type": "LORA"}))
    for task in mix.tasks:
        evaluations.keep(evaluations.folder(run, task.evaluation), _evaluation(task.evaluation, RIGHT[task.title]))
    return run


def _evaluation(name: str, right: dict[str, int]) -> Evaluation:
    answers = [
        Answer(candidate=who, row=row, prompt="", reference="a", answer="a", scores={"exact_match": float(row < good)})
        for who, good in right.items()
        for row in range(ROWS)
    ]
    found = summarize(answers, Choice("text", ("exact_match",), Message("forgetting.reason")), MIX, [*right])
    return Evaluation(
        name=name, part="test", n=ROWS, candidates=found.candidates, metrics=found.metrics, means=found.means,
        comparisons=found.comparisons, sentence=found.sentence,
    )  # fmt: skip
