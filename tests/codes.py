"""Expect an error by its code."""

from __future__ import annotations

from typing import TypeVar

import pytest

from engine.common.errors import TunedeckError

Kind = TypeVar("Kind", bound=TunedeckError)


def raises(kind: type[Kind], code: str) -> pytest.RaisesExc[Kind]:
    """As ``pytest.raises``, of an error with this code."""
    return pytest.raises(kind, check=lambda error: error.code == code)
