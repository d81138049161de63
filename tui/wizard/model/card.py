"""A model's card: three badges for what decides, then what it is and what it could do here, key by key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from engine.common.clean_text import clean, shorten
from engine.messages.catalogue import text
from tui.flow import models
from tui.flow.kind import advise
from tui.flow.verdicts import Verdicts
from tui.widgets.pieces import Tone, badge, row
from tui.wizard.pairs import pairs

if TYPE_CHECKING:
    from engine.models.card import ModelCard
    from tui.draft.draft import Draft

LABEL = 10
LEAST_WIDTH = 56
_KINDS = {"base": "wizard-model.badge-base", "chat": "wizard-model.badge-chat", "unclear": "wizard-model.badge-unclear"}
_LEVELS: dict[str, tuple[str, Tone]] = {
    "tight": ("wizard-model.level-tight", "look"), "fits": ("wizard-model.level-fits", "good"),
}  # fmt: skip
_SUITS: dict[bool | None, Tone] = {True: "good", False: "look", None: ""}


def lines(draft: Draft, card: ModelCard, verdicts: Verdicts, stops: bool | None, width: int) -> Content:
    """All of it; ``stops`` is whether its answer ended by itself when it was tested, None before that."""
    name = Content.styled(f"  {clean(shorten(card.name, 40), keep_newlines=False)}", "bold")
    head = row(name, *_badges(draft, card, verdicts, stops))
    return Content("\n").join([head, *pairs(models.rows(draft, card, verdicts), LABEL, width)])


def _badges(draft: Draft, card: ModelCard, verdicts: Verdicts, stops: bool | None) -> Iterator[Content]:
    """Its kind, whether it fits, and whether its answers end."""
    suits, found = advise(draft, card), verdicts.of(card)
    yield badge(text(_KINDS[suits.kind]), _SUITS[suits.fits])
    if found is not None and found.verdict.level == "too much":
        yield badge(text("wizard-model.badge-short", missing=-found.verdict.spare_bytes), "lost")
    elif found is not None:
        tight = found.verdict.level == "tight"
        yield badge(
            text("wizard-model.level-tight" if tight else "wizard-model.level-fits"), "look" if tight else "good"
        )
    if stops is not None:
        code = "wizard-model.badge-stops" if stops else "wizard-model.badge-endless"
        yield badge(text(code), "good" if stops else "look")
    elif suits.kind != "base":
        yield badge(text("wizard-model.badge-untested"), "muted")
