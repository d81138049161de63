"""A model's card: three badges for what decides, then what it is and what it could do here, key by key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from engine.common.clean_text import clean, shorten
from engine.messages import formats
from engine.messages.catalogue import text
from tui.flow import models
from tui.flow.kind import advise
from tui.flow.verdicts import Verdicts
from tui.widgets.bars import fit
from tui.widgets.pieces import Tone, badge, row, toned
from tui.wizard.pairs import pairs

if TYPE_CHECKING:
    from engine.models.card import ModelCard
    from tui.draft.draft import Draft

LABEL, WAY = 10, 26
LEAST_WIDTH = 56
_KINDS = {"base": "wizard-model.badge-base", "chat": "wizard-model.badge-chat", "unclear": "wizard-model.badge-unclear"}
_LEVELS: dict[str, tuple[str, Tone]] = {
    "tight": ("wizard-model.level-tight", "look"), "fits": ("wizard-model.level-fits", "good"),
}  # fmt: skip
_SUITS: dict[bool | None, Tone] = {True: "good", False: "look", None: ""}


def lines(
    draft: Draft, card: ModelCard, verdicts: Verdicts, stops: bool | None, width: int, brief: bool = False
) -> Content:
    """All of it, ``brief`` in a short window; ``stops`` is whether its answer ended by itself when it was tested, None
    before that."""
    name = Content.styled(f"  {clean(shorten(card.name, 40), keep_newlines=False)}", "bold")
    head = row(name, *_badges(draft, card, verdicts, stops))
    return Content("\n").join([head, *pairs(models.rows(draft, card, verdicts, brief), LABEL, width)])


def ways(card: ModelCard, verdicts: Verdicts) -> Content:
    """A line for each method: what it needs, and whether that is there. The best one is bright."""
    best = verdicts.of(card)
    if best is None:
        return Content("")
    lines = [Content(""), Content.styled(f"  {text('wizard-model.ways')}", "bold")]
    for method, found in verdicts.ways(card):
        level, tone = _LEVELS.get(found.verdict.level, ("", "lost"))
        spare = abs(found.verdict.spare_bytes)
        told = text("wizard-model.way-fits", verdict=text(level), spare=spare) if level else ""
        told = told or text("wizard-model.badge-short", missing=spare)
        is_best = (found.name, found.recomputes) == (best.name, best.recomputes)
        needs = formats.gib(found.verdict.needed_bytes)
        lines.append(
            Content.assemble(
                (f"  {fit(text(method.message), WAY)}", "bold" if is_best else ""), (f"{needs:>10}  ", "$muted"),
                toned(told, tone, bold=is_best),
            )
        )  # fmt: skip
    return Content("\n").join(lines)


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
