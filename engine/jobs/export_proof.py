"""Child process that lets exported files answer the rows of their run.

``python -P -m engine.jobs.export_proof REQUEST`` takes a ``ProofRequest`` and says JSON lines, of type progress or
note, then one result (the evaluation's name), stopped or error. What was answered is kept, as in every evaluation.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.child import Say
from engine.common.errors import DataError
from engine.jobs.evaluate import serve
from engine.messages.message import Message
from engine.runs.evaluation_request import ProofRequest
from engine.runs.phases import Sink

if TYPE_CHECKING:
    from engine.evaluation.afterwards import Afterwards
    from engine.evaluation.evaluate import Questions
    from engine.runs.evaluations import Answer, Evaluation
    from engine.tokens.render import Renderer

_ROOM = 16
"""Tokens of context beside the longest prompt and answer."""
_FEW, _HARDLY = 2, 0.2
"""Of answers that end where the adapter's do: more than so many say something, and this share is hardly any."""


def main(arguments: Sequence[str]) -> int:
    """0 with a result, 130 when it was stopped, 1 with an error line."""
    return serve(arguments, ProofRequest, "proof.failed", answer)


def answer(request: ProofRequest, say: Say, sink: Sink, check: Callable[[], None]) -> dict[str, Any]:
    """Ask adapter and files the same rows; the evaluation that is kept. Raises TunedeckError, StopRequested."""
    say("progress", done=0, total=None, message=Message("export.loading-libraries"))
    from engine.distributed.device import settle_memory

    settle_memory()
    from engine.evaluation.afterwards import Afterwards
    from engine.runs.evaluation_request import EvaluationRequest
    from engine.runs.phases import Phases

    asked = EvaluationRequest(run=request.run, name=request.name, rows=request.rows, trust_base=request.trust_base)
    after = Afterwards(asked, Phases(sink, check), lambda note: say("note", message=note))
    return {"name": _proved(after, request).name}


def _proved(after: Afterwards, request: ProofRequest) -> Evaluation:
    from engine.evaluation.afterwards import candidate, renderer_of
    from engine.evaluation.evaluate import ask, conclude
    from engine.modeling.out_of_memory import give_back
    from engine.models.for_use import find_for_use
    from engine.runs.evaluations import TUNED

    ready = after.load(after.found)
    asked = after.own_rows(ready, can_ask_more=False)
    if asked.is_text:
        raise DataError("proof.no-answers", run=after.run.id)
    questions, renderer = after.questions(asked), renderer_of(ready)
    expected = ask(questions, candidate(TUNED, ready, after.phases), after.phases)
    del ready
    give_back(after.placement.device)
    for name, folder in request.models.items():
        ask(questions, candidate(name, after.load(find_for_use(folder)), after.phases), after.phases)
        give_back(after.placement.device)
    for name, file in request.files.items():
        _note_ends(after, name, expected, _of_file(after, questions, renderer, name, Path(file)))
    for name, file in request.loras.items():
        with _base_file(after) as base:
            _note_ends(after, name, expected, _of_file(after, questions, renderer, name, base, Path(file)))
    names = [TUNED, *request.models, *request.files, *request.loras]
    return conclude(questions, names, after.choice(questions), after.phases, after.notes, after.step)


def _of_file(
    after: Afterwards, questions: Questions, renderer: Renderer, name: str, file: Path, lora: Path | None = None
) -> list[Answer]:
    """What ``file`` answers through llama.cpp's server; a prompt that differs from the training's is noted."""
    from engine.common import file_hash
    from engine.evaluation.candidates import Candidate
    from engine.evaluation.evaluate import ask
    from engine.export.gguf.answers import FileGenerator, prompt_fault
    from engine.export.gguf.server import LlamaServer

    longest = max(len(renderer.prompt_ids(row.messages[:-1], row.tools)) for row in questions.rows)
    context = longest + questions.new_tokens + _ROOM
    with LlamaServer(file, lora, context) as server:
        fault = prompt_fault(server, renderer, questions.rows)
        if fault is not None:
            after.note(Message("proof.fault", name=name, fault=fault))
        generator = FileGenerator(server, renderer.tokenizer, after.phases.check, context)
        mark = " ".join(file_hash.sha256_of(each) for each in (file, *([lora] if lora else [])))
        return ask(questions, Candidate(name, mark, generator, renderer), after.phases)


@contextmanager
def _base_file(after: Afterwards) -> Iterator[Path]:
    """The base model as GGUF in 16 bits, for the time of a proof."""
    from engine.export.gguf import converter

    with tempfile.TemporaryDirectory(dir=after.run.path, prefix=".proof-") as work:
        path = Path(work) / "base.gguf"
        folder = converter.converter(lambda done, total, message: None)
        request = {"do": "convert", "model": str(after.found.card.path), "out": str(path), "type": "f16"}
        converter.run(folder, request, after.phases.check)
        yield path


def _note_ends(after: Afterwards, name: str, expected: Sequence[Answer], found: Sequence[Answer]) -> None:
    """Note a file whose answers hardly ever end where the adapter's do: it lacks the stop token.

    Single answers differ by the last bits of sums, so one that does not end says nothing.
    """
    ends = [other.ended for one, other in zip(expected, found, strict=True) if one.ended]
    if len(ends) > _FEW and sum(ends) <= len(ends) * _HARDLY:
        after.note(Message("proof.endless", name=name, rows=len(ends) - sum(ends), of=len(ends)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
