"""Several tasks in one run: dialogues of one turn and of many, and plain text, each trained in what it is to teach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config.schema import DatasetSection
from engine.data.rows.messages import Row
from engine.runs import events as ev
from engine.tokens.examples import Example, tokenise
from engine.tokens.render import Renderer
from tests.engine.training import making
from tests.engine.training.families import dialogue, renderer

ONE = dialogue("One?", "First.")
MANY = dialogue("One?", "First.", "Two?", "Second.", system="Be brief.")
TEXT = Row((), "It is said so.", "notes", "notes.txt", 1)
END = "<|im_end|>"


def said(made: Renderer, example: Example) -> str:
    return str(made.tokenizer.decode(example.ids[example.labels >= 0].tolist()))


@pytest.mark.parametrize(
    ("train_on", "one", "many"),
    [
        ("assistant", f"First.{END}", f"First.{END}Second.{END}"),
        ("last", f"First.{END}", f"Second.{END}"),
        ("all", None, None),
    ],
)
def test_dialogues_of_one_and_of_many_turns_are_trained_as_asked(
    train_on: Any, one: str | None, many: str | None
) -> None:
    made = renderer("chatml")
    section = DatasetSection(train_on=train_on)
    sources = {"rows": 0, "notes": 1}
    (first, second, text), _ = tokenise([ONE, MANY, TEXT], range(3), made, section, sources)
    whole = [str(made.tokenizer.decode(example.ids.tolist())) for example in (first, second)]
    assert [said(made, first), said(made, second)] == [one or whole[0], many or whole[1]]
    assert said(made, text) == str(made.tokenizer.decode(text.ids.tolist())), "of plain text all is learnt"
    assert [example.source for example in (first, second, text)] == [0, 0, 1]


def test_chat_rows_and_plain_text_train_in_one_run(tiny: Path, tmp_path: Path, home: Path) -> None:
    orders = making.write_rows(tmp_path / "orders.jsonl", 16)
    notes = tmp_path / "notes.jsonl"
    lines = [json.dumps({"text": f"Note {i}: the sea is wide, the tree is old."}) for i in range(16)]
    notes.write_text("".join(line + "\n" for line in lines))
    chosen = making.values(tiny, orders, train={"max_steps": 12, "batch_size": 8, "learning_rate": 1e-2})
    chosen["data"] = [{"path": str(orders)}, {"path": str(notes), "weight": 2.0}]
    trained = making.train(chosen)
    before, after = trained.of(ev.Eval)[0].loss_by_source, trained.of(ev.Eval)[-1].loss_by_source
    assert set(after) <= {"orders", "notes"}
    assert all(after[name] < before[name] for name in after)
    steps = trained.of(ev.Step)
    assert {name for step in steps for name in step.loss_by_source} == {"orders", "notes"}
    resumed = making.Trained(making.train(chosen, making.stop_after(5)).run, resume=True)
    assert [step.loss_by_source for step in resumed.of(ev.Step)] == [step.loss_by_source for step in steps[5:]]
    assert [found.loss_by_source for found in resumed.of(ev.Eval)] == [trained.of(ev.Eval)[-1].loss_by_source]
