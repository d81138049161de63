"""Child process that lets exported files answer the rows of their run.

``python -P -m engine.jobs.export_proof REQUEST`` takes a ``ProofRequest`` and says JSON lines, of type progress or
note, then one result (the evaluation's name), stopped or error. What was answered is kept, as in every evaluation.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.common.child import Say, doing
from engine.common.errors import DataError, ModelError
from engine.common.work_folder import work_folder
from engine.jobs.evaluate import serve
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.evaluation_request import ProofRequest
from engine.runs.evaluations import TUNED
from engine.runs.phases import Sink

if TYPE_CHECKING:
    from engine.distributed.device import Placement
    from engine.evaluation.afterwards import Afterwards
    from engine.evaluation.answer_loss import Reference
    from engine.evaluation.candidates import Candidate
    from engine.evaluation.evaluate import Questions
    from engine.evaluation.row_losses import RowLoss
    from engine.modeling.load_for_use import Ready
    from engine.runs.evaluations import Answer, Cost, Evaluation
    from engine.tokens.render import Renderer

_ROOM = 16
"""Tokens of context beside the longest prompt and answer."""


def main(arguments: Sequence[str]) -> int:
    """0 with a result, 130 when it was stopped, 1 with an error line."""
    return serve(arguments, ProofRequest, "proof.failed", answer)


def answer(request: ProofRequest, say: Say, sink: Sink, check: Callable[[], None]) -> dict[str, Any]:
    """Ask adapter and files the same rows; the evaluation that is kept. Raises TunedeckError, StopRequested."""
    doing(say, "export.loading-libraries")
    from engine.distributed.device import settle_memory

    settle_memory()
    from engine.evaluation.afterwards import Afterwards
    from engine.runs.evaluation_request import EvaluationRequest
    from engine.runs.phases import Phases

    asked = EvaluationRequest(run=request.run, name=request.name, rows=request.rows, trust_base=request.trust_base)
    steps = _Steps(sink, _steps_of(request))
    after = Afterwards(asked, Phases(steps, check), lambda note: say("note", message=note))
    return {"name": _Proof(after, request, steps).carried_out().name}


@dataclass
class _Steps:
    """Passes on what is told of progress, with which of the proof's ``count`` steps it belongs to."""

    sink: Sink
    count: int
    _at: int = 0

    def next(self) -> None:
        self._at += 1

    def __call__(self, event: ev.Event) -> None:
        if isinstance(event, ev.Phase) and event.message is not None and self._at:
            told = Message("proof.step", at=self._at, of=self.count, what=event.message)
            event = msgspec.structs.replace(event, message=told)
        self.sink(event)


def _steps_of(request: ProofRequest) -> int:
    """Each of those that are asked answers, and but for Ollama tells what the reference answers cost."""
    both = 1 + len(request.models) + len(request.files) + len(request.loras)
    both += len(request.vllm) if shutil.which("vllm") else 0
    return 2 * both + (len(request.ollama) if shutil.which("ollama") else 0)


class _Proof:
    """One request, carried out: each way to answer in turn, only one of them in memory at a time.

    What adapter or files answered in another proof of the run is not asked again, nor is it measured again.
    """

    def __init__(self, after: Afterwards, request: ProofRequest, steps: _Steps) -> None:
        self._after, self._request, self._steps = after, request, steps
        self._answers: dict[str, list[Answer]] = {}
        self._losses: dict[str, dict[int, RowLoss]] = {}
        self._costs: list[Cost] = []
        self._effect: float | None = None
        self._questions: Questions
        self._renderer: Renderer
        self._wanted: list[Reference]

    def carried_out(self) -> Evaluation:
        from engine.evaluation.afterwards import renderer_of
        from engine.evaluation.answer_loss import references
        from engine.models.for_use import find_for_use

        after, request = self._after, self._request
        exactly = self._in_float32()
        ready = after.load(after.found)
        asked = after.own_rows(ready, can_ask_more=False)
        if asked.is_text:
            raise DataError("proof.no-answers", run=after.run.id)
        self._questions, self._renderer = after.questions(asked), renderer_of(ready)
        self._wanted = references(asked.rows, self._renderer, ready.most_positions or _MOST_TOKENS)
        adapter = after.found.adapter
        self._answers_in_memory(
            TUNED, ready, exactly, ready.found.card.weight_bytes + (adapter.size_bytes if adapter else 0)
        )
        self._words = ready.words[ready.speaking]
        if exactly is not None:
            del ready  # before it is there twice
            self._give_back()
            ready = after.load(after.found, exactly)
        self._losses_in_memory(TUNED, ready)
        if request.models and exactly is not None:
            self._effect = self._changed_by_adapter(ready)
        del ready
        self._give_back()
        for name, folder in request.models.items():
            ready, files = after.load(find_for_use(folder)), sorted(Path(folder).glob("*.safetensors"))
            self._answers_in_memory(name, ready, exactly, ready.found.card.weight_bytes, files)
            if exactly is not None:
                del ready
                self._give_back()
                ready = after.load(find_for_use(folder), exactly)
            self._losses_in_memory(name, ready)
            del ready
            self._give_back()
        for name, file in request.files.items():
            self._of_file(name, Path(file))
        for name, file in request.loras.items():
            with self._base_file() as base:
                self._of_file(name, base, Path(file))
        for name, modelfile in request.ollama.items():
            self._of_ollama(name, Path(modelfile))
        for name, script in request.vllm.items():
            self._of_vllm(name, Path(script))
        return self._concluded()

    def _concluded(self) -> Evaluation:
        from engine.evaluation.answer_loss import PERPLEXITY, scores
        from engine.evaluation.evaluate import Measured, conclude, unwritable
        from engine.jobs.export_links import Anew, broken_links
        from engine.metrics.sentence import proof_sentence
        from engine.runs import evaluations

        after = self._after
        choice = after.choice(self._questions)
        choice = replace(choice, metrics=(*choice.metrics, PERPLEXITY))
        measured = Measured({name: scores(losses) for name, losses in self._losses.items()}, self._costs)
        if len({cost.at_once for cost in self._costs}) > 1:
            after.note(Message("proof.speeds-differ"))
        found = conclude(
            self._questions, [*self._answers], choice, after.phases, after.notes, after.step, measured=measured
        )
        quantized = after.found.model.quantization != "none"
        anew = Anew(self._loss_of_fresh_file, self._holds_the_sum)
        broken = broken_links(found, self._answers, self._losses, quantized, anew, self._effect)
        said = proof_sentence(found.metrics[0], found.means, found.comparisons) if found.metrics else None
        found = msgspec.structs.replace(found, notes=[*found.notes, *broken], sentence=said or found.sentence)
        try:
            evaluations.keep(self._questions.where, found)
        except OSError as error:
            raise unwritable(self._questions, error) from error
        return found

    def _in_float32(self) -> Placement | None:
        """How the reference answers are measured: in float32, where there is the memory for it; else None, as trained.

        What a small adapter changes is less than what 16 bits round away in the sums of each layer.
        """
        import torch

        from engine.distributed.device import Placement
        from engine.export.proof.prove import fits

        after = self._after
        if after.found.model.quantization != "none" or after.placement.dtype == torch.float32:
            return None
        device = after.placement.device
        return Placement(device, torch.float32, "no") if fits(after.found.card, 4, device) else None

    def _answers_in_memory(
        self, name: str, ready: Ready, exactly: Placement | None, size_bytes: int, files: Sequence[Path] = ()
    ) -> None:
        """What ``ready`` answers; ``files`` are its weights where its mark does not tell them from others."""
        from engine.common import file_hash
        from engine.evaluation.afterwards import candidate

        phases, prompts, new_tokens = self._after.phases, self._prompts, self._questions.new_tokens
        asked = candidate(name, ready, phases)
        told = ["float32"] if exactly is not None else []  # what is kept with the answers was measured otherwise
        mark = " ".join([asked.weights, *told, *(file_hash.sha256_of(each) for each in files)])
        generator = asked.generator
        groups = generator.groups(prompts, new_tokens)
        at_once = min(len(prompts), generator.side_by_side * max(map(len, groups), default=1))
        self._asked(replace(asked, weights=mark), size_bytes, at_once)

    def _losses_in_memory(self, name: str, ready: Ready) -> None:
        self._steps.next()
        if not self._is_measured(name):
            self._losses[name] = self._measured_in_memory(ready)

    def _measured_in_memory(self, ready: Ready) -> dict[int, RowLoss]:
        from engine.evaluation.afterwards import generator_of
        from engine.evaluation.answer_loss import in_memory

        phases = self._after.phases
        memory, report = generator_of(ready, phases).memory, phases.progress("measure", "batches")
        return in_memory(self._wanted, ready, memory, phases.check, report)

    def _changed_by_adapter(self, ready: Ready) -> float | None:
        """Nats a token by which the reference answers cost less than without the adapter."""
        from engine.evaluation.answer_loss import mean_nats

        with ready.without_adapter():
            base = mean_nats(self._measured_in_memory(ready))
        ours = mean_nats(self._losses[TUNED])
        return None if base is None or ours is None else base - ours

    def _of_file(self, name: str, file: Path, lora: Path | None = None) -> None:
        """What ``file`` answers through llama.cpp's server; a prompt that differs from the training's is noted."""
        from engine.export.gguf.answers import prompt_fault
        from engine.export.gguf.server import LlamaServer

        files = [file, *([lora] if lora else [])]
        slots = self._slots
        with LlamaServer(file, lora, self._context, slots=slots) as server:
            self._fault(name, prompt_fault(server, self._renderer, self._questions.rows))
            self._ask(name, files, server.answer, at_once=slots)
            self._measure(name, server.answer_logprobs, slots)

    def _of_ollama(self, name: str, folder: Path) -> None:
        """What Ollama answers with the Modelfile in ``folder``, asked as people ask it: by dialogues."""
        from engine.export import ollama_server

        program = shutil.which("ollama")
        if program is None:
            self._after.note(Message("proof.not-installed", program=ollama_server.PROGRAM))
            return
        renderer, rows = self._renderer, self._questions.rows
        asked = {tuple(renderer.prompt_ids(row.messages[:-1], row.tools)): row for row in rows}
        with ollama_server.started(program, folder, self._after.phases.check) as server:

            def answered(prompt: list[int], most: int) -> tuple[str, bool]:
                row = asked[tuple(prompt)]
                turns, _, _ = renderer.as_asked(row.messages[:-1], row.tools)
                return server.answer(turns, most, self._context)

            fault, told = server.prompt_fault(renderer, rows, self._context)
            self._fault(name, fault)
            if not told:
                self._after.note(Message("proof.prompt-not-told", name=name))
            self._ask(name, [*sorted(folder.glob("*.gguf")), folder / "Modelfile"], answered)
        self._after.note(Message("proof.no-perplexity", name=name))

    def _of_vllm(self, name: str, folder: Path) -> None:
        """What vLLM answers over the base with the adapter in ``folder``."""
        from engine.export import vllm_server

        if shutil.which("vllm") is None:
            self._after.note(Message("proof.not-installed", program=vllm_server.PROGRAM))
            return
        base, phases = self._after.found.card, self._after.phases
        with vllm_server.started(folder, base.path, phases.check) as started:
            server = vllm_server.VllmServer(started.address, self._request.served_as)
            self._fault(name, server.prompt_fault(self._renderer, self._questions.rows))
            adapter = folder / "adapter_model.safetensors"
            self._ask(name, [adapter], server.answer, base.weight_bytes)
            self._measure(name, server.answer_logprobs)

    def _ask(
        self, name: str, files: Sequence[Path], ask_it: Callable[[list[int], int], tuple[str, bool]], more: int = 0,
        at_once: int = 1,
    ) -> None:  # fmt: skip
        """Let a server over ``files`` answer ``at_once`` rows; ``more`` bytes are loaded beside them."""
        from engine.common import file_hash
        from engine.evaluation.candidates import Candidate
        from engine.export.gguf.answers import ServedGenerator

        check = self._after.phases.check
        generator = ServedGenerator(ask_it, self._renderer.tokenizer, check, self._context, at_once)
        mark = " ".join([name.partition("-")[0], *(file_hash.sha256_of(each) for each in files)])
        size_bytes = sum(each.stat().st_size for each in files) + more
        self._asked(Candidate(name, mark, generator, self._renderer), size_bytes, at_once)

    def _asked(self, candidate: Candidate, size_bytes: int, at_once: int) -> None:
        """Let ``candidate`` answer, and note what that takes."""
        from engine.evaluation.evaluate import ask
        from engine.runs.evaluations import Cost

        self._steps.next()
        answers = ask(self._questions, candidate, self._after.phases, beside=self._proofs)
        seconds, tokens = sum(each.seconds for each in answers), sum(each.tokens for each in answers)
        pace = round(tokens / seconds, 1) if seconds and tokens else None
        self._answers[candidate.name] = answers
        self._costs.append(
            Cost(candidate=candidate.name, size_bytes=size_bytes, tokens_per_second=pace, at_once=at_once)
        )

    def _measure(
        self, name: str, logprobs: Callable[[list[int], list[int]], dict[int, float]], at_once: int = 1
    ) -> None:
        """The loss of the reference answers by a server; a version that can't tell it is said."""
        from engine.evaluation.answer_loss import by_server

        self._steps.next()
        if self._is_measured(name):
            return
        phases = self._after.phases
        try:
            found = by_server(self._wanted, logprobs, phases.check, phases.progress("measure", "rows"), at_once)
        except ModelError as error:
            if error.code not in ("gguf.server-refused", "proof.server-refused"):
                raise
            found = {}
        self._losses[name] = found
        if self._wanted and not found:
            self._after.note(Message("proof.no-perplexity", name=name))

    def _is_measured(self, name: str) -> bool:
        """Whether what the reference answers cost is kept with all of its answers from an earlier proof; it is then."""
        from engine.evaluation.answer_loss import kept

        known = kept(self._answers[name])
        if not {each.row for each in self._wanted} <= known.keys():
            return False
        self._losses[name] = known
        return True

    @property
    def _proofs(self) -> list[Path]:
        """Folders of the run's other proofs."""
        from engine.runs.evaluations import is_export

        where = self._questions.where
        return [each for each in sorted(where.parent.glob("*")) if is_export(each.name) and each != where]

    @cached_property
    def _prompts(self) -> list[list[int]]:
        return [self._renderer.prompt_ids(row.messages[:-1], row.tools) for row in self._questions.rows]

    @property
    def _slots(self) -> int:
        """How many rows a server of ours answers at once."""
        return max(1, min(_ROWS_AT_ONCE, len(self._prompts), _TOKENS_AT_ONCE // self._context))

    @property
    def _context(self) -> int:
        """Tokens of the longest prompt, of the longest answer, and a little room."""
        longest = max(map(len, self._prompts))
        references = max((len(each.prompt) + len(each.answer) for each in self._wanted), default=0)
        return max(longest + self._questions.new_tokens, references) + _ROOM

    def _fault(self, name: str, fault: Message | None) -> None:
        if fault is not None:
            self._after.note(Message("proof.fault", name=name, fault=fault))

    def _give_back(self) -> None:
        from engine.modeling.out_of_memory import give_back

        give_back(self._after.placement.device)

    @contextmanager
    def _base_file(self) -> Iterator[Path]:
        """The base model as GGUF in 16 bits, for the time of a proof."""
        from engine.export.gguf import converter

        with work_folder(self._after.run.path) as work:
            path = work / "base.gguf"
            folder = converter.converter(lambda done, total, message: None)
            request = {"do": "convert", "model": str(self._after.found.card.path), "out": str(path), "type": "f16"}
            converter.run(folder, request, self._after.phases.check)
            yield path

    def _holds_the_sum(self, name: str) -> bool:
        """Whether each tensor of the merged model ``name`` is base and adapter added up and rounded once."""
        from engine.export.proof.prove import holds_the_sum

        found = self._after.found
        assert found.adapter is not None
        return holds_the_sum(found.card.path, found.adapter.path, Path(self._request.models[name]))

    def _loss_of_fresh_file(self, kind: str) -> float | None:
        """Nats a token of the reference answers by a file of ``kind`` that is made anew from base and adapter."""
        from engine.evaluation.answer_loss import by_server, mean_nats
        from engine.export.gguf.server import LlamaServer
        from engine.export.gguf.sixteen import sixteen_bits

        phases, found = self._after.phases, self._after.found
        assert found.adapter is not None
        with work_folder(self._after.run.path) as work:
            file = sixteen_bits(found.card.path, found.adapter.path, self._words, work, phases.check, kind)
            slots = self._slots
            with LlamaServer(file, None, self._context, slots=slots) as server:
                report = phases.progress("measure", "rows")
                return mean_nats(by_server(self._wanted, server.answer_logprobs, phases.check, report, slots))


_ROWS_AT_ONCE, _TOKENS_AT_ONCE = 8, 16_384
"""What llama.cpp's server computes side by side: rows, and tokens of their prompts and answers."""
_MOST_TOKENS = 4096
"""Of a row whose model can read any number: longer ones are answered, but not measured."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
