"""What would go wrong between the model and the template its dialogues are written in, with remedies by one key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.config.rules import Issue
from engine.models.tokenizer_files import read_template
from tui.draft import fields
from tui.draft.draft import task_of
from tui.draft.strategy_state import is_locked
from tui.wizard.model.kind import KIND
from tui.wizard.review.remedies import Fix, Warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.draft.draft import Draft
    from tui.draft.facts import Facts


def template_warnings(draft: Draft, facts: Facts) -> list[Warning]:
    """For dialogue rows: none while the model is not known, or for plain text."""
    card = facts.card
    if card is None or task_of(draft) == "text":
        return []
    from engine.common.files import read_json
    from engine.models.adapter.find import tokenizer_folder
    from engine.models.chat_template import WRITTEN, problems
    from engine.models.tokenizer_files import tokens_with

    folder = Path(card.path)
    wanted, chosen = str(draft.get("model.chat_template") or ""), str(draft.get(KIND))
    kind = card.kind if chosen == "auto" else chosen
    own = tokenizer_folder(str(draft.get("strategy.kind")), str(draft.get("strategy.adapter") or ""))
    found = problems(
        tokens_with(folder, own, read_json(folder / "config.json")),
        kind,  # type: ignore[arg-type]
        card.vocab_size,
        wanted,
        "" if wanted in WRITTEN else _text(wanted),
        trains_marks=bool(own or draft.get("adapter.trainable_token_indices") or draft.get("adapter.modules_to_save")),
    )
    return [
        Warning(Issue(each.level, each.config_field, each.message, each.fix), _fix(draft, each.settings))
        for each in found
    ]


def _fix(draft: Draft, settings: Mapping[str, object]) -> Fix | None:
    """The remedy that sets those fields, as one key; none where an adapter that is continued fixes one of them."""
    if not settings or any(is_locked(draft, name) for name in settings):
        return None
    values = dict(settings)
    words = ", ".join(f"{name.partition('.')[2]} {fields.show(value) or 'empty'}" for name, value in values.items())

    def change(draft: Draft) -> None:
        for name, value in values.items():
            draft.set(name, value)

    return Fix(next(iter(values)), words, change=change)


def _text(path: str) -> str:
    try:
        return read_template(Path(path).expanduser()) if path else ""
    except (OSError, ValueError):
        return ""
