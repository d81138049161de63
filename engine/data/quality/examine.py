"""The whole examination of a run's rows: the pass over all of them, and a sample shown to the model's tokenizer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.common.child import run_answering
from engine.common.errors import DataError, TunedeckError
from engine.config.schema import DataSource, RunConfig
from engine.data.quality.check import check
from engine.data.quality.findings import Finding, Report, from_json, ordered
from engine.messages.message import Message

Progress = Callable[[int, int, Message], object]


def examine(
    config: RunConfig, on_progress: Progress = lambda done, total, message: None, tokens: bool = True
) -> Report:
    """``check`` and, with ``tokens``, what the tokenizer of ``config.model`` says of about 2,000 rows.

    The tokenizer runs in a child process: one that can't be loaded is a note, not an error. Raises DataError for
    sources that can't be read at all.
    """

    def told(done: int, total: int) -> None:
        on_progress(done, total, Message("jobs.looking-at-rows"))

    if not tokens:
        found = check(config, told)
        return replace(found, notes=(*found.notes, Message("quality.no-model")))
    with tempfile.TemporaryDirectory(prefix="tunedeck-doctor-") as folder:
        sample = Path(folder, "sample.jsonl")
        found = check(config, told, sample)
        if not sum(source.rows for source in found.sources):
            return found
        try:
            said = ask_tokenizer(config, sample, on_progress)
        except TunedeckError as error:
            return with_trouble(found, error)
    if isinstance(said, Message):
        return replace(found, notes=(*found.notes, said))
    return merged(found, said)


def with_trouble(found: Report, error: TunedeckError) -> Report:
    """``found`` and, as a finding of all its rows, that the model can't read them."""
    rows = sum(source.rows for source in found.sources)
    finding = Finding("model", "fatal", "", rows, rows, error.reason)
    return replace(found, findings=ordered([*found.findings, finding]))


def ask_tokenizer(config: RunConfig, sample: Path, on_progress: Progress) -> Report | Message:
    """What the tokenizer of ``config.model`` makes of the rows in ``sample``, or why it can't be asked.

    Raises DataError with what the child found wrong.
    """
    said = ask("quality", config.model_copy(update={"data": [DataSource(path=str(sample))]}), on_progress)
    return from_json(said["report"]) if said["type"] == "result" else Message.from_json(said["message"])


def ask(question: str, config: RunConfig, on_progress: Progress) -> dict[str, Any]:
    """The answer of a child process to one of ``engine.jobs``: of type result, or unavailable with a message.

    Raises DataError with what the child found wrong.
    """
    ended = "jobs.tokenizer-ended"
    with tempfile.TemporaryDirectory(prefix="tunedeck-ask-") as folder:
        file = Path(folder, "config.toml")
        file.write_text(_as_toml(config), "utf-8")
        try:
            return run_answering(
                ["engine.jobs", question, "--config", str(file)], ended,
                lambda done, total, message: on_progress(done, total or 0, message),
            )  # fmt: skip
        except TunedeckError as error:
            if error.code == ended:
                return {"type": "unavailable", "message": error.reason}
            raise DataError.of(error.reason) from None


def merged(found: Report, said: Report) -> Report:
    """Both reports as one; the tokens of findings are told from characters, by what the tokenizer made of a sample."""
    characters = {source.name: source.characters for source in found.sources}
    split: dict[str, list[int]] = {}
    for each in said.languages:
        held = split.setdefault(each.source, [0, 0])
        held[0] += each.tokens
        held[1] += each.characters

    def with_tokens(finding: Finding) -> Finding:
        tokens, of = split.get(finding.source, [0, 0])
        if finding.text_share is None or not of:
            return finding
        return replace(finding, tokens=round(finding.text_share * characters[finding.source] * tokens / of))

    findings = [with_tokens(finding) for finding in found.findings] + list(said.findings)
    rows = sum(source.rows for source in found.sources)
    looked_at = said.lengths.rows if said.lengths else 0
    notes = found.notes
    if looked_at < rows:
        notes = (*notes, Message("quality.tokens-sampled", rows=looked_at))
    return Report(found.sources, ordered(findings), notes, said.lengths, said.languages)


def _as_toml(config: RunConfig) -> str:
    import tomlkit

    return tomlkit.dumps(config.model_dump(exclude_none=True, exclude_defaults=True))
