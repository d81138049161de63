"""Asking the child process about the rows of a draft, for a screen that goes on meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from engine.app.examine import Examined, examined
from tui.draft.child import Progress, Result, Unavailable, ask


async def examine(command: Sequence[str], config_text: str) -> AsyncGenerator[Progress | Examined | Unavailable, None]:
    """Progress, then one Examined or Unavailable; errors and early ends as those of ``ask``."""
    async with aclosing(ask(command, config_text)) as answers:  # whoever stops listening ends the child too
        async for said in answers:
            yield examined(said.values) if isinstance(said, Result) else said
