"""The rows that a run is evaluated on when it is over: its own held-out ones, or those of any file."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from engine.common import file_hash
from engine.common.errors import DataError, TunedeckError
from engine.config.schema import DatasetSection, DataSource, RunConfig
from engine.data.reader import Reading, load
from engine.data.rows.formats import ColumnsUnclear
from engine.data.rows.messages import Row
from engine.data.splitting.split import content_hash
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.phases import Phases
from engine.tokens import held_out
from engine.tokens.dataset import prepare_rows
from engine.tokens.render import Renderer

FILE = "file"


@dataclass(frozen=True)
class AskedRows:
    """``rows`` of ``part`` (test, validation or FILE), dialogues or plain text. ``notes`` say which were left out."""

    rows: list[Row]
    part: str
    data: str = ""
    data_sha256: str = ""
    notes: list[Message] = field(default_factory=list)

    @property
    def is_text(self) -> bool:
        return bool(self.rows) and self.rows[0].kind == "text"


def own_rows(run: RunDir, config: RunConfig, renderer: Renderer, phases: Phases, most: int) -> AskedRows:
    """The run's test rows, or those of its validation where it has none; at most ``most`` (0: all).

    They are those that it held out when it was trained, whatever its data has become since. Raises DataError.
    """
    told: list[Message] = []

    def sink(event: ev.Event) -> None:
        if isinstance(event, ev.Warn) and event.message.code == "events.held-out-gone":
            raise DataError("evaluate.held-out-gone", run=run.id)  # others would be drawn, that it may have learnt
        if isinstance(event, ev.Warn) and event.message.code == "events.held-out-kept":
            told.extend(each for each in event.message.args["counts"] if each.args["left"] < each.args["rows"])
        elif isinstance(event, ev.Phase):
            phases.sink(event)

    before = held_out.read(run)
    asked = config.model_copy(update={"eval": config.eval.model_copy(update={"generate_rows": most or 1_000_000})})
    try:
        found = prepare_rows(asked, renderer, Phases(sink, phases.check), before)
    except TunedeckError as error:
        if error.code == "evaluate.held-out-gone":
            raise
        raise DataError("evaluate.own-rows-gone", run=run.id, reason=error.reason) from error
    part, of = ("test", found.test_rows) if len(found.test_rows) else ("validation", found.heldout_rows)
    rows = list(of[: most or len(of)])
    if not rows and (len(found.heldout) or len(found.test)):
        return _own_text(run, config, before, most, told)
    if not rows:
        raise DataError("evaluate.nothing-held-out", run=run.id)
    notes = [each for each in told if before is not None]
    if before is None:
        notes.append(Message("evaluate.drawn-again"))
    if part == "validation":
        notes.append(Message("evaluate.on-validation"))
    if len(rows) < len(of):
        notes.append(Message("evaluate.first-rows", rows=len(rows), of=len(of)))
    return AskedRows(rows, part, notes=notes)


def _own_text(
    run: RunDir, config: RunConfig, before: held_out.HeldOut | None, most: int, notes: list[Message]
) -> AskedRows:
    """The held-out rows of plain text, read again: they have no answers that the split would know them by."""
    if before is None:
        raise DataError("evaluate.nothing-held-out", run=run.id)
    parts = before.parts.tolist()
    wanted = held_out.TEST if held_out.TEST in parts else held_out.VALIDATION
    places = {pair: at for at, pair in enumerate(map(tuple, before.words.tolist())) if parts[at] == wanted}
    found: dict[int, Row] = {}
    for rows in Reading(config).rows():
        for row in rows.used:
            digest = content_hash(row, config.run.drawn_by)
            at = places.get((int.from_bytes(digest[:8]), int.from_bytes(digest[8:])))
            if at is not None and row.kind == "text":
                found[at] = row
    if not found:
        raise DataError("evaluate.nothing-held-out", run=run.id)
    chosen = [found[at] for at in sorted(found)][: most or len(found)]
    part = "test" if wanted == held_out.TEST else "validation"
    return AskedRows(chosen, part, notes=notes)


def file_rows(source: DataSource, config: RunConfig, most: int) -> AskedRows:
    """The rows of a file that end with an answer, or all of them where they are plain text; a drawn sample of ``most``.

    Raises DataError: it can't be read, or it has neither.
    """
    try:
        loaded = load(config.model_copy(update={"data": [source], "dataset": DatasetSection()}))
    except ColumnsUnclear as error:
        if error.code != "rows.unknown-columns":
            raise
        said = {each: error.reason.args[each] for each in ("path", "columns", "accepted")}
        raise DataError("evaluate.unknown-columns", **said) from error  # no [[data]] is at hand to map them in
    answered = [row for row in loaded.rows if _is_answered(row)]
    rows = answered or [row for row in loaded.rows if row.kind == "text"]
    notes = []
    if not rows:
        raise DataError("evaluate.no-answers", path=source.path, rows=len(loaded.rows))
    left_out = loaded.report.skipped_count
    if left_out:
        first = loaded.report.skipped[0]
        notes.append(
            Message("evaluate.rows-unusable", rows=left_out, file=first.file, row=first.row, reason=first.reason)
        )
    if len(rows) < len(loaded.rows):
        notes.append(Message("evaluate.rows-unanswered", rows=len(loaded.rows) - len(rows)))
    if most and len(rows) > most:
        notes.append(Message("evaluate.sampled", rows=most, of=len(rows)))
        rows = [rows[at] for at in sorted(random.Random(config.run.seed).sample(range(len(rows)), most))]
    path = Path(source.path).expanduser()
    digest = file_hash.sha256_of(path) if path.is_file() else ""
    return AskedRows(rows, FILE, str(path.absolute()) if path.exists() else source.path, digest, notes)


def _is_answered(row: Row) -> bool:
    return len(row.messages) > 1 and row.messages[-1].role == "assistant" and bool(row.messages[-1].text.strip())
