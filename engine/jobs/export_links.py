"""Which link of an export is broken: stop token, weights, rounding, quantization.

Template and tokenizer are compared by themselves before anything is answered. The others are told apart by the loss of
the reference answers, which knows neither template nor stop token: a file in fewer bits may cost a little more, one in
16 bits hardly anything, and where a file costs too much, one in 16 bits is made anew and measured. Where that costs as
much, the file is right, and its numbers are too coarse for what the adapter changes, or its base is another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from engine.evaluation.answer_loss import mean_nats
from engine.evaluation.row_losses import RowLoss
from engine.messages.message import Message
from engine.models.gguf import BITS, PLAIN
from engine.runs.evaluations import TUNED, Answer, Evaluation

MERGED = "merged"
_SIXTEEN = ("f16", "bf16")
_SAME = 0.02
"""Nats a token by which programs differ that compute with the same weights in 16 bits."""
_MAY_COST = {"q8_0": 0.02, "q6_k": 0.05, "q5_k_m": 0.1, "q4_k_m": 0.25, "q3_k_m": 0.5, "q2_k": 2.0}
"""Nats a token that quantizing to a type may cost: above it the file is broken, not only smaller."""
_OTHER_BASE = 0.25
"""What it may cost more where the adapter was trained on a base in 4 or 8 bits, which the file does not have."""
_TOLD = 0.002
"""Nats a token that two models of one program tell apart, both measured in float32."""
_FEW, _HARDLY = 2, 0.2
"""Of answers that end where the adapter's do: more than so many say something, and this share is hardly any."""


@dataclass(frozen=True)
class Anew:
    """What tells files that went wrong from numbers that are too coarse.

    ``loss``: nats a token of the references by a file of a type in 16 bits that is made anew. ``holds_the_sum``:
    whether each tensor of a merged model is base and adapter added up and rounded once.
    """

    loss: Callable[[str], float | None]
    holds_the_sum: Callable[[str], bool]


def broken_links(
    found: Evaluation, answers: Mapping[str, Sequence[Answer]], losses: Mapping[str, Mapping[int, RowLoss]],
    was_quantized: bool, anew: Anew, effect: float | None = None,
) -> list[Message]:  # fmt: skip
    """A message for each broken link, by what ``found`` says of the ``answers``, and the ``losses`` of references.

    ``was_quantized``: the adapter was trained on a base in 4 or 8 bits. ``effect``: nats a token that the adapter takes
    from the base's loss, where it and a merged model were measured in float32.
    """
    notes: list[Message] = []
    fresh = cache(anew.loss)
    too_coarse = "proof.other-base" if was_quantized else "proof.rounding"
    with_fault = {note.args["name"] for note in found.notes if note.code == "proof.fault"}
    ours = mean_nats(losses.get(TUNED, {}))
    for name, given in answers.items():
        if name == TUNED:
            continue
        endless = _endless(name, answers[TUNED], given)
        notes += endless
        compared = found.comparison(TUNED, name, found.metrics[0]) if found.metrics else None
        is_worse = compared is not None and compared.verdict == "better" and not endless
        theirs = mean_nats(losses.get(name, {}))
        if theirs is None or ours is None:
            if is_worse and name not in with_fault:
                notes.append(Message("proof.unexplained", name=name))
            continue
        may_cost = _MAY_COST.get(name, _SAME) + (_OTHER_BASE if was_quantized else 0)
        costs: dict[str, object] = {"name": name, "ours": ours, "theirs": theirs}
        eaten = name == MERGED and effect is not None and theirs - ours > max(_TOLD, effect / 2)
        if theirs - ours <= may_cost and not eaten:
            if is_worse:
                code = "proof.quantization" if name in BITS and name not in PLAIN else "proof.unexplained"
                notes.append(Message(code, **costs))
        elif name == MERGED:
            notes.append(Message(too_coarse if anew.holds_the_sum(name) else "proof.weights", **costs))
        elif name in _SIXTEEN:
            same = fresh(name)
            is_rounded = same is not None and abs(theirs - same) <= _SAME
            notes.append(Message(too_coarse if is_rounded else "proof.weights", **costs))
        elif name not in BITS or name in PLAIN:
            notes.append(Message("proof.weights", **costs))
        else:
            sixteen = fresh("f16")
            is_right = sixteen is not None and sixteen - ours <= _SAME + (_OTHER_BASE if was_quantized else 0)
            notes.append(Message("proof.quantization" if is_right else "proof.weights", **costs))
    return notes


def _endless(name: str, expected: Sequence[Answer], found: Sequence[Answer]) -> list[Message]:
    """That answers hardly ever end where the adapter's do.

    Single answers differ by the last bits of sums, so one that does not end says nothing.
    """
    ends = [other.ended for one, other in zip(expected, found, strict=True) if one.ended]
    if len(ends) <= _FEW or sum(ends) > len(ends) * _HARDLY:
        return []
    return [Message("proof.endless", name=name, rows=len(ends) - sum(ends), of=len(ends))]
