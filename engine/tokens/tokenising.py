"""All rows of a config to tokens: a stream of batches, worked on here and in helpers, written as they come."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from engine.common.workers import spare_processors
from engine.config.schema import DatasetSection, RunConfig
from engine.data.batches import Account, Batch, rows_of_batch
from engine.data.dedup import near
from engine.data.fixes import SETS, not_repeated
from engine.data.reader import SHARED_ROWS, SKIPPED_KEPT, Reading, expected_rows, nothing_left
from engine.data.splitting.split import content_hash, group_of, stratum_of
from engine.messages.message import Message
from engine.tokens.examples import Fate, cure, rendered
from engine.tokens.render import Renderer
from engine.tokens.store import PIECE, ROW, TOKEN, Facts, Writer, packed, packed_rows

_REFUSED_KEPT = 1000
_MOST_REASONS = 255
_NEAR = "drop_near_duplicates"
Progress = Callable[[int, int], Any]


@dataclass(frozen=True)
class Tokens:
    """What a batch became: its used rows (n,), their pieces (m,) and tokens (k,), each counted from its own start.

    ``files`` are what the rows' ``file`` numbers, ``refusals`` what was refused and what would help, by row; ``texts``
    are the rows as they were read.
    """

    account: Account
    rows: np.ndarray
    pieces: np.ndarray
    tokens: np.ndarray
    files: list[str]
    refusals: dict[int, tuple[Message, Message]]
    signatures: np.ndarray
    texts: bytes


class Tokeniser:
    """Makes tokens of a batch. In a helper it works with the renderer that was left for it in ``pickled``."""

    def __init__(self, renderer: Renderer, dataset: DatasetSection, seed: int, pickled: Path | None = None) -> None:
        self._renderer: Renderer | None = renderer
        self._dataset, self._seed, self._pickled = dataset, seed, pickled
        self._hints: dict[str, Message] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_renderer": None}

    def __call__(self, batch: Batch) -> Tokens:
        """NotImplemented where this process has no renderer and can't have one."""
        renderer = self._renderer or _left_in(self._pickled)
        return cast(Tokens, NotImplemented) if renderer is None else self._tokens(batch, renderer)

    def _tokens(self, batch: Batch, renderer: Renderer) -> Tokens:
        fixes = self._dataset.fixes
        compared = any(fix in fixes for fix in SETS)
        read = rows_of_batch(batch, fixes)
        rows = read.used
        made = np.zeros(len(rows), ROW)
        pieces: list[tuple[int, int, int, int]] = []
        tokens: list[np.ndarray] = []
        files: dict[str, int] = {}
        refusals: dict[int, tuple[Message, Message]] = {}
        offset = 0
        for at, row in enumerate(rows):
            result = rendered(row, renderer, self._dataset)
            if result.error is not None:
                code = result.error.code
                if code not in self._hints:
                    self._hints[code] = cure(row, renderer, self._dataset.train_on, fixes)
                refusals[at] = (result.error.reason, self._hints[code])
            for ids, labels in result.pieces:
                pieces.append((offset, len(ids), at, int((labels[1:] >= 0).sum())))
                tokens.append(packed(ids, labels))
                offset += len(ids)
            content, prompt = read.keys[at] if compared else (0, 0)
            first, second = np.frombuffer(content_hash(row, self._seed), ">u8").tolist()
            file = files.setdefault(row.file, len(files))
            last = row.messages[-1] if row.messages else None
            answered = last is not None and last.role == "assistant" and not last.untrained
            made[at] = (
                (first, second), group_of(row, self._seed), content, prompt, row.weight, row.number, file,
                result.length, len(result.pieces), stratum_of(row), batch.source, result.fate, 0,
                answered, row.kind == "messages",
            )  # fmt: skip
        return Tokens(
            read.account, made, np.array(pieces, PIECE), np.concatenate(tokens) if tokens else np.zeros(0, TOKEN),
            list(files), refusals, near.signatures(read.used_texts if _NEAR in fixes else []),
            packed_rows(rows),
        )  # fmt: skip


def write_tokens(
    config: RunConfig, renderer: Renderer, folder: Path, on_progress: Progress, helpers: int | None = None
) -> None:
    """Tokenise every row of ``config`` into a store in ``folder``, whatever will be held out of them.

    ``on_progress(rows done, rows expected)`` may raise to end it. ``helpers`` are processes beside this one; None: as
    many as there are processors to spare, from 20,000 rows on. Raises DataError for rows that can't be read and where
    none can be used, and OSError for a disk that refuses.
    """
    reading = Reading(config)
    total = sum(map(expected_rows, config.data))
    if helpers is None:
        helpers = spare_processors() if total >= SHARED_ROWS else 0
    pickled = folder / "renderer.pickle"
    if helpers and not _leave(renderer, pickled):
        helpers = 0
    work = Tokeniser(renderer, config.dataset, config.run.drawn_by, pickled)
    collected = _Collected(folder, [str(file.path) for files in reading.files for file in files])
    done = 0
    with closing(collected.writer), closing(collected.signatures):
        with closing(reading.worked(work, helpers)) as results:
            for made in results:
                collected.add(made)
                done = sum(reading.counts.values())
                on_progress(done, max(total, done))
        pickled.unlink(missing_ok=True)
        repeated = collected.leave_repeats_out(config)
        skipped_count = reading.skipped_count + repeated
        if collected.writer.rows == repeated:
            raise nothing_left(reading, skipped_count)
        collected.end(reading, skipped_count)
        on_progress(done, done)


class _Collected:
    """Puts the tokens of batches, in their order, into a store."""

    def __init__(self, folder: Path, files: list[str]) -> None:
        self._folder = folder
        self._files = {name: number for number, name in reversed([*enumerate(files)])}
        self._names = files
        self._reasons: dict[str, int] = {}
        self._hints: list[Message] = []
        self._refused: list[tuple[int, Message]] = []
        self.writer = Writer(folder)
        self.signatures = (folder / "signatures.bin").open("wb")

    def add(self, made: Tokens) -> None:
        """Append ``made``. Raises OSError."""
        rows = made.rows.copy()
        numbers = np.array([self._file(name) for name in made.files], ROW["file"])
        rows["file"] = numbers[rows["file"]] if len(rows) else 0
        for row, (reason, hint) in made.refusals.items():
            if reason.code not in self._reasons and len(self._reasons) <= _MOST_REASONS:
                self._reasons[reason.code] = len(self._reasons)
                self._hints.append(hint)
            rows["reason"][row] = self._reasons.get(reason.code, _MOST_REASONS)
            if len(self._refused) < _REFUSED_KEPT:
                self._refused.append((self.writer.rows + row, reason))
        self.signatures.write(made.signatures.tobytes())
        self.writer.add(rows, made.pieces, made.tokens, made.texts)

    def leave_repeats_out(self, config: RunConfig) -> int:
        """Mark the rows that ``dataset.fixes`` leave out for what other rows say, and return how many they are."""
        self.signatures.close()
        path, fixes, count = Path(self.signatures.name), config.dataset.fixes, self.writer.rows
        repeated = 0
        if count and any(fix in fixes for fix in SETS):
            self.writer.flush()
            shape = (count, near.PERMUTATIONS)
            signatures = np.memmap(path, np.uint32, "r", shape=shape) if _NEAR in fixes else None
            rows = np.memmap(self._folder / "rows.bin", ROW, "r+", shape=(count,))
            kept = not_repeated(np.array(rows["content"]), np.array(rows["prompt"]), signatures, fixes)
            rows["fate"][~kept] = Fate.REPEATED
            rows.flush()
            repeated = count - int(kept.sum())
        path.unlink()
        return repeated

    def end(self, reading: Reading, skipped_count: int) -> None:
        """Put the store on the disk. Raises OSError."""
        counts = (self.writer.rows, self.writer.pieces, self.writer.tokens)
        skipped = reading.skipped[:SKIPPED_KEPT]
        unused = [reading.unused.get(name, []) for name in reading.names]
        self.writer.end(
            Facts(
                *counts, self._names, skipped, skipped_count, self._refused, list(self._reasons), self._hints,
                unused, dict(reading.remarks), dict(reading.read), self.writer.blocks, self.writer.text_bytes,
            )
        )  # fmt: skip

    def _file(self, name: str) -> int:
        """The number of a file; rows of earlier runs come from files that are not this config's own."""
        if name not in self._files:
            self._files[name] = len(self._names)
            self._names.append(name)
        return self._files[name]


def _leave(renderer: Renderer, path: Path) -> bool:
    """Write ``renderer`` for the helpers; False for one that can't be written, as a model's own code may have made."""
    try:
        path.write_bytes(pickle.dumps(renderer))
    except (pickle.PicklingError, TypeError, AttributeError):
        return False
    return True


@lru_cache(1)
def _left_in(path: Path | None) -> Renderer | None:
    """A helper's own renderer."""
    try:
        assert path is not None
        renderer: Renderer = pickle.loads(path.read_bytes())
    except Exception:  # a tokenizer with code of its own may not load elsewhere: the work is done where it was asked
        return None
    return renderer
