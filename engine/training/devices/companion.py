"""One of the further processes of a run on several devices: trains its share of every step, and nothing else.

Run by the first process as ``python -m engine.training.devices.companion FOLDER INDEX``. It writes no log and saves
nothing; when the first process is gone, its standard input ends, and so does it.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from pathlib import Path

import msgspec

from engine.config.schema import RunConfig
from engine.errors import TunedeckError
from engine.runs.directory import RunDir


def main(argv: list[str]) -> int:
    """Train as the task in ``argv[0]`` says; returns the exit code."""
    faulthandler.enable()
    # Signals to the group are the first process's to answer.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    try:
        _train(Path(argv[0]), int(argv[1]))
    except TunedeckError as error:
        print(" ".join(str(error).split("\n")), file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def _train(folder: Path, index: int) -> None:
    from engine.training.devices.place import keep_freed_memory, place, see_only
    from engine.training.memory.allocator import grow_segments

    task = msgspec.json.decode((folder / "task.json").read_bytes())
    config = RunConfig.model_validate_json(task["config"])
    see_only(task["devices"][index])
    keep_freed_memory()
    grow_segments()

    from accelerate.utils import set_seed

    from engine.training import checkpoint, old_adapter
    from engine.training.building import build
    from engine.training.devices.companions import MEETING, begun, share_processors
    from engine.training.devices.ranks import join
    from engine.training.loop import Hooks, Loop
    from engine.training.memory.out_of_memory import MemoryGuard
    from engine.training.mixing import plan_steps
    from engine.training.phases import Phases
    from engine.training.steering import Steering
    from engine.training.tokens import held_out
    from engine.training.tokens.dataset import prepare
    from engine.training.tokens.render import Renderer
    from engine.training.tokens.tokenizer import locate, words_of

    def unheard(event: object) -> None:
        """The first process tells the log."""

    placement = place(config)
    share_processors(placement.device, len(task["devices"]))
    set_seed(config.run.seed)
    card = locate(config.model, lambda *progress: None)
    newest = Path(task["newest"]) if task["newest"] else None
    words = words_of(config, card, newest)
    renderer = Renderer(words.tokenizer, words.stops)
    before = held_out.before(RunDir(Path(task["run"])))
    prepared = prepare(config, renderer, Phases(unheard), unheard, lambda: None, before)
    steps = plan_steps(config, prepared)
    memory, steering = MemoryGuard(placement.device, unheard), Steering()
    built = build(config, card, words, placement, memory, steering, newest)
    if newest is not None:
        checkpoint.restore(newest, built.model, built.optimizer)
    else:
        old_adapter.take_over(RunDir(Path(task["run"])), config, built.optimizer, unheard)
    ranks = join(index, len(task["devices"]), str(folder / MEETING), placement.device)
    ranks.same_weights(built.trained)
    state, budget = begun(ranks, checkpoint.TrainerState(0), 0)
    hooks = Hooks(
        save=lambda at, reason: "", evaluate=lambda at: ranks.from_first(None), sample=lambda at: None
    )  # fmt: skip
    Loop(
        config, steps, prepared.train, prepared.sources, built.net, built.optimizer, built.accelerator,
        built.base.pad_id, budget, memory, steering, unheard, hooks, ranks,
    ).run(state)  # fmt: skip


def _end_with_the_first() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
