"""Times the first look at a large file and the doctor's whole pass over it, and prints what they took.

    python -m tests.benchmarks.doctor_pace FOLDER [--rows 1000000] [--characters 1000]

Writes the rows (JSONL of dialogues, about --characters each) to FOLDER once; they are kept for the next time. Each part
runs in a process of its own: seconds of wall, seconds of all its processors together (user and system, helpers
included), and the peak of the memory that all its processes held at once, pages they share counted for each. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

LOOK = "from engine.data.files.preview import preview; seen = preview({path!r}); print(len(seen.rows))"
CHECK = """
from engine.config.schema import DataSource, ModelSection, RunConfig
from engine.data.quality.check import check
if __name__ == "__main__":
    found = check(RunConfig(model=ModelSection(name_or_path="-"), data=[DataSource(path={path!r})]))
    print({{finding.code: finding.count for finding in found.findings}})
"""
_WORDS = """
the of and to in is that for it as was with be by on not he his but at are this have from or had an they which
one you were all her she there would their we him been has when who will no more if out so up said what its about
than into them can only other time new some could these two may first then do any like my now over such our man
me even most made after also did many off before must well back through years much where your way down should
because long each just state those people too mister little good world make very year still see own work men day
"""
_HANZI = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种"
_FAULTS = (
    "Write to someone.real@mail-provider.org for more.", "My name is {{name}}.", "<p>Left over from the web</p> &nbsp;",
    "Call +49 170 2345 6789 now.", "It is cafÃ© time.", "An escape \x1b[31mred\x1b[0m here.",
    "token ghp_a8Kd03LmQ94xZt71BvC62nWe55RyUi90Pofg is mine.",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--characters", type=int, default=1000)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / f"rows-{options.rows}-{options.characters}.jsonl"
    if not path.is_file():
        write(path, options.rows, options.characters)
    print(f"{options.rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB, {len(os.sched_getaffinity(0))} processors")
    results: dict[str, Any] = {"rows": options.rows, "bytes": path.stat().st_size}
    for name, code in (("preview", LOOK), ("doctor", CHECK)):
        said, took = measured(code.format(path=str(path)), options.folder / f"{name}.py")
        print(f"{name:<8} {took['wall_s']:>7.2f} s of wall, {took['core_s']:>7.2f} core-seconds,", end=" ")
        print(f"{took['peak_mb']:,.0f} MB at its peak: {said}")
        results |= {f"{name}_{key}": value for key, value in took.items()}
    print(json.dumps(results))


def write(path: Path, rows: int, characters: int) -> None:
    """Dialogues of many lengths: one in ten Chinese, one in a hundred with a fault, some are copies or nearly."""
    chance = random.Random(0)
    common = _WORDS.split()
    rare = [word + other for word in common[::3] for other in common[1::4]]
    before = ("Say something.", "This is it.")
    with path.with_suffix(".part").open("w", encoding="utf-8") as file:
        for number in range(rows):
            size = max(20, round(chance.lognormvariate(0, 0.6) * characters / 1.75))
            if chance.random() < 0.1:
                asked = "请问" + "".join(chance.choices(_HANZI, k=size // 12)) + "？"
                answer = "，".join("".join(chance.choices(_HANZI, k=12)) for _ in range(size // 36 + 1)) + "。"
            else:
                words = chance.choices(common, k=size // 6) + chance.choices(rare, k=size // 14)
                chance.shuffle(words)
                cut = len(words) // 5 + 1
                asked = f"{' '.join(words[:cut]).capitalize()} {number}?"
                answer = " ".join(words[cut:]).capitalize() + ".\n- One.\n- Two: `x = 1`."
            if chance.random() < 0.01:
                answer += " " + chance.choice(_FAULTS)
            if chance.random() < 0.02:
                asked, answer = before[0], before[1] + chance.choice(("", " Indeed."))
            before = asked, answer
            turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
            file.write(json.dumps({"messages": turns}, ensure_ascii=False) + "\n")
    path.with_suffix(".part").rename(path)


def measured(code: str, script: Path) -> tuple[str, dict[str, float]]:
    """What the script ``code`` prints, and what it took with all its children."""
    script.write_text(code, "utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment)
    peak = 0
    while child.poll() is None:
        peak = max(peak, _resident(child.pid))
        time.sleep(0.05)
    wall = time.monotonic() - began
    assert child.stdout is not None
    said = child.stdout.read().strip()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    core = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return said, {"wall_s": round(wall, 2), "core_s": round(core, 2), "peak_mb": round(peak / 1e6, 1)}


def _resident(pid: int) -> int:
    """Bytes of RAM of a process and all its children."""
    try:
        process = psutil.Process(pid)
        return sum(int(each.memory_info().rss) for each in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0


if __name__ == "__main__":
    main()
