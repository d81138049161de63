"""The formats rows come in: the fields of each and the column names those go by."""

from __future__ import annotations

from functools import cache
from typing import Literal

Format = Literal["alpaca", "messages", "sharegpt", "prompt_completion", "classification", "text"]

_SYSTEM = (False, ("system", "system_prompt", "system_instruction", "systeminstruction"))
_TOOLS = (False, ("tools", "functions"))
# Never guessed: a column that happens to be called weight would silently scale the loss.
_WEIGHT: tuple[bool, tuple[str, ...]] = (False, ())
# Nor this: rows with the same value stay on one side of the split.
_GROUP: tuple[bool, tuple[str, ...]] = (False, ())
TURN_NAMES = ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns", "items")

BESIDE = frozenset(("weight", "group"))
"""Fields of every format that are never guessed; mapping them leaves the rest to be found."""

# Our field -> (needed, column names it is known by, the most usual first).
FIELDS: dict[Format, dict[str, tuple[bool, tuple[str, ...]]]] = {
    "messages": {
        "messages": (True, TURN_NAMES),
        "system": _SYSTEM,
        "tools": _TOOLS,
        "weight": _WEIGHT,
        "group": _GROUP,
    },
    "sharegpt": {
        "conversations": (True, ("conversations", *(name for name in TURN_NAMES if name != "conversations"))),
        "system": _SYSTEM,
        "tools": _TOOLS,
        "weight": _WEIGHT,
        "group": _GROUP,
    },
    "alpaca": {
        "instruction": (True, ("instruction",)),
        "input": (False, ("input", "context")),
        "output": (True, ("output", "response", "answer", "completion")),
        "history": (False, ("history",)),
        "system": _SYSTEM,
        "tools": _TOOLS,
        "weight": _WEIGHT,
        "group": _GROUP,
    },
    "prompt_completion": {
        "prompt": (True, ("prompt", "question", "query", "problem", "input", "user", "human", "source", "q")),
        "completion": (
            True,
            ("completion", "answer", "response", "solution", "output", "assistant", "target", "answers", "a"),
        ),
        "context": (False, ("context", "passage")),
        "reasoning": (False, ("reasoning", "reasoning_content", "thinking")),
        "system": _SYSTEM,
        "tools": _TOOLS,
        "weight": _WEIGHT,
        "group": _GROUP,
    },
    "classification": {
        "text": (True, ("text", "sentence", "sentence1", "premise", "content", "review", "question1", "tweet")),
        "text_pair": (False, ("text_pair", "sentence2", "hypothesis", "text2", "question2")),
        "label": (True, ("label_text", "label_name", "label", "labels", "class", "intent", "sentiment", "emotion")),
        "system": _SYSTEM,
        "weight": _WEIGHT,
        "group": _GROUP,
    },
    "text": {"text": (True, ("text", "content", "document", "body")), "weight": _WEIGHT, "group": _GROUP},
}
ACCEPTED = (
    "messages | conversations | instruction + output (+ input) | prompt + completion | question + answer | "
    "text + label | text"
)

# Names inside a turn, the most usual first; ``tags`` of a source come before them.
ROLE_KEYS = ("role", "from", "speaker", "author")
CONTENT_KEYS = ("content", "value", "text", "utterance", "parts")
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
TURN_KEYS = frozenset(("tool_calls", "function_call", "name", "tool_call_id", "id", "type"))
"""What else a turn may hold; any other key is none of ours."""
TAGS = ("role", "content", "user", "assistant", "tool", "call", "system")
ROLE_NAMES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "model": "assistant", "chatgpt": "assistant",
    "function_call": "assistant", "tool_call": "assistant",
    "tool": "tool", "observation": "tool", "function": "tool", "function_response": "tool", "tool_response": "tool",
    "ipython": "tool",
}  # fmt: skip
CALL_ROLES = ("function_call", "tool_call")


@cache
def needed(format: Format) -> frozenset[str]:
    """The fields without which a row of ``format`` is none."""
    return frozenset(field for field, (is_needed, _) in FIELDS[format].items() if is_needed)
