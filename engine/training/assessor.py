"""What measures the model of a run: its unseen rows, what is asked of them, and the evaluation it makes of itself."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from engine.common.errors import TunedeckError
from engine.common.files import read_json
from engine.config.schema import RunConfig
from engine.data.rows.messages import Row
from engine.evaluation.assess import Assessor, Part, Unseen
from engine.evaluation.evaluate import Questions
from engine.evaluation.generate import Generator
from engine.evaluation.losses_of_run import MOST_PIECES, LossesOfRun, State
from engine.evaluation.of_run import Answering, OfRun, changes_base, of_run
from engine.evaluation.trained_on import learned_before
from engine.messages.message import Message
from engine.metrics.choose import Choice, choose
from engine.modeling.adapter_off import adapter_off
from engine.modeling.batches import Batch
from engine.models.adapter.card import read_adapter
from engine.models.weights import weight_files
from engine.runs import evaluations
from engine.runs.ahead import rhythm_of
from engine.runs.baselines import Asked, asked, by_metric
from engine.runs.directory import COMPLETE, RunDir
from engine.tokens.examples import Example
from engine.tokens.render import Renderer
from engine.training.objectives.sft import Sft
from engine.training.prepare import Training

_ADAPTER = "adapter_model.safetensors"


def assessor(training: Training, budget_tokens: int, run: RunDir | None = None) -> Assessor:
    """What measures the model on the unseen rows, in batches of ``budget_tokens``.

    With ``run`` its evaluation ``training`` is kept there.
    """
    built, words, rows = training.built, training.words, training.rows

    def unseen(examples: Sequence[Any], dialogues: Sequence[Row]) -> Unseen:
        def recut(tokens: int) -> Sequence[Batch]:
            return training.objective.cut(examples, tokens, training.layout) if examples else []

        return Unseen(dialogues, recut(budget_tokens), recut)

    generator = Generator(
        built.model, words.tokenizer, words.stops, words.pad_id, training.phases.check, training.memory,
        most_positions=training.card.position_limit, read_tokens=budget_tokens,
    )  # fmt: skip
    renderer = Renderer(words.tokenizer, words.stops)
    own = _own(training, run, budget_tokens, generator, renderer) if run is not None else None
    losses = _losses(training, run, budget_tokens, renderer) if run is not None and own is None else None
    return Assessor(
        training.config, built.net, generator, renderer, unseen(rows.heldout, rows.heldout_rows),
        unseen(rows.test, rows.test_rows), rows.sources, training.placement.device, training.phases, training.memory,
        training.ranks, own.choice if own is not None else _choice(training, rows.heldout_rows), own, losses,
    )  # fmt: skip


def _own(
    training: Training, run: RunDir, budget_tokens: int, generator: Generator, renderer: Renderer
) -> OfRun | None:  # fmt: skip
    """The run's own evaluation, on the test set where there is one; None where nothing is answered."""
    config, rows = training.config, training.rows
    part: Part = "test" if len(rows.test_rows) else "validation"
    held = rows.test_rows if part == "test" else rows.heldout_rows
    found = _asked(training, held[: config.eval.generate_rows], len(held), renderer)
    if not found.rows:
        return None
    questions = Questions(
        evaluations.folder(run, evaluations.TRAINING), evaluations.TRAINING, part, held[: found.rows], found.new_tokens,
        metric_file=config.eval.metric_file,
    )  # fmt: skip
    by = Answering(generator, renderer, rows.sample, budget_tokens, _weights(training), _of_step(training, run))
    own = of_run(config, found, questions, _choice(training, held), by, training.phases, training.ranks)
    if part == "validation" and _is_decided_by(training):
        own.notes.append(Message("baselines.on-validation"))
    if training.ranks.is_first:
        own.notes += learned_before(run, questions.rows, training.phases)
    return own


def _losses(training: Training, run: RunDir, budget_tokens: int, renderer: Renderer) -> LossesOfRun | None:
    """The run's own evaluation where nothing is answered; None where nothing is held out, or by another rank."""
    config, rows, objective = training.config, training.rows, training.objective
    part: Part = "test" if len(rows.test) else "validation"
    held = rows.test if part == "test" else rows.heldout
    if not len(held) or not isinstance(objective, Sft) or not training.ranks.is_first:
        return None
    pieces: dict[int, list[Example]] = {}
    begins: list[int] = []
    for place, piece in enumerate(held[:MOST_PIECES]):
        if piece.row not in pieces:
            begins.append(place)
        pieces.setdefault(piece.row, []).append(piece)
    dialogues = rows.test_rows if part == "test" else rows.heldout_rows
    asked = _asked(training, dialogues[: config.eval.generate_rows], len(dialogues), renderer)
    digest = hashlib.sha256(b"".join(piece.ids.tobytes() + piece.labels.tobytes() for piece in held[:MOST_PIECES]))
    questions = Questions(
        evaluations.folder(run, evaluations.TRAINING), evaluations.TRAINING, part, [], 0, rows_sha256=digest.hexdigest()
    )
    notes = [Message("baselines.because", reason=asked.reason)]
    if part == "validation" and _is_decided_by(training):
        notes.append(Message("baselines.on-validation"))
    notes += learned_before(run, held.originals(begins, rows.sources), training.phases)
    return LossesOfRun(
        questions, list(pieces.values()), [_wanted(each, renderer.tokenizer) for each in pieces.values()],
        training.built.net, lambda examples, tokens: objective.cut(examples, tokens, training.layout), budget_tokens,
        training.placement.device, _baselines(training, run), _of_step(training, run), training.phases, training.memory,
        Message("metrics.only-loss" if len(dialogues) else "metrics.is-text"), notes,
    )  # fmt: skip


def _baselines(training: Training, run: RunDir) -> list[tuple[str, str, State]]:
    """What the loss of a result is compared with: the base, or what an earlier adapter made of it, on one model."""
    config, weights = training.config, _weights(training)
    off = partial(adapter_off, training.built.model)
    if config.strategy.kind == "continue":
        old = (evaluations.OLD_ADAPTER, _of_step(training, run)(0), nullcontext)
        return [(evaluations.BASE, weights, off), old]
    if config.strategy.kind == "merge":
        return [(evaluations.OLD_ADAPTER, weights, off)]
    return [(evaluations.BASE, weights, nullcontext if changes_base(config) else off)]


def _wanted(pieces: Sequence[Example], tokenizer: Any) -> str:
    """What of a row is predicted, as text."""
    counted = [piece.ids[piece.labels >= 0] for piece in pieces]
    return "".join(str(tokenizer.decode(ids, skip_special_tokens=True)) for ids in counted)


def _is_decided_by(training: Training) -> bool:
    """Whether the validation set decides over the result: which step is kept, or when to stop."""
    section, total = training.config.eval, training.steps.total_steps
    uses = section.keep == "best" or section.early_stopping_patience is not None
    return uses and rhythm_of(training.config, total).evaluate < total


def _asked(training: Training, some: Sequence[Row], count: int, renderer: Renderer) -> Asked:
    tokenizer, device = renderer.tokenizer, training.placement.device.type
    lengths = [len(tokenizer(row.messages[-1].text, add_special_tokens=False)["input_ids"]) for row in some]
    mean = statistics.fmean(lengths) if lengths else 0.0
    return asked(training.config, count, mean, max(lengths, default=0), "cuda" if device == "cuda" else "cpu")


def _choice(training: Training, held: Sequence[Row]) -> Choice:
    """The metrics of answers to ``held``, that which the best step is found by among them."""
    config = training.config
    references = [row.messages[-1].text for row in held[: config.eval.generate_rows]]
    trained = [row.messages[-1].text for row in training.rows.sample if _ends_with_answer(row)]
    choice = choose(references, trained, config.eval)
    if by_metric(config) and config.eval.best_by not in choice.metrics:
        return replace(choice, metrics=(*choice.metrics, config.eval.best_by))
    return choice


def _ends_with_answer(row: Row) -> bool:
    return bool(row.messages) and row.messages[-1].role == "assistant"


def _weights(training: Training) -> str:
    """What tells the base's weights from others: name, size and time of their files, and how they are loaded."""
    stats = [(file.name, file.stat()) for file in weight_files(Path(training.card.path))]
    files = [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats]
    model = training.config.model
    return " ".join([*files, model.quantization, str(training.placement.dtype)])


def _begun_with(config: RunConfig) -> str:
    """What tells the adapter that a run goes on from from others: a run's name may mean another one by now."""
    try:
        file = read_adapter(config.strategy.adapter, config.model.allow_pickle).file
        stat = file.stat()
    except (TunedeckError, OSError):
        return config.strategy.adapter  # it is needed no more
    return f"{file} {stat.st_size} {stat.st_mtime_ns}"


def _of_step(training: Training, run: RunDir) -> Callable[[int], str]:
    """What tells the adapter after a step from others: the hash of its checkpoint's, or of the one begun with."""
    weights = _weights(training)

    def of_step(step: int) -> str:
        return f"{weights} {of_adapter(step)}"

    def of_adapter(step: int) -> str:
        if step == 0:
            return _begun_with(training.config)
        files = read_json(run.checkpoint(step) / COMPLETE).get("files")
        return f"step {step} {files.get(_ADAPTER) if isinstance(files, dict) else ''}"

    return of_step
