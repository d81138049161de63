"""Measure the monitor on a long log: how long it takes to open, and to redraw with new data.

Writes a run with that many steps, opens it in the real monitor (80x24, headless driver), and prints one JSON
line: ``open_s`` (from creating the app to the curve on screen), ``decode_s`` (reading and reducing alone) and
``redraw_ms`` (median time to take a newer state and draw it).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from engine.runs.event_lines import encode
from engine.runs.follow import load_state
from tests.tui import fake_runs
from tui.app import TunedeckApp
from tui.monitor.screen import MonitorScreen
from tui.widgets.chart import Chart
from tui.world import World


def write_log(root: Path, steps: int) -> Any:
    run, writer = fake_runs.new_run(root, total=steps + 1000)
    fake_runs.begin(writer, steps + 1000)
    seq = writer.seq
    with run.events.open("ab") as log:
        for number in range(1, steps + 1):
            event = fake_runs.step(number, steps + 1000, sources=False)
            log.write(encode(event).replace(b'"seq":0', b'"seq":%d' % (seq + number)) + b"\n")
    writer.close()
    return run


async def measure(run: Any, steps: int, repeat: int) -> dict[str, Any]:
    began = time.perf_counter()
    app = TunedeckApp(World(root=run.path.parent), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        while not (isinstance(app.screen, MonitorScreen) and app.screen.state.done_steps == steps):
            await pilot.pause(0.005)
        await pilot.pause()
        open_s = time.perf_counter() - began
        screen = app.screen
        chart = screen.query_one(Chart)
        drawn = any("\u2800" < character <= "\u28ff" for line in chart.lines for character in line)
        log = fake_runs.EventWriter(run.events)
        redraws = []
        for extra in range(repeat):
            log.emit(fake_runs.step(steps + 1 + extra, steps + 1000, sources=False))
            while screen.state.done_steps <= steps + extra:
                await pilot.pause(0.01)
            begun = time.perf_counter()
            screen.show_state()
            redraws.append(time.perf_counter() - begun)
        whole = []
        for _ in range(repeat):
            chart.on_resize()  # forgets what was drawn, as a new size does
            begun = time.perf_counter()
            chart.lines  # noqa: B018
            whole.append(time.perf_counter() - begun)
    return {
        "open_s": round(open_s, 3), "curve_drawn": drawn, "redraw_ms": round(statistics.median(redraws) * 1e3, 2),
        "redraw_from_nothing_ms": round(statistics.median(whole) * 1e3, 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        run = write_log(Path(home), arguments.steps)
        began = time.perf_counter()
        load_state(run)
        decode_s = time.perf_counter() - began
        figures = asyncio.run(measure(run, arguments.steps, arguments.repeat))
    print(json.dumps({"steps": arguments.steps, "decode_s": round(decode_s, 3), **figures}))


if __name__ == "__main__":
    main()
