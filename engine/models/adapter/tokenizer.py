"""The tokenizer an adapter was trained with, where its folder brings one: rows are to be written with that again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.common.errors import TunedeckError
from engine.models.adapter.find import find_adapter
from engine.models.tokenizer_files import TOKENIZER_FILES, Tokens, read_tokens

_SETTINGS = "tokenizer_config.json"


def brings_tokenizer(folder: Path) -> bool:
    """Whether ``folder`` holds a whole tokenizer: its settings and a vocabulary."""
    vocabularies = (name for name in TOKENIZER_FILES if name != _SETTINGS)
    return (folder / _SETTINGS).is_file() and any((folder / name).is_file() for name in vocabularies)


def tokenizer_folder(kind: str, adapter: str, checkpoint: Path | None = None) -> Path | None:
    """The folder whose tokenizer a run that goes on from an adapter uses in place of the base's; None for the base's.

    ``kind`` and ``adapter`` are those of the config's strategy. ``checkpoint`` is the run's own that it goes on from:
    the old adapter may be gone by then.
    """
    if kind == "fresh" or not adapter:
        return None
    if checkpoint is not None and kind == "continue" and brings_tokenizer(checkpoint):
        return checkpoint
    try:
        folder = find_adapter(adapter).path
    except TunedeckError:
        return None  # who needs the adapter itself says so
    return folder if brings_tokenizer(folder) else None


def tokens_with(base: Path, own: Path | None, config: Mapping[str, Any]) -> Tokens:
    """What base and adapter together say of the tokenizer: the adapter's ``own``, and of the base what that lacks.

    ``config`` is the base's config.json.
    """
    tokens = read_tokens(base, config)
    if own is None:
        return tokens
    theirs = read_tokens(own, config)
    return replace(
        theirs,
        chat_template=theirs.chat_template or tokens.chat_template,
        eos_tokens=tuple(dict.fromkeys((*theirs.eos_tokens, *tokens.generation_stops))),
        generation_stops=tokens.generation_stops,
    )
