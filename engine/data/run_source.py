"""An earlier run as a source (``run:NAME``): its config, the files behind it, and the sample of rows it recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from engine.common.errors import DataError, TunedeckError
from engine.common.files import write_atomic
from engine.config import toml
from engine.config.schema import RUN_PREFIX, DataSource, RunConfig
from engine.data.files.sources import source_files
from engine.data.rows.messages import Row
from engine.data.rows.records import record_of, row_of
from engine.runs import directory, interventions
from engine.runs.directory import RunDir

SAMPLE_NAME = "rows_sample.jsonl"
SAMPLE_ROWS = 200


def run_of(source: DataSource) -> RunDir:
    """The run that ``source`` names. Raises DataError when there is none, or several."""
    name = source.path.removeprefix(RUN_PREFIX).strip()
    try:
        return directory.find(name)
    except TunedeckError as error:
        raise DataError("data.no-such-run", path=source.path, reason=error.reason) from None


def config_of(source: DataSource, within: Sequence[str] = ()) -> tuple[RunDir, RunConfig]:
    """The run that ``source`` names, with its config; ``within`` are the runs whose data is being read.

    Raises DataError: no such run, runs that are each other's data, or a config that can't be read.
    """
    run = run_of(source)
    if run.id in within:
        chain = " <- ".join([*within[within.index(run.id) :], run.id])
        raise DataError("data.runs-in-a-circle", path=source.path, chain=chain)
    try:
        return run, toml.load(run.config).config
    except TunedeckError as error:
        raise DataError("data.run-unusable", path=source.path, reason=error.reason) from error


def skipped_keys(run: RunDir) -> frozenset[str]:
    """The rows that ``run`` trained on no more once they had spoiled a step, as ``content_hash`` in hexadecimal."""
    return frozenset(key for skip in interventions.read(run).skips for key in skip.keys)


def skipped_rows(source: DataSource, within: Sequence[str] = ()) -> int:
    """How many rows of ``source`` are left out because a run behind it skipped them. Raises DataError."""
    if not source.is_run:
        return 0
    run, config = config_of(source, within)
    return len(skipped_keys(run)) + sum(skipped_rows(part, (*within, run.id)) for part in config.data)


def parts(source: DataSource, within: Sequence[str] = ()) -> list[DataSource]:
    """The files and folders behind an earlier run's rows, through all runs it built on; of any other source itself.

    Raises DataError as ``config_of`` does.
    """
    if not source.is_run:
        return [source]
    run, config = config_of(source, within)
    return [behind for part in config.data for behind in parts(part, (*within, run.id))]


def files(source: DataSource) -> list[Path]:
    """The files behind ``source``; of an earlier run its recorded sample where one is gone. Raises DataError."""
    behind = parts(source)
    try:
        return [path for part in behind for path in source_files(part)]
    except DataError:
        sample = run_of(source).path / SAMPLE_NAME if source.is_run else None
        if sample is not None and sample.is_file():
            return [sample]
        raise


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
