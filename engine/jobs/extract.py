"""Child process that takes a LoRA out of two models: ``python -P -m engine.jobs.extract REQUEST``, JSON lines.

REQUEST is an ``ExtractRequest``; lines are those of ``engine.jobs.evaluate``. The result has the shares by layer.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.child import Say, doing
from engine.common.errors import MachineError
from engine.jobs.evaluate import serve
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.evaluation_request import EvaluationRequest, ExtractRequest
from engine.runs.phases import Sink

if TYPE_CHECKING:
    from engine.runs.directory import RunDir

NAME = "extracted"
"""Of the evaluation on the rows that prove it."""


def main(arguments: Sequence[str]) -> int:
    """0 with a result, 130 when it was stopped, 1 with an error line."""
    return serve(arguments, ExtractRequest, "extracting.failed", answer)


def answer(request: ExtractRequest, say: Say, sink: Sink, check: Callable[[], None]) -> dict[str, Any]:
    """Make the adapter in the run's folder, and let it answer beside both models where there are rows."""
    doing(say, "export.loading-libraries")
    from engine.distributed.device import settle_memory
    from engine.export.extract import extract
    from engine.models.adapter.made import write_values
    from engine.models.card import read_card
    from engine.runs.directory import RunDir
    from engine.runs.phases import Phases

    settle_memory()
    run = RunDir(Path(request.where))

    def on_progress(done: int, total: int) -> None:
        check()
        say("progress", done=done, total=total, message=Message("extracting.reading"))

    partial = run.adapter.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        made = extract(Path(request.base), Path(request.tuned), request.rank, partial, request.named, on_progress)
        parent = {"path": request.tuned, "kind": "model", "run": "", "sha256": ""}
        shares = {"rank": request.rank, "share": made.share}
        card = read_card(Path(request.base))
        write_values(partial, card, request.named, "main", "extract", {"parents": [parent], "extracted": shares})
        partial.replace(run.adapter)
    except OSError as error:
        raise MachineError("extracting.not-written", path=run.path, reason=error.strerror or str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _write_log(run, request)
    if request.data is not None:
        _prove(run, request, Phases(sink, check), lambda note: say("note", message=note))
    return {
        "share": made.share, "size_bytes": made.size_bytes, "fresh": list(made.fresh),
        "brings_tokenizer": made.brings_tokenizer,
        "layers": [
            {"name": each.name, "change": each.change, "share": each.share, "is_held": each.is_held}
            for each in made.layers
        ],
    }  # fmt: skip


def _prove(run: RunDir, request: ExtractRequest, phases: Any, tell: Callable[[Message], None]) -> None:
    """Base, base with the adapter, and the tuned model answer the rows."""
    from engine.config.schema import DataSource
    from engine.evaluation.afterwards import Afterwards, base_mark, candidate, generator_of, renderer_of
    from engine.evaluation.asked_rows import file_rows
    from engine.evaluation.candidates import Candidate
    from engine.evaluation.evaluate import ask, conclude
    from engine.modeling.out_of_memory import give_back
    from engine.models.for_use import find_for_use
    from engine.runs.evaluations import BASE, TUNED

    asked = EvaluationRequest(run=request.where, name=NAME, rows=request.rows)
    after = Afterwards(asked, phases, tell)
    rows = file_rows(DataSource.model_validate(request.data), after.config, request.rows)
    for note in rows.notes:
        after.note(note)
    ready = after.load(after.found)
    questions = after.questions(rows)
    base = Candidate(
        BASE, base_mark(after.found), generator_of(ready, phases), renderer_of(ready), ready.without_adapter
    )  # fmt: skip
    ask(questions, base, phases)
    ask(questions, candidate(TUNED, ready, phases), phases)
    del ready, base
    give_back(after.placement.device)
    ask(questions, candidate("full", after.load(find_for_use(request.tuned)), phases), phases)
    conclude(questions, [BASE, "full", TUNED], after.choice(questions), phases, after.notes)


def _write_log(run: RunDir, request: ExtractRequest) -> None:
    """The log tells of it as of a run that is over."""
    from engine.runs.writer import EventWriter

    log = EventWriter(run.events)
    named = Path(request.base).name
    log.emit(ev.RunStarted(model=named, method=f"LoRA r{request.rank}", strategy="extract"))
    log.emit(ev.Finished(outcome="finished", step=0, adapter=run.adapter.name))
    log.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
