"""Base or chat model? Judged from a model's files, with the evidence said."""

from __future__ import annotations

import re
from typing import Literal

from engine.models.tokenizer_files import Tokens

Kind = Literal["base", "chat", "unclear"]

_CHAT_NAME = re.compile(
    r"(?:^|[-_. /])(instruct|chat|it|sft|dpo|rlhf|assistant|zephyr|vicuna)(?:$|[-_. ])", re.IGNORECASE
)
_BASE_NAME = re.compile(r"(?:^|[-_. /])(base|pt|pretrained?)(?:$|[-_. ])", re.IGNORECASE)


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
