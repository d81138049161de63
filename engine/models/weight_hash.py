"""SHA-256 of a model's weight files, remembered by size and time so that 15 GB are not read for every question."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from engine.common import paths
from engine.common.errors import ModelError
from engine.common.files import read_json, write_atomic
from engine.models.weights import Tensor, read_header, read_weights

_MOST_ENTRIES = 2000
_CHUNK_BYTES = 8 << 20
Progress = Callable[[int, int], None]


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files that are the model in ``folder``; none where it has pickles or no weights at all."""
    try:
        weights = read_weights(folder)
    except ModelError:
        return ()
    return weights.files if weights.format == "safetensors" else ()


def stored_tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors of the model in ``folder`` by name, from headers; none where ``weight_files`` has none."""
    return {name: tensor for file in weight_files(folder) for name, tensor in read_header(file).items()}


def hash_files(files: Iterable[Path], on_progress: Progress | None = None) -> dict[str, str]:
    """SHA-256 in hex of each file, by its name; about a second a GB, once for each state of a file.

    ``on_progress`` gets bytes done and bytes of all while there is something to read; what it raises ends that.
    Raises ModelError.
    """
    listed = list(files)
    cache = paths.cache_dir() / "weights_sha256.json"
    known = read_json(cache)
    fresh: dict[str, list[object]] = {}
    hashes: dict[str, str] = {}
    try:
        states = [(file, file.resolve(), file.stat()) for file in listed]
        total, done = sum(state.st_size for _, _, state in states), 0
        for file, real, state in states:
            stamp = [state.st_size, state.st_mtime_ns]
            entry = known.get(str(real))
            if isinstance(entry, list) and entry[:2] == stamp and len(entry) == 3:
                hashes[file.name] = str(entry[2])
            else:
                hashes[file.name] = _digest(file, done, total, on_progress)
                fresh[str(real)] = [*stamp, hashes[file.name]]
            done += state.st_size
    except OSError as error:
        raise ModelError(
            "The weights can't be read", f"{error.filename}: {error.strerror}", "Check its rights."
        ) from None
    if fresh:
        kept = {path: entry for path, entry in known.items() if path not in fresh}
        newest = dict(list((kept | fresh).items())[-_MOST_ENTRIES:])
        with suppress(OSError):  # a cache that can't be written costs time, nothing else
            paths.private_dir(cache.parent)
            write_atomic(cache, json.dumps(newest))
    return hashes


def _digest(file: Path, before: int, total: int, on_progress: Progress | None) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            digest.update(chunk)
            before += len(chunk)
            if on_progress is not None:
                on_progress(before, total)
    return digest.hexdigest()
