"""How fast a run would be here, from three steps of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from engine.config.schema import RunConfig

Say = Callable[..., None]


def answer(config: RunConfig, say: Say) -> dict[str, Any]:
    """Tokens a second, and bytes at the peak, of ``config`` on this machine."""
    from engine.distributed.device import restrict_gpus, settle_memory
    from engine.models.local import resolve

    model = config.model
    if resolve(model.name_or_path, model.revision, model.allow_pickle).path is None:
        return {"kind": "unavailable", "message": "the pace can be measured once the model is downloaded"}
    restrict_gpus(config)  # before torch is loaded
    settle_memory()
    say("progress", done=0, total=None, message="loading the training libraries")
    from engine.training.probe import probe

    def progress(done: float, total: float | None, message: str) -> None:
        say("progress", done=round(done), total=None if total is None else round(total), message=message)

    return {"kind": "result", **asdict(probe(config, progress))}
