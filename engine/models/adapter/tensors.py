"""The tensors of an adapter file: where PEFT puts each by its name, what it passes over, and whether numbers are sound.

PEFT puts a tensor where its name leads and is silent about the others: an adapter all of whose names are wrong loads
without a word, and the bare base answers. Inspecting, continuing and merging all ask here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.messages.message import Message
from engine.models.weights import Tensor

if TYPE_CHECKING:
    import numpy as np
from collections.abc import Collection

_LORA = re.compile(r"^(.*)\.lora_(embedding_)?([AB])(?:\.weight)?$")
_TOKENS = re.compile(r"^(.*?)(?:\.token_adapter)?\.trainable_tokens_(?:delta|original)$")
_CHUNK = 1 << 20  # numbers read at a time
# Storage of a dtype, the bits of its exponent, and all its bits but the sign.
_BITS = {"F32": ("<u4", 0x7F800000, 0x7FFFFFFF), "BF16": ("<u2", 0x7F80, 0x7FFF), "F16": ("<u2", 0x7C00, 0x7FFF),
         "F64": ("<u8", 0x7FF0000000000000, 0x7FFFFFFFFFFFFFFF)}  # fmt: skip
PREFIX = "base_model.model."
# What compiling, sharding and recomputing put between the names of modules.
_WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
_FACTOR = r"\.(lora_(?:embedding_)?[AB]|lora_magnitude_vector)"
# PEFT takes a name with the adapter's own name in it if that is the name it loads it under, which is "default".
_DEFAULT = re.compile(_FACTOR + r"\.default(?=\.|$)")
_FOREIGN = re.compile(_FACTOR + r"\.(?!(?:weight|bias)$|default(?:\.|$))(\w+)")
_NAMED_TOKENS = re.compile(r"\.trainable_tokens_(?:delta|original)\.(\w+)$")


@dataclass(frozen=True)
class AdaptedModule:
    """One layer with a low-rank update. ``inputs`` and ``outputs`` are the layer's own widths, 0 where unknown.

    ``rank`` is that of the A matrix, ``rank_b`` that of B. An "embedding" has the vocabulary as its inputs.
    """

    name: str
    kind: Literal["linear", "embedding", "other"]
    rank: int
    rank_b: int
    inputs: int
    outputs: int


@dataclass(frozen=True)
class Contents:
    """An adapter's tensors by what they are. ``whole`` are modules' own parameters saved as they are, with shapes;
    ``token_rows`` counts trained rows of embeddings; ``unpaired`` names A or B matrices whose other half is missing.
    """

    modules: tuple[AdaptedModule, ...]
    whole: Mapping[str, tuple[int, ...]]
    token_rows: Mapping[str, int]
    unpaired: tuple[str, ...]


@dataclass(frozen=True)
class Soundness:
    """``without_effect``: nothing in the file changes the model. ``not_finite`` names tensors with NaN or Inf."""

    without_effect: bool
    not_finite: tuple[str, ...]


def sort_tensors(tensors: Mapping[str, Tensor]) -> Contents:
    """Tell the tensors of an adapter file apart by their names and shapes."""
    halves: dict[str, dict[str, Tensor]] = {}
    embeddings: set[str] = set()
    whole: dict[str, tuple[int, ...]] = {}
    token_rows: dict[str, int] = {}
    for name, tensor in tensors.items():
        path = module_path(name)
        if is_copy(name, tensors):
            continue
        if found := _LORA.match(path):
            halves.setdefault(found[1], {})[found[3]] = tensor
            if found[2]:
                embeddings.add(found[1])
        elif found := _TOKENS.match(path):
            token_rows[found[1]] = tensor.shape[0] if tensor.shape else 0
        elif not is_part_of_lora(path):
            whole[path.replace(".base_layer.", ".")] = tensor.shape
    pairs = {module: pair for module, pair in halves.items() if len(pair) == 2}
    return Contents(
        modules=tuple(_adapted(module, pair, module in embeddings) for module, pair in sorted(pairs.items())),
        whole=whole,
        token_rows=token_rows,
        unpaired=tuple(sorted(f"{module}.lora_{half}" for module, pair in halves.items() if len(pair) < 2
                              for half in pair)),
    )  # fmt: skip


def is_part_of_lora(path: str) -> bool:
    """The matrices A and B, their biases, and DoRA's magnitudes."""
    return ".lora_" in path


def _adapted(module: str, pair: Mapping[str, Tensor], embedding: bool) -> AdaptedModule:
    a, b = pair["A"].shape, pair["B"].shape
    name = module.replace(".base_layer", "")  # PEFT nests the updates of experts: each of their parameters has one
    if len(a) != 2 or len(b) != 2:
        return AdaptedModule(name, "other", a[0] if a else 0, b[1] if len(b) > 1 else 0, 0, 0)
    return AdaptedModule(name, "embedding" if embedding else "linear", a[0], b[1], a[1], b[0])


def examine(file: Path, tensors: Mapping[str, Tensor]) -> Soundness:
    """Read every number of ``file`` once, a few MB at a time. Raises OSError.

    An update is nothing while all B are zero, DoRA's too as its magnitudes move only together with B. Modules saved
    whole can't be judged without the base and count as an effect. Dtypes numpy can't read count as sound.
    """
    not_finite: list[str] = []
    changes = False
    with file.open("rb") as opened:
        for name, tensor in tensors.items():
            path = module_path(name)
            found = _LORA.match(path)
            is_b = bool(found and found[3] == "B") or path.endswith(".lora_B.bias")
            changes = changes or not is_part_of_lora(path)
            any_number = False
            for bits, exponent, value in _chunks(opened, tensor):
                if bool(((bits & exponent) == exponent).any()):
                    not_finite.append(name)
                    break
                any_number = any_number or (is_b and bool((bits & value).any()))
            changes = changes or any_number or (is_b and tensor.dtype not in _BITS)
    return Soundness(without_effect=not changes and not not_finite, not_finite=tuple(not_finite))


def _chunks(opened: Any, tensor: Tensor) -> Iterator[tuple[np.ndarray[Any, Any], Any, Any]]:
    """The tensor's numbers as bits, with the masks of exponent and value."""
    import numpy as np

    if tensor.dtype not in _BITS:
        return
    storage, exponent, value = _BITS[tensor.dtype]
    kind = np.dtype(storage)
    opened.seek(tensor.offset)
    left = math.prod(tensor.shape)
    while left > 0:
        data = opened.read(min(left, _CHUNK) * kind.itemsize)
        bits = np.frombuffer(data, dtype=kind, count=len(data) // kind.itemsize)
        if not bits.size:
            return
        yield bits, kind.type(exponent), kind.type(value)
        left -= bits.size


@dataclass(frozen=True)
class PassedOver:
    """Tensors that PEFT would not load: their names, why, and a Python expression that makes PEFT's of a name ``k``."""

    names: tuple[str, ...]
    why: Message
    mend: str


def module_path(name: str) -> str:
    """A tensor's name inside the base model: without PEFT's prefix, the adapter's name, and what it wraps around."""
    path = _DEFAULT.sub(r".\1", name.removeprefix(PREFIX))
    return re.sub(r"\.modules_to_save(?:\.default)?(?=\.)", "", path)


def is_copy(name: str, names: Collection[str]) -> bool:
    """Whether PEFT keeps the tensor beside the one that counts: the original of a module it trains, or its double."""
    if ".original_module." in name:
        return True
    plain = re.sub(r"\.modules_to_save(?:\.\w+)?(?=\.\w+$)", "", name)
    return plain != name and plain in names


def passed_over(names: Collection[str]) -> PassedOver | None:
    """The tensors among ``names`` that PEFT would not load, by the first fault found; None where it loads all."""
    faults: dict[tuple[Message, str], list[str]] = {}
    for name in sorted(names):
        fault = None if is_copy(name, names) else _fault(name)
        if fault is not None:
            faults.setdefault(fault, []).append(name)
    if not faults:
        return None
    (why, mend), first = next(iter(faults.items()))
    return PassedOver(tuple(first), why, mend)


def _fault(name: str) -> tuple[Message, str] | None:
    path = name.removeprefix(PREFIX)
    if path == name or path.startswith("base_model."):
        before = name[: name.rindex(PREFIX) + len(PREFIX)] if PREFIX in name else _wrapped_in(name)
        if not before:
            return Message("adapter.name-lacks", prefix=PREFIX), f"'{PREFIX}' + k"
        return Message("adapter.name-begins", prefix=before), f"'{PREFIX}' + k.removeprefix('{before}')"
    wrapper = next((each for each in _WRAPPERS if f".{each}." in f".{path}"), "")
    if wrapper:
        return Message("adapter.name-contains", part=wrapper), f"k.replace('{wrapper}.', '')"
    foreign = _FOREIGN.search(path)
    named = foreign[2] if foreign else ""
    if path.endswith(".lora_magnitude_vector.default"):
        named = "default"
    if tokens := _NAMED_TOKENS.search(path):
        named = tokens[1]
    if named:
        mend = f"k.replace('.{named}.', '.').removesuffix('.{named}')"
        return Message("adapter.name-has-adapter", name=named), mend
    if ".modules_to_save." in path:
        inside = ".modules_to_save.default." if ".modules_to_save.default." in path else ".modules_to_save."
        return Message("adapter.name-contains", part=inside.strip(".")), f"k.replace('{inside}', '.')"
    return None


def _wrapped_in(name: str) -> str:
    """The wrappers a name begins with."""
    found = re.match(rf"(?:(?:module|{'|'.join(_WRAPPERS)})\.)*", name)
    return found[0] if found else ""
