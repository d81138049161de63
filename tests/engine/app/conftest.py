"""The fresh run directory of the run contract's tests."""

from tests.engine.runs.conftest import run  # noqa: F401
