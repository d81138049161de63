"""Export one split of a hub dataset as parquet: a child process of its own, since it loads ``datasets``.

``python -m engine.jobs.hub_export NAME --subset S --split S --into FOLDER [--draw ROWS]`` prints one JSON
line: done or error.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.common import hub_watch
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
        raise DataError("The dataset holds no rows", f"{name}, split '{split}'", "Name another split.")
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
    if "unknown split" in lower or "bad split" in lower:
        return DataError("The dataset has no such split", f"{name}, split '{split}': {said}", "Set split in [[data]].")
    if "config name is missing" in lower or "builderconfig" in lower or "couldn't find cache" in lower:
        return DataError(
            "The dataset needs a subset" if not subset else "The dataset has no such subset", f"{name}: {said}",
            "Set subset in [[data]] to one of those.",
        )  # fmt: skip
    if "gated" in lower or "401" in said or "403" in said:
        return DataError(
            "The hub refuses access", f"{name}: {said}", "Accept its terms on its page, and set HF_TOKEN to a token."
        )
    if "doesn't exist" in lower or "not found" in lower or "404" in said:
        return DataError(
            "No such dataset on the hub", f"{name}: {said}",
            "Check the spelling (OWNER/NAME); if a file is meant, its path: relative ones start at the current folder.",
        )  # fmt: skip
    return DataError(
        "The dataset of the hub can't be had", f"{name}: {said}",
        "Check the network, HF_HUB_OFFLINE and HF_ENDPOINT; or download the dataset and name its folder.",
    )  # fmt: skip


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="engine.jobs.hub_export")
    parser.add_argument("name")
    parser.add_argument("--subset", default="")
    parser.add_argument("--split", default="train")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--draw", type=int)
    options = parser.parse_args(argv)
    # Libraries print where they like; only our line may reach the reader.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    hub_watch.guard(answers, options.name)
    try:
        rows = export(options.name, options.subset, options.split, options.into, options.draw)
    except TunedeckError as error:
        said = {"type": "error", "title": error.title, "message": error.message, "hint": error.hint}
    else:
        said = {"type": "done", "rows": str(rows)}
    print(json.dumps(said), file=answers, flush=True)
    return 0 if said["type"] == "done" else 1


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # a thread that waits for the hub must not keep the process
