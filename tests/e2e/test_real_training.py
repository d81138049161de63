"""The starter model, real rows and a real runner: it learns, and other libraries see the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.app.demo import demo_layers
from engine.config import toml
from engine.config.presets import Layer, resolve
from engine.config.schema import RunConfig
from engine.data.reader import load
from engine.data.rows.messages import Row
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.launch import launch
from tests.e2e.driving import events, wait_for_end
from tests.engine.data.splitting.making import split
from tests.engine.training.making import train

pytestmark = [pytest.mark.real, pytest.mark.e2e]


def settings(folder: Path, **train: Any) -> dict[str, Any]:
    """The demo, made short: few rows, nothing generated but one answer."""
    return {
        "model": {"name_or_path": str(folder)},
        "dataset": {"eval_rows": 8},
        "train": {"batch_size": 8, "learning_rate": 1e-3, "warmup_ratio": 0.0} | train,
        "eval": {"every": 100, "metrics": [], "max_new_tokens": 12},
        "checkpoint": {"every": 100},
        "sample": {"rows": 1, "every": 100},
    }


def plain_loss(model: Any, tokenizer: Any, rows: list[Row]) -> float:
    """Mean loss over the answers of ``rows`` and their stop tokens, by the model's own forward."""
    total, count = 0.0, 0
    for row in rows:
        turns = [{"role": m.role, "content": m.content} for m in row.messages]
        prompt = tokenizer.apply_chat_template(turns[:-1], tokenize=False, add_generation_prompt=True)
        answer = tokenizer(f"{turns[-1]['content']}<|im_end|>", add_special_tokens=False)["input_ids"]
        ids = [*tokenizer(prompt, add_special_tokens=False)["input_ids"], *answer]
        labels = [-100] * (len(ids) - len(answer)) + answer
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss
        total, count = total + float(loss) * len(answer), count + len(answer)
    return total / count


@pytest.mark.timeout(600)
def test_the_starter_learns_in_six_steps_and_plain_peft_measures_the_same(starter_folder: Path, home: Path) -> None:
    resolved = resolve([*demo_layers(), Layer("test", settings(starter_folder, max_steps=6))])
    run = directory.create("smollm2-135m", toml.dumps(resolved))
    launch(run)
    state = wait_for_end(run)
    assert (state.state, state.failure) == ("finished", None)

    before, after = (event for event in events(run) if isinstance(event, ev.Eval))
    assert before.loss is not None
    assert after.loss is not None
    assert after.loss < 0.5 * before.loss
    answer = [event for event in events(run) if isinstance(event, ev.Sample)][-1]
    assert answer.moment == "after"
    assert answer.answer.startswith('{"name": "')

    config: RunConfig = resolved.config
    rows = load(config).rows
    heldout = [rows[i] for i in split(rows, config.dataset, config.run.seed).heldout]
    base = AutoModelForCausalLM.from_pretrained(starter_folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(run.adapter)
    assert plain_loss(base, tokenizer, heldout) == pytest.approx(before.loss, abs=0.02)
    adapted = PeftModel.from_pretrained(base, run.adapter).eval()
    assert plain_loss(adapted, tokenizer, heldout) == pytest.approx(after.loss, abs=0.02)


@pytest.mark.timeout(600)
def test_the_starter_in_four_bits_learns_too(starter_folder: Path, home: Path) -> None:
    chosen = settings(starter_folder, max_steps=3, batch_size=6)
    chosen["dataset"] = {"eval_rows": 4}
    chosen["model"] |= {"quantization": "nf4", "double_quant": True}
    resolved = resolve([*demo_layers(), Layer("test", chosen | {"sample": {"rows": 0}})])
    trained = train(resolved.config.model_dump(mode="json", exclude_none=True))
    before, after = trained.of(ev.Eval)
    assert after.loss < 0.8 * before.loss
    assert trained.of(ev.RunStarted)[0].method == "QLoRA nf4 r16"
