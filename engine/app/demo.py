"""The demo: a small model learns to answer an order sentence with JSON, from rows that ship with the program."""

from __future__ import annotations

from pathlib import Path

from engine.common import paths
from engine.config import provenance
from engine.config.presets import Layer, Resolved, load_preset, resolve


def orders_file() -> Path:
    """The demo's rows; they lie beside the presets in checkout and wheel alike."""
    return paths.presets_dir() / "demo" / "orders.jsonl"


def demo_layers() -> list[Layer]:
    """The demo's settings and its rows, as layers that flags or the wizard's answers go on top of."""
    source = {"path": str(orders_file()), "format": "prompt_completion"}
    return [Layer(provenance.preset("demo"), load_preset("demo").values), Layer(provenance.DEMO, {"data": [source]})]


def demo_config() -> Resolved:
    """The whole config of the demo run."""
    return resolve(demo_layers())
