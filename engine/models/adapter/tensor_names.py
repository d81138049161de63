"""What PEFT would load of an adapter's tensors, by their names: where each belongs, and which ones it passes over.

PEFT puts a tensor where its name leads and is silent about the others: an adapter all of whose names are wrong loads
without a word, and the bare base answers. Inspecting, continuing and merging all ask here.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

PREFIX = "base_model.model."
# What compiling, sharding and recomputing put between the names of modules.
_WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
_FACTOR = r"\.(lora_(?:embedding_)?[AB]|lora_magnitude_vector)"
# PEFT takes a name with the adapter's own name in it if that is the name it loads it under, which is "default".
_DEFAULT = re.compile(_FACTOR + r"\.default(?=\.|$)")
_FOREIGN = re.compile(_FACTOR + r"\.(?!(?:weight|bias)$|default(?:\.|$))(\w+)")
_NAMED_TOKENS = re.compile(r"\.trainable_tokens_(?:delta|original)\.(\w+)$")


@dataclass(frozen=True)
class PassedOver:
    """Tensors that PEFT would not load: their names, why, and a Python expression that makes PEFT's of a name ``k``."""

    names: tuple[str, ...]
    why: str
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
    faults: dict[tuple[str, str], list[str]] = {}
    for name in sorted(names):
        fault = None if is_copy(name, names) else _fault(name)
        if fault is not None:
            faults.setdefault(fault, []).append(name)
    if not faults:
        return None
    (why, mend), first = next(iter(faults.items()))
    return PassedOver(tuple(first), why, mend)


def _fault(name: str) -> tuple[str, str] | None:
    path = name.removeprefix(PREFIX)
    if path == name or path.startswith("base_model."):
        before = name[: name.rindex(PREFIX) + len(PREFIX)] if PREFIX in name else _wrapped_in(name)
        why = f'it begins with "{before}"' if before else f"it lacks {PREFIX} at its beginning"
        return why, f"'{PREFIX}' + k.removeprefix('{before}')" if before else f"'{PREFIX}' + k"
    wrapper = next((each for each in _WRAPPERS if f".{each}." in f".{path}"), "")
    if wrapper:
        return f'it has "{wrapper}" in it', f"k.replace('{wrapper}.', '')"
    foreign = _FOREIGN.search(path)
    named = foreign[2] if foreign else ""
    if path.endswith(".lora_magnitude_vector.default"):
        named = "default"
    if tokens := _NAMED_TOKENS.search(path):
        named = tokens[1]
    if named:
        return f'it has the adapter\'s name "{named}" in it', f"k.replace('.{named}.', '.').removesuffix('.{named}')"
    if ".modules_to_save." in path:
        inside = ".modules_to_save.default." if ".modules_to_save.default." in path else ".modules_to_save."
        return f'it has "{inside.strip(".")}" in it', f"k.replace('{inside}', '.')"
    return None


def _wrapped_in(name: str) -> str:
    """The wrappers a name begins with."""
    found = re.match(rf"(?:(?:module|{'|'.join(_WRAPPERS)})\.)*", name)
    return found[0] if found else ""
