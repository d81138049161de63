"""Base or chat: whether a model's kind suits the task, and what the model itself says when it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import set_cell_size

from engine.common.clean_text import clean, shorten
from engine.messages.catalogue import clauses, text
from engine.messages.message import Message as Evidence
from tui.draft.draft import task_of

if TYPE_CHECKING:
    from engine.models.card import ModelCard
    from tui.draft.draft import Draft

KIND = "model.kind"
KINDS = {"base": "wizard-model.base", "chat": "wizard-model.chat", "unclear": "wizard-model.unclear"}


@dataclass(frozen=True)
class Suits:
    """What kind of model it is taken for, and whether that suits the task; None where the kind is unclear."""

    kind: str
    fits: bool | None
    message: Evidence


def advise(draft: Draft, card: ModelCard) -> Suits:
    """Whether base or chat suits the task: as a person says it is, else as its files do."""
    from engine.models.kind import advise_kind

    chosen = str(draft.get(KIND))
    kind = card.kind if chosen == "auto" else chosen
    found = advise_kind("text" if task_of(draft) == "text" else "dialogue", kind)  # type: ignore[arg-type]
    return Suits(kind, found.fits, found.message)


def advice(draft: Draft, card: ModelCard) -> str:
    """The same in a sentence or two."""
    found = advise(draft, card)
    mark = {True: "", False: "! ", None: "? "}[found.fits]
    return f"{mark}{text(found.message)}" + (f" {text('wizard-model.test-how')}" if found.fits is None else "")


def told(values: Mapping[str, Any]) -> Iterator[str]:
    """What files and model say, the marks' norms, and both answers; every text cleaned."""
    for who in ("files", "model"):
        evidence = clauses(*(text(Evidence.from_json(each)) for each in values.get(f"{who}_evidence") or ()))
        said = values.get("files_say" if who == "files" else "model_says") or "unclear"
        kind = text(KINDS[str(said)]) if str(said) in KINDS else _short(said)
        code = "wizard-model.files-say" if who == "files" else "wizard-model.answers-say"
        yield text(code, kind=kind, evidence=evidence).strip()
    marks = [_mark(mark) for mark in values.get("marks") or () if isinstance(mark, dict)]
    if marks:
        yield "\n".join([text("wizard-model.marks"), *marks])
    for name, heading in (("templated", "wizard-model.templated"), ("plain", "wizard-model.plain")):
        said = values.get(name)
        if isinstance(said, dict):
            end = (
                text("wizard-model.stopped-at", token=_short(said.get("at")))
                if said.get("stopped")
                else text("wizard-model.not-stopped")
            )
            asked = text("widgets.named", name=text(heading), value=_short(said.get("prompt"), 80))
            yield f"{asked}\n> {_short(said.get('text'), 200)}\n  ({end})"


def _mark(mark: Mapping[str, Any]) -> str:
    norm, median = mark.get("norm"), mark.get("median")
    known = isinstance(norm, float) and isinstance(median, float)
    return text(
        "wizard-model.mark",
        token=set_cell_size(_short(mark.get("token"), 20), 20),
        matrix=set_cell_size(_short(mark.get("matrix"), 10), 10),
        norms=text("wizard-model.mark-norms", norm=f"{norm:.2f}", median=f"{median:.2f}") if known else "",
        trained=text("wizard-model.mark-trained" if mark.get("looks_trained") else "wizard-model.mark-untrained"),
    )


def _short(value: object, length: int = 40) -> str:
    return shorten(clean(str(value if value is not None else ""), keep_newlines=False), length)
