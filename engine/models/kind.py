"""Base or chat model? Judged from a model's files, with the evidence, and which of the two suits a task."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from engine.models.tokenizer_files import Tokens

Kind = Literal["base", "chat", "unclear"]
Task = Literal["dialogue", "text"]

_CHAT_NAME = re.compile(
    r"(?:^|[-_. /])(instruct|chat|it|sft|dpo|rlhf|assistant|zephyr|vicuna)(?:$|[-_. ])", re.IGNORECASE
)
_BASE_NAME = re.compile(r"(?:^|[-_. /])(base|pt|pretrained?)(?:$|[-_. ])", re.IGNORECASE)


@dataclass(frozen=True)
class KindAdvice:
    """Whether this kind of model suits the task; ``fits`` is None where the kind is unclear."""

    fits: bool | None
    text: str


def judge_kind(name: str, tokens: Tokens) -> tuple[Kind, tuple[str, ...]]:
    """The kind and each piece of evidence, one sentence apiece.

    A template alone proves little: base models often carry one whose marks they were never trained on. What
    counts is whether the model's own end token is the one that ends a turn in the template.
    """
    chat_name, base_name = _CHAT_NAME.search(name), _BASE_NAME.search(name)
    evidence: list[str] = []
    points = 0
    if chat_name:
        points += 1
        evidence.append(f"its name says '{chat_name[1]}'")
    elif base_name:
        points -= 1
        evidence.append(f"its name says '{base_name[1]}'")
    if not tokens.chat_template:
        evidence.append("it has no chat template")
        return ("unclear" if chat_name else "base"), tuple(evidence)
    evidence.append("it has a chat template")
    points += 1
    ends = [token for token in tokens.eos_tokens if token in tokens.chat_template]
    marks, missing = tokens.marks(), tokens.missing()
    if missing:
        points -= 1
        evidence.append(f"the template writes {missing[0]}, which is no token of this model")
    elif marks and tokens.added:
        evidence.append(f"the template's {', '.join(marks[:3])} are tokens of its own")
    if ends:
        points += 1
        where = "its generation settings stop" if ends[0] in tokens.generation_stops else "it stops"
        evidence.append(f"{where} at {ends[0]}, which ends a turn in the template")
    elif "eos_token" in tokens.chat_template:
        points += 1
        evidence.append("the template ends turns with the model's end token")
    elif tokens.eos_tokens:
        points -= 1
        evidence.append(f"it stops at {tokens.eos_tokens[0]}, which the template never writes")
    return ("chat" if points >= 2 else "base" if points <= 0 else "unclear"), tuple(evidence)


def advise_kind(task: Task, kind: Kind) -> KindAdvice:
    """What the task asks of the model."""
    if kind == "unclear":
        return KindAdvice(None, "Its files don't tell. Set model.kind if you know; asking it two questions shows more.")
    if task == "dialogue":
        if kind == "chat":
            return KindAdvice(True, "It already holds turns and stops by itself, so few rows go a long way.")
        return KindAdvice(
            False, "A chat model needs fewer rows for dialogue. A base model has to learn turns and stopping as well: "
            "choose a template for it.",
        )  # fmt: skip
    if kind == "base":
        return KindAdvice(True, "Plain text goes on where its own training left off.")
    return KindAdvice(
        False, "Plain text wears down how a chat model answers. Use the base model, or mix dialogue in as replay."
    )
