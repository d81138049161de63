"""An existing LoRA adapter, whoever trained it: read from its files without a training library."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.common.errors import CutOff, ModelError, reason_of
from engine.messages.message import Message
from engine.models.adapter.config import AdapterRecord, AdapterSettings, read_record, read_settings
from engine.models.adapter.find import find_adapter
from engine.models.adapter.tensors import (
    Contents,
    Soundness,
    examine,
    is_copy,
    is_part_of_lora,
    module_path,
    passed_over,
    sort_tensors,
)
from engine.models.weights import Tensor, read_header
from engine.runs.directory import RunDir

HEADS = ("lm_head", "embed_out", "output")
WEIGHTS_FILE = "adapter_model.safetensors"
PICKLE_FILE = "adapter_model.bin"
OPTIMIZER_FILE = "optimizer.pt"
_LEFT_OUT = {
    "target_modules": "adapter.left-out-targets", "layers_to_transform": "adapter.left-out-layers",
    "exclude_modules": "adapter.left-out-excluded",
}  # fmt: skip


@dataclass(frozen=True)
class AdapterCard:
    """An adapter. ``file`` holds its tensors; those of a pickle are not known, and ``parameters`` is None then.

    ``parameters`` counts trained numbers, ``size_bytes`` is that of the file. ``run`` is the id of the run that made
    it, ``record`` its ``tunedeck.json``: empty and None for adapters that were trained elsewhere.
    """

    path: Path
    name: str
    run: str
    note: Message | None
    file: Path
    settings: AdapterSettings
    tensors: dict[str, Tensor]
    contents: Contents
    dtype: str
    size_bytes: int
    parameters: int | None
    record: AdapterRecord | None

    @property
    def is_pickle(self) -> bool:
        return self.file.name == PICKLE_FILE

    @property
    def base(self) -> str:
        """The base model's name as the adapter gives it; empty where it doesn't."""
        return self.settings.base_model or (self.record.base if self.record else "")

    @property
    def targets(self) -> tuple[str, ...]:
        """Short names of the layers that have an update, such as q_proj; from the config where tensors don't tell."""
        if self.contents.modules:
            return tuple(sorted({module.name.rpartition(".")[2] for module in self.contents.modules}))
        named = self.settings.target_modules or ()
        listed = [named] if isinstance(named, str) else named
        return tuple(sorted({name.rpartition(".")[2] for name in listed}))


def read_adapter(name_or_path: str | Path, allow_pickle: bool = False) -> AdapterCard:
    """Describe an adapter in milliseconds, from its config and its tensors' header; ``examine_adapter`` reads the rest.

    Raises ModelError: none there, a broken config, no LoRA, pickled tensors that were not allowed, half a file, an
    empty adapter, tensors that PEFT would not load or that were left empty, matrices of another rank than the config's.
    """
    found = find_adapter(str(name_or_path))
    settings = read_settings(found.path)
    file = _weights_file(found.path, allow_pickle)
    tensors = {} if file.name == PICKLE_FILE else _header(file)
    contents = sort_tensors(tensors)
    if file.name != PICKLE_FILE:
        _check_tensors(found.path, tensors)
        _check(found.path, settings, contents)
    dtypes = Counter[str]()
    for tensor in tensors.values():
        dtypes[tensor.dtype] += tensor.size_bytes
    return AdapterCard(
        path=found.path,
        name=found.run or found.path.absolute().name,
        run=found.run,
        note=found.note,
        file=file,
        settings=settings,
        tensors=tensors,
        contents=contents,
        dtype=dtypes.most_common(1)[0][0] if dtypes else "",
        size_bytes=file.stat().st_size,
        parameters=_trained(settings, tensors) if tensors else None,
        record=read_record(found.path),
    )


def examine_adapter(card: AdapterCard) -> Soundness | None:
    """Read all its numbers: NaN, Inf, and whether it changes anything. None for a pickle. Raises ModelError."""
    if card.is_pickle:
        return None
    try:
        return examine(card.file, card.tensors)
    except OSError as error:
        raise ModelError("adapter.unreadable", path=card.file, reason=reason_of(error)) from None


def require_sound(card: AdapterCard) -> Soundness | None:
    """``examine_adapter``, refusing an adapter with numbers nothing can be built on. Raises ModelError naming them."""
    soundness = examine_adapter(card)
    if soundness is not None and soundness.not_finite:
        bad = soundness.not_finite
        raise ModelError("adapter.not-finite", path=card.file, tensor=bad[0], bad=len(bad), of=len(card.tensors))
    return soundness


def optimizer_file(card: AdapterCard) -> Path | None:
    """The optimizer state of these weights: beside them, or in the run's checkpoint that the result was copied from."""
    beside = card.path / OPTIMIZER_FILE
    if beside.is_file():
        return beside
    if card.record is not None and card.record.step is not None and card.run:
        source = RunDir(card.path.absolute().parent).checkpoint(card.record.step) / OPTIMIZER_FILE
        return source if source.is_file() else None
    return None


def _weights_file(folder: Path, allow_pickle: bool) -> Path:
    if (folder / WEIGHTS_FILE).is_file():
        return folder / WEIGHTS_FILE
    pickle = folder / PICKLE_FILE
    if not pickle.is_file():
        raise ModelError("adapter.no-weights", folder=folder)
    if not allow_pickle:
        raise ModelError("adapter.pickled", path=pickle)
    return pickle


def _header(file: Path) -> dict[str, Tensor]:
    try:
        return read_header(file)
    except CutOff as error:
        raise ModelError("adapter.cut-off", path=file, reason=error.reason.args["reason"]) from None


def _trained(settings: AdapterSettings, tensors: Mapping[str, Tensor]) -> int:
    """Trained numbers: not those of embeddings that PEFT only saved because the vocabulary had grown."""
    count = 0
    for name, tensor in tensors.items():
        path = module_path(name)
        if is_copy(name, tensors):
            continue
        is_own = is_part_of_lora(path) or ".trainable_tokens_" in path or path.endswith(".bias")
        is_saved = any(path.startswith(f"{part}.") or f".{part}." in path for part in settings.modules_to_save)
        count += math.prod(tensor.shape) if is_own or is_saved else 0
    return count


def _check_tensors(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Names that lead somewhere, and something in the tensors. Raises ModelError."""
    lost = passed_over(tensors)
    if lost is not None:
        command = (
            f"python -c \"import safetensors.torch as s; t = s.load(open('{WEIGHTS_FILE}', 'rb').read()); "
            f"s.save_file({{{lost.mend}: v for k, v in t.items()}}, '{WEIGHTS_FILE}', {{'format': 'pt'}})\""
        )
        raise ModelError(
            "adapter.ignored-tensors", folder=folder, count=len(lost.names), of=len(tensors), first=lost.names[0],
            why=lost.why, command=command,
        )  # fmt: skip
    empty = [
        name for name, tensor in tensors.items() if 0 in tensor.shape or (_is_factor(name) and len(tensor.shape) < 2)
    ]
    if empty:
        raise ModelError(
            "adapter.empty-tensors", folder=folder, count=len(empty), of=len(tensors), first=empty[0],
            shape=tensors[empty[0]].shape,
        )  # fmt: skip


def _is_factor(name: str) -> bool:
    return module_path(name).endswith((".lora_A.weight", ".lora_B.weight"))


def _check(folder: Path, settings: AdapterSettings, contents: Contents) -> None:
    """What the tensors must have for the config to be true. Raises ModelError."""
    if contents.unpaired:
        raise ModelError("adapter.incomplete", folder=folder, tensor=contents.unpaired[0])
    if not contents.modules:
        raise ModelError("adapter.empty", folder=folder)
    # A head may have its update from the embeddings it is tied to.
    own = [module.name for module in contents.modules if not module.name.endswith(HEADS)]
    left_out = {name: field for name in own if (field := settings.leaves_out(name))}
    if left_out:
        name, field = next(iter(left_out.items()))
        names = [f'"{leaf}"' for leaf in sorted({each.rpartition(".")[2] for each in left_out})]
        raise ModelError(
            _LEFT_OUT[field], folder=folder, count=len(left_out), of=len(own), first=name, names=names
        )  # fmt: skip
    for module in contents.modules:
        expected = settings.rank(module.name)
        # PEFT gives every expert of a fused tensor its own rank, one behind the other.
        fused = bool(settings.target_parameters) and module.rank % expected == 0
        if module.rank != module.rank_b or (module.rank != expected and not fused):
            rank = module.rank if module.rank != expected else module.rank_b
            raise ModelError(
                "adapter.rank-mismatch", folder=folder, expected=expected, layer=module.name, rank=rank
            )  # fmt: skip
