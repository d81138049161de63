"""Whether the model's own tokenizer and template can read a run's first rows: tried in a child process."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.data.quality.examine import Progress, ask

FIRST_ROWS = 100


def check_rows(config: RunConfig, on_progress: Progress) -> Iterator[Issue]:
    """Notes on the first 100 rows of each source as tokens. Raises DataError where the run would end with it.

    Rows of earlier runs are not tried: they have been trained on.
    """
    sources = [
        source.model_copy(update={"max_rows": min(source.max_rows or FIRST_ROWS, FIRST_ROWS)})
        for source in config.data
        if not source.is_run
    ]
    if not sources:
        return
    dataset = config.dataset.model_copy(update={"eval_rows": 0, "eval_share": 0.0, "test_rows": 0, "test_share": 0.0})
    said = ask("data", config.model_copy(update={"data": sources, "dataset": dataset}), on_progress)
    if said["type"] == "unavailable":
        yield Issue("note", "data", f"Whether the model can read the rows is not known: {said['message']}")
        return
    if said["refused"]:
        first = said["refused_rows"][0] if said["refused_rows"] else ""
        yield Issue("warning", "data", f"{said['refused']:,} of the first rows can't be rendered. The first: {first}")
    if said["too_long"]:
        yield Issue("warning", "dataset.max_length", f"{said['too_long']:,} of the first rows are longer.")
