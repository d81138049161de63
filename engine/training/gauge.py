"""What a run's forgetting is measured on: rows of its own task, general text, and rows of the runs it builds on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from engine.common.errors import TunedeckError
from engine.data.general import General, general_of, shipped, spread
from engine.data.rows.messages import Row
from engine.evaluation.elsewhere import Elsewhere
from engine.evaluation.forgetting import GENERAL, OLD, TASK, Gauge, shortened
from engine.evaluation.generate import Generator
from engine.evaluation.old_rows import OldRows, old_rows
from engine.memory.duration import elsewhere_rows, gauge_rows
from engine.messages.message import Message
from engine.metrics.result import BASE, OLD_ADAPTER
from engine.modeling.adapter_off import has_adapter
from engine.modeling.kernels.loss import SupervisedLoss
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.event_lines import decode
from engine.runs.writer import tail_lines
from engine.tokens.examples import Example
from engine.tokens.render import Renderer, RenderError
from engine.training.prepare import Training


def earlier_rows(training: Training) -> list[OldRows]:
    """Rows of the runs that this one builds on, as many as are measured before and after; [] where nothing is."""
    count = gauge_rows_of(training)
    return old_rows(training.config, elsewhere_rows(count)[2]) if count else []


def gauge_of(
    training: Training, budget_tokens: int, earlier: Sequence[OldRows], resumed: RunDir | None = None
) -> Gauge | None:
    """The gauge of the first process, in batches of ``budget_tokens``; None where the run has none.

    ``resumed``: the run that goes on, whose log knows how it began. A general text that can't be read is said, and the
    shipped one taken in its place.
    """
    net = training.built.accelerator.unwrap_model(training.built.net)
    rows = gauge_rows_of(training)
    if not rows or not isinstance(net, SupervisedLoss) or not has_adapter(net.model):
        return None
    renderer = Renderer(training.words.tokenizer, training.words.stops)
    examples = {
        TASK: _own(training, rows),
        GENERAL: _general(training, renderer, rows),
        OLD: _old(training, renderer, earlier, rows),
    }
    gauge = Gauge(
        net, examples, budget_tokens, training.layout, training.placement.device, training.phases, training.memory,
        training.built.accelerator.autocast,
    )  # fmt: skip
    if resumed is not None:
        gauge.start = _start(resumed)
    return gauge


def elsewhere_of(
    training: Training, run: RunDir, generator: Generator, budget_tokens: int, earlier: Sequence[OldRows]
) -> Elsewhere | None:
    """What is measured elsewhere before and after the training; None where the gauge is off."""
    net, config = training.built.accelerator.unwrap_model(training.built.net), training.config
    rows = gauge_rows_of(training)
    if not rows or not isinstance(net, SupervisedLoss) or not has_adapter(net.model):
        return None
    general, (texts, questions, _) = _general_set(training, tell=False), elsewhere_rows(rows)
    return Elsewhere(
        run, net, generator, Renderer(training.words.tokenizer, training.words.stops), spread(general.texts, texts),
        spread(general.dialogues, questions), [each for each in earlier if each.rows],
        BASE if config.strategy.kind == "fresh" else OLD_ADAPTER, config.eval.forgetting_margin,
        config.eval.max_new_tokens, budget_tokens, training.layout, training.placement.device, training.phases,
        training.memory, training.built.accelerator.autocast, config.strategy.kind == "continue",
    )  # fmt: skip


def _start(run: RunDir) -> ev.Forgetting | None:
    """What was measured before the training, as the log of ``run`` has it."""
    told = (decode(line) for line in tail_lines(run.events, 1 << 40) if b'"forgetting"' in line)
    starts = [event for event in told if isinstance(event, ev.Forgetting) and event.moment == "before"]
    return starts[-1] if starts else None


def gauge_rows_of(training: Training) -> int:
    """Rows of each kind; 0 where the gauge is off or would cost too much."""
    lengths = training.rows.train.lengths
    row_tokens = float(lengths.mean()) if len(lengths) else 0.0
    return gauge_rows(training.config, training.steps.total_steps, row_tokens)


def _own(training: Training, count: int) -> list[Example]:
    """Rows of the task: held-out ones, and where these are few some that are trained on."""
    held, train = training.rows.heldout, training.rows.train
    some = [held[index] for index in _places(len(held), count)]
    some += [train[index] for index in _places(len(train), count - len(some))]
    return [shortened(example) for example in some if isinstance(example, Example)]


def _general(training: Training, renderer: Renderer, count: int) -> list[Example]:
    """Half texts, half dialogues."""
    general = _general_set(training)
    dialogues = spread(general.dialogues, count // 2)
    texts = spread(general.texts, count - len(dialogues))
    return [*_rendered(texts, renderer), *_rendered(dialogues, renderer)]


def _general_set(training: Training, tell: bool = True) -> General:
    try:
        return general_of(training.config)
    except TunedeckError as error:
        if tell:
            training.phases.sink(ev.Warn(message=Message("forgetting.text-unusable", reason=error.reason)))
        return shipped()


def _old(training: Training, renderer: Renderer, earlier: Sequence[OldRows], count: int) -> list[Example]:
    found: list[Example] = []
    for old in earlier:
        if old.note is not None:
            training.phases.sink(ev.Warn(message=old.note))
        found += _rendered(old.rows[:count], renderer)
    return found


def _rendered(rows: Iterable[Row], renderer: Renderer) -> list[Example]:
    """``rows`` as examples; those that the template can't write are left out."""
    found = []
    for number, row in enumerate(rows):
        try:
            ids, labels = renderer.render(row)
        except RenderError:
            continue
        found.append(shortened(Example(np.asarray(ids, np.int32), np.asarray(labels, np.int32), 0, number)))
    return [example for example in found if example.supervised]


def _places(length: int, count: int) -> list[int]:
    """``count`` places, evenly from the first to the last; all where there are no more."""
    return spread(range(length), max(0, count))
