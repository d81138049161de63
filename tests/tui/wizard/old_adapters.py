"""Old adapters for the strategy step: a model whose layers are really there, and runs that made adapters for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from engine.common.files import write_atomic
from engine.messages.message import Message
from engine.runs import directory
from engine.runs.directory import RunDir
from tests.engine.models.making import lora_tensors, safetensors_bytes, write_adapter
from tests.tui.wizard.making import CONFIG, TEMPLATE

HIDDEN, KV = 64, 32
GOOD_RELATION = {
    "new_rows": 40, "base_new": 2.0, "adapter_new": 1.2, "old_rows": 40, "base_old": 2.2, "adapter_old": 0.6,
    "mixing": 0.1, "likeness": None, "missing": [],
}  # fmt: skip
RELATED = {
    "type": "result",
    "relation": GOOD_RELATION,
    "advice": {
        "verdict": "related", "strategy": "merge", "confidence": "fair",
        "reasons": [
            Message("models.loss-lower", gain=0.4, adapted=1.2, base=2.0).as_json(),
            Message("models.loss-old", gain=0.73, adapted=0.6, base=2.2).as_json(),
        ],
        "would_change": Message("models.if-related").as_json(),
    },
}  # fmt: skip


def make_whole_model(folder: Path) -> Path:
    """A tiny model with all the tensors an adapter could look for; all zeros."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    tokens = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens))
    (folder / "tokenizer.json").write_text("{}")
    tensors = {"model.embed_tokens.weight": np.zeros((256, HIDDEN), "<f4")}
    for layer in range(2):
        for name, out in (("q_proj", HIDDEN), ("k_proj", KV), ("v_proj", KV), ("o_proj", HIDDEN)):
            tensors[f"model.layers.{layer}.self_attn.{name}.weight"] = np.zeros((out, HIDDEN), "<f4")
    (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors, "BF16"))
    return folder


def make_adapter(folder: Path, base: Path | str, rank: int = 4, **changed: Any) -> Path:
    """An adapter for ``base``, as PEFT saves it."""
    tensors = changed.pop("tensors", None) or lora_tensors(2, rank, HIDDEN, KV)
    return write_adapter(folder, tensors, base_model_name_or_path=str(base), r=rank, **changed)


def make_run(root: Path, base: Path | str, rows: Path | None, name: str = "orders", rank: int = 4) -> RunDir:
    """A finished run that trained ``rows`` and left its adapter; None of rows: they are gone."""
    where = rows or root / "gone.jsonl"
    text = f'[run]\nname = "{name}"\n[model]\nname_or_path = "{base}"\n[[data]]\npath = "{where}"\n'
    run = directory.create(str(base), text, name, root)
    make_adapter(run.adapter, base, rank)
    record = {
        "base": {"name_or_path": str(base), "revision": "main", "weights_sha256": {}},
        "strategy": "fresh", "parents": [], "step": 10,
        "data": [{"path": str(where), "role": "new", "tokens": 1234}], "data_files": [],
    }  # fmt: skip
    write_atomic(run.adapter / "tunedeck.json", json.dumps(record))
    return run


def make_sample(run: RunDir, count: int = 3) -> None:
    """What a run keeps of its rows."""
    rows = [
        {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": str(n)}], "text": "",
         "file": "gone.jsonl", "row": n + 1}
        for n in range(count)
    ]  # fmt: skip
    write_atomic(run.path / "rows_sample.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
