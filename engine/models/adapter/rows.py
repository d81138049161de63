"""The rows an adapter was trained on, as far as they can still be had."""

from __future__ import annotations

import itertools
from pathlib import Path

from engine.common.errors import TunedeckError
from engine.config.schema import DataSource, ModelSection, RunConfig
from engine.data import run_source
from engine.data.load import load
from engine.data.rows.messages import Row
from engine.models.adapter.adapter import AdapterCard

MOST_ROWS = 5000
"""Read of an earlier run before a sample is drawn."""


def rows_behind(card: AdapterCard) -> tuple[list[Row], str]:
    """Rows that ``card`` learnt from, and in words why there are none (or fewer): "" when all is well.

    From the run that made it, else from the files its record names.
    """
    if card.run:
        source = DataSource(path=f"{run_source.PREFIX}{card.run}")
        try:
            found = itertools.islice(run_source.trained_rows(source, "old"), MOST_ROWS)
            return [row for row, _ in found], ""
        except TunedeckError as error:
            return [], f"the old rows can't be read: {error.message}"
    if card.record is None or not card.record.data:
        return [], "nothing says which rows the adapter was trained on"
    there = [data.path for data in card.record.data if Path(data.path).is_file()]
    if not there:
        return [], f"the old rows are gone: {card.record.data[0].path}"
    try:
        config = RunConfig(model=ModelSection(name_or_path="-"), data=[DataSource(path=path) for path in there])
        rows = load(config).rows[:MOST_ROWS]
    except TunedeckError as error:
        return [], f"the old rows can't be read: {error.message}"
    missing = len(card.record.data) - len(there)
    return rows, f"{missing} of {len(card.record.data)} old sources are gone" if missing else ""
