"""One of the further processes of a run on several devices: trains and measures its share, and nothing else.

Run by the first process as ``python -m engine.training.worker FOLDER INDEX``. It writes no log and saves
nothing; when the first process is gone, its standard input ends, and so does it. Whatever ends it, it never returns to
the interpreter: what torch waits for on the way out may never come.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import NoReturn

import msgspec

from engine.common.errors import MachineError, TunedeckError, own_words
from engine.common.files import write_atomic
from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.runs.directory import RunDir
from engine.runs.steering import Steering, StopRequested

_AFTER_OTHERS_S = 2.0


def main(argv: list[str]) -> int:
    """Train as the task in ``argv[0]`` says; returns the exit code."""
    faulthandler.enable()
    # Signals to the group are the first process's to answer.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    steering = Steering()
    threading.Thread(target=_hear_the_first, args=(steering,), daemon=True).start()
    folder, index = Path(argv[0]), int(argv[1])
    try:
        _train(folder, index, steering)
    except StopRequested:
        return 0
    except BaseException as error:
        _leave_words(folder, index, error)
        if isinstance(error, RuntimeError):  # what talking to one that is gone ends in: that one is to be seen first
            time.sleep(_AFTER_OTHERS_S)
        return error.exit_code if isinstance(error, TunedeckError) else 1
    return 0


def _train(folder: Path, index: int, steering: Steering) -> None:
    from engine.distributed.device import see_only, settle_memory

    task = msgspec.json.decode((folder / "task.json").read_bytes())
    config = RunConfig.model_validate_json(task["config"])
    see_only(task["devices"][index])
    settle_memory()

    from engine.distributed.ranks import join
    from engine.distributed.workers import MEETING, ready_file, share_processors
    from engine.modeling.out_of_memory import OutOfMemory, free_cached
    from engine.runs.phases import Phases
    from engine.training.assessor import assessor
    from engine.training.best import measure_of, measure_result
    from engine.training.checkpoint import TrainerState, begun, read_state
    from engine.training.loop import Hooks, Loop, NotFinite
    from engine.training.mixing import changed
    from engine.training.prepare import Context, begin, placed, prepare

    def unheard(event: object) -> None:
        """The first process tells the log."""

    placement = placed(config)
    if placement.precision != task["precision"]:
        raise MachineError("distributed.precision-differs", own=placement.precision, first=task["precision"])
    share_processors(placement.device, len(task["devices"]))
    newest = Path(task["newest"]) if task["newest"] else None
    state = read_state(newest) if newest else TrainerState(0)
    context = Context(
        config, Phases(unheard, steering.check), steering, RunDir(Path(task["run"])), newest, state, leads=False
    )
    training = prepare(context, placement)
    begin(context, training)
    ready_file(folder, index).touch()
    training.meet(join(index, len(task["devices"]), str(folder / MEETING), placement.device))
    state, budget, eval_tokens = begun(training.ranks, state, 0, 0)
    measure = assessor(training, eval_tokens, RunDir(Path(task["run"])))

    def during(at: TrainerState) -> float | None:
        try:
            loss = measure.evaluate(at.step, "during")
            return measure_of(training.config, loss, measure.metrics)
        except StopRequested:  # the loop stops by itself
            return None
        finally:
            free_cached()

    hooks = Hooks(save=lambda at, reason: "", evaluate=during, sample=lambda at: None,
                  remix=lambda steps, change: changed(steps, config, training.rows, change))  # fmt: skip
    try:
        if newest is None:
            measure.evaluate(0, "before")
            free_cached()
        outcome = Loop(training, budget, hooks).run(state)
        if outcome.kind == "finished":
            measure_result(RunDir(Path(task["run"])), training, measure, outcome.state)
    except (NotFinite, OutOfMemory):  # all have agreed on it, and the first process has its last checkpoint to write
        _wait_for_the_end()
    training.ranks.leave()


def _wait_for_the_end() -> NoReturn:
    while True:
        signal.pause()


def _leave_words(folder: Path, index: int, error: BaseException) -> None:
    """Tell the first process why this one gives up; the whole story goes to the run's log."""
    from engine.distributed.workers import LastWords, words_file

    traceback.print_exc()
    if isinstance(error, TunedeckError):
        words = LastWords(error.reason)
    else:
        words = LastWords(Message.literal(f"{type(error).__name__}: {own_words(error)}"))
    try:
        write_atomic(words_file(folder, index), msgspec.json.encode(words).decode())
    except OSError:
        pass  # what it said is in the log


def _hear_the_first(steering: Steering) -> None:
    """Stop when the first process says so, and end when it is gone."""
    for _ in sys.stdin.buffer:
        steering.stop(Message("events.asked-to-stop"))
    os._exit(1)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
