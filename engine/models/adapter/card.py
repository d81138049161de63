"""An existing LoRA adapter, whoever trained it: read from its files without a training library."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.common.errors import CutOff, ModelError
from engine.models.adapter.config import CONFIG_FILE, AdapterRecord, AdapterSettings, read_record, read_settings
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
_SHARDED = (
    "It was saved sharded (DeepSpeed ZeRO-3 or FSDP). Save it gathered, or make one of its checkpoint: for ZeRO-3 with "
    "stage3_gather_16bit_weights_on_model_save or the zero_to_fp32.py beside it, for FSDP with FULL_STATE_DICT."
)
_CONVERT = (
    'Convert it where you trust it: python -c "import torch, safetensors.torch as s; '
    "s.save_file(torch.load('adapter_model.bin', weights_only=True), 'adapter_model.safetensors')\""
)


@dataclass(frozen=True)
class AdapterCard:
    """An adapter. ``file`` holds its tensors; those of a pickle are not known, and ``parameters`` is None then.

    ``parameters`` counts trained numbers, ``size_bytes`` is that of the file. ``run`` is the id of the run that made
    it, ``record`` its ``tunedeck.json``: empty and None for adapters that were trained elsewhere.
    """

    path: Path
    name: str
    run: str
    note: str
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
        raise ModelError("The adapter can't be read", f"{card.file}: {error.strerror}", "Check its rights.") from None


def require_sound(card: AdapterCard) -> Soundness | None:
    """``examine_adapter``, refusing an adapter with numbers nothing can be built on. Raises ModelError naming them."""
    soundness = examine_adapter(card)
    if soundness is not None and soundness.not_finite:
        first, count = soundness.not_finite[0], len(soundness.not_finite)
        raise ModelError(
            "The adapter is broken: it has NaN or infinite numbers",
            f"{card.file}: {first}" + (f" and {count - 1:,} more of {len(card.tensors):,} tensors" * (count > 1)),
            "Its training diverged. Use an earlier checkpoint of it, or start fresh.",
        )
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
        raise ModelError(
            "The adapter has no weights", f"{folder} holds no {WEIGHTS_FILE}",
            "Copy the adapter again; the copy was probably cut off.",
        )  # fmt: skip
    if not allow_pickle:
        raise ModelError("The adapter is pickled", f"{pickle}: loading it can run any code", _CONVERT)
    return pickle


def _header(file: Path) -> dict[str, Tensor]:
    try:
        return read_header(file)
    except CutOff as error:
        raise ModelError(
            "The adapter's file is cut off", error.message, "Copy it again, or use another checkpoint of it."
        ) from None


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
        count = f"{len(lost.names):,} of its {len(tensors):,} tensors, such as {lost.names[0]}"
        raise ModelError(
            "PEFT would not load this adapter",
            f"{folder}: it passes over {count}: {lost.why}. The model would answer without them.",
            "Rename the tensors, in the adapter's folder: python -c \"import safetensors.torch as s; "
            f"t = s.load(open('{WEIGHTS_FILE}', 'rb').read()); "
            f"s.save_file({{{lost.mend}: v for k, v in t.items()}}, '{WEIGHTS_FILE}', {{'format': 'pt'}})\"",
        )
    empty = [
        name for name, tensor in tensors.items() if 0 in tensor.shape or (_is_factor(name) and len(tensor.shape) < 2)
    ]
    if empty:
        shape = list(tensors[empty[0]].shape)
        raise ModelError(
            "The adapter's tensors have no content",
            f"{folder}: {len(empty):,} of its {len(tensors):,} tensors, such as {empty[0]} of shape {shape}",
            _SHARDED,
        )  # fmt: skip


def _is_factor(name: str) -> bool:
    return module_path(name).endswith((".lora_A.weight", ".lora_B.weight"))


def _check(folder: Path, settings: AdapterSettings, contents: Contents) -> None:
    """What the tensors must have for the config to be true. Raises ModelError."""
    again = "The two files are not of one adapter: copy it again from where it was made."
    if contents.unpaired:
        raise ModelError("The adapter is incomplete", f"{folder}: {contents.unpaired[0]} has no other half", again)
    if not contents.modules:
        raise ModelError(
            "The adapter is empty", f"{folder}: {WEIGHTS_FILE} holds no LoRA matrices",
            "It was saved wrongly, as some trainers do under sharding. Use an earlier checkpoint of it.",
        )  # fmt: skip
    # A head may have its update from the embeddings it is tied to.
    own = [module.name for module in contents.modules if not module.name.endswith(HEADS)]
    left_out = {name: field for name in own if (field := settings.leaves_out(name))}
    if left_out:
        name, field = next(iter(left_out.items()))
        leaves = ", ".join(f'"{leaf}"' for leaf in sorted({each.rpartition(".")[2] for each in left_out}))
        cure = {
            "target_modules": f"Add {leaves} to target_modules in {CONFIG_FILE}",
            "layers_to_transform": f"Set layers_to_transform to null in {CONFIG_FILE}",
            "exclude_modules": f"Set exclude_modules to null in {CONFIG_FILE}",
        }[field]
        raise ModelError(
            "PEFT would not load this adapter",
            f"{folder}: {field} in {CONFIG_FILE} leaves out {len(left_out):,} of the {len(own):,} layers that "
            f"its tensors change, such as {name}. PEFT passes over their tensors.",
            f"{cure}, or copy the config from where the adapter was made.",
        )
    for module in contents.modules:
        expected = settings.rank(module.name)
        # PEFT gives every expert of a fused tensor its own rank, one behind the other.
        fused = bool(settings.target_parameters) and module.rank % expected == 0
        if module.rank != module.rank_b or (module.rank != expected and not fused):
            raise ModelError(
                "The adapter's rank is not the config's",
                f"{folder}: r is {expected} in adapter_config.json, but {module.name} has matrices of rank "
                f"{module.rank}" + (f" and {module.rank_b}" if module.rank_b != module.rank else ""),
                again,
            )
