"""The state of torch's random numbers on every device in use: what dropout draws from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def torch_state() -> dict[str, torch.Tensor]:
    """The present state, by device kind; asking does not wait for the device."""
    state = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_torch_state(state: dict[str, torch.Tensor]) -> None:
    """Go back to ``state``; other keys, and a device that is not here, are passed over."""
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


@contextmanager
def unchanged() -> Iterator[None]:
    """Whatever is drawn inside, afterwards the random numbers go on as if nothing had been."""
    python, drawn = random.getstate(), torch_state()
    try:
        yield
    finally:
        random.setstate(python)
        set_torch_state(drawn)
