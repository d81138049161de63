"""The tiny model, loaded once, and torch on one thread: its tensors are too small to share out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from engine.config.schema import ModelSection
from engine.distributed.device import Placement
from engine.modeling.load import BaseModel, load_base
from engine.models.card import read_card
from engine.tokens.render import Renderer
from tests.tiny import make_tiny_model


@dataclass(frozen=True)
class Loaded:
    base: BaseModel
    renderer: Renderer

    @property
    def model(self) -> Any:
        return self.base.model


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", seed=3)
    placement = Placement(torch.device("cpu"), torch.float32, "no")
    base = load_base(read_card(folder), ModelSection(name_or_path=str(folder)), placement, False)
    return Loaded(base, Renderer(base.tokenizer, base.stops))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
