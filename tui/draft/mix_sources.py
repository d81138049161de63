"""From the draft to the board and back: the sources with what is known of their rows."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.common.errors import TunedeckError
from engine.config.schema import DatasetSection, DataSource
from engine.data.files.sources import source_names
from engine.data.mixing.source_figures import SourceFigures
from engine.data.mixing.source_guess import guess, hold_out
from tui import words
from tui.draft.mix_board import ROLES, Board, Line, Training

if TYPE_CHECKING:
    from engine.app.examine import Inspection
    from engine.data.quality.findings import Report
    from engine.memory.duration import DataSize
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

_OF_MIX = (".share", ".role", ".weight")
_UNIT, _CAP = "dataset.mix", "dataset.epochs_cap"
Item = Mapping[str, Any]


def board_of(draft: Draft, facts: Facts) -> Board:
    """The mix that the draft asks for, with counted figures where the rows were examined, else guessed ones.

    Fields that are wrong count at their default.
    """
    items = draft.data_sources()
    roles = _roles(items)
    held = figures_of(draft, facts)
    lines = [
        Line(
            path=str(item.get("path", "")),
            name=name,
            role=role,
            share=_between(item.get("share"), 0, 1),
            weight=_between(item.get("weight"), 0, 1000) or 1.0,
            figures=known,
        )
        for item, name, role, known in zip(items, names_of(items), roles, held, strict=True)
    ]
    cap = draft.get(_CAP)
    return Board(
        tuple(lines),
        "rows" if draft.get(_UNIT) == "rows" else "tokens",
        training_of(draft),
        _between(cap, 0, 1e9),
    )


def figures_of(draft: Draft, facts: Facts) -> list[SourceFigures | None]:
    """Of each source what was counted, else guessed, with what is held out of it; None where neither is known."""
    items = draft.data_sources()
    counted = counted_figures(draft, facts)
    figures = [seen or facts.guessed.get(guess_key(draft, item)) for seen, item in zip(counted, items, strict=True)]
    return held_figures(figures, _roles(items), draft)


def _roles(items: Sequence[Item]) -> list[str]:
    return [str(item.get("role")) if item.get("role") in ROLES else "new" for item in items]


def size_of(draft: Draft, facts: Facts) -> DataSize | None:
    """Rows and tokens of one pass; None before every source is counted or guessed, or where shares make no sense."""
    from engine.memory.duration import DataSize

    board = board_of(draft, facts)
    if board.mix is None or any(line.figures is None for line in board.lines):
        return None
    trained = board.mix.trained / max(1, board.mix.rows)
    return DataSize(board.mix.rows, max(1, round(board.mix.tokens)), not board.guessed, trained)


def training_of(draft: Draft) -> Training:
    batch, epochs, most = (draft.get(f"train.{name}") for name in ("batch_size", "num_train_epochs", "max_steps"))
    return Training(
        batch if isinstance(batch, int) and batch > 0 else 16,
        _between(epochs, 0, 1000) or 1.0,
        most if isinstance(most, int) and most > 0 else None,
    )


def names_of(items: Sequence[Item]) -> list[str]:
    """What people call the sources, the same as in the run's losses where they can be read."""
    try:
        names = source_names([DataSource(path=str(item["path"])) for item in items])
        return [words.source_name(name) for name in names]
    except (TunedeckError, ValidationError, KeyError):
        return [short(item.get("path", "")) for item in items]


def held_figures(
    figures: Sequence[SourceFigures | None], roles: Sequence[str], draft: Draft
) -> list[SourceFigures | None]:
    """``figures`` with what these roles leave to be held out."""
    held = hold_out([known or SourceFigures() for known in figures], roles, dataset_of(draft))
    return [now if known else None for now, known in zip(held, figures, strict=True)]


def dataset_of(draft: Draft) -> DatasetSection:
    """The section as far as it makes sense."""
    values = draft.nested().get("dataset", {})
    try:
        return DatasetSection.model_validate(values)
    except ValidationError as error:
        wrong = {str(part) for found in error.errors() for part in found["loc"][:1]}
        return DatasetSection.model_validate({name: value for name, value in values.items() if name not in wrong})


def counted_figures(draft: Draft, facts: Facts) -> list[SourceFigures | None]:
    """Of each source of the draft what the examination of its rows counted; None where that was of other rows.

    Shares, roles and weights change no row, so that a mix is known as soon as its sources are.
    """
    seen = facts.inspection.sources if facts.inspection else ()
    settings, sources = _apart(facts.inspected)
    now, items = _apart(draft.rows_key())
    if not seen or len(seen) != len(sources) or settings != now:
        return [None] * len(draft.data_sources())
    by_source = {repr(source): figures for source, figures in zip(sources, seen, strict=True)}
    return [by_source.get(repr(item)) for item in items]


def guess_key(draft: Draft, item: Item) -> str:
    """What a guess depends on."""
    read = {name: value for name, value in item.items() if f".{name}" not in _OF_MIX}
    how = [draft.get(f"dataset.{name}") for name in ("max_length", "train_on", "too_long", "split_overlap")]
    return repr((sorted(read.items(), key=str), how))


def guess_of(item: Item, dataset: DatasetSection) -> SourceFigures | None:
    """Guessed from the head of its files; None where they can't be read, which is said elsewhere."""
    try:
        read = {name: value for name, value in item.items() if f".{name}" not in _OF_MIX}
        return guess(DataSource.model_validate(read), dataset)
    except (TunedeckError, ValidationError, OSError):
        return None


def keep(draft: Draft, board: Board) -> None:
    """Write the board into the draft."""
    items = draft.data_sources()
    if len(board.lines) > len(items):
        draft.set_data([*items, *(dict(line.entry) for line in board.lines[len(items) :])])
    for index, line in enumerate(board.lines):
        _put(draft, f"data.{index}.role", line.role, "new")
        _put(draft, f"data.{index}.share", line.share, None)
        _put(draft, f"data.{index}.weight", line.weight, 1.0)
    draft.set(_UNIT, board.unit)
    _put(draft, _CAP, board.epochs_cap, None)


def inspection_of(draft: Draft, facts: Facts) -> Inspection | None:
    """The check's figures if they are of these rows, in whatever mix, else None."""
    return facts.inspection if facts.inspected == draft.rows_key() else remixed(draft, facts)


def report_of(draft: Draft, facts: Facts) -> Report | None:
    """What the check of the rows found if it was in these rows, else None."""
    return facts.report if same_rows(facts.inspected, draft) else None


def short(path: Any) -> str:
    """What people call a source."""
    return Path(str(path)).name if str(path).startswith("/") else words.source_name(str(path))


def remixed(draft: Draft, facts: Facts) -> Inspection | None:
    """The examination's figures for another mix of the very rows that were examined; None where others are asked for.

    What it says of single rows stays; what a pass over the mix comes to is worked out anew.
    """
    seen = facts.inspection
    if seen is None or not same_rows(facts.inspected, draft):
        return None
    board = board_of(draft, facts)
    found = board.mix
    if found is None or any(line.figures is None or line.figures.guessed for line in board.lines):
        return None
    return replace(
        seen,
        train_rows=found.rows,
        eval_rows=sum(line.known.held_out for line in board.lines),
        tokens_total=round(found.tokens),
        tokens_mean=found.tokens / found.rows,
        supervised_share=found.trained / max(1.0, found.tokens),
    )


def same_rows(rows_key: str, draft: Draft) -> bool:
    """Whether that key was of these rows, whatever the mix of them."""
    now = draft.rows_key()
    return rows_key == now or (bool(rows_key) and _apart(rows_key) == _apart(now))


def _put(draft: Draft, dotted: str, value: object, default: object) -> None:
    if value == default:
        draft.unset(dotted)
    else:
        draft.set(dotted, value)


def _apart(rows_key: str) -> tuple[list[tuple[str, Any]], list[dict[str, Any]]]:
    """A key of the draft's rows as settings and sources, both without what only the mix of them depends on."""
    try:
        pairs = ast.literal_eval(rows_key) if rows_key else []
    except (ValueError, SyntaxError):
        pairs = []
    sources: dict[int, dict[str, Any]] = {}
    settings = []
    for name, value in pairs:
        if name.startswith("data."):
            _, number, part = name.split(".", 2)
            if f".{part}" not in _OF_MIX:
                sources.setdefault(int(number), {})[part] = value
        elif name not in (_UNIT, _CAP):
            settings.append((name, value))
    return settings, [sources[number] for number in sorted(sources)]


def _between(value: Any, least: float, most: float) -> float | None:
    """A number above ``least`` up to ``most``; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and least < value <= most else None
