"""A whole run in this process: it tells its story and gives an adapter that anybody can load."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.runs import events as ev
from engine.runs import phases
from engine.runs.steering import Steering
from engine.training import prepare, session
from tests.engine.training.making import Trained, train, values, write_rows


def story(trained: Trained) -> list[str]:
    """The run in words."""
    words = []
    for event in trained.events:
        match event:
            case ev.Phase(done=None):
                words.append(event.name)
            case ev.State():
                words.append(event.state)
            case ev.Step() | ev.Checkpoint() | ev.Sample():
                words.append(f"{type(event).__name__.lower()} {event.step}")
            case ev.Eval():
                words.append(f"eval {event.moment} {event.step}")
            case ev.Finished():
                words.append(f"{event.outcome} {event.step}")
            case ev.RunStarted():
                words.append("started")
            case ev.Warn():
                words.append("warning")
    return words


def test_a_run_tells_its_story_in_order(tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "_MOST_OFTEN_S", 1e9)  # on a slow machine more phases are worth a word
    freed: list[None] = []
    monkeypatch.setattr(session, "free_cached", lambda: freed.append(None))
    trained = train(
        values(tiny, rows, eval={"every": 2}, checkpoint={"every": 4}, sample={"rows": 1, "every": 3})
    )  # fmt: skip
    assert story(trained) == [
        "read", "load", "started", "rehearsal", "answer base", "sample 0", "eval before 0", "answer few-shot",
        "running", "train", "step 1", "step 2", "eval during 2", "checkpoint 2", "step 3", "sample 3", "step 4",
        "checkpoint 4", "eval during 4", "step 5", "step 6", "checkpoint 6", "eval during 6",
        "answer tuned", "sample 6", "eval after 6", "finished 6",
    ]  # fmt: skip
    assert len(freed) == 4, "the GPU's cache is given back each time before training goes on"


def test_it_says_what_is_trained_and_on_how_much(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows))
    (started,) = trained.of(ev.RunStarted)
    assert (started.model, started.method, started.strategy) == ("tiny", "LoRA r4", "fresh")
    assert (started.total_steps, started.train_rows, started.eval_rows) == (6, 20, 4)
    assert started.trainable_parameters == 2 * 4 * (2 * (64 + 64) + 2 * (64 + 32) + 3 * (64 + 128))
    assert started.total_parameters == 99_648
    assert started.resumed_from_step is None
    assert {"python", "torch", "transformers", "peft"} <= started.versions.keys()


def test_each_step_counts_its_tokens_and_the_loss_falls(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows, train={"max_steps": 12}))
    steps = trained.of(ev.Step)
    assert [step.step for step in steps] == list(range(1, 13))
    assert all(a.num_tokens < b.num_tokens for a, b in pairwise(steps))
    assert all(0 < step.supervised_tokens < step.num_tokens for step in steps)
    assert all(step.tokens_per_second > 0 and step.memory_allocated > 0 for step in steps)
    assert (steps[4].epoch, steps[9].epoch) == (1.0, 2.0)
    assert steps[-1].loss < steps[0].loss - 0.5
    before, after = trained.of(ev.Eval)
    assert after.loss < before.loss - 0.5


def test_the_test_is_measured_before_and_after_only_and_never_trained_on(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, dataset={"test_rows": 6}, eval={"every": 2, "early_stopping_patience": 1})
    trained = train(settings)
    (started,) = trained.of(ev.RunStarted)
    assert (started.train_rows, started.eval_rows, started.test_rows) == (14, 4, 6)
    tests = [event for event in trained.of(ev.Eval) if event.part == "test"]
    assert [(event.moment, event.step) for event in tests] == [("before", 0), ("after", 6)]
    assert {event.loss for event in tests}.isdisjoint(event.loss for event in trained.of(ev.Eval) if event not in tests)


def test_each_source_has_a_loss_of_its_own(tiny: Path, tmp_path: Path, rows: Path) -> None:
    other = write_rows(tmp_path / "other.jsonl", 12, start=100)
    trained = train(values(tiny, rows) | {"data": [{"path": str(rows)}, {"path": str(other)}]})
    first = trained.of(ev.Step)[0]
    assert set(first.loss_by_source) <= {"rows", "other"}
    assert {name for step in trained.of(ev.Step) for name in step.loss_by_source} == {"rows", "other"}
    assert set(trained.of(ev.Eval)[0].loss_by_source) <= {"rows", "other"}


def test_the_adapter_remembers_what_it_was_made_from(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows))
    record = json.loads((trained.run.adapter / "tunedeck.json").read_text())
    assert record["base"]["name_or_path"] == str(tiny)
    assert len(record["base"]["weights_sha256"]["model.safetensors"]) == 64
    assert (record["strategy"], record["parents"], record["step"]) == ("fresh", [], 6)
    assert record["data"][0]["path"] == str(rows)
    assert record["data"][0]["tokens"] > 0
    assert record["data_files"][0]["sha256"]
    assert record["settings"]["train"]["learning_rate"] == 5e-3
    names = {path.name for path in trained.run.adapter.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "chat_template.jinja"} <= names
    assert not names & {"optimizer.pt", "rng_state_0.pth", "trainer_state.json", "COMPLETE"}


_PLAIN_PEFT = """
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, adapter = sys.argv[1:]
torch.set_num_threads(1)
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).eval()
ids = AutoTokenizer.from_pretrained(adapter)("2 tea to Oslo", return_tensors="pt").input_ids
assert not any("engine" in name.split(".") for name in sys.modules)
print(json.dumps(model(ids).logits[0, -1].tolist()))
"""


@pytest.mark.usefixtures("warm")
def test_plain_peft_in_another_process_gives_the_same_logits(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits: list[torch.Tensor] = []

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Checkpoint) and not logits:
            logits.append(our_logits())

    built: list[Any] = []
    attach = prepare.attach_adapter

    def attached(config: Any, base: Any, *more: Any) -> Any:
        built.append((attach(config, base, *more), base.tokenizer))
        return built[-1][0]

    def our_logits() -> torch.Tensor:
        model, tokenizer = built[-1]
        ids = tokenizer("2 tea to Oslo", return_tensors="pt").input_ids
        with torch.no_grad():
            return model.eval()(ids).logits[0, -1]

    monkeypatch.setattr(prepare, "attach_adapter", attached)
    trained = train(values(tiny, rows), react)
    python = Path(sys.prefix, "bin", "python")  # without what the Python of the tests has loaded
    done = subprocess.run(
        [python, "-c", _PLAIN_PEFT, str(tiny), str(trained.run.adapter)],
        capture_output=True, text=True, check=True, cwd=trained.run.path,
    )  # fmt: skip
    torch.testing.assert_close(torch.tensor(json.loads(done.stdout)), logits[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "method"),
    [
        ({"quantization": "nf4", "double_quant": True}, "QLoRA nf4 r4"),
        ({"quantization": "nf4", "double_quant": True, "dtype": "bfloat16"}, "QLoRA nf4 r4"),
        ({"quantization": "int8"}, "QLoRA int8 r4"),
        ({"dtype": "bfloat16"}, "LoRA r4"),
    ],
    ids=["nf4", "nf4 in bfloat16", "int8", "bfloat16"],
)
def test_narrow_weights_train_and_the_loss_falls(tiny: Path, rows: Path, model: dict[str, Any], method: str) -> None:
    trained = train(values(tiny, rows, model=model, train={"max_steps": 12}))
    assert trained.of(ev.RunStarted)[0].method == method
    before, after = trained.of(ev.Eval)
    assert after.loss < before.loss - 0.5
    assert trained.of(ev.Finished)[0].outcome == "finished"


def test_lost_rows_are_said_and_counted(tiny: Path, tmp_path: Path, rows: Path) -> None:
    long = {"prompt": "word " * 200, "completion": "yes"}
    with rows.open("a") as file:
        file.write(json.dumps(long) + "\n")
    trained = train(values(tiny, rows, dataset={"eval_rows": 0}))
    (warning,) = trained.of(ev.Warn)
    assert (warning.message.code, warning.message.args["dropped"]) == ("events.rows-too-long", 1)


def test_a_base_model_is_told_that_it_gets_a_plain_template(tiny_base: Path, rows: Path) -> None:
    trained = train(values(tiny_base, rows))
    (warning,) = trained.of(ev.Warn)
    assert warning.message.code == "events.plain-template"
    assert (trained.run.adapter / "chat_template.jinja").exists()


def test_plain_text_is_trained_on_whole(tiny_base: Path, tmp_path: Path, home: Path) -> None:
    text = tmp_path / "book.txt"
    text.write_text("".join(f"Chapter {i}: {'tea and soup in Oslo. ' * (i % 3 + 1)}\n\n" for i in range(20)))
    trained = train(values(tiny_base, text, dataset={"too_long": "split", "max_length": 32}))
    assert trained.of(ev.Finished)[0].outcome == "finished"
    steps = trained.of(ev.Step)
    assert steps[0].supervised_tokens > 0.9 * steps[0].num_tokens
