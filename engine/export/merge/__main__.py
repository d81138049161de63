"""Child process that merges and proves: ``python -P -m engine.export.merge REQUEST`` with JSON lines on stdout.

REQUEST is a JSON object: base, adapters ([name, weight] each), target, dtype, trust_base, prove, rows. Lines are of
type progress, then one result or error. SIGTERM, SIGINT and SIGHUP end it after removing what was half-written.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.common.child import Interrupted, Say, answers, counting, doing, interruptible
from engine.common.clean_text import in_words
from engine.common.errors import TunedeckError


def main(arguments: Sequence[str]) -> int:
    """0 when the merge stands (and its proof, if one was asked for); 1 with an error line; 130 when interrupted."""
    say = answers()
    interruptible()
    try:
        say("result", **answer(json.loads(arguments[0]), say))
        return 0
    except Interrupted:
        return 130
    except TunedeckError as error:
        say("error", **error.as_json())
    except Exception as error:
        say("error", **TunedeckError("export.merge-failed", reason=in_words(error, 300)).as_json())
    return 1


def answer(request: dict[str, Any], say: Say) -> dict[str, Any]:
    """Merge, then prove it if asked; the result's values. Raises TunedeckError."""
    doing(say, "export.loading-libraries")
    from engine.export.merge.write import merge

    base, target = Path(request["base"]), Path(request["target"])
    adapters = [(str(name), float(weight)) for name, weight in request["adapters"]]
    merged = merge(
        base, adapters, target, counting(say, "export.merging"), request.get("dtype"), bool(request.get("trust_base"))
    )
    values: dict[str, Any] = asdict(merged) | {"path": str(merged.path)}
    if request.get("prove"):
        values["proof"] = _prove(base, adapters, merged.path, request.get("rows"), say)
    return values


def _prove(base: Path, adapters: list[tuple[str, float]], merged: Path, rows: str | None, say: Say) -> dict[str, Any]:
    from engine.config.schema import RunConfig
    from engine.export.merge.write import write_json
    from engine.export.proof.prove import data_rows, prove
    from engine.models.adapter.config import PROOF_FILE

    ids = []
    if rows:
        config = RunConfig.model_validate({"model": {"name_or_path": str(merged)}, "data": [{"path": rows}]})
        ids = data_rows(config, merged)
    values = prove(base, adapters, merged, ids, on_progress=counting(say, "export.proving")).as_values()
    write_json(merged / PROOF_FILE, values)
    return values


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
