"""Tensors that go to the GPU in one block come out as they went in."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.modeling import batches


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """Of each copy to the GPU, for which there is none: whether it was pinned, and whether nobody waits for it."""
    made: list[tuple[bool, bool]] = []
    pinned: set[int] = set()
    own_empty, own_to = torch.empty, torch.Tensor.to

    def empty(*size: Any, pin_memory: bool = False, **options: Any) -> torch.Tensor:
        block = own_empty(*size, **options)
        if pin_memory:
            pinned.add(id(block))
        return block

    def to(tensor: torch.Tensor, device: torch.device, non_blocking: bool = False) -> torch.Tensor:
        made.append((id(tensor) in pinned, non_blocking))
        return own_to(tensor, "cpu")

    monkeypatch.setattr(torch, "empty", empty)
    monkeypatch.setattr(torch.Tensor, "to", to)
    return made


def test_shapes_dtypes_and_numbers_come_through_in_one_pinned_copy(copies: list[tuple[bool, bool]]) -> None:
    given = (
        torch.arange(15).view(3, 5), torch.tensor([7]), None, torch.tensor([0.5, 1.5, 2.5]), torch.zeros(0).long(),
        torch.arange(3, dtype=torch.int32), torch.arange(4).view(1, 4),
    )  # fmt: skip
    found = batches.to_device(given, torch.device("cuda", 0))
    for one, other in zip(found, given, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert torch.equal(one, other)
            assert one.dtype == other.dtype
    assert copies == [(True, True)]


def test_in_ram_nothing_is_copied() -> None:
    given = torch.arange(4)
    assert batches.to_device((given, None), torch.device("cpu"))[0] is given
