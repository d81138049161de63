"""A model's weight files without loading them: safetensors headers, shards, and hashes that are remembered."""

from __future__ import annotations

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from engine.common import file_hash
from engine.common.errors import CutOff, ModelError, reason_of
from engine.messages.message import Message

Progress = Callable[[int, int], None]
PICKLES = ("pytorch_model*.bin", "model*.bin", "*.pt", "*.pth", "consolidated*.bin")
_FLOATS = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64",
           "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}  # fmt: skip
_POSITIONS = re.compile(r"(^|\.)(wpe|positions_embed|embed_positions?|position_embeddings?|pos_embed\w*)\.weight$")
_NOT_TEXT = re.compile("vision|visual|image|patch|audio|tower")
_HEADS = ("lm_head.weight", "embed_out.weight", "output.weight")
_LONGEST_HEADER_BYTES = 100_000_000


@dataclass(frozen=True)
class Weights:
    """``parameters`` is None where headers can't tell (pickles, packed integers); ``dtype`` holds most of the bytes.

    ``has_head``: an output matrix of its own is stored; None for pickles. ``position_rows``: of a table of learned
    positions, 0 where none is stored under a name for it.
    """

    format: Literal["safetensors", "pickle"]
    files: tuple[Path, ...]
    weight_bytes: int
    parameters: int | None
    dtype: str | None
    has_head: bool | None = None
    position_rows: int = 0


@dataclass(frozen=True)
class Tensor:
    """One entry of a safetensors header. ``offset`` is where its bytes begin in the file."""

    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    offset: int = 0


def read_weights(folder: Path, allow_pickle: bool = False) -> Weights:
    """Find and describe the weight files of a model folder.

    Raises ModelError for no weights, pickled weights that were not allowed, a missing shard, a cut-off file.
    """
    files = _safetensors(folder)
    if files:
        tensors: dict[str, Tensor] = {}
        for file in files:
            tensors |= read_header(file)
        return _describe(tuple(files), tensors)
    pickles = sorted({path for pattern in PICKLES for path in folder.glob(pattern) if path.is_file()})
    pickles = [path for path in pickles if path.name not in ("training_args.bin", "optimizer.pt", "scheduler.pt")]
    if not pickles:
        raise ModelError("models.no-weights", folder=folder)
    if not allow_pickle:
        raise ModelError("models.pickled", path=pickles[0])
    return Weights("pickle", tuple(pickles), sum(path.stat().st_size for path in pickles), None, None)


def read_header(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, from its first bytes. Raises ModelError for a broken one."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            first = opened.read(8)
            length = struct.unpack("<Q", first)[0] if len(first) == 8 else -1
            if first.startswith(b"version "):
                raise ModelError("models.not-downloaded", path=file)
            if not 0 < length <= min(size - 8, _LONGEST_HEADER_BYTES):
                raise CutOff("models.cut-off", path=file, reason=Message("models.header-incomplete", size=size))
            header = json.loads(opened.read(length))
        tensors = {name: _tensor(entry, 8 + length) for name, entry in header.items() if name != "__metadata__"}
        ends = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
    except OSError as error:
        raise ModelError("models.weights-unreadable", path=file, reason=reason_of(error)) from None
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        raise CutOff("models.cut-off", path=file, reason=Message("models.header-unreadable")) from None
    if 8 + length + ends > size:
        missing = Message("models.bytes-missing", size=size, of=8 + length + ends)
        raise CutOff("models.cut-off", path=file, reason=missing)
    return tensors


def _tensor(entry: Mapping[str, Any], data: int) -> Tensor:
    begin, end = (int(number) for number in entry["data_offsets"])
    return Tensor(str(entry["dtype"]), tuple(int(number) for number in entry["shape"]), end - begin, data + begin)


def _safetensors(folder: Path) -> list[Path]:
    """The safetensors files of the model, by its index where it has one."""
    whole = folder / "model.safetensors"
    index = folder / "model.safetensors.index.json"
    if whole.is_file():
        return [whole]
    if not index.is_file():
        return sorted(path for path in folder.glob("*.safetensors") if not path.name.startswith("adapter_"))
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
        files = [folder / str(name) for name in names]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError("models.shards-unreadable", path=index, reason=str(error)) from None
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise ModelError(
            "models.shard-missing", folder=folder, missing=len(missing), of=len(files), first=missing[0]
        )  # fmt: skip
    return files


def _describe(files: tuple[Path, ...], tensors: Mapping[str, Tensor]) -> Weights:
    sizes: Counter[str] = Counter()
    for tensor in tensors.values():
        sizes[tensor.dtype] += tensor.size_bytes
    most = sizes.most_common(1)[0][0] if sizes else ""
    packed = most not in _FLOATS
    parameters = sum(math.prod(tensor.shape) for tensor in tensors.values() if tensor.dtype in _FLOATS)
    has_head = any(name.endswith(_HEADS) for name in tensors)
    return Weights(
        "safetensors", files, sum(sizes.values()), None if packed else parameters, _FLOATS.get(most), has_head,
        _position_rows(tensors),
    )  # fmt: skip


def _position_rows(tensors: Mapping[str, Tensor]) -> int:
    tables = [
        tensor.shape[0]
        for name, tensor in tensors.items()
        if len(tensor.shape) == 2 and _POSITIONS.search(name) and not _NOT_TEXT.search(name)
    ]
    return min(tables, default=0)


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
    hashes: dict[str, str] = {}
    try:
        sizes = [file.stat().st_size for file in listed]
        for file, done in zip(listed, accumulate(sizes, initial=0), strict=False):
            told = partial(_report, on_progress, done, sum(sizes)) if on_progress else _unheard
            hashes[file.name] = file_hash.sha256_of(file, told)
    except OSError as error:
        raise ModelError("models.weights-unreadable", path=error.filename, reason=reason_of(error)) from None
    file_hash.keep()
    return hashes


def _unheard(read: int) -> None:
    """For who asks for no progress."""


def _report(on_progress: Progress, before: int, total: int, read: int) -> None:
    on_progress(before + read, total)
