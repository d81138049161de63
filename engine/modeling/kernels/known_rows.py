"""Whether rows are packed is known here; transformers would ask the GPU, and the host would wait for the answer.

Without a mask it compares position ids and reads one number back for every micro-batch, with which a step waits as
often as it has micro-batches instead of once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import masking_utils


@contextmanager
def rows_known(packed: bool) -> Iterator[None]:
    """While it lasts, transformers takes all rows for ``packed`` end to end, or none."""
    own = masking_utils.find_packed_sequence_indices
    masking_utils.find_packed_sequence_indices = _row_numbers if packed else _none
    try:
        yield
    finally:
        masking_utils.find_packed_sequence_indices = own


def _row_numbers(position_ids: Tensor) -> Tensor:
    """(1, length): the number of the row that each position belongs to; a row begins where they do not go on by 1."""
    begins = torch.diff(position_ids, prepend=position_ids[:, :1] - 1) != 1
    return begins.cumsum(-1)


def _none(position_ids: Tensor) -> None:
    """No row lies behind another."""
