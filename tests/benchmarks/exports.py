"""Export a run to merged, q8_0, q4_k_m and gguf-lora, prove each, and print how long that took and what came of it.

``python -m tests.benchmarks.exports [RUN]`` (default: the newest run called demo). Files go to a temporary folder and
are removed; the proofs stay with the run. Earlier ones are thrown away, so that the adapter answers once, for the first
of them. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from engine.app.evaluate import run_request
from engine.app.export import export, plan_export
from engine.app.export_proof import faults, proof_request
from engine.messages import formats
from engine.messages.catalogue import text
from engine.runs import directory, evaluations
from engine.runs.evaluations import TUNED, Evaluation

TARGETS: dict[str, tuple[str, ...]] = {"merged": (), "gguf": ("q8_0", "q4_k_m"), "gguf-lora": ()}
LIMIT_S = 180


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", default="demo")
    options = parser.parse_args()
    named = [run for run in directory.list_runs() if run.read_run_json().get("name") == options.run]
    run = named[0] if named else directory.find(options.run)
    took: dict[str, tuple[float, float]] = {}
    proofs: list[Evaluation] = []
    for target in TARGETS:
        shutil.rmtree(evaluations.folder(run, f"{evaluations.EXPORT}{target}"), ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="exports-") as folder:
        for target, kinds in TARGETS.items():
            plan = plan_export(str(run.path), target, kinds, Path(folder) / target)
            began = time.monotonic()
            made = export(plan)
            exported = time.monotonic()
            asked = proof_request(made, run)
            assert asked is not None
            proofs.append(run_request(asked, _unheard))
            took[target] = exported - began, time.monotonic() - exported
            sizes = ", ".join(f"{name} {formats.size(size)}" for name, size in made.files.items())
            exported_s, proved_s = took[target]
            print(f"{target}: exported in {exported_s:.1f} s (told {plan.seconds:.0f} s), "
                  f"proved in {proved_s:.1f} s (told {plan.proof_seconds:.0f} s); "
                  f"told {formats.size(plan.out_bytes)}, made {sizes}", flush=True)  # fmt: skip
    for proof in proofs:
        _print(proof)
    whole = sum(map(sum, took.values()))
    print(f"in all {whole:.1f} s; the limit is {LIMIT_S} s: {'kept' if whole <= LIMIT_S else 'NOT kept'}")


def _unheard(*progress: Any) -> None:
    """For who watches nothing."""


def _print(proof: Evaluation) -> None:
    print(f"\n{proof.name}, {proof.n} rows")
    for cost in proof.costs:
        figures = []
        for metric in proof.metrics:
            mean = proof.mean(cost.candidate, metric)
            compared = proof.comparison(TUNED, cost.candidate, metric)
            if mean is not None and mean.low is not None and mean.high is not None:
                against = f" ({compared.verdict})" if compared else ""
                figures.append(f"{metric} {mean.value:.4f} [{mean.low:.4f}, {mean.high:.4f}]{against}")
        pace = f"{cost.tokens_per_second} tokens/s, {cost.at_once} at a time"
        print(f"  {cost.candidate:10}{formats.size(cost.size_bytes):>9}  {pace}  {'  '.join(figures)}")
    print(*(f"  ! {text(fault)}" for fault in faults(proof)), sep="\n")


if __name__ == "__main__":
    main()
