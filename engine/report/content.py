"""The parts of a report in the reader's language: its verdict, figures, results, memory, family, what is unknown."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.common.places import Places
from engine.messages import formats
from engine.messages.catalogue import paragraph, text
from engine.messages.message import Message
from engine.metrics import words
from engine.report import charts, made_of
from engine.report.curves import curves
from engine.report.facts import Facts
from engine.report.forgetting import Cost, cost
from engine.report.made_of import STRATEGIES, moment
from engine.report.results import Result, Row, Said, named, result, short
from engine.report.tables import Cell, Fact, Table
from engine.runs import events as ev
from engine.runs import story
from engine.runs.evaluations import TRAINING, is_elsewhere, is_export
from engine.runs.state import RunState

MOST_SAMPLES = 4
_STATE_TONES = {"finished": "good", "failed": "bad", "crashed": "bad", "damaged": "bad"}
_KINDS = {"model": "report.kind-model", "merged": "report.kind-merged", "adapter": "report.kind-adapter",
          "export": "report.kind-export"}  # fmt: skip
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
        done=list(made_of.done(facts)), data=made_of.data(facts), left_out=made_of.left_out(state),
        curves=list(curves(state)), memory=_memory(state), memory_facts=list(_memory_facts(state)),
        warnings=_warnings(facts),
        family=_family(facts), config=facts.config_text, settled=made_of.settled(state),
        command=f"tunedeck run {shlex.quote(str(facts.run.config))}", install=made_of.install(facts),
        hashes=made_of.hashes(facts), versions=[Fact(*each) for each in made_of.versions(facts).items()],
        unknown=[text(each) for each in _unknown(facts, results)], places=facts.places,
    )  # fmt: skip


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
    told = [
        text("metric-words.beside", value=each, about=Message("report.times", count=count)) if count > 1 else each
        for each, count in said.items()
    ]
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
        about = [text(STRATEGIES.get(node.strategy) or _KINDS[node.kind])]
        about += [*map(text, node.details), *seen, *([text(node.absence)] if node.absence else [])]
        this = node.run == facts.run.id and node.kind == "adapter"
        found.append(Relative(len(line.lasts), node.title, ", ".join(about), this, line.is_repeated))
    return found


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
    if not made_of.versions(facts):
        yield Message("report.unknown-versions")
    yield Message("report.unknown-seeds")
