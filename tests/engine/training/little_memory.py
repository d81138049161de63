"""Trainings that are left with little memory, each in a process of its own: ``MODEL ROWS MOMENT:MIB...``.

From the beginning of the phase MOMENT (load, rehearsal, train; none for never) the system gives the process no more
than MIB beyond what it has: what is refused then is refused by the real allocators. A line of JSON for each comes out.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import TunedeckError
from engine.runs import events as ev
from engine.runs.steering import Steering
from tests.engine.training.making import Trained, create_run, values


def limit(more_mib: int) -> None:
    """Let this process have ``more_mib`` of private memory beyond what it has."""
    status = Path("/proc/self/status").read_text("ascii")
    has = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:")) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (has + (more_mib << 20), resource.RLIM_INFINITY))


def train(model: Path, rows: Path, moment: str, more_mib: int) -> dict[str, Any]:
    """Losses, shortages and end of two steps of 24 rows, all of them at once if memory allows."""
    events: list[ev.Event] = []

    def react(event: ev.Event, steering: Steering) -> None:
        events.append(event)
        if isinstance(event, ev.Phase) and event.name == moment:
            limit(more_mib)

    settings = values(
        model, rows, dataset={"max_length": 512, "eval_rows": 0, "packing": False},  # packed they take half of it
        train={"max_steps": 2, "batch_size": 24, "micro_batch_tokens": 100_000},
    )  # fmt: skip
    ended = None
    try:
        Trained(create_run(settings), react)
    except TunedeckError as error:
        ended = [error.title, error.message, error.hint]
    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    shortages = [event for event in events if isinstance(event, ev.OutOfMemory)]
    return {
        "losses": [event.loss for event in events if isinstance(event, ev.Step)],
        "shortages": [[event.phase, event.step, event.retry_tokens] for event in shortages],
        "ended": ended,
    }


def main() -> None:
    torch.set_num_threads(1)
    model, rows, *cases = sys.argv[1:]
    for case in cases:
        moment, more_mib = case.split(":")
        child = os.fork()  # a limit can't be widened for what a process has lost to it
        if child == 0:
            print(json.dumps(train(Path(model), Path(rows), moment, int(more_mib))), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
