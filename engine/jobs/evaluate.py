"""Child process that evaluates a run afterwards: ``python -P -m engine.jobs.evaluate REQUEST``, JSON lines on stdout.

REQUEST is an ``EvaluationRequest``. Lines are of type progress or note, then one result (the evaluation's name and
folder), stopped or error. SIGTERM and SIGINT stop it at once while libraries and model are loaded, then between two
tokens; what was answered by then is kept.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from engine.common import hub_watch
from engine.common.child import Interrupted, Say, answers, doing
from engine.common.clean_text import in_words
from engine.common.errors import TunedeckError
from engine.runs import events as ev
from engine.runs.evaluation_request import EvaluationRequest
from engine.runs.phases import Phases, Sink
from engine.runs.steering import StopRequested

Answer = Callable[[Any, Say, Sink, Callable[[], None]], dict[str, Any]]


def main(arguments: Sequence[str]) -> int:
    """0 with a result, 130 when it was stopped, 1 with an error line."""
    return serve(arguments, EvaluationRequest, "evaluate.failed", answer)


def serve(arguments: Sequence[str], kind: type[msgspec.Struct], failed: str, answer: Answer) -> int:
    """Answer the request of ``kind`` in ``arguments``, and say what came of it; ``failed`` is for unforeseen errors."""
    say = answers()
    is_stopped = counts = False

    def stop(number: int, frame: object) -> None:
        nonlocal is_stopped
        was_stopped, is_stopped = is_stopped, True
        if not counts and not was_stopped:  # nothing is there to be kept, and loading goes on for long
            raise Interrupted

    def check() -> None:
        nonlocal counts
        counts = True
        if is_stopped:
            raise StopRequested

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)

    try:
        request = msgspec.json.decode(arguments[0], type=kind)
        with hub_watch.listening(lambda message: say("progress", done=0, total=None, message=message)):
            values = answer(request, say, _sink(say), check)
    except (StopRequested, Interrupted):
        say("stopped")
        return 130
    except TunedeckError as error:
        say("error", **error.as_json())
        return 1
    except Exception as error:
        say("error", **TunedeckError(failed, reason=in_words(error, 300)).as_json())
        return 1
    say("result", **values)
    return 0


def answer(request: EvaluationRequest, say: Say, sink: Sink, check: Callable[[], None]) -> dict[str, Any]:
    """Carry ``request`` out; returns the name of the evaluation that is kept. Raises TunedeckError, StopRequested."""
    doing(say, "export.loading-libraries")
    from engine.distributed.device import restrict_gpus, settle_memory
    from engine.models.for_use import Trust, find_for_use

    settle_memory()
    found = find_for_use(request.run, Trust(base=request.trust_base))
    if found.config is not None:
        restrict_gpus(found.config)  # before torch is loaded

    from engine.evaluation.afterwards import Afterwards

    after = Afterwards(request, Phases(sink, check), lambda note: say("note", message=note))
    if request.scales:
        from engine.evaluation.strength import measure

        return {"name": measure(after).name}
    if request.tasks:
        from engine.evaluation import lm_eval

        return {"name": lm_eval.measure(after).name}
    return {"name": after.evaluate().name}


def _sink(say: Say) -> Sink:
    def sink(event: ev.Event) -> None:
        if isinstance(event, ev.Phase):
            say("progress", done=event.done or 0, total=event.total, message=event.message)
        elif isinstance(event, ev.Warn):
            say("note", message=event.message)

    return sink


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
