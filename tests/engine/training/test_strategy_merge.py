"""Strategy merge as a whole run: old skill into the base, a new adapter on top, loadable by anybody."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.models.lineage import draw, key_of, read_lineage
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.training.checkpoint import read_state
from tests.engine.training.making import Trained, create_run, stop_after, train, values, write_rows

_LOAD = """
import json, sys
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
merged, adapter, text = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(merged)
model = AutoModelForCausalLM.from_pretrained(merged)
ids = tokenizer(text, return_tensors="pt")["input_ids"]
plain = model(ids).logits[0, -1].tolist()
print(json.dumps([plain, PeftModel.from_pretrained(model, adapter)(ids).logits[0, -1].tolist()]))
"""


@pytest.fixture
def old(tiny: Path, tmp_path: Path, home: Path) -> RunDir:
    """A finished run on other rows."""
    run = create_run(values(tiny, write_rows(tmp_path / "old.jsonl", 24)))
    Trained(run)
    return run


def merging(tiny: Path, tmp_path: Path, old: RunDir) -> dict[str, dict[str, object]]:
    rows = write_rows(tmp_path / "new.jsonl", 24, start=200)
    return values(tiny, rows, strategy={"kind": "merge", "adapter": old.id})


@pytest.mark.usefixtures("warm")
def test_the_new_adapter_lies_on_the_merged_model_and_plain_libraries_load_both(
    tiny: Path, tmp_path: Path, old: RunDir
) -> None:
    trained = train(merging(tiny, tmp_path, old))
    run = trained.run
    (finished,) = trained.of(ev.Finished)
    assert finished.outcome == "finished"
    phases = [event.name for event in trained.of(ev.Phase)]
    assert phases.index("load") > 0
    record = json.loads((run.adapter / "tunedeck.json").read_text())
    assert record["strategy"] == "merge"
    assert record["base"]["name_or_path"] == str(run.path / "merged")
    assert [(parent["kind"], parent["run"]) for parent in record["parents"]] == [("merge", old.id)]
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(run.path / "merged"), str(run.adapter), "2 tea to Oslo"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    plain, adapted = json.loads(done.stdout.splitlines()[-1])
    assert plain != adapted


def test_stop_and_resume_give_the_same_losses_as_a_straight_run(tiny: Path, tmp_path: Path, old: RunDir) -> None:
    settings = merging(tiny, tmp_path, old)
    straight = train(settings).losses()
    stopped = train(settings, stop_after(3))
    rest = Trained(stopped.run, resume=True)
    assert stopped.losses() + rest.losses() == straight
    assert read_state(stopped.run.complete_checkpoints()[-1]).step == 6


def test_the_family_shows_the_merge_between_the_two(tiny: Path, tmp_path: Path, old: RunDir) -> None:
    run = train(merging(tiny, tmp_path, old)).run
    family = read_lineage()
    titles = [(len(line.lasts), line.node.title) for line in draw(family)]
    assert titles == [(0, tiny.name), (1, old.id), (2, f"{run.id}/merged"), (3, run.id)]
    assert not any(node.is_missing for node in family.nodes.values())
    assert run.id in {node.run for node in family.around(key_of(old)).nodes.values()}
