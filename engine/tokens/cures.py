"""What would make a row trainable that a model's template refuses: found by trying, so that it is true."""

from __future__ import annotations

from collections.abc import Sequence

from engine.data.fixes import row_change
from engine.data.rows.messages import Row
from engine.tokens.render import BUILT_IN_TEMPLATES, Renderer, RenderError

_NONE = "Correct or remove such rows: no setting makes this template take them."


def cure(row: Row, renderer: Renderer, train_on: str, fixes: Sequence[str]) -> str:
    """A sentence with the settings that make ``row`` trainable; of several that which keeps most of row and model."""
    merged = row_change(["merge_system_turn"])(row) or row
    names = ", ".join(f'"{name}"' for name in [*fixes, "merge_system_turn"])
    merge = f"Set dataset.fixes = [{names}]: the system text is then put in front of the first question."
    last = 'Set dataset.train_on = "last": only the last answer of each row is then trained.'
    whole = 'Set dataset.train_on = "all": questions are then trained too.'
    plain = 'Set model.chat_template = "plain": turns are then written as Question and Answer.'
    ways = ((merge, merged, train_on), (last, row, "last"), (f"{merge} {last}", merged, "last"), (whole, row, "all"))
    for words, changed, chosen in ways:
        if _renders(changed, renderer, chosen):
            return words
    return plain if _renders_plainly(row, renderer, train_on) else _NONE


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
