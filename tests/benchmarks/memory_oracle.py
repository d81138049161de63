"""Hold the memory estimate against our own loop, tensor by tensor, without a GPU.

    python -m tests.benchmarks.memory_oracle [--model NAME] [--quick] [--no-real]

The real loss module, adapters and layers run over fake tensors (no memory, any size), then a small model for real in
16, 8 and 4 bit, then the starter model is trained on the CPU. Live bytes are tracked and compared. About ten minutes;
at the end stand the settings that are furthest off, and one JSON object: n, median, worst.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from transformers.utils import logging

from engine.machine.gpu_specs import GIB
from tests.benchmarks import oracle_starter
from tests.benchmarks.oracle_models import MODELS, Point, as_on_a_gpu, expected, tracked_fake, tracked_real

SHOWN = 5


def points(model: str, quick: bool) -> Iterator[Point]:
    """Batch tokens x rank x recomputation in bfloat16, then float32 and the library's own adapter layers."""
    if quick:
        yield Point(model, 2, 1024, 16, True)
        yield Point(model, 1, 512, 8, False)
        return
    for (rows, tokens), rank, recomputed in product(((1, 512), (2, 1024), (4, 2048)), (8, 64), (True, False)):
        yield Point(model, rows, tokens, rank, recomputed)
    for recomputed in (True, False):
        yield Point(model, 1, 1024, 16, recomputed, "float32")
    for adapter in ("dropout", "dora", "tables"):
        yield Point(model, 2, 1024, 16, True, adapter=adapter)


def real_points() -> Iterator[Point]:
    for quantization, recomputed in product(("none", "nf4", "int8"), (True, False)):
        yield Point("SmolLM2-135M", 2, 256, 16, recomputed, quantization=quantization)


@dataclass(frozen=True)
class Measured:
    """One setting: ``error`` is relative, ``line`` says the setting and both figures."""

    error: float
    line: str


def report(name: str, batch: str, rank: int, recomputed: bool, kind: str, actual: float, said: float) -> Measured:
    """Print one line."""
    line = (
        f"{name:14} {batch:>7} {rank:4}  {'yes' if recomputed else 'no':10}  {kind:16} "
        f"{actual / GIB:8.3f} {said / GIB:8.3f}  {said / actual - 1:+7.2%}"
    )
    print(line, flush=True)
    return Measured(abs(said / actual - 1), line)


def fake_and_random(models: list[str], quick: bool, real: bool) -> Iterator[Measured]:
    """Errors of every point over fake tensors, then of a small model with random weights."""
    with as_on_a_gpu():
        for model in models:
            for point in points(model, quick):
                kind = point.adapter if point.dtype == "bfloat16" else f"{point.adapter} {point.dtype}"
                yield report(
                    model, f"{point.rows}x{point.tokens}", point.rank, point.recomputed, kind,
                    tracked_fake(point), expected(point),
                )  # fmt: skip
        for point in real_points() if real else ():
            yield report(
                point.model, f"{point.rows}x{point.tokens}", point.rank, point.recomputed,
                f"real, {point.quantization}", tracked_real(point), expected(point),
            )  # fmt: skip


def starter() -> Iterator[Measured]:
    """Errors of real runs of the starter model: LoRA and QLoRA, with and without recomputation."""
    if not oracle_starter.is_here():
        print(f"{oracle_starter.STARTER} is not on this machine: its real runs are left out")
        return
    for quantization, recomputed in product(("none", "nf4"), (True, False)):
        with tempfile.TemporaryDirectory() as folder:
            trained = oracle_starter.train(Path(folder), recomputed, quantization)
        kind = "trained, " + ("LoRA" if quantization == "none" else "QLoRA")
        yield report("starter, CPU", f"5x{trained.longest}", 16, recomputed, kind, trained.tracked, trained.expected)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(MODELS), help="one model only")
    parser.add_argument("--quick", action="store_true", help="two points a model")
    parser.add_argument("--no-real", action="store_true", help="fake tensors only")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    print(f"{'model':14} {'tokens':>7} {'rank':>4}  recomputed  {'kind':16} {'tracked':>8} {'estimate':>8}    error")
    models = [arguments.model] if arguments.model else list(MODELS)
    real = not arguments.no_real
    found = [*fake_and_random(models, arguments.quick, real), *(starter() if real else ())]
    errors = [each.error for each in found]
    print("\nFurthest off")
    for each in sorted(found, key=lambda each: -each.error)[:SHOWN]:
        print(each.line)
    print(json.dumps({"n": len(errors), "median": round(statistics.median(errors), 5), "worst": round(max(errors), 5)}))


if __name__ == "__main__":
    main()
