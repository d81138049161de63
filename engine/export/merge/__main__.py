"""Child process that merges and proves: ``python -P -m engine.export.merge REQUEST`` with JSON lines on stdout.

REQUEST is a JSON object: base, adapters ([name, weight] each), target, dtype, trust_base, prove, rows. Lines are of
type progress, then one result or error. SIGTERM and SIGINT end it after removing what was half-written.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.common.errors import TunedeckError


class Interrupted(BaseException):
    """A signal asked for the end."""


def main(arguments: Sequence[str]) -> int:
    """0 when the merge stands (and its proof, if one was asked for); 1 with an error line; 130 when interrupted."""
    # Libraries print where they like; only our lines may reach the reader.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(kind: str, **values: Any) -> None:
        print(json.dumps({"type": kind, **values}), file=answers, flush=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        say("result", **answer(json.loads(arguments[0]), say))
        return 0
    except Interrupted:
        return 130
    except TunedeckError as error:
        say("error", title=error.title, message=error.message, hint=error.hint, exit_code=error.exit_code)
    except Exception as error:
        words = " ".join(str(error).split())[:300]
        say("error", title="The merge failed", message=f"{type(error).__name__}: {words}", hint="", exit_code=1)
    return 1


def answer(request: dict[str, Any], say: Callable[..., None]) -> dict[str, Any]:
    """Merge, then prove it if asked; the result's values. Raises TunedeckError."""
    say("progress", done=0, total=None, message="loading the libraries")
    from engine.export.merge.write import merge

    def merging(done: int, total: int) -> None:
        say("progress", done=done, total=total, message="merging")

    base, target = Path(request["base"]), Path(request["target"])
    adapters = [(str(name), float(weight)) for name, weight in request["adapters"]]
    merged = merge(base, adapters, target, merging, request.get("dtype"), bool(request.get("trust_base")))
    values: dict[str, Any] = asdict(merged) | {"path": str(merged.path)}
    if request.get("prove"):
        values["proof"] = _prove(base, adapters, merged.path, request.get("rows"), say)
    return values


def _prove(
    base: Path, adapters: list[tuple[str, float]], merged: Path, rows: str | None, say: Callable[..., None]
) -> dict[str, Any]:
    from engine.config.schema import RunConfig
    from engine.export.merge.write import write_json
    from engine.export.proof.prove import data_rows, prove
    from engine.models.adapter.config import PROOF_FILE

    def proving(done: int, total: int) -> None:
        say("progress", done=done, total=total, message="comparing with base + adapter")

    ids = []
    if rows:
        config = RunConfig.model_validate({"model": {"name_or_path": str(merged)}, "data": [{"path": rows}]})
        ids = data_rows(config, merged)
    values = prove(base, adapters, merged, ids, on_progress=proving).as_values()
    write_json(merged / PROOF_FILE, values)
    return values


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
