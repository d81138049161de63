"""What is drawn at random in training: the state that dropout draws from, and noise of each row's own."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


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


def row_seed(seed: int, step: int, place: int) -> int:
    """The seed of what is drawn for the row at ``place`` in optimizer step ``step`` of a run with ``seed``."""
    return int(np.random.SeedSequence((seed, step, place)).generate_state(1, np.uint64)[0])


class EmbeddingNoise:
    """NEFTune: uniform noise on the input embeddings of rows in training (Jain et al. 2023, arXiv:2310.05914).

    In a row of L tokens, embedded in d numbers each, every number gets at most ``alpha`` / sqrt(L d). L is the row's
    own length, as in the paper's code; transformers takes the padded length of the batch. Each row's noise comes of a
    seed of its own: it is the same however a step is cut, dealt to devices, repeated or resumed.
    """

    def __init__(self, embeddings: nn.Module, alpha: float) -> None:
        self._alpha = alpha
        self._rows: Sequence[tuple[int, int, int]] = ()
        embeddings.register_forward_hook(self._add)

    @contextmanager
    def on(self, rows: Sequence[tuple[int, int, int]]) -> Iterator[None]:
        """Add noise to what is embedded inside: ``rows`` are begin (in the flattened ids), length and seed of each."""
        self._rows = rows
        try:
            yield
        finally:
            self._rows = ()

    def _add(self, module: nn.Module, inputs: Any, embedded: Tensor) -> Tensor:
        if not self._rows:
            return embedded
        width = embedded.shape[-1]
        noise, generator = torch.zeros_like(embedded).view(-1, width), torch.Generator(embedded.device)
        for begin, length, seed in self._rows:
            most = self._alpha / math.sqrt(length * width)
            noise[begin : begin + length].uniform_(-most, most, generator=generator.manual_seed(seed))
        return embedded + noise.view_as(embedded)
