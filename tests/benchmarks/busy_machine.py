"""Trains on the CPU alone and beside one busy process, in turn, and prints what pace is left.

    python -m tests.benchmarks.busy_machine [--rows 48] [--repeats 3]

The busy process keeps one core at 100% from before the training starts until it has ended. Model, settings and clock
are those of the throughput benchmark. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY = "while True: pass"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    pace: dict[str, list[float]] = {"alone": [], "beside one busy process": []}
    with tempfile.TemporaryDirectory() as folder:
        rows = _write_rows(Path(folder, "rows.jsonl"), options.rows)
        for _ in range(options.repeats):
            for name, values in pace.items():
                with _busy(name != "alone"):
                    values.append(_tokens_per_second(rows))
                print(f"{name:<24} {values[-1]:7.1f} tokens/s", flush=True)
    alone, beside = (statistics.median(values) for values in pace.values())
    print(json.dumps({"alone": alone, "beside": beside, "share": round(beside / alone, 3)}))


def _write_rows(path: Path, count: int) -> Path:
    """Rows of 60 to 250 tokens."""
    lines = []
    for number in range(count):
        answer = " ".join(
            f"Line {line} of answer {number} holds the number {line * number}." for line in range(4 + number % 13)
        )
        lines.append(json.dumps({"prompt": f"Write answer {number}, please.", "completion": answer}))
    path.write_text("\n".join(lines))
    return path


@contextmanager
def _busy(wanted: bool) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", BUSY]) if wanted else None
    try:
        yield
    finally:
        if process is not None:
            process.kill()
            process.wait()


def _tokens_per_second(rows: Path) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.throughput", str(rows), "--engine", "tunedeck"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The training failed:\n{done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["tokens_per_second"])


if __name__ == "__main__":
    main()
