"""Torch computes on one thread, as in the tests of the training."""

from tests.engine.training.conftest import _one_thread  # noqa: F401
