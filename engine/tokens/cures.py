"""What would make a row trainable that a model's template refuses: found by trying, so that it is true."""

from __future__ import annotations

from collections.abc import Sequence

from engine.data.fixes import row_change
from engine.data.rows.messages import Row
from engine.messages.message import Message
from engine.tokens.render import BUILT_IN_TEMPLATES, Renderer, RenderError


def cure(row: Row, renderer: Renderer, train_on: str, fixes: Sequence[str]) -> Message:
    """The settings that make ``row`` trainable; of several those that keep most of row and model."""
    merged = row_change(["merge_system_turn"])(row) or row
    names = ", ".join(f'"{name}"' for name in [*fixes, "merge_system_turn"])
    ways = (
        (Message("tokens.cure-merge", fixes=names), merged, train_on),
        (Message("tokens.cure-last"), row, "last"),
        (Message("tokens.cure-merge-last", fixes=names), merged, "last"),
        (Message("tokens.cure-all"), row, "all"),
    )
    for message, changed, chosen in ways:
        if _renders(changed, renderer, chosen):
            return message
    return Message("tokens.cure-plain" if _renders_plainly(row, renderer, train_on) else "tokens.cure-none")


def _renders(row: Row, renderer: Renderer, train_on: str) -> bool:
    try:
        renderer.render(row, train_on)
    except RenderError:
        return False
    return True


def _renders_plainly(row: Row, renderer: Renderer, train_on: str) -> bool:
    tokenizer = renderer.tokenizer
    template = tokenizer.chat_template
    try:
        tokenizer.chat_template = BUILT_IN_TEMPLATES["plain"]
        return _renders(row, Renderer(tokenizer, renderer.stops), train_on)
    finally:
        tokenizer.chat_template = template
