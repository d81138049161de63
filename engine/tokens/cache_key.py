"""The name of tokenised rows in the cache: a hash of all that decides what they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.common import file_hash
from engine.common.errors import DataError, reason_of
from engine.config import toml
from engine.config.schema import DataSource, RunConfig
from engine.data import run_source
from engine.data.files.opened import check_file
from engine.data.files.sources import data_files
from engine.tokens.render import Renderer

FORMAT = 7
"""Of the stores, and of how rows become tokens: raise it with every change of either."""
_LIBRARIES = ("tunedeck", "transformers", "tokenizers", "jinja2")
_OF_ROWS = {"format", "columns", "tags", "labels", "max_rows", "split", "subset"}
_OF_TOKENS = {"max_length", "train_on", "too_long", "split_overlap", "fixes"}
_TOKENS = '"added_tokens"'
_VOCABULARIES = ("*.model", "*.json", "*.txt", "*.tiktoken", "*.py")


@dataclass(frozen=True)
class Key:
    """``name`` in the cache; ``stamps`` of the files behind it, by which a change of one is noticed."""

    name: str
    stamps: dict[str, tuple[int, int]]

    def unchanged(self) -> bool:
        """Whether all files are as they were when they were hashed."""
        try:
            return all(_stamp(Path(path)) == stamp for path, stamp in self.stamps.items())
        except OSError:
            return False


def key_of(config: RunConfig, renderer: Renderer) -> Key:
    """The key of the rows of ``config`` as tokens of ``renderer``.

    What is held out, in which shares sources come and what they weigh is decided when a store is used. Raises
    DataError for data that is not there.
    """
    stamps: dict[str, tuple[int, int]] = {}
    parts: dict[str, Any] = {
        "format": FORMAT,
        "versions": {name: version(name) for name in _LIBRARIES},
        "seed": config.run.drawn_by,  # of the draw
        "dataset": config.dataset.model_dump(mode="json", include=_OF_TOKENS),
        "data": [_of_source(source, stamps, ()) for source in config.data],
        "tokenizer": tokenizer_digest(renderer),
    }
    file_hash.keep()
    return Key(_digest(parts), stamps)


def tokenizer_digest(renderer: Renderer) -> str:
    """A hash of the tokenizer's vocabulary and rules, its template, and the tokens that end an answer."""
    tokenizer = renderer.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        state = backend.to_str()
        # Before its tokens stands how the last text was cut or filled up, which is no part of a tokenizer.
        rules: Any = hashlib.sha256(state[max(0, state.find(_TOKENS)) :].encode()).hexdigest()
    else:
        place = Path(str(tokenizer.name_or_path))
        files = sorted({file for kind in _VOCABULARIES for file in place.glob(kind)}) if place.is_dir() else []
        rules = [sorted(tokenizer.get_vocab().items()), [(file.name, file_hash.sha256_of(file)) for file in files]]
    parts = [
        type(tokenizer).__name__, rules, tokenizer.chat_template, sorted(renderer.stops),
        {name: str(token) for name, token in tokenizer.special_tokens_map.items()}, tokenizer("")["input_ids"],
    ]  # fmt: skip
    return _digest(parts)


def _of_source(source: DataSource, stamps: dict[str, tuple[int, int]], within: Sequence[str]) -> Any:
    """All of a source that decides its rows. Of an earlier run that is its whole data, and its split."""
    settings = source.model_dump(mode="json", include=_OF_ROWS)
    if source.is_run:
        run = run_source.run_of(source)
        files: list[Path] = run_source.files(source)
        names = [(str(path), _hashed(path, stamps)) for path in files]
        behind = []
        if run.id not in within and run.config.exists():
            config = toml.load(run.config).config
            behind = [config.dataset.model_dump(mode="json"), config.run.drawn_by]
            behind += [[each.path, each.role, _of_source(each, stamps, (*within, run.id))] for each in config.data]
            behind += sorted(run_source.skipped_keys(run))
        return [settings, names, behind]
    found = []
    for file in data_files(source):
        entry = None if file.entry is None else [file.entry.name, dict(file.entry.values)]
        reading = file.source.model_dump(mode="json", include=_OF_ROWS)
        found.append([_hashed(file.path, stamps), file.path.suffixes[-2:], reading, entry])
    return [settings, found]


def _hashed(path: Path, stamps: dict[str, tuple[int, int]]) -> str:
    check_file(path)
    try:
        stamps[str(path)] = _stamp(path)
        return file_hash.sha256_of(path)
    except OSError as error:
        raise DataError("tokens.file-unreadable", path=path, reason=reason_of(error)) from None


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:40]
