"""Base or chat model? Judged from a model's files, with the evidence, and which of the two suits a task."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from engine.messages.message import Message
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
    message: Message


def judge_kind(name: str, tokens: Tokens) -> tuple[Kind, tuple[Message, ...]]:
    """The kind and each piece of evidence.

    A template alone proves little: base models often carry one whose marks they were never trained on. What
    counts is whether the model's own end token is the one that ends a turn in the template.
    """
    chat_name, base_name = _CHAT_NAME.search(name), _BASE_NAME.search(name)
    evidence: list[Message] = []
    points = 0
    if chat_name:
        points += 1
        evidence.append(Message("models.name-says", word=chat_name[1]))
    elif base_name:
        points -= 1
        evidence.append(Message("models.name-says", word=base_name[1]))
    if not tokens.chat_template:
        evidence.append(Message("models.no-template"))
        return ("unclear" if chat_name else "base"), tuple(evidence)
    evidence.append(Message("models.has-template"))
    points += 1
    ends = [token for token in tokens.eos_tokens if token in tokens.chat_template]
    marks, missing = tokens.marks(), tokens.missing()
    if missing:
        points -= 1
        evidence.append(Message("models.mark-missing", mark=missing[0]))
    elif marks and tokens.added:
        evidence.append(Message("models.marks-own", marks=marks[:3]))
    if ends:
        points += 1
        code = "models.ends-generation" if ends[0] in tokens.generation_stops else "models.ends-turn"
        evidence.append(Message(code, token=ends[0]))
    elif "eos_token" in tokens.chat_template:
        points += 1
        evidence.append(Message("models.ends-eos"))
    elif tokens.eos_tokens:
        points -= 1
        evidence.append(Message("models.never-written", token=tokens.eos_tokens[0]))
    return ("chat" if points >= 2 else "base" if points <= 0 else "unclear"), tuple(evidence)


def advise_kind(task: Task, kind: Kind) -> KindAdvice:
    """What the task asks of the model."""
    if kind == "unclear":
        return KindAdvice(None, Message("models.kind-unclear"))
    if task == "dialogue":
        code = "models.chat-for-dialogue" if kind == "chat" else "models.base-for-dialogue"
        return KindAdvice(kind == "chat", Message(code))
    return KindAdvice(kind == "base", Message("models.base-for-text" if kind == "base" else "models.chat-for-text"))
