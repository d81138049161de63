"""Trains an 8B's shapes with random weights on this machine's GPU and prints speed, memory and what was predicted.

    python -m tests.benchmarks.gpu [--tiny] [--jobs lora-2048,qlora-4096] [--steps 8] [--engines tunedeck,trl] [--json]

Jobs are LoRA over 16-bit weights and QLoRA (NF4), at two rows of 2,048 and of 4,096 tokens, rank 16 on all linear
layers, every token supervised. Weights are drawn on the device and quantized layer by layer, so that QLoRA never needs
all of them in 16 bit. tunedeck trains with its own plan, kernels and loop. Where they are installed TRL (as it comes,
and tuned: recomputing as tunedeck does, with flash attention and Liger's kernels) and Unsloth train the same. Each runs
in a process of its own: close what else uses the GPU. The first two steps warm up and are not counted.

MFU is the model's floating-point operations (``engine.memory.speed.flops_per_token``, recomputation not counted) over
the card's dense 16-bit peak (``engine.machine.gpu_specs``). Without a GPU, and with --tiny, the shapes are tiny: that
shows that everything works, and its figures say nothing about a GPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from tests.benchmarks.gpu_engines import Task, measure, sees_gpu

TITLES = {
    "tunedeck": "tunedeck", "tunedeck_plain": "tunedeck without Liger", "trl": "TRL as it comes",
    "trl_tuned": "TRL tuned", "unsloth": "Unsloth",
}  # fmt: skip
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "liger-kernel", "trl", "unsloth")
GIB = 2**30


def main() -> None:
    options = _options()
    if options.child:
        task = Task(**json.loads(options.child))
        print(json.dumps(measure(options.engines, task)))
        return
    tiny = options.tiny or not sees_gpu()
    lengths = (64, 128) if tiny else (2048, 4096)
    tasks = [Task(length, kind, options.steps, tiny) for length in lengths for kind in ("none", "nf4")]
    chosen = [task for task in tasks if not options.jobs or task.name in options.jobs.split(",")]
    if not chosen:
        raise SystemExit(f"--jobs {options.jobs}: choose among {', '.join(task.name for task in tasks)}.")
    engines = options.engines.split(",") if options.engines else installed_engines()
    if not set(engines) <= set(TITLES):
        raise SystemExit(f"--engines {options.engines}: choose among {', '.join(TITLES)}.")
    report: dict[str, Any] = {"tiny": tiny, "versions": _versions(), "jobs": []}
    for task in chosen:
        for engine in engines:
            result = {"job": task.name, **_in_own_process(engine, task)}
            report["jobs"].append(result)
            if not options.json:
                _print(result, first=len(report["jobs"]) == 1, tiny=tiny)
    if options.json:
        print(json.dumps(report, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="tiny shapes, as without a GPU")
    parser.add_argument("--jobs", default="", help="names, such as qlora-2048,qlora-4096; all by default")
    parser.add_argument("--engines", default="", help=f"of {', '.join(TITLES)}; those installed by default")
    parser.add_argument("--steps", type=int, default=8, help="steps that are counted")
    parser.add_argument("--json", action="store_true", help="one JSON object, with the versions of all libraries")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def installed_engines() -> list[str]:
    """Those that this machine can compare."""
    has = {name: importlib.util.find_spec(name) is not None for name in ("liger_kernel", "trl", "unsloth")}
    return [
        "tunedeck", *(["tunedeck_plain"] if has["liger_kernel"] and sees_gpu() else []),
        *(["trl", "trl_tuned"] if has["trl"] else []), *(["unsloth"] if has["unsloth"] and sees_gpu() else []),
    ]  # fmt: skip


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES if importlib.util.find_spec(name.replace("-", "_"))}


def _in_own_process(engine: str, task: Task) -> dict[str, Any]:
    """What a process with nothing but this training measured, or {"engine", "failed": why}."""
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--engines", engine, "--child", json.dumps(asdict(task))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"engine": engine, "failed": said[-1][:300]}
    return found


def _print(result: dict[str, Any], first: bool, tiny: bool) -> None:
    if first:
        shapes = "tiny shapes, which say nothing about a GPU" if tiny else "Llama 3 8B's shapes"
        print(f"{result.get('device', 'this machine')}; {shapes}; predictions are of tunedeck's own runs")
        names = ("tokens/s", "predicted", "step s", "peak GiB", "predicted", "reserved", "MFU")
        print(f"{'job':<12}{'':<24}" + "".join(f"{name:>11}" for name in names))
    title = TITLES[result["engine"]]
    if "failed" in result:
        print(f"{result['job']:<12}{title:<24}{result['failed']}", flush=True)
        return
    pace, mfu = result["predicted_tokens_per_second"], result["mfu"]
    figures = (
        f"{result['tokens_per_second']:,.0f}", f"{pace:,.0f}" if pace else "", f"{result['step_seconds']:.3f}",
        _gib(result["peak_bytes"]), _gib(result["predicted_peak_bytes"]), _gib(result["reserved_bytes"]),
        f"{mfu:.0%}" if mfu else "",
    )  # fmt: skip
    how = ["recomputed"] if result["recomputed"] else []
    how += [result["attention"], *(["Liger"] if result["liger"] else [])]
    columns = "".join(f"{figure:>11}" for figure in figures)
    print(f"{result['job']:<12}{title:<24}{columns}  {', '.join(how)}", flush=True)


def _gib(size: int | None) -> str:
    return "" if size is None else f"{size / GIB:.2f}"


if __name__ == "__main__":
    main()
