"""An earlier run as a source: ``run:NAME`` gives the rows which that run was trained on, not those it held out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import DataError, TunedeckError
from engine.common.files import write_atomic
from engine.config import toml
from engine.config.schema import DataSource, RunConfig
from engine.data.rows.messages import Row
from engine.data.rows.records import record_of, row_of
from engine.runs import directory
from engine.runs.directory import RunDir

if TYPE_CHECKING:
    from engine.data.rows.formats import Detected

PREFIX = "run:"
SAMPLE_NAME = "rows_sample.jsonl"
SAMPLE_ROWS = 200


def is_run(source: DataSource) -> bool:
    return source.path.startswith(PREFIX)


def run_of(source: DataSource) -> RunDir:
    """The run that ``source`` names. Raises DataError when there is none, or several."""
    name = source.path.removeprefix(PREFIX).strip()
    try:
        return directory.find(name)
    except TunedeckError as error:
        raise DataError(error.title, f"{source.path}: {error.message}", error.hint) from None


def trained_rows(source: DataSource, name: str, within: Sequence[str] = ()) -> Iterator[tuple[Row, Detected]]:
    """The rows that run was trained on, called after source ``name``, each with its format.

    ``within`` are the runs whose data is being read. Where files of the run are gone, its recorded sample of up to
    200 rows stands for them. Raises DataError: runs that are each other's data, or neither files nor a sample.
    """
    from engine.data import trained_rows as trained

    run = run_of(source)
    config = _config(run, source, within)
    rows = trained.trained_rows(config, (*within, run.id))
    try:
        first = next(rows, None)  # what is wrong with the files is found before it
    except DataError:
        sample = read_sample(run)
        if not sample:
            raise
        yield from ((replace(row, source=name), _recorded(row)) for row in sample)
        return
    if first is not None:
        for row, detected in itertools.chain([first], rows):
            yield replace(row, source=name), detected


def parts(source: DataSource, within: Sequence[str] = ()) -> list[DataSource]:
    """The files and folders behind an earlier run's rows, through all runs it built on.

    Raises DataError: no such run, or runs that are each other's data.
    """
    run = run_of(source)
    found: list[DataSource] = []
    for part in _config(run, source, within).data:
        found += parts(part, (*within, run.id)) if is_run(part) else [part]
    return found


def files(source: DataSource) -> list[Path]:
    """The files behind an earlier run's rows, its recorded sample where one of them is gone. Raises DataError."""
    from engine.data.files.sources import source_files

    behind = parts(source)
    try:
        return [path for part in behind for path in source_files(part)]
    except DataError:
        sample = run_of(source).path / SAMPLE_NAME
        if sample.is_file():
            return [sample]
        raise


def sample_of(rows: Sequence[Row], which: Sequence[int]) -> list[Row]:
    """Up to 200 of ``rows[i] for i in which``, evenly spaced."""
    step = max(1, len(which) // SAMPLE_ROWS)
    return [rows[index] for index in which[::step][:SAMPLE_ROWS]]


def save_sample(run: RunDir, rows: Sequence[Row]) -> None:
    """Keep ``rows`` beside the run: they outlive its data. A full disk is no error."""
    lines = [json.dumps(record_of(row), ensure_ascii=True) for row in rows]
    try:
        write_atomic(run.path / SAMPLE_NAME, "".join(line + "\n" for line in lines))
    except OSError:
        pass


def read_sample(run: RunDir) -> list[Row]:
    """The recorded rows of ``run``, [] where there are none."""
    try:
        lines = (run.path / SAMPLE_NAME).read_text("utf-8").splitlines()
        return [row_of(json.loads(line)) for line in lines]
    except (OSError, ValueError, KeyError, TypeError, DataError):
        return []


def _config(run: RunDir, source: DataSource, within: Sequence[str]) -> RunConfig:
    if run.id in within:
        chain = " <- ".join([*within[within.index(run.id) :], run.id])
        raise DataError(
            "Runs are each other's data", f"{source.path}: {chain}", "Name the files of one of them instead."
        )
    try:
        return toml.load(run.config).config
    except TunedeckError as error:
        raise DataError(
            "The data of an earlier run can't be told", f"{source.path}: {error.title}. {error.message}",
            "Name its files instead.",
        ) from error  # fmt: skip


def _recorded(row: Row) -> Detected:
    from engine.data.rows.formats import Detected

    return Detected("messages" if row.messages else "text", {}, 1.0, "the run recorded these rows")
