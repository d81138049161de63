"""Child process in which a model judges pairs: ``python -P -m engine.jobs.judge REQUEST``, JSON lines on stdout.

REQUEST is a ``JudgeRequest``. Every choice is kept as it is made. Lines are of type progress or note, then one result
(pairs that were too long), stopped or error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.common.child import Say, doing
from engine.jobs.evaluate import serve
from engine.messages.message import Message
from engine.runs import choices
from engine.runs.evaluation_request import JudgeRequest
from engine.runs.phases import Phases, Sink


def main(arguments: Sequence[str]) -> int:
    """0 with a result, 130 when it was stopped, 1 with an error line."""
    return serve(arguments, JudgeRequest, "judge.failed", answer)


def answer(request: JudgeRequest, say: Say, sink: Sink, check: Callable[[], None]) -> dict[str, Any]:
    """Carry ``request`` out. Raises TunedeckError, StopRequested; choices made by then are kept."""
    doing(say, "export.loading-libraries")
    from engine.distributed.device import restrict_gpus, settle_memory
    from engine.models.for_use import Trust, find_for_use

    settle_memory()
    trust = Trust(base=request.trust_base)
    found = find_for_use(request.judge, trust)
    if found.config is not None:
        restrict_gpus(found.config)  # before torch is loaded

    from engine.distributed.device import place
    from engine.evaluation.judge import Judge, Judged
    from engine.modeling.load_for_use import config_for, load_for_use
    from engine.modeling.out_of_memory import MemoryGuard
    from engine.models.identity import identity_of

    def hashing(done: int, total: int) -> None:
        check()
        say("progress", done=done, total=total, message=Message("judge.reading"))

    where, identity = Path(request.where), identity_of(found, hashing)
    pairs = choices.pairs_in(where, request.pair, request.seed).pairs[: request.rows or None]
    done = choices.of_pairs(choices.read(where, request.judge, request.pair, identity), pairs)
    left = [pair for pair in pairs if pair.row not in done]
    too_long = 0
    if left:
        Phases(sink, check).begin("load", model=found.card.name)
        ready = load_for_use(found, place(config_for(found)), trust, lambda done, total: check())
        for note in ready.told:
            say("note", message=note)
        judge = Judge(ready, MemoryGuard(ready.base.model.device, sink, phase="evaluation"), identity)

        def take(judged: Judged) -> None:
            nonlocal too_long
            if judged.choice is None:
                too_long += 1
            else:
                choices.keep(where, request.judge, judged.choice)

        report = Phases(sink, check).progress("judge", "rows", judge=found.title)
        judge.judge(left, check, take, report)
    return {"too_long": too_long}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
