"""Model folders that claim to be large: only their config.json says so, which is all that an estimate reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.tui.wizard.making import make_model

LLAMA_8B = {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False, "max_position_embeddings": 8192,
}  # fmt: skip
LLAMA_70B = LLAMA_8B | {
    "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64, "intermediate_size": 28672,
}  # fmt: skip


def make_large(folder: Path, dimensions: dict[str, Any] = LLAMA_8B) -> Path:
    path = make_model(folder) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | dimensions))
    return folder
