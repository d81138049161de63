"""How long an export is said to take: its proof is counted, by how the run's own rows were answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app import export_time
from engine.runs import evaluations
from engine.runs.evaluations import TRAINING, TUNED, Answer
from tests.engine.cli.test_evaluate import evaluation, made_run
from tests.engine.export.planned import subject_of

pytestmark = pytest.mark.usefixtures("home")


def answers(tokens: int, right: bool) -> list[Answer]:
    return [
        Answer(candidate=TUNED, row=row, prompt="a", reference="x", answer="x" if right else "y", tokens=tokens)
        for row in range(20)
    ]


def test_the_proof_is_told_where_one_can_be_made(tmp_path: Path) -> None:
    told = subject_of(made_run(tmp_path, "orders"))
    plans = {target: told.plan(target) for target in ("adapter", "merged", "gguf", "gguf-lora", "ollama")}
    assert plans["adapter"].proof_seconds == 0
    assert all(plan.proof_seconds > 1 for target, plan in plans.items() if target != "adapter")
    assert told.plan("gguf", ["q8_0", "q4_k_m"]).proof_seconds > plans["gguf"].proof_seconds + 3


def test_it_is_told_by_the_answers_of_the_training(tmp_path: Path) -> None:
    run = made_run(tmp_path, "orders")
    card = subject_of(run).found.card
    where = evaluations.folder(run, TRAINING)

    def told(tokens: int, right: bool) -> float:
        evaluations.write_answers(where, answers(tokens, right))
        return export_time.of_proof("gguf", ["q8_0"], card, run)

    assert told(20, True) < told(40, True) < told(40, False)
    before = told(40, True)
    evaluations.keep(evaluations.folder(run, "export-merged"), evaluation("export-merged"))
    assert told(40, True) < before  # the adapter has answered already
