"""The tiny models and rows of the training's tests."""

from tests.engine.training.conftest import one_thread, rows, tiny, tiny_base  # noqa: F401
