"""Tensors that go to the GPU in one block come out as they went in."""

from __future__ import annotations

import pytest
import torch

from engine.training import one_copy


@pytest.fixture
def in_ram(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """What is sent to the GPU stays here: there is none."""
    own_empty, own_to = torch.empty, torch.Tensor.to
    monkeypatch.setattr(torch, "empty", lambda *args, pin_memory=False, **kwargs: own_empty(*args, **kwargs))
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *args, **kwargs: own_to(tensor, "cpu"))
    return torch.device("cuda", 0)


def test_shapes_dtypes_and_numbers_come_through(in_ram: torch.device) -> None:
    given = (
        torch.arange(15).view(3, 5), torch.tensor([7]), None, torch.tensor([0.5, 1.5, 2.5]), torch.zeros(0).long(),
        torch.arange(3, dtype=torch.int32), torch.arange(4).view(1, 4),
    )  # fmt: skip
    found = one_copy.to_device(given, in_ram)
    for one, other in zip(found, given, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert torch.equal(one, other)
            assert one.dtype == other.dtype
    assert len({one.untyped_storage().data_ptr() for one in found if one is not None and one.numel()}) == 1


def test_in_ram_nothing_is_copied() -> None:
    given = torch.arange(4)
    assert one_copy.to_device((given, None), torch.device("cpu"))[0] is given
