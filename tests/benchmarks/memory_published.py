"""Score the memory estimate against published measurements.

    python -m tests.benchmarks.memory_published MEASURED.csv MODEL_CONFIGS.csv [--fit FIT_OOM.csv] [--rows]

Rows of grades A and B count. The last line is one JSON object of fractions and counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.machine.gpu_specs import GIB
from tests.benchmarks.published_files import NEEDED, count, measured_bytes, read_rows, read_shapes, shape_of
from tests.benchmarks.published_rows import predict, runs


@dataclass(frozen=True)
class Scored:
    """One row: ``error`` is (predicted - measured) / measured."""

    source: str
    method: str
    gpus: int
    error: float


def score_rows(measured: Path, models: Path, show: bool) -> list[Scored]:
    shapes = read_shapes(models)
    scored = []
    for row in read_rows(measured, (*NEEDED, "detail")):
        if row["detail"].upper() not in ("A", "B"):
            continue
        try:
            actual = measured_bytes(row)
            predicted, result = predict(row, shape_of(row, shapes))
            gpus = count(row, "n_gpu", 1)
        except ValueError as error:
            print(f"skipped {row['id']}: {error}", file=sys.stderr)
            continue
        scored.append(Scored(row["group"] or row["source"], row["method"].lower(), gpus, predicted / actual - 1))
        if show:
            print(
                f"{row['id']:8} {row['model'][:20]:20} {row['method']:5} {row['quant']:6} s{row['seq_len']:>6} "
                f"b{row['micro_batch']:>2} {row['metric'][:10]:10} {actual / GIB:7.2f} {predicted / GIB:7.2f} GiB "
                f"{scored[-1].error:+7.1%}  {result.peak.name}"
            )
    return scored


def p90(errors: Sequence[float]) -> float:
    """The 90th percentile, between neighbours."""
    ordered = sorted(errors)
    place = 0.9 * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def line(name: str, rows: Sequence[Scored]) -> str:
    errors = [abs(row.error) for row in rows]
    bias = statistics.fmean(row.error for row in rows)
    return (
        f"{name:32} {len(rows):4}  {statistics.median(errors):7.2%} {statistics.fmean(errors):7.2%} "
        f"{p90(errors):7.2%} {bias:+8.2%}"
    )


def table(scored: Sequence[Scored]) -> None:
    print(f"{'absolute error':32} {'n':>4}  {'median':>7} {'mean':>7} {'p90':>7} {'bias':>8}")
    groups: dict[str, list[Scored]] = {"all": list(scored)}
    for row in scored:
        groups.setdefault("single GPU" if row.gpus == 1 else "several GPUs", []).append(row)
        groups.setdefault(f"{row.method}, {'one GPU' if row.gpus == 1 else 'several GPUs'}", []).append(row)
    for name, rows in groups.items():
        print(line(name, rows))
    print()
    for source in sorted({row.source for row in scored}):
        print(line(source, [row for row in scored if row.source == source]))


def median_of(rows: Sequence[Scored]) -> float | None:
    return round(statistics.median(abs(row.error) for row in rows), 5) if rows else None


def score_fits(fit: Path, models: Path) -> dict[str, int]:
    """Counts over published outcomes; a false fit is one said to fit that ran out of memory."""
    shapes = read_shapes(models)
    said = []
    for row in read_rows(fit, (*NEEDED, "gpu", "outcome")):
        outcome = row["outcome"].lower()
        try:
            if not outcome.startswith(("ok", "oom")):
                raise ValueError(f"outcome is {row['outcome']!r}")
            said.append((runs(row, shape_of(row, shapes)), outcome.startswith("ok")))
        except ValueError as error:
            print(f"skipped an outcome of {row['source']}: {error}", file=sys.stderr)
    return {
        "fit_n": len(said),
        "fit_right": sum(fits == ran for fits, ran in said),
        "fit_false_fits": sum(fits and not ran for fits, ran in said),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("--fit", type=Path)
    parser.add_argument("--rows", action="store_true", help="print every row")
    arguments = parser.parse_args()
    scored = score_rows(arguments.measured, arguments.models, arguments.rows)
    if not scored:
        sys.exit("No row of grade A or B could be scored.")
    table(scored)
    single = [row for row in scored if row.gpus == 1]
    result: dict[str, float | int | None] = {
        "n": len(scored),
        "all_median": median_of(scored),
        "single_gpu_median": median_of(single),
        "single_gpu_p90": round(p90([abs(row.error) for row in single]), 5) if single else None,
        "qlora_median": median_of([row for row in single if row.method == "qlora"]),
        "lora_median": median_of([row for row in single if row.method == "lora"]),
        "full_median": median_of([row for row in single if row.method == "full"]),
        "multi_gpu_median": median_of([row for row in scored if row.gpus > 1]),
    }
    fits = score_fits(arguments.fit, arguments.models) if arguments.fit else {}
    if fits:
        print(f"\nfit or out of memory: {fits['fit_right']} of {fits['fit_n']} right, "
              f"{fits['fit_false_fits']} said to fit that did not")  # fmt: skip
    print(json.dumps({**result, **(fits or {"fit_n": 0, "fit_right": 0, "fit_false_fits": 0})}))


if __name__ == "__main__":
    main()
