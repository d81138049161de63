"""The tensors of a plan, computed a block of rows at a time from the files they come from."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from engine.export.merge.arithmetic import BLOCK_NUMBERS, merged_rows, needs_all_rows
from engine.export.merge.plan import Output
from engine.export.tensor_files import DTYPES, TensorFile


def blocks(source: TensorFile, output: Output) -> Iterator[tuple[int, torch.Tensor]]:
    """(first row, rows in float32) of the merged tensor; ``source`` is the base's file that holds ``output.base``."""
    stored = DTYPES[source.slots[output.base].dtype]
    rows = output.shape[0] if output.shape else 1
    width = max(1, math.prod(output.shape[1:]))
    step = max(1, rows if any(needs_all_rows(part) for part in output.parts) else BLOCK_NUMBERS // width)
    for start in range(0, rows, step):
        block = _base_rows(source, output, start, min(rows, start + step))
        if output.parts:
            with torch.no_grad():
                block = merged_rows(block, output.parts, start, stored)
        yield start, block


def _base_rows(source: TensorFile, output: Output, start: int, stop: int) -> torch.Tensor:
    """The base's rows in float32; zeros where the vocabulary has grown, for the adapter has those rows whole."""
    slot = source.slots[output.base]
    if slot.shape == output.shape:
        return source.rows(output.base, start, stop).float()
    rows = torch.zeros((stop - start, *output.shape[1:]))
    inside = min(stop, slot.shape[0])
    if start < inside:
        rows[: inside - start] = source.rows(output.base, start, inside).float()
    return rows
