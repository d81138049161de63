"""A model with its adapter as one GGUF file in 16 or 32 bits: merged, then converted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.common.files import read_json
from engine.export.gguf import converter
from engine.export.merge.write import merge
from engine.models.gguf import DTYPES
from engine.tokens.tokenizer import Words

Step = Callable[[Path], Callable[[], None]]
"""Hears which file is written next; what it gives is called while that goes on, and may raise."""


def convert_merged(model: Path, words: Words, wanted: Mapping[str, Path], folder: Path, step: Step) -> None:
    """Write the merged ``model``, which is changed for it, as each type of ``wanted`` (f32, f16, bf16) to its path.

    ``folder`` is the converter's. A file appears only whole. Raises ModelError, OSError.
    """
    _set_start(model, words)
    for kind, path in wanted.items():
        partial = path.with_name(f".{path.name}.partial")
        try:
            request = {"do": "convert", "model": str(model), "out": str(partial), "type": kind}
            converter.run(folder, request, step(path))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def sixteen_bits(
    base: Path, adapter: Path, words: Words, work: Path, check: Callable[[], None], kind: str = "f16"
) -> Path:
    """``base`` with ``adapter`` as ``kind`` (f16, bf16), in a file in ``work``. Raises ModelError, OSError."""
    model = merge(base, [(adapter, 1.0)], work / "merged", lambda done, total: check(), DTYPES[kind]).path
    file = work / f"merged-{kind}.gguf"
    convert_merged(
        model, words, {kind: file}, converter.converter(lambda done, total, message: None), lambda path: check
    )
    shutil.rmtree(model)
    return file


def _set_start(model: Path, words: Words) -> None:
    """Let the file put a start token in front of prompts exactly where the training's template begins with one.

    Transformers takes it from the template, llama.cpp from this switch.
    """
    start, config = words.tokenizer.bos_token, model / "tokenizer_config.json"
    text = words.tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False)
    values = read_json(config) | {"add_bos_token": bool(start) and str(text).startswith(start)}
    config.write_text(json.dumps(values, indent=2, ensure_ascii=False), "utf-8")
