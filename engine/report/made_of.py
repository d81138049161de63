"""What a run was made of and how: base, settings, machine, data, and the files and libraries to make it again with."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from engine.messages import formats
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.report.facts import Facts
from engine.report.results import named
from engine.report.tables import Cell, Fact, Table
from engine.runs import story
from engine.runs.state import RunState

_HASH = 12
_ROLES = {"new": "report.role-new", "replay": "report.role-replay", "general": "report.role-general"}
STRATEGIES = {"fresh": "report.fresh", "continue": "report.continue", "merge": "report.merge"}


def moment(t: float) -> str:
    """``2026-11-30 06:22 UTC``: read the same everywhere."""
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(t)) if t else "-"


def done(facts: Facts) -> Iterator[Fact]:
    """What was made, from what, and how."""
    state, config, started = facts.state, facts.config, facts.state.started
    if config is not None:
        base = config.model.name_or_path
        name = Path(base).name if os.path.isabs(base) else base  # noqa: PTH117 - a hub id is no path
        yield Fact(text("report.base"), name, base if name != base else "")
        yield Fact(text("report.licence"), facts.licence or text("report.not-known"))
        if "/" in base and name == base:
            yield Fact(text("report.revision"), config.model.revision)
        kind = config.strategy.kind
        old = config.strategy.adapter
        yield Fact(text("report.strategy"), text(STRATEGIES[kind]), text("report.from", adapter=old) if old else "")
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


def data(facts: Facts) -> Table | None:
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


def left_out(state: RunState) -> list[str]:
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


def settled(state: RunState) -> list[Fact]:
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


def versions(facts: Facts) -> dict[str, str]:
    """Of the libraries, as far as they are known."""
    started = facts.state.started
    return (dict(started.versions) if started else {}) or (dict(facts.record.versions) if facts.record else {})


def install(facts: Facts) -> str:
    """The command that installs the same libraries; "" where their versions are not known."""
    known = versions(facts).items()
    wanted = [f"{name}=={version.partition('+')[0]}" for name, version in known if name != "python"]
    return f"pip install {' '.join(map(shlex.quote, wanted))}" if wanted else ""


def hashes(facts: Facts) -> list[Fact]:
    """Every file the run was made from, by its SHA-256."""
    return [Fact(each.path, each.sha256, kind="code") for each in facts.origins if each.sha256 and each.size]
