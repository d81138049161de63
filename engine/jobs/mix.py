"""Child process that mixes adapters and measures the mix: ``python -P -m engine.jobs.mix REQUEST``, JSON lines.

REQUEST is a ``MixRequest``; lines are those of ``engine.jobs.evaluate``. A mix that is made already is measured on.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.child import Say, doing
from engine.common.errors import MachineError, ModelError
from engine.jobs.evaluate import serve
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.evaluation_request import MixRequest
from engine.runs.phases import Sink

if TYPE_CHECKING:
    from engine.models.for_use import ForUse
    from engine.runs.directory import RunDir
    from engine.runs.mixes import Mix, Recipe


def main(arguments: Sequence[str]) -> int:
    """0 with a result, 130 when it was stopped, 1 with an error line."""
    return serve(arguments, MixRequest, "mixes.failed", answer)


def answer(request: MixRequest, say: Say, sink: Sink, check: Callable[[], None]) -> dict[str, Any]:
    """Make and measure the mix; its folder. Raises TunedeckError, StopRequested."""
    doing(say, "export.loading-libraries")
    from engine.distributed.device import restrict_gpus, settle_memory
    from engine.models.for_use import Trust, find_for_use
    from engine.runs import mixes
    from engine.runs.directory import RunDir

    settle_memory()
    run, trust = RunDir(Path(request.where)), Trust(base=request.trust_base)
    parents = [find_for_use(each.path, trust) for each in request.recipe.parents]
    if parents[0].config is not None:
        restrict_gpus(parents[0].config)  # before torch is loaded
    _require_same(request.recipe)
    mix = mixes.read(run) or _made(run, request, parents, say, check)

    from engine.evaluation.mixed import Mixed
    from engine.runs.phases import Phases

    measuring = Mixed(request, parents, Phases(sink, check), lambda note: say("note", message=note))
    tasks = measuring.measure()
    _require_same(request.recipe)
    notes = [*mix.notes, *(note for note in measuring.notes if note not in mix.notes)]
    _write(run, mixes.Mix(name=mix.name, recipe=mix.recipe, made=mix.made, tasks=tasks, notes=notes))
    return {"path": str(run.path)}


def _made(
    run: RunDir, request: MixRequest, parents: Sequence[ForUse], say: Say, check: Callable[[], None]
) -> Mix:  # fmt: skip
    """The adapter of the mix, written whole or not at all, with its record."""
    from engine.export.mix import write_mix
    from engine.models.adapter.made import write_record
    from engine.runs.mixes import Mix

    def on_progress(done: int, total: int) -> None:
        check()
        say("progress", done=done, total=total, message=Message("mixes.mixing"))

    partial = run.adapter.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        made, notes = write_mix(request.recipe, partial, on_progress)
        try:
            write_record(partial, request.recipe, parents)
            partial.replace(run.adapter)
        except OSError as error:
            raise MachineError("mixes.not-written", path=run.adapter, reason=error.strerror or str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    mix = Mix(name=request.name, recipe=request.recipe, made=made, notes=notes)
    _write(run, mix)
    return mix


def _require_same(recipe: Recipe) -> None:
    """Raise ModelError where a parent is no longer the one that the recipe names."""
    from engine.common import file_hash
    from engine.models.adapter.card import read_adapter
    from engine.models.adapter.config import CONFIG_FILE

    for parent in recipe.parents:
        card = read_adapter(parent.path)
        now = file_hash.sha256_of(card.file), file_hash.sha256_of(card.path / CONFIG_FILE)
        if now != (parent.sha256, parent.config_sha256 or now[1]):  # earlier versions did not note the config
            raise ModelError("mixes.parent-changed", adapter=parent.title, path=card.path)


def _write(run: RunDir, mix: Mix) -> None:
    """The log tells of it as of a run that is over, so that lists and screens show it like one. Raises MachineError."""
    from engine.runs import evaluations, mixes
    from engine.runs.writer import EventWriter

    try:
        mixes.write(run, mix)
    except OSError as error:
        raise MachineError("mixes.not-written", path=run.path, reason=error.strerror or str(error)) from error
    if not mix.tasks:
        return
    run.events.unlink(missing_ok=True)
    log = EventWriter(run.events)
    log.emit(ev.RunStarted(model=Path(mix.recipe.base).name, method=f"LoRA r{mix.made.rank}", strategy="mix"))
    for found in evaluations.all_of(run):
        seconds = round(sum(found.seconds.values()), 2)
        log.emit(ev.Evaluated(name=found.name, n=found.n, sentence=found.sentence, seconds=seconds))
    log.emit(ev.Finished(outcome="finished", step=0, adapter=run.adapter.name))
    log.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
