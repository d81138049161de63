"""How a model is to answer in a chat."""

from __future__ import annotations

from dataclasses import dataclass

from engine.messages.catalogue import text
from engine.models import stop_strings


@dataclass(frozen=True)
class Manner:
    """How answers are made; at ``temperature`` 0 they are always the same. ``plain``: text is continued.

    They end before the first of the texts in ``stop``.
    """

    system: str = ""
    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 512
    plain: bool = False
    stop: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        code = "chat.manner-greedy" if self.temperature == 0 else "chat.manner"
        said = text(code, temperature=self.temperature, top_p=self.top_p, tokens=self.max_new_tokens)
        if self.stop:
            said = f"{said}   {text('chat.manner-stop', stop=stop_strings.written(self.stop))}"
        if self.plain:
            return f"{said}   {text('chat.manner-plain')}"
        return f"{said}   {text('chat.manner-system', system=self.system)}" if self.system.strip() else said
