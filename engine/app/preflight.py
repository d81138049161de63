"""What model, old adapter, data, disk and rights say of a run before it starts; no model is loaded for it."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from engine.app.findings import REFUSED, Finding, Remedy, of_error
from engine.app.preflight_adapter import check_old_adapter, check_targets
from engine.app.preflight_template import check_template
from engine.common import paths
from engine.common.errors import ConfigError, MachineError, TunedeckError, reason_of
from engine.config import rules
from engine.config.presets import Resolved
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.data.quality.catalogue import CATALOGUE
from engine.data.rows.messages import Row
from engine.data.rows.records import record_of
from engine.data.rows.unused import told
from engine.memory import packing
from engine.messages.message import Message
from engine.metrics import user_metric
from engine.models.adapter.adopt import adopt
from engine.models.adapter.find import tokenizer_folder
from engine.models.card import ModelCard
from engine.models.checks import check_complete, longest_row, position_issue
from engine.models.dims import UNFUSED
from engine.models.tokenizer_files import read_tokens

READ_WHOLE_BYTES = 32 * 2**20  # about a second; of larger data only the head is read here


def of_files(resolved: Resolved, on_hash: Callable[[int, int], None] | None = None) -> list[Finding]:
    """The findings of the rules, and where those have no error, of everything the config names.

    Each part is looked at, whatever is wrong with the others. ``on_hash`` gets bytes done and bytes of all while a
    model's weights are compared with those an adapter recorded.
    """
    found = [Finding(issue) for issue in rules.check(resolved.config)]
    if any(each.level == "error" for each in found):
        return found
    try:
        look = _Look(adopt(resolved).config, resolved.config.strategy.adapter, on_hash)
    except TunedeckError as error:
        return [*found, *of_error(error)]
    parts = (
        look.model, look.targets, look.adapter, look.data, look.template, look.metric_file, look.rights, look.disk,
        look.logout, look.general_text, look.notices,
    )  # fmt: skip
    for part in parts:
        try:
            for each in part():
                found.append(each)
        except TunedeckError as error:
            found += of_error(error)
    return found


class _Look:
    """One look at everything that ``config`` names; what one part finds out the later ones use.

    ``adapter`` is the earlier one as it was named; continuing it puts its own folder in the config.
    """

    def __init__(self, config: RunConfig, adapter: str, on_hash: Callable[[int, int], None] | None) -> None:
        self._config, self._adapter, self._on_hash = config, adapter, on_hash
        self._card: ModelCard | None = None
        self._has_dialogue = False
        self._row: Row | None = None

    def model(self) -> Iterator[Finding]:
        """Raises ModelError, ConfigError."""
        from engine.models.local import resolve

        model, name = self._config.model, "model.name_or_path"
        card = resolve(model.name_or_path, model.revision, model.allow_pickle).card
        if card is None:
            yield _of("note", name, Message("check.model-not-here"))
            return
        if not card.has_tokenizer:
            yield _of("error", name, Message("check.no-tokenizer", path=card.path))
        if card.quantized:
            yield _of("error", name, Message("check.stored-quantized", format=card.quantized))
        if model.kind == "chat" and not (card.has_chat_template or model.chat_template or self._adapters_template()):
            yield _of("error", "model.kind", Message("check.no-chat-template"))
        if model.attn_implementation == "sdpa" and card.model_type in UNFUSED:
            yield _of("error", "model.attn_implementation", Message("check.no-sdpa", family=card.model_type))
        yield from _positions(self._config.dataset.max_length, card)
        packing.decide(self._config.dataset.packing, "sdpa", packing.mixer_in(card.path), known_family=True)
        check_complete(card)
        self._card = card

    def targets(self) -> Iterator[Finding]:
        """The layers that a new adapter is to change."""
        if self._card is not None and self._config.strategy.kind != "continue":
            yield from map(Finding, check_targets(self._config.adapter, self._card))

    def adapter(self) -> Iterator[Finding]:
        """Raises ModelError."""
        if self._config.strategy.kind != "fresh":
            yield from check_old_adapter(self._config, self._adapter, self._card, self._on_hash)

    def data(self) -> Iterator[Finding]:
        """Read what is small whole, so that a broken row is found now; of the rest the head. Raises DataError."""
        from engine.data import run_source
        from engine.data.files.preview import look
        from engine.data.files.sources import source_names
        from engine.data.reader import load
        from engine.data.splitting.draw import wanted_rows
        from engine.data.splitting.split import replayed

        config = self._config
        if sum(file.stat().st_size for source in config.data for file in run_source.files(source)) > READ_WHOLE_BYTES:
            heads = [look(source) for source in config.data]
            for number, head in enumerate(heads):
                yield from _unused(number, head.detected.unused)
            self._seen(row for head in heads for row in head.rows)
            return
        loaded = load(config)
        report = loaded.report
        self._seen(loaded.rows)
        if report.skipped_count:
            first = report.skipped[0]
            what = Message(
                "check.rows-left-out", count=report.skipped_count, row=first.row, file=first.file, reason=first.reason
            )
            yield _of("warning", "data", what)
        numbers = {name: number for number, name in enumerate(source_names(config.data))}
        for name, columns in report.unused.items():
            yield from _unused(numbers[name], columns)
        for code, count in report.remarks.items():
            entry = CATALOGUE[code]
            level: Literal["warning", "note"] = "note" if entry.severity == "note" else "warning"
            yield _of(level, "data", Message("check.rows-remarked", count=count, what=entry.title, why=entry.why))
        learnt = replayed(config)
        wanted_rows(sum(row.source not in learnt for row in loaded.rows), config.dataset)

    def _seen(self, rows: Iterable[Row]) -> None:
        """Note what later parts ask of the rows: whether one is a dialogue, and one with an answer."""
        for row in rows:
            self._has_dialogue |= row.kind == "messages"
            if self._row is None and row.messages and row.messages[-1].role == "assistant":
                self._row = row
                return

    def template(self) -> Iterator[Finding]:
        """How dialogue is written for this model."""
        if self._card is not None and self._has_dialogue:
            yield from check_template(self._config, self._card)

    def metric_file(self) -> Iterator[Finding]:
        """The user's own metric: a file that can be none, or one that gives no score for the right answer to a row."""
        named = self._config.eval.metric_file
        try:
            if named:
                user_metric.check(Path(named))
                if self._row is not None:
                    row, right = self._row, self._row.messages[-1].text
                    item = user_metric.Item(right, right, record_of(row), f"{row.file}:{row.number}")
                    user_metric.try_on(Path(named), item)
        except ConfigError as error:
            yield Finding(Issue("error", "eval.metric_file", Message(REFUSED, error=error.reason)), error=error)

    def rights(self) -> Iterator[Finding]:
        """Raises MachineError where the run can't be written."""
        folder = paths.runs_dir()
        try:
            paths.private_dir(folder)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise MachineError("check.unwritable-runs", path=folder, reason=reason_of(error)) from error
        return iter(())

    def disk(self) -> Iterator[Finding]:
        """Raises MachineError for what the disk can't hold; a model whose dimensions can't be told stops nobody."""
        from engine.app.plan import shape_of
        from engine.memory.disk import disk_of, require

        shape = shape_of(Path(self._card.path)) if self._card is not None else None
        if shape is not None and self._card is not None:
            require(disk_of(self._config, shape, self._card.path), paths.runs_dir())
        return iter(())

    def general_text(self) -> Iterator[Finding]:
        """Whether forgetting can be measured on what the config names. Raises DataError."""
        from engine.data.general import general_of

        if self._config.eval.general_text and self._config.eval.forgetting is not False:
            general_of(self._config)
        return iter(())

    def notices(self) -> Iterator[Finding]:
        """The program and the address that are told of the run: nothing is run and nothing sent."""
        from engine.runs import webhook

        notify = self._config.notify
        if notify.command and not notify.shell:
            try:
                program = (shlex.split(notify.command) or [""])[0]
                if shutil.which(program) is None:
                    yield _of("error", "notify.command", Message("notices.no-command", command=program))
            except ValueError as error:
                yield _of("error", "notify.command", Message("notices.unreadable-command", reason=str(error)))
        if notify.url and (wrong := webhook.wrong(notify.url)) is not None:
            yield _of("error", "notify.url", wrong)

    def logout(self) -> Iterator[Finding]:
        """Whether the training would end with the connection."""
        from engine.runs.logout_survival import warning

        if (told := warning()) is not None:
            yield _of("warning", "launch", told)

    def _adapters_template(self) -> str:
        """The chat template that lies beside the old adapter."""
        own = tokenizer_folder(self._config.strategy.kind, self._config.strategy.adapter)
        return read_tokens(own, {}).chat_template if own is not None else ""


def _of(level: Literal["error", "warning", "note"], field: str, what: Message) -> Finding:
    return Finding(Issue(level, field, what))


def _positions(max_length: int, card: ModelCard) -> Iterator[Finding]:
    """Rows that may be longer than the model can compute, with the length that it can."""
    issue = position_issue(max_length, card)
    if issue is not None:
        most = longest_row(card) if issue.level == "error" else card.max_position_embeddings
        yield Finding(issue, Remedy(Message("check.set-to", value=most), {issue.field: most}))


def _unused(number: int, names: Sequence[str]) -> Iterator[Finding]:
    if names:
        yield _of("note", f"data.{number}", Message("check.columns-unused", names=told(names)))
