"""How long a run takes: the tokens of its rows at the pace that is expected, and what stands around the steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from engine.config.schema import RunConfig, TrainSection
from engine.machine.cpu_specs import Cpu
from engine.memory.estimate import Estimate
from engine.memory.from_config import ANSWER_TOKENS
from engine.memory.job import Job
from engine.memory.speed import CPU, as_trained, on_cpu, passes, seconds_per_token
from engine.memory.throughput import Basis, Expected
from engine.messages.message import Message
from engine.metrics.choose import named
from engine.runs.ahead import rhythm_of
from engine.runs.baselines import MOST_PROMPT_TOKENS, Asked, asked, by_metric

START_S = 6.0
"""Importing the libraries, reading rows, setting up the device."""
READ_BYTES_S = 1e9
"""Of weights from a disk to where they are computed with."""
REHEARSED = 3
"""Micro-batches that are tried before the first step."""
AROUND_SHARE = 0.25
"""Of the time for a run's steps, that evaluations in between may take by default, and answers as much again."""
PROMPTS_AT_ONCE = 50
DECODE_LAYER_S = 6e-4
"""Of a layer for one more token of all answers side by side: some sixty operations of ten microseconds each."""

GAUGE_SHARE = 0.05
"""Of the time between two evaluations, that the gauge of forgetting may take by itself."""
GAUGE_ROWS = (16, 8, 4)
"""Rows of each kind that it reads: as many as that share allows."""
GAUGE_ROW_TOKENS, GENERAL_TOKENS = 256, 90
"""A row of the task is read as far as this; a passage of general text has about so many tokens."""
QUESTION_TOKENS = 48
"""Of an answer to a general question: enough to see language, loops and whether it ends."""
GAUGE_PASSES = 1.6
"""Of the gauge, in forward passes: the tuned model's, and the head three times instead of once."""


@dataclass(frozen=True)
class DataSize:
    """Rows to train on and their tokens in one pass. ``exact``: they were tokenised, not guessed from bytes.

    ``answer_tokens``: trained tokens of a row on average, 0 where that is not known.
    """

    rows: int
    tokens: int
    exact: bool
    answer_tokens: float = 0.0


@dataclass(frozen=True)
class Duration:
    """``training_s`` for the optimizer's steps, ``beside_s`` for loading, rehearsal, evaluation and answers."""

    training_s: float
    tokens: int
    tokens_per_second: float
    origin: Message
    exact_tokens: bool = True
    basis: Basis = "run"
    beside_s: float = 0.0

    @property
    def seconds(self) -> float:
        return self.training_s + self.beside_s

    @property
    def is_measured(self) -> bool:
        """Whether a run or a probe on this device has shown the pace."""
        return self.basis in ("run", "probe")

    @property
    def short(self) -> Message:
        """ "about 38 min", or "roughly" where the pace is neither measured nor near a published one."""
        seconds = max(1.0, self.seconds)
        return Message("memory.roughly" if self.basis == "computed" else "memory.about", seconds=seconds)

    @property
    def message(self) -> Message:
        """ "about 38 min: 1.2M tokens at 530 tokens/s, measured here in 3 runs"."""
        tokens = "memory.tokens-at" if self.exact_tokens else "memory.guessed-tokens-at"
        parts = [Message(tokens, tokens=self.tokens, rate=self.tokens_per_second), self.origin]
        if self.beside_s >= 1:
            parts.append(Message("memory.beside-training", seconds=self.beside_s))
        return Message("memory.duration-line", time=self.short, parts=parts)


def duration_of(train: TrainSection, size: DataSize, pace: Expected, beside_s: float = 0.0) -> Duration:
    tokens, rate = tokens_to_train(train, size), pace.tokens_per_second
    return Duration(tokens / rate, tokens, rate, pace.origin, size.exact, pace.basis, beside_s)


def seconds_beside(config: RunConfig, job: Job, size: DataSize, tokens_per_second: float, cpu: Cpu | None) -> float:
    """Loading, rehearsal, evaluations and answers, at ``tokens_per_second`` of one device; on ``cpu``, None for
    a GPU. Answers are taken to be as long as they may be: of a group one usually is. A CPU answers as much faster or
    slower than computed as it trains."""
    total, row_tokens = steps_of(config.train, size), size.tokens / max(1, size.rows)
    rhythm, row_s = rhythm_of(config, total), row_tokens / tokens_per_second / passes(job)
    slow = 1.0 if cpu is None else job.tokens / tokens_per_second / on_cpu(job, cpu)
    answering = partial(_answering, job, config=config, cpu=cpu, row_tokens=row_tokens, row_s=row_s, slow=slow)
    sample = config.sample
    device: Literal["cpu", "cuda"] = "cuda" if cpu is None else "cpu"
    held, test = held_out_rows(config, size)
    during = (total - 1) // rhythm.evaluate
    during += bool(during) and config.eval.keep == "best"  # the last step is compared with the others
    losses = row_s * (held * (2 + during) + 2 * test)
    ask = asked_of(config, size, test or held, device)
    shown = min(held, sample.rows) + len(sample.prompts)
    # Before and after the run's own evaluation has answered the shown rows already, unless it is of the test set.
    once = len(sample.prompts) if ask.rows and not test else shown
    answers = (total - 1) // rhythm.sample * answering(shown) + 2 * answering(once)
    answers += _asking(config, ask, answering, row_tokens, row_s)
    # The validation set is answered beside a test set where metrics are named, and each time where one decides.
    own = config.eval.generate_rows if named(config.eval) or by_metric(config) else 0
    times = 2 if test else 0
    if by_metric(config):
        times += during + 1
    answers += times * answering(min(held, own))
    gauge = gauge_rows(config, total, row_tokens, passes(job))
    gauging = gauge * gauge_tokens(row_tokens) / tokens_per_second / passes(job) * GAUGE_PASSES
    answers += gauging * (2 + (total - 1) // rhythm.evaluate)
    texts, questions, _ = elsewhere_rows(gauge)
    losses += 2 * texts * GENERAL_TOKENS / tokens_per_second / passes(job)
    answers += 2 * answering(questions, most=QUESTION_TOKENS)
    loading = START_S + 2 * job.shape.parameters / READ_BYTES_S
    return loading + REHEARSED * job.tokens / tokens_per_second + losses + answers


def held_out_rows(config: RunConfig, size: DataSize) -> tuple[int, int]:
    """Rows of the validation set and of the test set beside those of ``size``, which are trained on."""
    dataset = config.dataset
    shares = [0.0 if rows is not None else share for rows, share in (
        (dataset.eval_rows, dataset.eval_share), (dataset.test_rows, dataset.test_share))]  # fmt: skip
    whole = size.rows / max(0.05, 1 - sum(shares))
    held = dataset.eval_rows if dataset.eval_rows is not None else round(whole * shares[0])
    test = dataset.test_rows if dataset.test_rows is not None else round(whole * shares[1])
    return held, test


def asked_of(config: RunConfig, size: DataSize, rows: int, device: Literal["cpu", "cuda"]) -> Asked:
    """What is asked of so many held-out ``rows`` like those of ``size``; where answers' length is not known, not much.

    The longest answer is taken for twice the mean. Rows of which all is trained are plain text, as far as can be told.
    """
    is_text = size.answer_tokens > 0.98 * size.tokens / max(1, size.rows)
    mean = math.inf if is_text else size.answer_tokens or math.inf
    return asked(config, rows, mean, min(2 * mean, config.eval.max_new_tokens), device)


def _asking(
    config: RunConfig, ask: Asked, answering: Callable[..., float], row_tokens: float, row_s: float
) -> float:  # fmt: skip
    """Seconds of the run's own evaluation: the model before and after, the base under an adapter, and with examples.

    Reading examples takes as long as a forward pass over so many rows more, ``row_s`` each; a group of them is
    rehearsed.
    """
    once = answering(ask.rows, most=ask.new_tokens)
    times = 2 + (ask.base and config.strategy.kind == "continue")
    if not ask.examples:
        return times * once
    fit = min(ask.examples, MOST_PROMPT_TOKENS // max(1.0, row_tokens))
    return (times + 1) * once + (ask.rows + min(ask.rows, PROMPTS_AT_ONCE)) * fit * row_s


def seldomer(
    config: RunConfig, result: Estimate, device: str, cpu: Cpu, total_steps: int, step_tokens: float,
    held_tokens: int, shown: int,
) -> dict[str, int]:  # fmt: skip
    """Steps between evaluations and between answers where the usual ten of each would take more than a share of the
    time for the steps, by field; {} where they don't, and for what the config sets itself.

    A run that may stop early needs its evaluations. ``held_tokens`` are evaluated, ``shown`` rows and prompts answered.
    It counts what is computed, never what was measured, so that a run is measured alike each time.
    """
    found, rhythm, job = {}, rhythm_of(config, total_steps), result.job
    token_s = seconds_per_token(job, result.profile, device, cpu)
    own = as_trained(cpu, result.profile) if device == CPU else None
    allowed_s = AROUND_SHARE * total_steps * step_tokens * token_s
    evaluating_s = held_tokens * token_s / passes(job)
    if by_metric(config):
        evaluating_s += _answering(job, config.eval.generate_rows, config, own)
    answering_s = _answering(job, shown, config, own)
    if config.eval.every is None and config.eval.early_stopping_patience is None:
        rhythm = replace(rhythm, evaluate=_every(rhythm.evaluate, total_steps, evaluating_s, allowed_s))
        found["eval.every"] = rhythm.evaluate
    if config.sample.every is None:
        found["sample.every"] = _every(rhythm.sample, total_steps, answering_s, allowed_s)
    usual = rhythm_of(config, total_steps)
    usual_of = {"eval.every": usual.evaluate, "sample.every": usual.sample}
    return {field: every for field, every in found.items() if every != usual_of[field]}


def gauge_rows(config: RunConfig, total_steps: int, row_tokens: float, train_passes: float = 3.0) -> int:
    """Rows of each kind that the gauge of forgetting reads with each evaluation; 0 where it is off.

    ``row_tokens`` of a row on average, ``train_passes`` over the weights a trained token takes. With ``auto`` it is off
    where even the fewest rows would take more than a share of the time between two evaluations, or of a run that ends
    before the next.
    """
    if config.eval.forgetting is False:
        return 0
    if config.eval.forgetting is True:
        return GAUGE_ROWS[0]
    steps = min(rhythm_of(config, total_steps).evaluate, total_steps)
    interval = steps * config.train.batch_size * row_tokens * train_passes
    allowed = GAUGE_SHARE * interval / (GAUGE_PASSES * gauge_tokens(row_tokens))
    return next((rows for rows in GAUGE_ROWS if rows <= allowed), 0)


def elsewhere_rows(gauge: int) -> tuple[int, int, int]:
    """Texts, questions, and rows of each earlier run that are measured before and after, by the rows of the gauge."""
    return 4 * gauge, 2 * gauge, 6 * gauge


def gauge_tokens(row_tokens: float) -> float:
    """Of one row of the task and one of the general set."""
    return min(row_tokens, GAUGE_ROW_TOKENS) + GENERAL_TOKENS


def _every(usual: int, total_steps: int, once_s: float, allowed_s: float) -> int:
    """``usual``, or more where that comes too often; as many as there are steps where even once is too much."""
    if (total_steps - 1) // usual * once_s <= allowed_s:
        return usual
    return total_steps if once_s > allowed_s else math.ceil(total_steps * once_s / allowed_s)


def _answering(
    job: Job, count: int, config: RunConfig, cpu: Cpu | None, most: int | None = None, row_tokens: float = 0.0,
    row_s: float = 0.0, slow: float = 1.0,
) -> float:  # fmt: skip
    """Seconds of ``count`` answers, generated side by side in groups, token by token.

    A prompt has ``row_tokens`` (else as many as a row can) and is read in ``row_s``. ``slow``: time of this CPU over
    that which is computed.
    """
    if not count:
        return 0.0
    new = most or config.eval.max_new_tokens
    group = max(1, min(count, PROMPTS_AT_ONCE, int(ANSWER_TOKENS // ((row_tokens or job.row_tokens) + new))))
    token_s = job.shape.layers * DECODE_LAYER_S
    if cpu is not None:
        token_s += slow * 2.0 * group * job.shape.parameters / cpu.flops
    return math.ceil(count / group) * new * token_s + count * row_s


def steps_of(train: TrainSection, size: DataSize) -> int:
    """Optimizer steps: ``max_steps`` of them, or those of the passes over the rows."""
    per_epoch = max(1, -(-size.rows // train.batch_size))
    return train.max_steps or max(1, round(per_epoch * train.num_train_epochs))


def tokens_to_train(train: TrainSection, size: DataSize) -> int:
    """Tokens of all optimizer steps: ``max_steps`` of them, or the passes over the rows."""
    return round(size.tokens * steps_of(train, size) / max(1, -(-size.rows // train.batch_size)))


def guess_size(config: RunConfig) -> DataSize | None:
    """Rows and tokens of one pass over the mix, guessed from the head of each source; some milliseconds.

    None where a source can't be read or the shares make no sense: saying so is not this function's job.
    """
    from engine.common.errors import TunedeckError
    from engine.data.mixing.source_figures import of_mix
    from engine.data.mixing.source_guess import guess, hold_out

    try:
        sources = [guess(source, config.dataset) for source in config.data]
        known = [source for source in sources if source is not None]
        if len(known) < len(sources):
            return None
        mix = of_mix(hold_out(known, [source.role for source in config.data], config.dataset), config)
    except (TunedeckError, OSError):
        return None
    return DataSize(mix.rows, max(1, round(mix.tokens)), False, mix.trained / max(1, mix.rows))
