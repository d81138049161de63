"""Why memory ran out, and what to do: the phase and term that did not fit, who else was there, up to three remedies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.machine.gpu_specs import GIB
from engine.machine.gpus import Gpu
from engine.memory.estimate import LABELS, PHASES, SAFETY, Estimate, Phase
from engine.memory.from_config import Setup, estimate_run
from engine.memory.make_fit import LEAST_WORTH, SLOWER, Change, all_of, candidates
from engine.memory.speed import slow_down
from engine.messages.message import Message
from engine.runs.events import ProcessUse

STATIC = frozenset({"block_weights", "tables", "other_weights", "adapters", "optimizer", "gradients", "unsharded",
                    "cast_cache", "buckets"})  # fmt: skip
"""Terms that do not grow with the micro-batch; the estimate has them within a per cent."""
MOST_MISSED = 20.0
BEYOND = 1.05
"""Memory is asked for piece by piece: the piece that could not be had need not have been the last."""
NOTICEABLE = 0.02
NAMED_OTHERS = 4


@dataclass(frozen=True)
class Failure:
    """How memory ran out. Sizes in bytes, None where nobody could tell.

    ``phase`` is a name of ``engine.memory.estimate.PHASES``, "" where not known; ``step`` None before the first one.
    The run held ``held`` (torch's tensors on a GPU, resident memory else) and asked for ``asked`` on top; it could
    have had ``room``, the total less what others held. ``killed``: the system ended the process without a word.
    ``gpu`` is NVML's index.
    """

    device: Literal["cpu", "cuda"]
    step: int | None = None
    phase: str = ""
    held_bytes: float | None = None
    asked_bytes: float | None = None
    total_bytes: float | None = None
    room_bytes: float | None = None
    others: tuple[ProcessUse, ...] = ()
    killed: bool = False
    gpu: int | None = None

    @property
    def when(self) -> Message:
        return Message("memory.before-first-step") if self.step is None else Message("memory.at-step", step=self.step)


@dataclass(frozen=True)
class Measured:
    """A run's estimate put right by its failure.

    What grows with the batch is ``factor`` times as large; where that can't be what was missed, everything is
    ``missed_bytes`` larger. ``room_bytes``: what all of it had to fit into, and did not.
    """

    factor: float
    missed_bytes: float
    room_bytes: float

    def needed_bytes(self, result: Estimate) -> float:
        """What a job of estimate ``result`` needs, context included."""
        extra = result.needed_bytes - result.allocated_bytes * SAFETY
        largest = max(static(phase) + self.factor * grown(phase) for phase in result.phases)
        return (largest + self.missed_bytes) * SAFETY + extra


def measure(failure: Failure, setup: Setup) -> Measured:
    """What the failure says about the run of ``setup``: its need is more than there was room for."""
    result = estimate_run(setup)
    phase, context = phase_of(failure, result), result.profile.context_bytes
    demand = None if failure.held_bytes is None else failure.held_bytes + (failure.asked_bytes or 0.0)
    if failure.device == "cpu" and demand is not None:
        demand -= context  # resident memory has the libraries in it
    room = failure.room_bytes or result.needed_bytes
    if failure.asked_bytes is not None and demand is not None:
        room = min(room, demand + context)
    least = max((room - context) / SAFETY, demand or 0.0) * BEYOND
    if grown(phase) > NOTICEABLE * phase.bytes:
        factor = (least - static(phase)) / grown(phase)
        return Measured(min(max(1.0, factor), MOST_MISSED), 0.0, room)
    return Measured(1.0, max(0.0, least - phase.bytes), room)


def static(phase: Phase) -> float:
    return sum(size for name, size in phase.terms.items() if name in STATIC)


def grown(phase: Phase) -> float:
    """What the micro-batch takes in ``phase``."""
    return phase.bytes - static(phase)


def phase_of(failure: Failure, result: Estimate) -> Phase:
    """The failing phase, or the peak where it is not known."""
    return result.phase(failure.phase) if failure.phase in PHASES else result.peak


def title(failure: Failure) -> Message:
    """ "Out of memory in the optimizer step, at step 118"."""
    if failure.phase not in PHASES:
        return Message("memory.killed" if failure.killed else "memory.out-of-memory", when=failure.when)
    code = "memory.killed-in" if failure.killed else "memory.out-of-memory-in"
    return Message(code, phase=PHASES[failure.phase], when=failure.when)


def what_did_not_fit(failure: Failure, setup: Setup) -> Message:
    """Phase and term: "the loss (end of the forward pass): logits of …, about 2.1 GiB, beside 12.4 GiB of weights"."""
    result = estimate_run(setup)
    phase = phase_of(failure, result)
    moving = {name: size for name, size in phase.terms.items() if name not in STATIC}
    largest = max(moving, key=lambda name: moving[name], default="")
    if not largest or moving[largest] < NOTICEABLE * phase.bytes:
        largest = max(phase.terms, key=lambda name: phase.terms[name])
    size = phase.terms[largest] * (1.0 if largest in STATIC else measure(failure, setup).factor)
    weights = sum(phase.terms.get(name, 0.0) for name in ("block_weights", "tables", "other_weights"))
    told = {"phase": phase.title, "term": _term(largest, result), "bytes": size}
    what = Message("memory.what-did-not-fit", **told)
    if largest not in STATIC and weights:
        what = Message("memory.what-did-not-fit-beside", weights=weights, **told)
    return what if failure.phase in PHASES else Message("memory.most-likely", what=what)


def shortage(failure: Failure, setup: Setup | None) -> tuple[Message, ...]:
    """What was held, asked for and there, and by how much the estimate had missed it; a sentence each."""
    parts = []
    if failure.held_bytes is not None:
        code = "memory.held-last" if failure.killed else "memory.held"
        parts.append(Message(code, held=failure.held_bytes))
        if failure.asked_bytes and not failure.killed:
            parts[0] = Message("memory.held-and-asked", held=failure.held_bytes, asked=failure.asked_bytes)
    if failure.total_bytes is not None and failure.room_bytes is not None:
        others, on_gpu = failure.total_bytes - failure.room_bytes, failure.device == "cuda"
        parts.append(Message("memory.gpu-has" if on_gpu else "memory.ram-has", total=failure.total_bytes))
        if others > NOTICEABLE * failure.total_bytes:
            code = "memory.gpu-has-others" if on_gpu else "memory.ram-has-others"
            parts[-1] = Message(code, total=failure.total_bytes, others=others)
    if setup is not None:
        estimated = estimate_run(setup)
        if measure(failure, setup).needed_bytes(estimated) > estimated.needed_bytes * (1 + NOTICEABLE):
            parts.append(Message("memory.estimate-missed", estimated=estimated.needed_bytes))
    return tuple(parts)


def named(others: Sequence[ProcessUse], most: int = NAMED_OTHERS) -> list[Message]:
    """ "python, user u17, 11.2 GiB" for each, the largest first; what is not known of one is left out."""
    ordered = sorted(others, key=lambda other: -(other.memory or 0))
    told = [_holder(other) for other in ordered[:most]]
    if len(ordered) > most:
        told.append(Message("memory.more-processes", count=len(ordered) - most))
    return told


def _holder(other: ProcessUse) -> Message:
    who = owner(other)
    return Message("memory.process-holds", who=who, bytes=other.memory) if other.memory else who


def owner(other: ProcessUse) -> Message:
    """ "python, user u17"."""
    who = Message.literal(other.program) if other.program else Message("memory.process", pid=str(other.pid))
    return Message("memory.process-of", program=who, user=other.user) if other.user else who


def _term(name: str, result: Estimate) -> Message:
    """What a term is made of in this run, in the numbers that decide its size."""
    job, shape, term = result.job, result.job.shape, LABELS[name][1]
    batch = Message("memory.batch", rows=job.rows, tokens=job.row_tokens)
    if name == "logits":
        chunk = result.profile.loss.chunk_tokens
        if chunk is None:
            return Message("memory.of-logits", batch=batch, vocab=shape.vocab)
        at_once = min(chunk, max(1, round(job.tokens * job.supervised_share)))
        return Message("memory.of-logit-chunks", chunk=at_once, vocab=shape.vocab, batch=batch)
    if name == "checkpoints":
        recomputes = job.checkpointing != "none"
        code = "memory.of-layer-inputs" if recomputes else "memory.of-activations"
        return Message(code, layers=shape.layers, batch=batch)
    if name == "block_weights":
        kept = job.quantization[:4] if job.is_quantized else "16 bit"
        return Message("memory.of-weights", layers=shape.layers, format=kept)
    if name in ("optimizer", "gradients", "adapters"):
        return Message("memory.of-adapter", term=term, rank=job.rank)
    if name == "tables":
        return Message("memory.of-tables", vocab=shape.vocab, hidden=shape.hidden)
    if name == "kv_cache":
        return Message("memory.of-kv-cache", tokens=job.answer_tokens)
    return Message("memory.of-batch", term=term, batch=batch)


Carries = Literal["all", "without optimizer", "nothing"]
"""What of a checkpoint fits a changed run."""
_CARRIES: dict[str, Carries] = {
    "train.micro_batch_tokens": "all",
    "train.gradient_checkpointing": "all",
    "model.attn_implementation": "all",
    "launch.gpus": "all",
    "train.optim": "without optimizer",
}
_ORDER: tuple[Carries, ...] = ("all", "without optimizer", "nothing")
MOST = 3
OTHERS_MATTER = 0.5 * GIB
MOST_TOGETHER = 6


@dataclass(frozen=True)
class Remedy:
    """``settings`` by dotted field. ``saved_bytes`` at the peak; ``slow_down`` 0.5 is half as long again.

    ``carries`` says what of a checkpoint can be gone on with. ``enough``: it fits then, by what was measured.
    ``wait_bytes``: so much must be free on the GPU before a start makes sense. The part ``why`` of ``what`` explains.
    """

    what: Message
    settings: dict[str, object]
    saved_bytes: float
    slow_down: float
    carries: Carries
    enough: bool
    same_result: bool = True
    wait_bytes: float | None = None

    @property
    def gain(self) -> list[Message]:
        """ "saves 7.1 GiB", "50% slower"."""
        parts = []
        if self.saved_bytes and self.wait_bytes:
            parts = [Message("memory.frees", bytes=self.saved_bytes)]
        elif self.saved_bytes and "launch.gpus" in self.settings:
            parts = [Message("memory.has-more", bytes=self.saved_bytes)]
        elif self.saved_bytes:
            parts = [Message("memory.saves", bytes=self.saved_bytes)]
        if self.slow_down > SLOWER:
            parts.append(Message("memory.slower", share=self.slow_down))
        return parts if self.enough else [*parts, Message("memory.not-enough")]

    @property
    def message(self) -> Message:
        """ "Gradient checkpointing: saves 7.1 GiB, 50% slower"."""
        gain = self.gain
        return Message("memory.change-line", what=self.what, gain=gain) if gain else self.what


def remedies(failure: Failure, setup: Setup | None, gpus: Sequence[Gpu] = ()) -> tuple[Remedy, ...]:
    """At most three, the best first. ``setup`` is the run as it failed, every ``auto`` resolved; None: not known.

    ``gpus`` are those of the machine now: a freer one is a remedy too.
    """
    found = measure(failure, setup) if setup is not None else None
    chosen = list(_changes(setup, found)[:MOST]) if setup is not None and found is not None else []
    needed = found.needed_bytes(estimate_run(setup)) if setup is not None and found is not None else None
    waiting = _wait(failure, needed)
    if waiting is not None:
        chosen.insert(1 if chosen and chosen[0].enough else 0, waiting)
    freer = _other_gpu(failure, needed, gpus)
    if freer is not None:
        chosen.insert(0, freer)
    return tuple(chosen[:MOST])


def carries(settings: Mapping[str, object]) -> Carries:
    """What of a checkpoint a run can go on with after ``settings`` have changed."""
    return max((_CARRIES.get(field, "nothing") for field in settings), key=_ORDER.index, default="all")


def _changes(setup: Setup, found: Measured) -> list[Remedy]:
    """Changed settings: those that suffice first; when none does, the fewest that do together lead."""
    single = sorted((_weigh(setup, change, found) for change in candidates(setup)), key=_rank)
    worth = [remedy for remedy in single if remedy.saved_bytes >= LEAST_WORTH]
    if not worth or worth[0].enough:
        return worth
    together = _together(setup, found)
    return ([together] if together is not None else []) + worth


def _weigh(setup: Setup, change: Change, found: Measured) -> Remedy:
    before, after = estimate_run(setup), estimate_run(setup.with_settings(change.settings))
    needed = found.needed_bytes(after)
    return Remedy(
        change.what, change.settings, found.needed_bytes(before) - needed,
        slow_down(before, after, setup.device_name), carries(change.settings), needed <= found.room_bytes,
        change.same_result,
    )  # fmt: skip


def _rank(remedy: Remedy) -> tuple[bool, int, bool, float, float]:
    return (not remedy.enough, _ORDER.index(remedy.carries), not remedy.same_result, round(remedy.slow_down, 2),
            -remedy.saved_bytes)  # fmt: skip


def _together(setup: Setup, found: Measured) -> Remedy | None:
    """Changes added one by one until it fits: those that keep the checkpoint first, then the largest."""
    settings: dict[str, object] = {}
    made: dict[str, Message] = {}
    same = True
    for _ in range(MOST_TOGETHER):
        now = setup.with_settings(settings)
        weighed = [_weigh(now, change, found) for change in candidates(now)]
        weighed = [remedy for remedy in weighed if remedy.saved_bytes >= LEAST_WORTH]
        if not weighed:
            return None
        enough = [remedy for remedy in weighed if remedy.enough]
        best = min(enough, key=_rank) if enough else min(
            weighed, key=lambda remedy: (_ORDER.index(remedy.carries), -remedy.saved_bytes)
        )  # fmt: skip
        settings |= best.settings
        made |= dict.fromkeys(best.settings, best.what)
        same = same and best.same_result
        if best.enough:
            return _weigh(setup, Change(all_of(made), settings, 0, 0, same, True), found)
    return None


def _wait(failure: Failure, needed: float | None) -> Remedy | None:
    """Where the run would fit without the others: start again once they are gone."""
    if failure.device != "cuda" or failure.total_bytes is None or failure.room_bytes is None:
        return None
    held = failure.total_bytes - failure.room_bytes
    if held < OTHERS_MATTER or needed is None or needed > failure.total_bytes:
        return None
    largest = max(failure.others, key=lambda other: other.memory or 0, default=None)
    what = Message("memory.wait-for", who=owner(largest)) if largest is not None else Message("memory.wait")
    return Remedy(what, {}, held, 0.0, "all", True, wait_bytes=needed)


def _other_gpu(failure: Failure, needed: float | None, gpus: Sequence[Gpu]) -> Remedy | None:
    """The freest other GPU, if the run fits there."""
    least = needed if needed is not None else failure.room_bytes
    if failure.device != "cuda" or failure.gpu is None or least is None:
        return None
    others = [gpu for gpu in gpus if gpu.index != failure.gpu and (gpu.free_bytes or 0) > least]
    best = max(others, key=lambda gpu: gpu.free_bytes or 0, default=None)
    if best is None:
        return None
    free = best.free_bytes or 0
    what = Message("memory.other-gpu-unnamed", gpu=best.index, free=free)
    if best.name:
        what = Message("memory.other-gpu", gpu=best.index, name=best.name, free=free)
    more = max(0.0, free - (failure.room_bytes or free))
    return Remedy(what, {"launch.gpus": best.key}, more, 0.0, "all", True)
