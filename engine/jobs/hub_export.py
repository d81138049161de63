"""Export one split of a hub dataset as parquet: a child process of its own, since it loads ``datasets``.

``python -m engine.jobs.hub_export NAME --subset S --split S --into FOLDER [--draw ROWS]`` prints one JSON
line: done or error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.common import hub_watch
from engine.common.child import answers
from engine.common.clean_text import shorten
from engine.common.errors import DataError, TunedeckError

ROWS_A_FILE = 1_000_000
BUFFER, SEED = 10_000, 42
_CACHE = "stream"


def export(name: str, subset: str, split: str, into: Path, draw: int | None = None) -> int:
    """Write the rows of ``split`` to parquet files in ``into``; returns how many there were.

    With ``draw`` the split is streamed, and that many of its rows are drawn, each time the same: only what lies before
    them is downloaded. Whether the network may be used is up to HF_HUB_OFFLINE. Raises DataError.
    """
    import datasets

    try:
        if draw is None:
            rows = datasets.load_dataset(name, subset or None, split=split)
        else:
            rows = _drawn(datasets.load_dataset(name, subset or None, split=split, streaming=True), draw, into)
    except Exception as error:  # the library raises errors of many families, another set in each version
        raise _refused(name, subset, split, error) from None
    for number, start in enumerate(range(0, len(rows), ROWS_A_FILE)):
        part = rows.select(range(start, min(start + ROWS_A_FILE, len(rows))))
        part.to_parquet(into / f"rows-{number:05}.parquet")
    count = len(rows)
    shutil.rmtree(into / _CACHE, ignore_errors=True)
    if not count:
        raise DataError("jobs.dataset-empty", name=name, split=split)
    return count


def _drawn(stream: Any, count: int, into: Path) -> Any:
    """``count`` rows of ``stream``: each is taken at random from the next ``BUFFER`` that were not taken yet."""
    import datasets

    chosen = stream.shuffle(seed=SEED, buffer_size=BUFFER).take(count)
    return datasets.Dataset.from_generator(
        lambda: iter(chosen), features=stream.features, cache_dir=str(into / _CACHE)
    )  # fmt: skip


def _refused(name: str, subset: str, split: str, error: Exception) -> DataError:
    said = shorten(f"{type(error).__name__}: {error}", 300)
    lower = said.lower()
    at: dict[str, Any] = {"name": name, "reason": said}
    if "unknown split" in lower or "bad split" in lower:
        return DataError("jobs.no-split", split=split, **at)
    if "config name is missing" in lower or "builderconfig" in lower or "couldn't find cache" in lower:
        return DataError("jobs.no-subset" if subset else "jobs.needs-subset", **at)
    if "gated" in lower or "401" in said or "403" in said:
        return DataError("jobs.access-refused", **at)
    if "doesn't exist" in lower or "not found" in lower or "404" in said:
        return DataError("jobs.no-dataset", **at)
    return DataError("jobs.dataset-unreachable", **at)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="engine.jobs.hub_export")
    parser.add_argument("name")
    parser.add_argument("--subset", default="")
    parser.add_argument("--split", default="train")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--draw", type=int)
    options = parser.parse_args(argv)
    say = answers()
    hub_watch.guard(say, options.name)
    try:
        rows = export(options.name, options.subset, options.split, options.into, options.draw)
    except TunedeckError as error:
        say("error", **error.as_json())
        return 1
    say("done", rows=rows)
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # a thread that waits for the hub must not keep the process
