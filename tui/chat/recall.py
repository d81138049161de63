"""What of a chat comes back at the next start: with what, how it answers, and all that was said, but no secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.messages.catalogue import text
from engine.models.chat_request import ChatRequest
from tui.draft.manner import Manner
from tui.flow.dialogue import Dialogue

_MOST_CHARACTERS = 400_000
"""Of a dialogue as JSON; the oldest of a longer one is left out."""


class Kept(msgspec.Struct, frozen=True):
    """``typed`` was not sent yet, ``kept_in`` is the file that answers were kept in."""

    request: ChatRequest
    manner: Manner
    dialogue: Dialogue
    typed: str = ""
    kept_in: str = ""


def remembered(
    request: ChatRequest, manner: Manner, dialogue: Dialogue, typed: str, kept_in: str
) -> dict[str, Any]:  # fmt: skip
    """As plain JSON; {} where the address of a server holds a password."""
    if "@" in request.server:
        return {}
    room, first = _MOST_CHARACTERS, len(dialogue.exchanges)
    while first and (room := room - len(json.dumps(msgspec.to_builtins(dialogue.exchanges[first - 1])))) > 0:
        first -= 1
    newest = Dialogue(dialogue.voices, dialogue.asked, dialogue.exchanges[first:], dialogue.system)
    told: dict[str, Any] = msgspec.to_builtins(Kept(request, manner, newest, typed, kept_in))
    return {"screen": "chat", **told}


def found_in(kept: Mapping[str, Any]) -> Kept | None:
    """What was remembered, None where it makes no sense. Answers that were under way have broken off."""
    try:
        found = msgspec.convert(kept, Kept)
    except msgspec.ValidationError:
        return None
    for exchange in found.dialogue.exchanges:
        for answer in exchange.answers.values():
            if not answer.whole:
                answer.whole, answer.note = True, text("chat.broke-off")
    return found
