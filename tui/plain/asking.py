"""Heavy questions to child processes, waited for line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from tui.draft.child import Progress

if TYPE_CHECKING:
    from tui.plain.lines import Tell


def wait_for(answers: AsyncGenerator[Any, None], tell: Tell) -> Sequence[Any]:
    """What the child says but its progress, which goes to ``tell``. Ctrl+C ends the child and is raised."""

    async def listen() -> list[Any]:
        found: list[Any] = []
        async with aclosing(answers):
            async for said in answers:
                if isinstance(said, Progress):
                    tell(said.text, figures=(said.message, said.done, said.total))
                else:
                    found.append(said)
        return found

    return asyncio.run(listen())
