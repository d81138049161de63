"""Step 2, model: those on this machine and the starter, what is told of one, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.config.rules import Issue
from engine.messages.catalogue import clauses, text
from engine.messages.message import Message
from tui.draft.services import STARTER
from tui.flow import describe
from tui.flow.kind import advice
from tui.flow.option import Option
from tui.flow.verdicts import Verdicts, said_of

if TYPE_CHECKING:
    from engine.models.card import ModelCard
    from tui.draft.draft import Draft

NAME_FIELD, ALLOW_PICKLE = "model.name_or_path", "model.allow_pickle"
PICKLED = ("models.pickled", "models.no-safetensors")
"""Errors that allowing pickles makes go away."""


def named(cards: Sequence[ModelCard], chosen: str) -> list[tuple[str, ModelCard]]:
    """Each with what a config calls it: the starter's own name, the name already chosen, else its folder."""
    return [(_name_of(card, chosen), card) for card in cards]


def options(listed: Sequence[tuple[str, ModelCard]]) -> list[Option]:
    """The models on this machine, and the starter where it is not among them."""
    found = [Option(name, card.name, describe.model_line(card)) for name, card in listed]
    if STARTER not in dict(listed):
        found.append(Option(STARTER, STARTER, text("wizard-model.starter")))
    return found


def rows(
    draft: Draft, card: ModelCard, verdicts: Verdicts, brief: bool = False, whole: bool = False
) -> list[tuple[str, str]]:
    """What to know of a model before it is chosen, label and words: what it is, how it fits, whether it suits.

    ``brief``: of what its kind is told by, the first sign alone; ``whole``: all of that, however long.
    """
    signs = card.kind_evidence[:1] if brief else card.kind_evidence
    signs_told = clauses(*map(text, signs))
    found = verdicts.of(card)
    told = [
        (text("wizard-model.label-model"), describe.architecture(card)),
        *(said_of(found, card) if found else []),
        (text("wizard-model.label-advice"), advice(draft, card)),
        (text("wizard-model.label-evidence"), signs_told if whole else shorten(signs_told, 160)),
    ]
    without = [(text("wizard-model.label-template"), text("wizard-model.no-template"))]
    return told + without * (not card.has_chat_template)


def lines(draft: Draft, card: ModelCard, verdicts: Verdicts) -> list[str]:
    """The same as lines, the name first."""
    told = rows(draft, card, verdicts, whole=True)
    return [card.name, *(text("widgets.named", name=label, value=said) for label, said in told)]


def starter_lines() -> list[str]:
    """The same of the starter that is not on this machine yet."""
    return [text("wizard-model.starter-about"), text("wizard-model.starter-how")]


def none_chosen() -> Issue:
    return Issue("error", NAME_FIELD, Message("wizard-model.none-chosen"))


def _name_of(card: ModelCard, chosen: str) -> str:
    if STARTER in (card.name.lower(), Path(card.path).name.lower()):
        return STARTER
    return chosen if chosen == card.name else str(card.path)
