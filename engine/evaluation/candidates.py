"""Who answers in an evaluation: the untouched base, asked plainly or with examples, or an adapter on the same weights.

All candidates of one base share its weights in memory: the base is the model with its adapter disabled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from engine.data.rows.messages import Row
from engine.data.similarity.compare import phrases, prompt_of
from engine.runs.baselines import MOST_PROMPT_TOKENS
from engine.runs.evaluations import Said
from engine.tokens.render import Renderer, RenderError


@dataclass(frozen=True)
class Prompt:
    """What is asked, and how many examples stand in front of it."""

    ids: list[int]
    examples: int = 0


class Examples:
    """Rows that are shown in the prompt with their answers, ``most`` of them: those nearest to the row that is asked.

    With them a prompt has at most ``most_tokens``. Near is who shares many of its phrases (three words each), as in
    ``engine.data.similarity``. ``rows`` must be none of those that are held out.
    """

    def __init__(self, rows: Sequence[Row], most: int, most_tokens: int = MOST_PROMPT_TOKENS) -> None:
        self.most, self.most_tokens = most, min(most_tokens, MOST_PROMPT_TOKENS)
        self._rows = [row for row in rows if _can_be_shown(row)] if most else []
        self._prompts = [prompt_of(row).strip() for row in self._rows]
        self._phrases = [phrases(prompt) for prompt in self._prompts]

    def __len__(self) -> int:
        return len(self._rows)

    def nearest(self, row: Row) -> list[Row]:
        """Examples for ``row``, the nearest first; none with its very question, none with other tools."""
        prompt = prompt_of(row).strip()
        own = phrases(prompt)
        found = [
            (len(own & theirs) / max(1, len(own | theirs)), -place)
            for place, theirs in enumerate(self._phrases)
            if self._prompts[place] != prompt and self._rows[place].tools == row.tools
        ]
        return [self._rows[-place] for _, place in sorted(found, reverse=True)[: self.most]]


def _can_be_shown(row: Row) -> bool:
    """Whether it is questions and answers in turn, which any template takes in the middle of a dialogue."""
    turns = [message for message in row.messages if message.role != "system"]
    roles = [message.role for message in turns]
    return bool(roles) and roles == ["user", "assistant"] * (len(roles) // 2) and bool(turns[-1].text.strip())


class Answering(Protocol):
    """What answers prompts greedily: ``engine.evaluation.generate.Generator``, or a server over an exported file."""

    tokenizer: Any
    tokens_at_once: int
    most_positions: int

    @property
    def side_by_side(self) -> int:
        """How many groups are worth being asked at once."""
        ...

    @property
    def too_long(self) -> str:
        """What stands for the answer to a prompt that is too long."""
        ...

    def groups(self, prompts: Sequence[list[int]], new_tokens: int) -> list[list[int]]:
        """Indices of the ``prompts`` that are answered side by side; too long ones are in none."""
        ...

    def answer(
        self, prompts: Sequence[list[int]], max_new_tokens: int, on_progress: Callable[[int, int], None] = ...,
        on_answers: Callable[[dict[int, Said]], None] = ...,
    ) -> list[Said]:  # fmt: skip
        """The answers to ``prompts`` (token ids), in their order.

        ``on_answers`` gets some of them, by index, as soon as they are whole: each of them once.
        """
        ...


@dataclass(frozen=True)
class Candidate:
    """One that answers. ``name`` as in ``engine.runs.evaluations``; ``weights`` tells which weights answer.

    An answer is kept for other runs of the evaluation as long as prompt and ``weights`` are the same. ``model`` puts
    the generator's model into the state in which it is this candidate. Without ``examples`` a row is asked as it is.
    """

    name: str
    weights: str
    generator: Answering
    renderer: Renderer
    model: Callable[[], AbstractContextManager[Any]] = nullcontext
    examples: Examples | None = None

    def prompt(self, row: Row, new_tokens: int) -> Prompt:
        """The tokens before the last answer of ``row``, with as many examples as leave room for ``new_tokens``."""
        asked = list(row.messages[:-1])
        plain = Prompt(self.renderer.prompt_ids(asked, row.tools))
        if self.examples is None:
            return plain
        head = [message for message in asked if message.role == "system"]
        rest = [message for message in asked if message.role != "system"]
        positions = self.generator.most_positions
        most = min(self.examples.most_tokens, positions - new_tokens if positions else self.examples.most_tokens)
        shown = self.examples.nearest(row)
        while shown:
            turns = [turn for each in reversed(shown) for turn in each.messages if turn.role != "system"]
            try:
                ids = self.renderer.prompt_ids([*head, *turns, *rest], row.tools)
            except RenderError:  # an example that the template can't take: the row is asked without it
                ids = None
            if ids is not None and len(ids) <= most:
                return Prompt(ids, len(shown))
            shown.pop()
        return plain
