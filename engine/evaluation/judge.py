"""A local model prefers one of two answers, blind and in both orders: a pair that flips with the order is a tie.

The model is asked once for each order; the greater of the next-token logits of "A" and "B" is its choice, so that no
text is generated and nothing has to be parsed (the pairwise mode of MT-Bench, arXiv 2306.05685, by logits). It reads
the whole dialogue; where that is too long for it, it reads what came last, and how much it did not read is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from engine.common.errors import ModelError
from engine.data.rows.messages import Message as Turn
from engine.modeling.load_for_use import Ready
from engine.modeling.out_of_memory import MemoryGuard
from engine.runs.choices import TIE, Choice, Pair
from engine.tokens.render import Renderer

LETTERS = ("A", "B")
_REQUESTS = {"tool": "What the function returned"}


@dataclass(frozen=True)
class Judged:
    """``choice`` is None where the pair is too long for the model."""

    row: int
    choice: Choice | None


def question(pair: Pair, first: int, unread: int = 0) -> str:
    """What the judge reads, with answer number ``first`` as A. Nothing in it says who answered.

    Of the turns before the request the first ``unread`` are left out, which is said there.
    """
    answers = (pair.answers[first], pair.answers[1 - first])
    wanted = f"A correct answer:\n{pair.reference}\n\n" if pair.reference.strip() else ""
    return (
        "Two assistants answered the same request. Decide which answer is better: more correct, more complete and in "
        "the form that was asked for. Length and order do not matter.\n\n"
        f"{_tools(pair)}{_before(pair, unread)}{_REQUESTS.get(pair.role, 'Request')}:\n{pair.prompt}\n\n{wanted}"
        f"Answer A:\n{answers[0]}\n\nAnswer B:\n{answers[1]}\n\nWhich answer is better? Reply with A or B only."
    )


def _tools(pair: Pair) -> str:
    said = "\n".join(pair.tools)
    return f"Functions that the assistants could call:\n{said}\n\n" if said else ""


def _before(pair: Pair, unread: int) -> str:
    if not pair.earlier:
        return ""
    left_out = [f"[{unread} earlier turns are left out]"] if unread else []
    turns = [f"{turn.role.capitalize()}: {turn.text}" for turn in pair.earlier[unread:]]
    return "\n\n".join(["The conversation before the request:", *left_out, *turns]) + "\n\n"


class Judge:
    """A loaded model that is asked, and whose ``identity`` stands with its choices.

    Raises ModelError where its tokenizer can't tell the letters apart.
    """

    def __init__(self, ready: Ready, memory: MemoryGuard, identity: str = "") -> None:
        self._ready, self._memory, self._identity = ready, memory, identity
        words = ready.words[ready.speaking]
        self._pad = words.pad_id
        self._renderer = Renderer(words.tokenizer, words.stops)
        self._letters = [_first_tokens(words.tokenizer, letter) for letter in LETTERS]
        if not all(self._letters) or set(self._letters[0]) & set(self._letters[1]):
            raise ModelError("judge.no-letters", model=ready.found.title)

    def judge(
        self, pairs: Sequence[Pair], check: Callable[[], None], take: Callable[[Judged], None],
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:  # fmt: skip
        """Hand every pair to ``take`` as it is judged. ``check`` may raise in between. Raises OutOfMemory."""
        for done, pair in enumerate(pairs):
            check()
            on_progress(done, len(pairs))
            take(self._one(pair))
        on_progress(len(pairs), len(pairs))

    def _one(self, pair: Pair) -> Judged:
        card = self._ready.base.card  # beyond what it was made for a model still computes, but judges nothing
        most = min(filter(None, (card.position_limit, card.max_position_embeddings)), default=0)
        unread = 0
        prompts = self._prompts(pair, unread)
        while most and max(map(len, prompts)) > most:
            if unread == len(pair.earlier):
                return Judged(pair.row, None)
            unread += 1
            prompts = self._prompts(pair, unread)
        margins, spoke = [], True
        for prompt in prompts:
            margin, is_letter = self._margin(prompt)
            margins.append(margin)
            spoke = spoke and is_letter
        names = pair.names
        # In the first order a positive margin speaks for the first answer, in the other for the second.
        by_order = (_named(margins[0], names), _named(-margins[1], names))
        chosen = by_order[0] if by_order[0] and by_order[0] == by_order[1] else TIE
        choice = Choice(
            row=pair.row, pair=names, chosen=chosen, by_order=by_order, mark=pair.mark, by=self._identity, spoke=spoke,
            unread=unread,
        )  # fmt: skip
        return Judged(pair.row, choice)

    def _prompts(self, pair: Pair, unread: int) -> list[list[int]]:
        """The question in both orders."""
        return [self._renderer.prompt_ids((Turn("user", question(pair, first, unread)),)) for first in (0, 1)]

    @torch.no_grad()
    def _margin(self, prompt: list[int]) -> tuple[float, bool]:
        """Logit of A minus that of B as the next token, and whether one of them is the likeliest of all."""
        self._memory.phase = "evaluation"
        try:
            ids = torch.tensor([prompt], device=self._ready.base.model.device)
            made = self._ready.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=1, do_sample=False, use_cache=False,
                temperature=None, top_p=None, top_k=None, pad_token_id=self._pad, output_logits=True,
                return_dict_in_generate=True,
            )  # fmt: skip
            logits = made.logits[0][0].float()
        except Exception as error:
            shortage = self._memory.shortage(error)
            if shortage is None:
                raise
        else:
            a, b = (float(logits[letter].max()) for letter in self._letters)
            return a - b, int(logits.argmax()) in {*self._letters[0], *self._letters[1]}
        raise self._memory.ends(shortage, "runs.out-of-memory-answer")


def _named(margin: float, names: tuple[str, str]) -> str:
    return names[0] if margin > 0 else names[1] if margin < 0 else ""


def _first_tokens(tokenizer: object, letter: str) -> list[int]:
    """The tokens that an answer of this letter may begin with, with and without a blank."""
    found = []
    for text in (letter, f" {letter}"):
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]  # type: ignore[operator]
        if len(ids) == 1:
            found.append(ids[0])
    return found
