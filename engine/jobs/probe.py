"""How fast a run would be here, from three steps of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.common.child import Say, doing
from engine.config.schema import RunConfig
from engine.messages.message import Message


def answer(config: RunConfig, say: Say) -> dict[str, Any]:
    """Tokens a second, and bytes at the peak, of ``config`` on this machine."""
    from engine.distributed.device import restrict_gpus, settle_memory
    from engine.models.local import is_here

    if not is_here(config.model):
        return {"kind": "unavailable", "message": Message("jobs.probe-later", model=config.model.name_or_path)}
    restrict_gpus(config)  # before torch is loaded
    settle_memory()
    doing(say, "jobs.loading-libraries")
    from engine.training.probe import probe

    def progress(done: float, total: float | None, message: Message) -> None:
        say("progress", done=round(done), total=None if total is None else round(total), message=message)

    return {"kind": "result", **asdict(probe(config, progress))}
