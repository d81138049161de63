"""Everything about the rows of a run before it starts: what is wrong with them, and what they are as tokens."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.common.child import Say
from engine.common.clean_text import in_words
from engine.common.errors import DataError, TunedeckError
from engine.config.schema import DataSource, RunConfig
from engine.data.batches import BySource
from engine.data.quality.check import Quality
from engine.data.quality.examine import merged, with_trouble
from engine.data.quality.findings import Report, from_json, to_json
from engine.data.reader import Reading
from engine.jobs import data, quality
from engine.messages.message import Message

_TOLD_EVERY_S = 0.25


def answer(config: RunConfig, say: Say) -> dict[str, Any]:
    """``report`` (the doctor's) with the figures of ``engine.jobs.data`` beside it, for time and memory.

    Where those can't be had, ``trouble`` is the error that stands in the way, or ``not_known`` the message that the
    model is not here yet; both are None else. Raises DataError for sources that can't be read at all.
    """
    tell = _Tell(say)
    with tempfile.TemporaryDirectory(prefix="tunedeck-examine-") as folder:
        sample = Path(folder, "sample.jsonl")
        reading, kept = Reading(config, tolerant=True), data.sample_of(config)
        seen = Quality(config, with_sample=True, all_near="drop_near_duplicates" in config.dataset.fixes)
        seen.look(reading, lambda done, total: tell(done, total, Message("jobs.looking-at-rows")), [kept])
        seen.sample.write(sample)
        report = seen.report()
        if sum(source.rows for source in report.sources):
            report = _with_tokens(report, config, sample, tell)
    figures, trouble, not_known = _figures(reading, seen, kept, tell)
    return {"kind": "result", "report": to_json(report), "trouble": trouble, "not_known": not_known, **figures}


def _with_tokens(report: Report, config: RunConfig, sample: Path, tell: _Tell) -> Report:
    """``report`` and what the tokenizer makes of the sample; one that can't be loaded is a finding."""
    asked = config.model_copy(update={"data": [DataSource(path=str(sample))]})
    try:
        said = quality.answer(asked, tell.as_progress)
    except TunedeckError as error:
        return with_trouble(report, error)
    except Exception as error:  # a library's, of a tokenizer nobody foresaw
        note = Message("jobs.sample-not-tokenized", reason=in_words(error))
    else:
        if said["kind"] == "result":
            return merged(report, from_json(said["report"]))
        note = said["message"]
    return replace(report, notes=(*report.notes, Message.from_json(note)))


def _figures(
    reading: Reading, seen: Quality, kept: BySource[data.RowSample], tell: _Tell
) -> tuple[dict[str, Any], dict[str, Any] | None, Message | None]:
    """The figures, or what is wrong, or why they are not known yet."""
    try:
        if reading.fault is not None:
            raise reading.fault
        said = data.figures(reading, seen.index, kept, tell.as_progress)
    except TunedeckError as error:
        return {}, error.as_json(), None
    except Exception as error:
        return {}, DataError("jobs.no-data", reason=in_words(error)).as_json(), None
    kind = said.pop("kind")
    return (said, None, None) if kind == "result" else ({}, None, said["message"])


class _Tell:
    """Passes progress on a few times a second: each line wakes a screen."""

    def __init__(self, say: Say) -> None:
        self._say, self._last = say, 0.0
        self._message: Message | None = None

    def __call__(self, done: int, total: int, message: Message | None) -> None:
        now = time.monotonic()
        if message != self._message or now - self._last >= _TOLD_EVERY_S:
            self._last, self._message = now, message
            self._say("progress", done=done, total=total, message=message)

    def as_progress(self, kind: str, /, **values: Any) -> None:
        """The same in the form in which questions tell."""
        self(values.get("done", 0), values.get("total") or 0, values.get("message"))
