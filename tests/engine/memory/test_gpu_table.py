"""A GPU by its name or size; one that is not known is answered with names that are."""

from __future__ import annotations

import re

import pytest

from engine.common.errors import MachineError
from engine.memory.gpu_table import CARDS, gpu_bytes


@pytest.mark.parametrize("wrong", ["RTX9999", "A1000", "h1000", "my card", "t44"])
def test_every_name_that_an_unknown_gpu_is_answered_with_is_known(wrong: str) -> None:
    with pytest.raises(MachineError) as caught:
        gpu_bytes(wrong)
    hint = caught.value.hint
    named = re.split(r",| or ", hint.removesuffix("?").removesuffix(".").rpartition(": ")[2].rpartition("mean ")[2])
    assert all(gpu_bytes(name.strip()) > 0 for name in named)
    assert "24GiB" in hint
    if "Did you mean" not in hint:
        assert {name.strip() for name in named} == set(CARDS)
