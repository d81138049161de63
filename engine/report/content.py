"""The parts of a report in the reader's language: verdict, what was done, data, curves, memory, what is unknown."""

from __future__ import annotations

import os
import shlex
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.common.places import Places
from engine.messages import formats
from engine.messages.catalogue import paragraph, text
from engine.messages.message import Message
from engine.metrics import words
from engine.report import charts
from engine.report.facts import Facts
from engine.report.forgetting import Cost, cost
from engine.report.results import Result, Row, Said, named, result, short
from engine.report.tables import Cell, Fact, Table
from engine.runs import events as ev
from engine.runs import story
from engine.runs.evaluations import TRAINING, is_elsewhere, is_export
from engine.runs.state import RunState

MOST_SAMPLES = 4
_GIB = 2**30
_HASH = 12
_STATE_TONES = {"finished": "good", "failed": "bad", "crashed": "bad", "damaged": "bad"}
_KINDS = {"model": "report.kind-model", "merged": "report.kind-merged", "adapter": "report.kind-adapter",
          "export": "report.kind-export"}  # fmt: skip
_ROLES = {"new": "report.role-new", "replay": "report.role-replay", "general": "report.role-general"}
_STRATEGIES = {"fresh": "report.fresh", "continue": "report.continue", "merge": "report.merge"}
_MOMENTS = {"run": "report.memory-run", "rehearsal": "report.memory-rehearsal"}


@dataclass(frozen=True)
class Relative:
    """One model or adapter of the family; ``depth`` in the tree."""

    depth: int
    title: str
    about: str
    is_this: bool
    is_repeated: bool


@dataclass(frozen=True)
class Content:
    """Everything the template lays out; an empty part is left out. ``verdict_of`` is the evaluation that tells it."""

    title: str
    run: str
    subtitle: str
    state: str
    state_tone: str
    made: str
    verdict: str
    verdict_tone: str
    verdict_note: str
    verdict_of: str
    tiles: list[Fact]
    results: list[Result]
    fallback: Table | None
    cost: Cost | None
    samples: list[Row]
    done: list[Fact]
    data: Table | None
    left_out: list[str]
    curves: list[charts.Chart]
    memory: Table | None
    memory_facts: list[Fact]
    warnings: list[str]
    family: list[Relative]
    config: str
    settled: list[Fact]
    command: str
    install: str
    hashes: list[Fact]
    versions: list[Fact]
    unknown: list[str]
    places: Places = field(default_factory=dict)


def content(facts: Facts) -> Content:
    """What the report of a run says, in the language of the process."""
    state, started = facts.state, facts.state.started
    of_task = [each for each in facts.evaluations if not is_elsewhere(each.summary.name)]
    results = [result(each) for each in of_task]
    elsewhere = cost(state, [result(each) for each in facts.evaluations if is_elsewhere(each.summary.name)])
    told = next((each for each in results if each.sentence and not is_export(each.name)), None)
    verdict, tone, note = _verdict(state, told)
    about = (started.model, started.method) if started else (str(facts.run.read_run_json().get("model") or ""),)
    about = (*about, time.strftime("%Y-%m-%d", time.localtime(state.started_t)) if state.started_t else "")
    return Content(
        title=facts.name, run=facts.run.id, subtitle=" · ".join(part for part in about if part),
        state=text(story.state(state.state)), state_tone=_STATE_TONES.get(state.state, "look"),
        made=moment(facts.made_t), verdict=verdict, verdict_tone=tone, verdict_note=note,
        verdict_of=told.name if told else "",
        tiles=_tiles(facts, elsewhere), results=results, fallback=None if results else _before_and_after(state),
        cost=elsewhere, samples=_samples(state) if not any(each.shown for each in results) else [],
        done=list(_done(facts)), data=_data(facts), left_out=_left_out(state), curves=list(_curves(state)),
        memory=_memory(state), memory_facts=list(_memory_facts(state)), warnings=_warnings(facts),
        family=_family(facts), config=facts.config_text, settled=_settled(state),
        command=f"tunedeck run {shlex.quote(str(facts.run.config))}", install=_install(facts),
        hashes=_hashes(facts), versions=[Fact(*each) for each in _versions(facts).items()],
        unknown=[text(each) for each in _unknown(facts, results)], places=facts.places,
    )  # fmt: skip


def moment(t: float) -> str:
    """``2026-11-30 06:22 UTC``: read the same everywhere."""
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(t)) if t else "-"


def _verdict(state: RunState, told: Result | None) -> tuple[str, str, str]:
    """The sentence above everything, its tone, and what to know of it."""
    if told is not None:
        return told.sentence, told.tone, "" if told.name == TRAINING else text("report.later", name=told.title)
    for part in ("test", "validation"):
        after, before = state.evals_at("after", part), state.evals_at("before", part)
        if after is not None:
            return text("report.outcome", what=story.outcome(before, after)), "", text("report.no-interval")
    if state.failure is not None:
        return text("report.failed", step=state.done_steps, reason=state.failure.as_error.title), "bad", ""
    if state.state in ("crashed", "damaged"):
        return text("report.crashed", step=state.done_steps, state=story.state(state.state, state.reason)), "bad", ""
    if not state.ended and state.state != "created":
        return text("report.running", step=state.done_steps, of=state.total_steps), "", text("report.running-note")
    if state.state == "created":
        return text("report.never-started"), "look", ""
    return text("report.unmeasured", state=story.state(state.state), step=state.done_steps), "look", ""


def _tiles(facts: Facts, elsewhere: Cost | None) -> list[Fact]:
    """The few figures that people look for first."""
    state, tiles = facts.state, []
    before, after = state.evals_at("before"), state.evals_at("after")
    held = after or next((each for each in reversed(state.evals) if each.loss is not None), None)
    if held is not None and held.loss is not None:
        was = text("report.was", before=before.loss) if before and before.loss is not None else ""
        tiles.append(Fact(text("report.eval-loss"), formats.loss(held.loss), was))
    if state.rows is not None:
        note = text("report.tokens", tokens=state.rows.tokens)
        tiles.append(Fact(text("report.rows-trained"), formats.number(state.rows.rows), note))
    elif state.started and state.started.train_rows:
        tiles.append(Fact(text("report.rows-trained"), formats.number(state.started.train_rows)))
    if facts.seconds:
        steps = text("report.of-steps", done=state.done_steps, of=state.total_steps)
        tiles.append(Fact(text("report.time"), formats.duration(facts.seconds), steps))
    if elsewhere is not None and elsewhere.mark:
        tiles.append(Fact(text("report.forgetting"), elsewhere.mark, elsewhere.reasons[0] if elsewhere.reasons else ""))
    peak = _peak(state)
    if peak:
        note = text("report.predicted-bytes", bytes=state.predicted_bytes) if state.predicted_bytes else ""
        tiles.append(Fact(text("report.peak-memory"), formats.gib(peak), note))
    return tiles


def _before_and_after(state: RunState) -> Table | None:
    """What runs told before evaluations were kept."""
    rows = []
    for part, code in (("test", "report.part-test"), ("validation", "report.part-validation")):
        before, after = state.evals_at("before", part), state.evals_at("after", part)
        for event in (after or before,):
            if event is None:
                continue
            for name in [*event.metrics, *(["loss"] if event.loss is not None else [])]:
                old, new = _figure(before, name), _figure(after, name)
                rows.append(
                    [
                        Cell(named(words.metric(name)), kind="head", note=text(code)),
                        Cell(words.value(name, old), kind="number"),
                        Cell(words.value(name, new), kind="number"),
                        Cell(formats.number(event.loss_rows if name == "loss" else event.n), kind="number"),
                    ]
                )  # fmt: skip
    head = [text(code) for code in ("report.metric", "report.before", "report.after", "report.rows")]
    return Table(text("report.before-and-after"), head, rows) if rows else None


def _figure(event: ev.Eval | None, name: str) -> float | None:
    return None if event is None else event.loss if name == "loss" else event.metrics.get(name)


def _samples(state: RunState) -> list[Row]:
    """The newest answers beside those before training, as the log has them."""
    by_index: dict[int, list[ev.Sample]] = {}
    for sample in state.samples:
        by_index.setdefault(sample.index, []).append(sample)
    rows = []
    for _, samples in sorted(by_index.items())[:MOST_SAMPLES]:
        before = next((each for each in samples if each.moment == "before"), None)
        later = next((each for each in reversed(samples) if each.moment != "before"), None)
        said = [Said(text("report.before-training"), short(before.answer))] if before else []
        if later is not None:
            is_after = later.moment == "after"
            label = text("report.after-training") if is_after else text("report.at-step", step=later.step)
            right = later.reference is not None and later.answer.strip() == later.reference.strip()
            said.append(Said(label, short(later.answer), tone="good" if right else ""))
        wanted = samples[-1].reference
        rows.append(Row(0, short(samples[-1].prompt), None if wanted is None else short(wanted), said))
    return rows


def _done(facts: Facts) -> Iterator[Fact]:
    """What was made, from what, and how."""
    state, config, started = facts.state, facts.config, facts.state.started
    if config is not None:
        named = config.model.name_or_path
        name = Path(named).name if os.path.isabs(named) else named  # noqa: PTH117 - a hub id is no path
        yield Fact(text("report.base"), name, named if name != named else "")
        yield Fact(text("report.licence"), facts.licence or text("report.not-known"))
        if "/" in named and name == named:
            yield Fact(text("report.revision"), config.model.revision)
        kind = config.strategy.kind
        old = config.strategy.adapter
        yield Fact(text("report.strategy"), text(_STRATEGIES[kind]), text("report.from", adapter=old) if old else "")
    if started is not None:
        trained, whole = started.trainable_parameters, started.total_parameters
        share = text("report.trainable", trained=trained, share=trained / whole) if trained and whole else ""
        yield Fact(text("report.method"), started.method or "-", share)
    if config is not None:
        train, dataset = config.train, config.dataset
        yield Fact(text("report.learning-rate"), formats.rate(train.learning_rate), train.lr_scheduler_type)
        yield Fact(text("report.batch"), text("report.batch-of", rows=train.batch_size, length=dataset.max_length))
    yield Fact(
        text("report.steps"), text("report.of-steps", done=state.done_steps, of=state.total_steps),
        text("report.epochs", epochs=state.step.epoch) if state.step else "",
    )  # fmt: skip
    if done := state.interventions:
        yield Fact(text("steering.done-title"), text(done[0]), text(Message("steering.done", what=done[1:])))
    if state.step is not None:
        yield Fact(text("report.trained-tokens"), formats.number(state.step.num_tokens),
                   text("report.supervised", tokens=state.step.supervised_tokens))  # fmt: skip
    if started is not None:
        threads = text("report.threads", threads=started.threads) if started.threads else ""
        yield Fact(text("report.machine"), started.device or "-", threads)
    yield Fact(text("report.started"), moment(state.started_t or 0), formats.duration(facts.seconds))
    made = state.finished.adapter if state.finished else None
    if made:
        step = facts.record.step if facts.record else None
        why = state.finished.result if state.finished else None
        note = text(why) if why else text("report.of-step", step=step) if step is not None else ""
        yield Fact(text("report.adapter"), str(facts.run.path / made), note, kind="code")
    if config is not None and config.run.notes:
        yield Fact(text("report.notes"), config.run.notes)


def _data(facts: Facts) -> Table | None:
    """Each source with its files' size, hash and rows, and the tokens that were trained on."""
    config, record, rows = facts.config, facts.record, []
    for number, source in enumerate(config.data if config else ()):
        files = [each for each in facts.origins if each.part == "data" and each.source == number]
        counted = [each.rows for each in files if each.rows is not None]
        tokens = record.data[number].tokens if record and number < len(record.data) else None
        hashes = [each.sha256[:_HASH] for each in files if each.sha256]
        told = hashes[0] if len(hashes) == 1 else text("report.files", files=len(files)) if files else "-"
        rows.append(
            [
                Cell(Path(source.path).name or source.path, kind="head", note=source.path),
                Cell(text(_ROLES[source.role])),
                Cell(formats.number(sum(counted)) if counted and len(counted) == len(files) else "-", kind="number"),
                Cell(formats.number(tokens) if tokens else "-", kind="number"),
                Cell(formats.size(sum(each.size for each in files)) if files else "-", kind="number"),
                Cell(told, kind="code"),
            ]
        )  # fmt: skip
    codes = ("report.source", "report.role", "report.rows", "report.tokens-trained", "report.size", "report.sha256")
    return Table(text("report.data-caption"), [text(code) for code in codes], rows) if rows else None


def _left_out(state: RunState) -> list[str]:
    """Split, rows that were left out with the reason, repairs, and columns nothing was read from."""
    said, started = [], state.started
    if started is not None and started.train_rows is not None:
        rows = (started.train_rows, started.eval_rows or 0, started.test_rows or 0)
        said.append(text("report.split", train=rows[0], validation=rows[1], test=rows[2]))
    if state.rows is not None:
        said += [named(each) for each in story.rows(state.rows)]
        if not any(state.rows.dropped.values()):
            said.append(text("report.nothing-left-out"))
    return said


def _curves(state: RunState) -> Iterator[charts.Chart]:
    series = state.series
    loss, average = charts.points_of(series.get("loss")), charts.points_of(series.get("loss_average"))
    held = charts.points_of(series.get("eval_loss"))
    curves = [
        charts.Curve(text("report.each-step"), *loss, kind="faint", hue=1),
        charts.Curve(text("report.average"), *average, hue=1),
        charts.Curve(text("report.eval-loss"), *held, kind="points", hue=2),
    ]  # fmt: skip
    alt = charts.in_words(text("report.loss-curve"), average, formats.loss)
    steps = text("report.step-axis")
    found = [charts.chart(text("report.loss"), curves, steps, alt, "{:g}".format, whole=True)]
    for name, code, write in (
        ("learning_rate", "report.learning-rate-curve", formats.rate), ("grad_norm", "report.gradient", formats.number),
    ):  # fmt: skip
        points = charts.points_of(series.get(name))
        kind = "faint" if name == "grad_norm" else "line"
        curve = charts.Curve(text(code), *points, kind=kind)
        alt = charts.in_words(text(code), points, write)
        shown = write if name == "learning_rate" else "{:g}".format
        found.append(charts.chart(text(code), [curve], steps, alt, shown, zero=True, whole=True))
    found.append(_memory_curve(state))
    yield from (each for each in found if each is not None)


def _memory_curve(state: RunState) -> charts.Chart | None:
    """Memory of the run over time, with what was predicted as a line."""
    gpu = state.own_gpu
    x, y = charts.points_of(state.series.get(f"reserved/{gpu.index}" if gpu else "rss"))
    if len(x) < 2:
        return None
    gib = [size / _GIB for size in y]
    curve, predicted = charts.Curve(text("report.memory"), x, gib, hue=3), state.predicted_bytes
    levels = [(predicted / _GIB, text("report.predicted"))] if predicted else []
    return charts.chart(
        text("report.memory-over-time"), [curve], text("report.time-axis"),
        charts.in_words(text("report.memory"), (x, y), formats.gib), "{:g} GiB".format, formats.rough_duration, levels,
        zero=True,
    )  # fmt: skip


def _memory(state: RunState) -> Table | None:
    known = state.memory_measured
    found = known.get("run") or known.get("rehearsal") or next(iter(known.values()), None)
    if found is None or not found.measured:
        return None
    rows = []
    for phase, measured in found.measured.items():
        predicted = found.predicted.get(phase)
        off = "-"
        if predicted and measured:
            sign = "+" if predicted > measured else "-" if predicted < measured else ""
            off = sign + formats.percent(abs(measured - predicted) / measured)
        rows.append(
            [
                Cell(text(story.named(story.PHASES, phase)), kind="head"), Cell(formats.gib(predicted), kind="number"),
                Cell(formats.gib(measured), kind="number"), Cell(off, kind="number"),
            ]
        )  # fmt: skip
    head = [text(code) for code in ("report.phase", "report.predicted", "report.measured", "report.off")]
    return Table(text(_MOMENTS.get(found.moment, "report.memory-run")), head, rows)


def _memory_facts(state: RunState) -> Iterator[Fact]:
    plan = state.memory_plan
    if plan is not None:
        yield Fact(text("report.device"), plan.name or plan.device, text("report.total", bytes=plan.total_bytes))
        if plan.needed_bytes:
            verdict = text(plan.verdict) if plan.verdict else ""
            yield Fact(text("report.predicted"), formats.gib(state.predicted_bytes), verdict)
    peak = _peak(state)
    yield Fact(text("report.measured"), formats.gib(peak) if peak else text("report.not-known"))


def _peak(state: RunState) -> int | None:
    """The most memory the run took on its device, in bytes."""
    measured = [max(each.measured.values(), default=0) for each in state.memory_measured.values()]
    if any(measured):
        return max(measured)
    gpu = state.own_gpu
    return (gpu.peak_allocated if gpu else state.peak_rss) or None


def _warnings(facts: Facts) -> list[str]:
    """Each warning once, with how often it came; what was changed and accepted before the run went on; running out."""
    state = facts.state
    said = Counter(paragraph(each.message) for each in state.warnings)
    told = [f"{each} ({text('report.times', count=count)})" if count > 1 else each for each, count in said.items()]
    if state.failure is not None:
        told.append(text("report.ended", error=state.failure.reason))
    if state.out_of_memory is not None:
        told.append(text(story.out_of_memory(state.out_of_memory)))
    told += [text("report.accepted", change=each) for each in facts.accepted]
    if facts.broken_lines:
        told.append(text("report.broken-lines", lines=facts.broken_lines))
    return told


def _family(facts: Facts) -> list[Relative]:
    found = []
    for line in facts.family:
        node = line.node
        seen = [path.rpartition("/")[2] or path for path in node.data]
        about = [text(_STRATEGIES[node.strategy]) if node.strategy in _STRATEGIES else text(_KINDS[node.kind])]
        about += [*map(text, node.details), *seen, *([text(node.absence)] if node.absence else [])]
        this = node.run == facts.run.id and node.kind == "adapter"
        found.append(Relative(len(line.lasts), node.title, ", ".join(about), this, line.is_repeated))
    return found


def _settled(state: RunState) -> list[Fact]:
    """What ``auto`` became, with the reason."""
    plan = state.memory_plan
    if plan is None:
        return []
    return [
        Fact(
            name,
            str(value).lower() if isinstance(value, bool) else str(value),
            text(plan.reasons[name]) if name in plan.reasons else "",
            kind="code",
        )
        for name, value in plan.settings.items()
    ]


def _versions(facts: Facts) -> dict[str, str]:
    """Of the libraries, as far as they are known."""
    started = facts.state.started
    return (dict(started.versions) if started else {}) or (dict(facts.record.versions) if facts.record else {})


def _install(facts: Facts) -> str:
    """The command that installs the same libraries; "" where their versions are not known."""
    versions = _versions(facts).items()
    wanted = [f"{name}=={version.partition('+')[0]}" for name, version in versions if name != "python"]
    return f"pip install {' '.join(map(shlex.quote, wanted))}" if wanted else ""


def _hashes(facts: Facts) -> list[Fact]:
    """Every file the run was made from, by its SHA-256."""
    return [Fact(each.path, each.sha256, kind="code") for each in facts.origins if each.sha256 and each.size]


def _unknown(facts: Facts, results: Sequence[Result]) -> Iterator[Message]:
    """What a reader might take for granted and nobody knows."""
    state = facts.state
    if facts.config is None:
        yield Message("report.unknown-config")
    if not facts.licence:
        yield Message("report.unknown-licence")
    if not results:
        yield Message("report.unknown-interval" if state.evals_at("after") else "report.unknown-result")
    if not any(each.comparisons for each in results):
        yield Message("report.unknown-baseline")
    if not state.tests and not any(each.summary.part == "test" for each in facts.evaluations):
        yield Message("report.unknown-test")
    if not state.forgetting and not any(is_elsewhere(each.summary.name) for each in facts.evaluations):
        yield Message("report.unknown-forgetting")
    if _peak(state) is None:
        yield Message("report.unknown-memory")
    if not any(each.sha256 for each in facts.origins if each.part == "data"):
        yield Message("report.unknown-data")
    if not _versions(facts):
        yield Message("report.unknown-versions")
    yield Message("report.unknown-seeds")
