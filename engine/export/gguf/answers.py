"""Answers from a GGUF file through llama.cpp's server, and whether it asks with the very prompt of the training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.common.threads import as_done
from engine.data.rows.messages import Row
from engine.export.gguf.server import LlamaServer
from engine.messages.message import Message
from engine.runs.evaluations import Said
from engine.tokens.render import Renderer

_SHOWN = 60


@dataclass
class ServedGenerator:
    """Answers like ``engine.evaluation.generate.Generator``, as a server gives them that is asked ``at_once`` prompts.

    ``ask`` tells the greedy answer to token ids with so many tokens at most, and whether it ended by itself: a text
    can be short and yet cut off, where a stop token that nobody knows is left out of it. ``check`` may raise to stop.
    """

    ask: Callable[[list[int], int], tuple[str, bool]]
    tokenizer: Any
    check: Callable[[], None]
    most_positions: int = 0
    at_once: int = 1
    tokens_at_once: int = 0
    side_by_side: int = 1
    too_long: str = ""

    def groups(self, prompts: Sequence[list[int]], new_tokens: int) -> list[list[int]]:
        """All that leave room for a token: which of them are computed at once is up to the server."""
        room = self.most_positions - 1 if self.most_positions else 0
        fit = [place for place, prompt in enumerate(prompts) if not room or len(prompt) < room]
        return [fit] if fit else []

    def answer(
        self, prompts: Sequence[list[int]], max_new_tokens: int,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        on_answers: Callable[[dict[int, Said]], None] = lambda found: None,
    ) -> list[Said]:  # fmt: skip
        """The greedy answer to each prompt (token ids)."""
        answers: dict[int, Said] = {}
        asked = as_done(lambda prompt: self.ask(prompt, max_new_tokens), prompts, self.at_once, self.check)
        for place, (text, ended) in asked:
            count = len(self.tokenizer(text, add_special_tokens=False)["input_ids"])
            answers[place] = Said(text, count, ended)
            on_answers({place: answers[place]})
            on_progress(len(answers), len(prompts))
        return [answers[place] for place in range(len(prompts))]


def prompt_fault(server: LlamaServer, renderer: Renderer, rows: Sequence[Row]) -> Message | None:
    """Where the file's own template or tokenizer makes another prompt than the training did; None where never.

    Both are compared byte for byte and token by token, for each of ``rows`` without its last answer. A start token that
    the file puts in front by itself is not missed in its text.
    """
    start = renderer.tokenizer.bos_token or ""
    adds_start = bool(start) and bool(server.tokens(""))
    for place, row in enumerate(rows):
        asked = row.messages[:-1]
        turns, tools, text = renderer.as_asked(asked, row.tools)
        ours, theirs = text.removeprefix(start), server.render(turns, tools or ()).removeprefix(start)
        if theirs != ours:
            at = _differs_at(ours, theirs)
            shown = {"ours": repr(ours[at : at + _SHOWN]), "theirs": repr(theirs[at : at + _SHOWN])}
            return Message("proof.other-template", row=place + 1, at=at + 1, **shown)
        text, ids = renderer.prompt_text(asked, row.tools), renderer.prompt_ids(asked, row.tools)
        found = server.tokens(text.removeprefix(start) if adds_start else text)
        if found != ids:
            at = _differs_at(ids, found)
            return Message(
                "proof.other-tokens", row=place + 1, at=at + 1, ours=ids[at : at + 5], theirs=found[at : at + 5]
            )
    return None


def _differs_at(one: Sequence[Any], two: Sequence[Any]) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
