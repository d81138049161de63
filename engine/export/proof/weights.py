"""The half of a merge's proof that needs no model: the written tensors are the exact ones, rounded once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import ModelError
from engine.export.merge.blocks import blocks
from engine.export.merge.plan import Output, Plan, stored_name
from engine.export.tensor_files import DTYPES, TensorFile
from engine.modeling.model_names import places_of

# Half the distance between neighbouring numbers, relative and at the smallest; float32 sums may be ordered otherwise.
_ROUNDING = {
    torch.bfloat16: (2**-8, 1e-38),
    torch.float16: (2**-11, 2**-25),
    torch.float32: (2**-20, 1e-9),
}
_SLACK = 1.01


def check_weights(plan: Plan, merged: Path, on_tensor: Callable[[], None]) -> str:
    """What is wrong with the files in ``merged``, in words; empty where they hold what ``plan`` says.

    Tensors that no adapter touches must be the base's byte for byte. Raises ModelError for files that can't be read.
    """
    for shard in plan.shards:
        written = TensorFile(merged / shard.name)
        try:
            if set(written.slots) != {output.name for output in shard.outputs}:
                return f"{shard.name} does not hold the tensors it should."
            for output in shard.outputs:
                slot = written.slots[output.name]
                if (slot.dtype, slot.shape) != (output.dtype, output.shape):
                    return f"{output.name} is {slot.dtype} {slot.shape}, not {output.dtype} {output.shape}."
                if not _holds(shard.source, written, output):
                    return f"{output.name} is not base and adapter added up and rounded once."
                on_tensor()
        finally:
            written.close()
    return ""


def _holds(source: TensorFile, written: TensorFile, output: Output) -> bool:
    if not output.parts and output.dtype == source.slots[output.base].dtype:
        pairs = zip_longest(source.chunks(output.base), written.chunks(output.name))
        return all(one == other for one, other in pairs)
    relative, least = _ROUNDING[DTYPES[output.dtype]]
    for start, exact in blocks(source, output):
        rows = written.rows(output.name, start, start + len(exact)) if output.shape else written.rows(output.name)
        allowed = exact.abs().mul_(relative * _SLACK).add_(least)
        if not bool(((rows.float() - exact).abs() <= allowed).all()):
            return False
    return True


def put_exact(model: Any, plan: Plan) -> None:
    """Give ``model``, loaded from the merged files in float32, the merged numbers as they were before rounding.

    Raises ModelError where the library gave a tensor another name.
    """
    parameters = dict(model.named_parameters())
    places = places_of(model, [output.name for shard in plan.shards for output in shard.outputs if output.parts])
    for shard in plan.shards:
        for output in shard.outputs:
            if not output.parts:
                continue
            place = places.get(output.name)
            name = place.parameter if place is not None else stored_name(output.name, parameters)
            held = parameters.get(name or "")
            if held is not None and place is not None and place.expert is not None:
                held = held[place.expert].chunk(place.slots)[place.slot]
            if held is None or held.shape != output.shape:
                raise ModelError("The proof can't find a tensor", f"{output.name} has another name once loaded")
            with torch.no_grad():
                for start, exact in blocks(shard.source, output):
                    held[start : start + len(exact)].copy_(exact)
