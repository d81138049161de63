"""The typed events of a run's log. ``engine.runs.event_lines`` makes lines of them, ``engine.runs.writer`` appends.

A line is ``{"v":2,"seq":n,"t":unix_seconds,"type":…}``. Lines are appended with one write each and never
rewritten; NaN and infinities are strings, so that any JSON reader can follow. What a person is to read is a code with
named arguments, ``{"code":"events.loading","args":{"model":"tiny"}}``; sentences are made where they are shown. Lines
of version 1, which held sentences, are read by ``engine.runs.events_v1``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.common.errors import TunedeckError
from engine.messages.message import Message

VERSION = 2


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False, gc=False):
    """What every line has: ``seq`` counts from 1 without gaps, ``t`` is Unix time in seconds.

    Events hold no cycles; leaving them out of garbage collection halves the time to read a long log.
    """

    v: int = VERSION
    seq: int = 0
    t: float = 0.0


class RunStarted(Event, tag="run_started", frozen=True, kw_only=True):
    """A runner took the lock. ``resumed_from_step`` is None on the first start; ``world_size`` processes train.

    Every so many steps it evaluates, answers and saves (None: an older log). On the CPU ``device`` is "CPU" and
    ``threads`` says how many compute.
    """

    pid: int = 0
    host: str = ""
    world_size: int = 1
    device: str = ""
    threads: int | None = None
    model: str = ""
    method: str = ""
    strategy: str = ""
    total_steps: int | None = None
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    train_rows: int | None = None
    eval_rows: int | None = None
    test_rows: int | None = None
    resumed_from_step: int | None = None
    evaluate_every: int | None = None
    sample_every: int | None = None
    save_every: int | None = None
    versions: dict[str, str] = {}


class Phase(Event, tag="phase", frozen=True, kw_only=True):
    """What the runner is doing now; ``done`` of ``total`` in ``unit`` where that can be counted.

    ``name`` and ``unit`` are those of ``engine.runs.phases``.
    """

    name: str = ""
    done: float | None = None
    total: float | None = None
    unit: str = ""
    message: Message | None = None


class Rows(Event, tag="rows", frozen=True, kw_only=True):
    """What is trained on, said before the first step: ``rows`` and their ``tokens``, repeats not counted.

    ``supervised_share`` and ``padding_share`` are 0 to 1, of the rows' tokens and of those that are computed.
    ``dropped`` counts rows by why they were left out (unreadable, repeated, too-long, unrenderable, unsupervised,
    weightless); ``cached`` when they had been tokenised before. ``unused`` are columns, by source, that nothing was
    read from; ``noted`` says how many rows were not all taken as they stand there, a message a kind.
    """

    rows: int = 0
    tokens: int = 0
    supervised_share: float = 0.0
    padding_share: float | None = None
    dropped: dict[str, int] = {}
    cached: bool = False
    seconds: float = 0.0
    unused: dict[str, list[str]] = {}
    noted: list[Message] = []


class Step(Event, tag="step", frozen=True, kw_only=True):
    """One optimizer step. ``loss`` is the mean over its supervised tokens; memory in bytes, times in s."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    num_tokens: int
    supervised_tokens: int
    tokens_per_second: float
    step_time: float
    memory_allocated: int | None = None
    memory_reserved: int | None = None
    loss_by_source: dict[str, float] = {}


class Eval(Event, tag="eval", frozen=True, kw_only=True):
    """Held-out loss and metrics. ``moment`` is before, during or after training. ``answer_seconds`` of its ``seconds``
    went into answers.

    ``n`` rows were answered for the metrics, the loss is of ``loss_n`` (0 in older logs: of ``n`` too). ``part`` is
    validation, or test: rows that nothing is decided by, measured before and after only.
    """

    step: int
    moment: str = "during"
    part: str = "validation"
    loss: float | None = None
    n: int = 0
    loss_n: int = 0
    metrics: dict[str, float] = {}
    seconds: float = 0.0
    answer_seconds: float = 0.0
    loss_by_source: dict[str, float] = {}

    @property
    def loss_rows(self) -> int:
        return self.loss_n or self.n


class Evaluated(Event, tag="evaluated", frozen=True, kw_only=True):
    """An evaluation is whole and kept as ``evaluations/NAME``; ``sentence`` is its verdict."""

    name: str
    n: int = 0
    sentence: Message | None = None
    seconds: float = 0.0


class Forgetting(Event, tag="forgetting", frozen=True, kw_only=True):
    """How far the tuned model is from its base. ``moment`` is that of an Eval.

    ``kl_task`` and ``kl_prompts`` are the mean KL(base || tuned) in nats a token over answers and over prompts of the
    run's own ``task_rows``, ``kl_general`` over ``general_rows`` of general text and dialogues, of which the losses
    ``general_loss`` and ``base_loss`` are the tuned model's and the base's; ``texts_loss`` and ``answers_loss`` are its
    loss on the texts and on the answers of the dialogues among them. ``old_loss`` is that of rows of earlier runs.
    Those that end in ``_before`` are the figures before the training. None: not measured, or not finite. ``mark`` is
    fine, look, stop or unknown, by the rises since then; ``reasons`` say by which.
    """

    step: int
    moment: str = "during"
    kl_task: float | None = None
    kl_prompts: float | None = None
    kl_general: float | None = None
    general_loss: float | None = None
    base_loss: float | None = None
    old_loss: float | None = None
    kl_before: float | None = None
    general_before: float | None = None
    old_before: float | None = None
    texts_loss: float | None = None
    texts_before: float | None = None
    answers_loss: float | None = None
    answers_before: float | None = None
    mark: str = "unknown"
    reasons: list[Message] = []
    task_rows: int = 0
    general_rows: int = 0
    seconds: float = 0.0


class Sample(Event, tag="sample", frozen=True, kw_only=True):
    """One generated answer; ``index`` tells the prompts apart so that answers can be laid side by side.

    ``seconds`` are those of all answers that were generated with it.
    """

    step: int
    moment: str = "during"
    index: int = 0
    prompt: str = ""
    answer: str = ""
    reference: str | None = None
    seconds: float = 0.0


class ProcessUse(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else's process with memory on a GPU; ``program`` and ``user`` as far as this user may know."""

    pid: int = 0
    user: str | None = None
    program: str | None = None
    memory: int | None = None


class GpuUse(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU of the run: bytes, per cent, degrees Celsius, watts; None where it can't be had.

    ``used`` is by everybody, ``reserved`` and ``peak_allocated`` are torch's in this process.
    """

    index: int = 0
    name: str | None = None
    total: int | None = None
    used: int | None = None
    reserved: int | None = None
    peak_allocated: int | None = None
    utilization: int | None = None
    temperature: int | None = None
    power: float | None = None
    others: list[ProcessUse] = []


class Device(Event, tag="device", frozen=True, kw_only=True):
    """What the machine measured: this process's RAM in bytes, the host's, and the GPUs in use."""

    rss: int | None = None
    peak_rss: int | None = None
    ram_total: int | None = None
    ram_available: int | None = None
    gpus: list[GpuUse] = []


class MemoryPlan(Event, tag="memory_plan", frozen=True, kw_only=True):
    """What the run is expected to take on its device, said before the weights are loaded. Sizes in bytes.

    ``phases`` by the names of ``engine.memory.estimate.PHASES``; ``terms`` are those of the peak, by the names of
    ``engine.memory.estimate``. ``settings`` are what ``auto`` became, each with its reason in ``reasons``.
    """

    device: str = ""
    name: str = ""
    total_bytes: int | None = None
    available_bytes: int | None = None
    needed_bytes: int = 0
    allocated_bytes: int = 0
    shown_bytes: int = 0
    peak_phase: str = ""
    phases: dict[str, int] = {}
    terms: dict[str, int] = {}
    verdict: Message | None = None
    longest_row: int | None = None
    micro_batch_tokens: int | None = None
    settings: dict[str, Any] = {}
    reasons: dict[str, Message] = {}
    others: list[ProcessUse] = []


class MemoryMeasured(Event, tag="memory_measured", frozen=True, kw_only=True):
    """Predicted and measured bytes by phase. ``moment`` is rehearsal or run.

    ``of`` says what was measured: resident (of the process) or allocated (by torch on the GPU).
    """

    moment: str = "rehearsal"
    of: str = ""
    predicted: dict[str, int] = {}
    measured: dict[str, int] = {}


class OutOfMemory(Event, tag="out_of_memory", frozen=True, kw_only=True):
    """Memory ran out in ``phase``. With ``retry_tokens`` the work is repeated in micro-batches of that size.

    Without it the run ends. ``cause`` is what was said, ``asked_bytes`` what could not be had. Sizes in bytes, None
    where they can't be had.
    """

    step: int | None = None
    phase: str = ""
    device: str = ""
    cause: Message | None = None
    asked_bytes: int | None = None
    retry_tokens: int | None = None
    allocated_bytes: int | None = None
    free_bytes: int | None = None
    total_bytes: int | None = None
    others: list[ProcessUse] = []


class Checkpoint(Event, tag="checkpoint", frozen=True, kw_only=True):
    """A complete checkpoint is on disk at ``path`` (relative to the run directory).

    ``reason``: scheduled, best, last-step, asked, pause, stop, early-stop, out-of-memory or not-finite.
    """

    step: int
    path: str
    size_bytes: int = 0
    seconds: float = 0.0
    reason: str = ""


class HeldRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a step: where it is from, its length in tokens, the mean loss of its tokens (None: not known).

    ``text`` is the beginning of what it says.
    """

    source: str = ""
    file: str = ""
    row: int = 0
    tokens: int = 0
    loss: float | None = None
    text: str = ""


class Spike(Event, tag="spike", frozen=True, kw_only=True):
    """The loss of a step is out of line, or loss or gradient is no number; ``kind`` is loss or not-finite.

    ``expected`` is the median of the steps before, ``score`` how many robust deviations the loss is above it (None:
    not told). The step held ``row_count`` rows, of which ``rows`` are those with the highest loss, highest first.
    ``keys`` tell all of them by their content, for ``engine.runs.rollback`` to skip.
    """

    step: int
    kind: str = "loss"
    loss: float
    expected: float | None = None
    score: float | None = None
    grad_norm: float
    learning_rate: float
    rows: list[HeldRow] = []
    row_count: int = 0
    keys: list[str] = []


class RateLowered(Event, tag="rate_lowered", frozen=True, kw_only=True):
    """From the step after ``step`` on the schedule is ``factor`` times as high as it was, ``scale`` times in all."""

    step: int
    factor: float
    scale: float


class RolledBack(Event, tag="rolled_back", frozen=True, kw_only=True):
    """The run goes on from its state after ``step``: the steps after it up to ``from_step`` are abandoned.

    They stay in the log before this event. ``num_tokens`` and ``supervised_tokens`` are those of ``step``.
    ``rate_factor`` is what the learning rate was multiplied by (None: nothing), ``skipped_rows`` how many rows are
    trained on no more, those of ``skipped_steps``; ``undone`` says what else had changed after ``step``.
    """

    step: int
    from_step: int
    num_tokens: int = 0
    supervised_tokens: int = 0
    rate_factor: float | None = None
    skipped_rows: int = 0
    skipped_steps: list[int] = []
    undone: list[Message] = []


class StepSkipped(Event, tag="step_skipped", frozen=True, kw_only=True):
    """All rows of ``step`` are skipped: nothing was trained, and the next step follows."""

    step: int


class Warn(Event, tag="warning", frozen=True, kw_only=True):
    """Something a person should know; training goes on. The code of ``message`` tells the kind."""

    message: Message
    step: int | None = None


class ControlAck(Event, tag="control_ack", frozen=True, kw_only=True):
    """The runner has seen control command number ``control_seq`` and did, or refused, it.

    ``by`` is who gave it ("": not known).
    """

    control_seq: int
    command: str
    ok: bool = True
    message: Message | None = None
    by: str = ""


class State(Event, tag="state", frozen=True, kw_only=True):
    """The runner's own word on its state: starting, running, paused, stopping."""

    state: str
    reason: Message | None = None


class Heartbeat(Event, tag="heartbeat", frozen=True, kw_only=True):
    """Written when nothing else was for a while, so that silence means something."""

    state: str = ""


class Finished(Event, tag="finished", frozen=True, kw_only=True):
    """A clean end. ``outcome`` is finished or stopped; ``adapter`` is relative to the run directory.

    The adapter is that of ``result_step``, which ``result`` gives the reason for (None: there was nothing to choose).
    """

    outcome: str
    step: int
    adapter: str | None = None
    seconds: float = 0.0
    reason: Message | None = None
    result_step: int | None = None
    result: Message | None = None


class Failed(Event, tag="failed", frozen=True, kw_only=True):
    """An end with an error: the name of its class, and its code with arguments in ``reason``."""

    reason: Message
    error: str = "TunedeckError"
    step: int | None = None

    @classmethod
    def of(cls, error: TunedeckError) -> Failed:
        return cls(reason=error.reason, error=type(error).__name__)

    @property
    def as_error(self) -> TunedeckError:
        """The error, of its class where this process knows it."""
        return TunedeckError.from_json({"error": self.error, **self.reason.as_json()})


AnyEvent = (
    RunStarted | Phase | Rows | Step | Eval | Evaluated | Forgetting | Sample | Device | MemoryPlan | MemoryMeasured
    | OutOfMemory | Checkpoint | Spike | RateLowered | RolledBack | StepSkipped | Warn | ControlAck | State | Heartbeat
    | Finished | Failed
)  # fmt: skip
