"""Heavy questions to child processes, waited for line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from tui.draft.child import Progress


def wait_for(answers: AsyncGenerator[Any, None], tell: Callable[[str], None]) -> Sequence[Any]:
    """What the child says but its progress, which goes to ``tell``. Ctrl+C ends the child and is raised."""

    async def listen() -> list[Any]:
        found: list[Any] = []
        async with aclosing(answers):
            async for said in answers:
                if isinstance(said, Progress):
                    tell(said.text)
                else:
                    found.append(said)
        return found

    return asyncio.run(listen())
