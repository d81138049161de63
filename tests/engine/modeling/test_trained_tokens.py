"""Dialogue on a base model as ChatML: the marks' embeddings are trained beside the adapter, saved, and continued."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from engine.models.adapter.card import read_adapter
from engine.runs import events as ev
from tests.engine.training.making import Trained, create_run, stop_after, train, values
from tests.engine.training.test_continue import create, settings
from tests.tiny import make_tiny_model

MARKS = ["<|im_start|>", "<|im_end|>"]
CHATML: dict[str, Any] = {"chat_template": "chatml", "dtype": "float32"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model that stops at a token of its own, and knows ChatML's marks only as tokens."""
    folder = make_tiny_model(tmp_path_factory.mktemp("models") / "base", chat_template=False)
    for name in ("tokenizer_config.json", "config.json", "generation_config.json"):
        file = folder / name
        text = json.loads(file.read_text())
        text |= {"eos_token": "<|pad|>"} if name == "tokenizer_config.json" else {"eos_token_id": 0}
        file.write_text(json.dumps(text))
    return folder


@pytest.mark.parametrize("model", [{}, {"dtype": "bfloat16"}, {"quantization": "nf4"}], ids=["fp32", "bf16", "nf4"])
def test_chatml_on_a_base_model_learns_and_ends_at_its_mark(base: Path, rows: Path, model: dict[str, Any]) -> None:
    trained = train(values(
        base, rows, model=CHATML | model, adapter={"trainable_token_indices": MARKS}, train={"max_steps": 10}
    ))  # fmt: skip
    assert trained.losses()[-1] < trained.losses()[0]
    card = read_adapter(trained.run.id)
    assert {rows for listed in card.settings.trainable_token_indices.values() for rows in listed} == {1, 2}
    written = json.loads((trained.run.adapter / "tokenizer_config.json").read_text())
    assert written["eos_token"] == "<|im_end|>"


def test_the_trained_marks_go_through_stop_resume_and_continue(base: Path, rows: Path) -> None:
    given = values(base, rows, model=CHATML, adapter={"trainable_token_indices": MARKS})
    straight, run = train(given), create_run(given)
    stopped = Trained(run, stop_after(3))
    resumed = Trained(run, resume=True)
    assert stopped.losses() + resumed.losses() == straight.losses()
    second = Trained(create(settings(base, rows, run.id, model=CHATML)))
    assert second.of(ev.Eval)[0].loss == pytest.approx(straight.of(ev.Eval)[-1].loss, rel=1e-3)
    name = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"
    before, after = (load_file(each.run.adapter / "adapter_model.safetensors")[name] for each in (resumed, second))
    assert not before.equal(after)
